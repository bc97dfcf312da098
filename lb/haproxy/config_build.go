package haproxy

import (
	"slices"
	"strconv"
	"strings"

	"limpet.dev/topology"
)

// finish turns what was read into the topology, and checks that names point somewhere.
func (r *reader) finish() {
	r.buildTables()
	for _, p := range r.proxies {
		if p.disabled {
			continue
		}
		if p.front() {
			r.cfg.Listeners = append(r.cfg.Listeners, r.listener(p))
		}
		if p.back() {
			r.cfg.Pools = append(r.cfg.Pools, r.pool(p))
		}
	}
	r.checkNames()
}

// buildTables collects the learned tables: a proxy's own, named as the proxy, and those of peers
// sections, named "SECTION/TABLE".
func (r *reader) buildTables() {
	add := func(name, group string, s topology.Setting) {
		rule, err := parseTable(s.Args)
		if err != nil {
			return
		}
		t := rule.table(name, s.Pos)
		if rule.peers != "" {
			group = rule.peers
		}
		for _, g := range r.peers {
			if g.name == group {
				t.Local = g.local || r.localPeer != "" && slices.Contains(g.peers, r.localPeer)
				t.Shared = len(g.peers) > 1 || len(g.peers) == 1 && !t.Local
				// The local peer's name is the host's unless told otherwise: with two peers one is this process.
				t.Local = t.Local || len(g.peers) > 1
			}
		}
		r.cfg.Tables = append(r.cfg.Tables, t)
	}
	for _, p := range r.proxies {
		if s, ok := p.last("stick-table"); ok {
			add(p.name, "", s)
		}
	}
	for _, g := range r.peers {
		for _, t := range g.tables {
			add(t.name, g.name, t.Setting)
		}
	}
}

func (r *reader) listener(p *proxy) topology.Listener {
	l := topology.Listener{Name: p.name, Pos: p.pos, HTTP: p.http(), Logs: r.logs(p), Capture: captures(p)}
	for _, s := range p.all("bind") {
		if len(s.Args) == 0 {
			continue
		}
		for _, a := range strings.Split(s.Args[0], ",") {
			l.Binds = append(l.Binds, expandAddress(a, r.lookup))
		}
		l.TLS = l.TLS || slices.Contains(s.Args, "ssl")
	}
	for _, s := range p.all("use_backend") {
		l.Routes = append(l.Routes, topology.Route{Pool: s.Args[0], When: shownCondition(s.Args[1:]), Pos: s.Pos})
	}
	if s, ok := p.last("default_backend"); ok {
		l.Routes = append(l.Routes, topology.Route{Pool: s.Args[0], Pos: s.Pos})
	} else if p.kind == "listen" {
		l.Routes = append(l.Routes, topology.Route{Pool: p.name, Pos: p.pos})
	}
	l.Settings = p.settings("acl", "use_backend", "unique-id-format", "log-format-sd", "maxconn", "timeout client", "timeout http-keep-alive")
	return l
}

// routing are the directives that the router reads.
var routing = []string{"acl", "balance", "hash-type", "hash-balance-factor", "hash-preserve-affinity", "cookie",
	"stick-table", "stick", "use-server", "force-persist", "ignore-persist", "persist rdp-cookie",
	"option persist", "option redispatch", "option allbackups", "option prefer-last-server", "retries", "retry-on",
	"fullconn", "dispatch", "load-server-state-from-file", "server-state-file-name", "timeout connect", "timeout queue", "timeout server",
	"option httpchk", "http-check"}

func (p *proxy) settings(keys ...string) map[string][]topology.Setting {
	m := map[string][]topology.Setting{}
	for _, k := range keys {
		if directives[k].list {
			if all := p.all(k); len(all) > 0 {
				m[k] = all
			}
		} else if s, ok := p.last(k); ok {
			m[k] = []topology.Setting{s}
		}
	}
	return m
}

func (r *reader) pool(p *proxy) topology.Pool {
	pool := topology.Pool{Name: p.name, Pos: p.pos, HTTP: p.http(), Settings: p.settings(routing...)}
	pool.Balance = balance(p)
	pool.Retry = retry(p)
	pool.Instances = r.servers(p)
	pool.Affinity = r.affinity(p, &pool)
	return pool
}

func balance(p *proxy) topology.Balance {
	s, ok := p.last("balance")
	b, err := parseBalance(s.Args)
	if !ok || err != nil {
		return topology.Balance{Algorithm: "roundrobin", Pos: p.pos}
	}
	out := topology.Balance{Algorithm: b.algorithm, Key: b.key(), Pos: s.Pos}
	if b.deterministic() {
		h := hashRule{function: "sdbm"}
		if s, ok := p.last("hash-type"); ok {
			h, _ = parseHashType(s.Args)
		}
		out.Hash = h.String()
	}
	return out
}

