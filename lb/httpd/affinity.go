package httpd

import (
	"strings"

	"limpet.dev/topology"
)

// A routeCookie is a cookie that "Header add Set-Cookie" makes of the member's route, the technique of the manual
// (mod_proxy_balancer, "Examples on how to use stickyness").
type routeCookie struct {
	name   string
	prefix string // in front of the route: its separator
	attrs  []string
	always bool // not only when the route changed
	pos    topology.Pos
}

const routeVariable = "%{BALANCER_WORKER_ROUTE}e"

// header reads what becomes of Set-Cookie, and keeps Header [always] add|set|append Set-Cookie "NAME=.%{BALANCER_WORKER_ROUTE}e; …" [env=BALANCER_ROUTE_CHANGED].
func (s *server) header(d *directive) {
	args := d.args
	if len(args) > 0 && (strings.EqualFold(args[0], "always") || strings.EqualFold(args[0], "onsuccess")) {
		args = args[1:]
	}
	if len(args) < 2 || !strings.EqualFold(args[1], "set-cookie") {
		return
	}
	s.cookieHeader(args[0], args[2:], d.pos)
	if action := strings.ToLower(args[0]); len(args) < 3 || action != "add" && action != "set" && action != "append" && action != "merge" {
		return
	}
	parts := strings.Split(args[2], ";")
	name, value, ok := strings.Cut(strings.TrimSpace(parts[0]), "=")
	prefix, _, found := strings.Cut(value, routeVariable)
	if !ok || !found {
		return
	}
	c := routeCookie{name: name, prefix: prefix, always: true, pos: d.pos}
	for _, a := range parts[1:] {
		c.attrs = append(c.attrs, strings.TrimSpace(a))
	}
	for _, a := range args[3:] {
		if strings.EqualFold(a, "env=BALANCER_ROUTE_CHANGED") {
			c.always = false
		}
	}
	s.routeCookies = append(s.routeCookies, c)
}

// affinity returns the balancer's one rule: a route name in a cookie or a parameter. httpd makes no cookie of its own:
// the application (jvmRoute) or a Header directive does.
func (b *builder) affinity(bal *balancer, pool *topology.Pool) []topology.Affinity {
	sticky, ok := bal.params["stickysession"]
	if !ok || len(bal.members) < 2 {
		return nil
	}
	name, param, both := strings.Cut(sticky.Args[0], "|")
	if !both {
		param = name
	}
	a := topology.Affinity{
		Method: topology.MethodPassive, Carrier: "cookie " + name + " or parameter " + param, Cookie: name, Pos: sticky.Pos, ReadOnly: true,
		WhenDown: topology.MovesBack, WhenDrained: topology.Stays, WhenGone: topology.Moves, WhenReloaded: topology.Stays,
		WhenScaled: topology.Stays, SeveralEquals: topology.Stays,
	}
	for _, c := range b.routeCookies {
		if c.name != name {
			continue
		}
		a.Method, a.Carrier, a.ReadOnly, a.AlsoStores = topology.MethodInsert, "cookie "+name, false, true
		a.Attrs = c.attrs
		attributes(&a, c.attrs)
		a.WhenDown = topology.Moves // the new member's route replaces the old one
		pool.Settings["route cookie"] = []topology.Setting{{Args: []string{c.name, c.prefix, strings.Join(c.attrs, "; ")}, Pos: c.pos}}
		if c.always {
			pool.Settings["route cookie always"] = []topology.Setting{{Pos: c.pos}}
		}
	}
	if isOn(bal.params, "nofailover") {
		a.WhenDown = topology.Fails
	}
	return []topology.Affinity{a}
}

// attributes reads a Set-Cookie's attributes as far as the topology has words for them.
func attributes(a *topology.Affinity, attrs []string) {
	for _, attr := range attrs {
		key, value, _ := strings.Cut(attr, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "path":
			a.Path = value
		case "domain":
			a.Domain = []string{value}
		case "secure":
			a.Secure = true
		case "httponly":
			a.HTTPOnly = true
		case "samesite":
			a.SameSite = value
		case "max-age":
			a.Absolute = span(value, 0)
		}
	}
}
