package intent

import "limpet.dev/topology"

// The table of all keys: name, meaning, type, and the field it fills. The reader and the
// JSON Schema follow it.

var intentKeys = object[Intent]{
	title: "limpet.yaml",
	doc:   "What the owners of a service say should be true about its sessions. Everything is optional; what is absent is inferred.",
	keys: []key[Intent]{
		field("service", "Name of the service.", text(), func(in *Intent) *string { return &in.Service }),
		field("include", "Other files of this form, below this file's folder; what stands here comes after what they say and replaces their service name.",
			oneOrMore(text()), func(in *Intent) *[]string { return &in.Include }),
		field("sessions", "The kinds of session that the service keeps.",
			list(sessionKeys), func(in *Intent) *[]Session { return &in.Sessions }),
		field("tiers", "The load balancers, in the order in which a request passes them.",
			list(tierKeys), func(in *Intent) *[]Tier { return &in.Tiers }),
		field("instances", "The running copies of the application.",
			list(instanceKeys), func(in *Intent) *[]Instance { return &in.Instances }),
		field("events", "Files of lifecycle events, one JSON object a line.",
			oneOrMore(text()), func(in *Intent) *[]string { return &in.Events }),
		field("changes", "Files of changes (deploys, configuration, scaling), one JSON object a line.",
			oneOrMore(text()), func(in *Intent) *[]string { return &in.Changes }),
	},
}

var sessionKeys = object[Session]{
	title: "a session",
	doc:   "One kind of session.",
	pos:   func(s *Session) *topology.Pos { return &s.Pos },
	keys: []key[Session]{
		field("name", "Name for reports.", text(), func(s *Session) *string { return &s.Name }),
		field("carrier", "Where requests carry the credential: exactly one of the keys.",
			carrierKeys, func(s *Session) *Carrier { return &s.Carrier }),
		field("storage", "Where the state lives.",
			oneOf("storage", Storages...), func(s *Session) *string { return &s.Storage }),
		field("store", "How the shared store is reached.",
			storeKeys, func(s *Session) *Store { return &s.Store }),
		field("lifetime", "When a session ends legitimately.",
			lifetimeKeys, func(s *Session) *Lifetime { return &s.Lifetime }),
		field("routes", "The routes whose meaning matters.",
			routesKeys, func(s *Session) *Routes { return &s.Routes }),
		field("critical", "What must not be lost, such as cart or checkout.",
			oneOrMore(text()), func(s *Session) *[]string { return &s.Critical }),
	},
}

var carrierKeys = object[Carrier]{
	title: "carrier",
	doc:   "Where requests carry the credential.",
	one:   true,
	pos:   func(c *Carrier) *topology.Pos { return &c.Pos },
	keys: []key[Carrier]{
		field("cookie", "Name of the session cookie.", text(), func(c *Carrier) *string { return &c.Cookie }),
		field("header", "Name of the header.", text(), func(c *Carrier) *string { return &c.Header }),
		field("query", "Name of the query parameter.", text(), func(c *Carrier) *string { return &c.Query }),
		field("path parameter", "Name of the path parameter, such as jsessionid.", text(), func(c *Carrier) *string { return &c.PathParameter }),
	},
}

var storeKeys = object[Store]{
	title: "store",
	doc:   "How the shared store is reached.",
	pos:   func(s *Store) *topology.Pos { return &s.Pos },
	keys: []key[Store]{
		field("url", "Address such as redis://127.0.0.1:6379/0. It is never printed with user or password.",
			storeURL(), func(s *Store) *StoreURL { return &s.URL }),
		field("prefix", "Prefix of the keys under which sessions lie.", text(), func(s *Store) *string { return &s.Prefix }),
	},
}

var lifetimeKeys = object[Lifetime]{
	title: "lifetime",
	doc:   "When a session ends legitimately.",
	pos:   func(l *Lifetime) *topology.Pos { return &l.Pos },
	keys: []key[Lifetime]{
		field("idle", "Since the last request: 30m, 8h, 7d.", duration(), func(l *Lifetime) *dur { return &l.Idle }),
		field("absolute", "Since creation: 30m, 8h, 7d.", duration(), func(l *Lifetime) *dur { return &l.Absolute }),
	},
}

var routesKeys = object[Routes]{
	title: "routes",
	doc:   `A route is a path with * for any run of characters ("/cart*"), or a method and a path ("POST /login").`,
	keys: []key[Routes]{
		field("login", "Where a user signs in.", oneOrMore(route()), func(r *Routes) *[]RoutePattern { return &r.Login }),
		field("logout", "Where a user signs out.", oneOrMore(route()), func(r *Routes) *[]RoutePattern { return &r.Logout }),
		field("cart", "Where the cart shows or changes.", oneOrMore(route()), func(r *Routes) *[]RoutePattern { return &r.Cart }),
		field("checkout", "Where an order is placed.", oneOrMore(route()), func(r *Routes) *[]RoutePattern { return &r.Checkout }),
	},
}

var tierKeys = object[Tier]{
	title: "a tier",
	doc:   "One load balancer, or several equal ones.",
	pos:   func(t *Tier) *topology.Pos { return &t.Pos },
	keys: []key[Tier]{
		field("name", "Name for reports.", text(), func(t *Tier) *string { return &t.Name }),
		field("product", "The balancer's product, such as haproxy.", text(), func(t *Tier) *string { return &t.Product }),
		field("config", "Configuration file, or several in the order in which the product reads them.",
			oneOrMore(text()), func(t *Tier) *[]string { return &t.Config }),
		field("pool", "The pool that serves this service (HAProxy: backend).", text(), func(t *Tier) *string { return &t.Pool }),
		field("logs", "Its access logs; .gz and .zst too.", oneOrMore(text()), func(t *Tier) *[]string { return &t.Logs }),
		field("format", "The log's format in the product's own words, if the configuration does not say it.",
			text(), func(t *Tier) *string { return &t.Format }),
		field("nodes", "Several equal balancers, each with its own configuration and logs.",
			list(nodeKeys), func(t *Tier) *[]Node { return &t.Nodes }),
	},
}

var nodeKeys = object[Node]{
	title: "a node",
	doc:   "One of several equal balancers of a tier.",
	pos:   func(n *Node) *topology.Pos { return &n.Pos },
	keys: []key[Node]{
		field("name", "Name for reports.", text(), func(n *Node) *string { return &n.Name }),
		field("config", "Its configuration file, or several in the order in which the product reads them.",
			oneOrMore(text()), func(n *Node) *[]string { return &n.Config }),
		field("logs", "Its access logs; .gz and .zst too.", oneOrMore(text()), func(n *Node) *[]string { return &n.Logs }),
	},
}

var instanceKeys = object[Instance]{
	title: "an instance",
	doc:   "One running copy of the application.",
	pos:   func(i *Instance) *topology.Pos { return &i.Pos },
	keys: []key[Instance]{
		field("name", "Name as the balancer and the events know it.", text(), func(i *Instance) *string { return &i.Name }),
		field("address", "host:port.", text(), func(i *Instance) *string { return &i.Address }),
	},
}