func retry(p *proxy) topology.Retry {
	out := topology.Retry{Attempts: 3, On: []string{"conn-failure"}, Pos: p.pos}
	if s, ok := p.last("retries"); ok {
		out.Attempts, _ = strconv.Atoi(s.Args[0])
		out.Pos = s.Pos
	}
	if s, ok := p.last("retry-on"); ok {
		out.On = s.Args
	}
	if s, ok := p.last("option redispatch"); ok {
		out.Redispatch = len(s.Args) == 0 || s.Args[0] != "0"
		out.Pos = s.Pos
	}
	out.Redispatch = out.Redispatch || p.has("redispatch")
	out.PersistDown = p.has("option persist")
	return out
}

// servers returns a proxy's servers with its default-server lines applied, templates expanded.
func (r *reader) servers(p *proxy) []topology.Instance {
	var out []topology.Instance
	var base serverSpec
	base.weight = 1
	defaults, applied := p.all("default-server"), 0
	cookies, _ := p.last("cookie")
	cookie, _ := parseCookie(cookies.Args)
	key := p.word("dynamic-cookie-key", "")
	for _, line := range p.servers {
		for ; applied < min(line.defaults, len(defaults)); applied++ {
			base.apply(defaults[applied].Args, defaults[applied].Pos)
		}
		spec := base.clone()
		skip, lo, hi := 2, 0, 0
		if line.template {
			skip = 3
			lo, hi, _ = templateRange(line.Args[1])
		}
		spec.apply(line.Args[skip:], line.Pos)
		for n := lo; n <= hi; n++ {
			in := r.instance(p, line, spec)
			if line.template {
				in.Name += strconv.Itoa(n)
			}
			if spec.id == 0 {
				in.ID = len(out) + 1
			}
			if cookie.dynamic && in.CookieValue == "" {
				in.CookieValue = dynamicCookie(key, in.Address)
			}
			out = append(out, in)
		}
	}
	return out
}

func (r *reader) instance(p *proxy, line serverLine, s serverSpec) topology.Instance {
	return topology.Instance{
		Name: line.Args[0], Address: line.Args[addressAt(line)], Pos: line.Pos, ID: s.id,
		Weight: s.weight, Backup: s.backup, Disabled: s.disabled, CookieValue: s.cookie,
		MaxConn: s.maxConn, MaxQueue: s.maxQueue, SlowStart: s.slowStart,
		Check: r.health(p, &s), Settings: s.settings,
	}
}

func addressAt(line serverLine) int {
	if line.template {
		return 2
	}
	return 1
}

// checkNames reports backends, servers and tables that are referred to and not there.
func (r *reader) checkNames() {
	pools, tables := map[string]*proxy{}, map[string]bool{}
	for _, p := range r.proxies {
		if p.back() {
			pools[p.name] = p
		}
	}
	for _, t := range r.cfg.Tables {
		tables[t.Name] = true
	}
	for _, p := range r.proxies {
		if p.disabled {
			continue
		}
		if p.front() {
			for _, s := range p.all("use_backend") {
				if pools[s.Args[0]] == nil && !strings.Contains(s.Args[0], "%[") {
					r.fail(s.Pos, "use_backend names a backend that is not there")
				}
			}
			if s, ok := p.last("default_backend"); ok && pools[s.Args[0]] == nil {
				r.fail(s.Pos, "default_backend names a backend that is not there")
			}
		}
		if p.back() {
			r.checkBackendNames(p, tables)
		}
	}
}

func (r *reader) checkBackendNames(p *proxy, tables map[string]bool) {
	names := map[string]bool{}
	for _, s := range p.servers {
		if !s.template {
			names[s.Args[0]] = true
			continue
		}
		lo, hi, _ := templateRange(s.Args[1])
		for n := lo; n <= hi; n++ {
			names[s.Args[0]+strconv.Itoa(n)] = true
		}
	}
	for _, s := range p.all("use-server") {
		if !names[s.Args[0]] && !strings.Contains(s.Args[0], "%[") {
			r.fail(s.Pos, "use-server names a server that is not there")
		}
	}
	for _, s := range stickRules(p.all("stick")) {
		if name := orElse(s.table, p.name); !tables[name] {
			r.fail(s.pos, "stick needs a table that is not there")
		}
	}
}
