package nginx

import (
	"slices"
	"strings"

	"limpet.dev/topology"
)

// passes are the directives that hand a request to an upstream, each with the prefix of the directives
// that go with it.
var passes = map[string]string{"proxy_pass": "proxy", "fastcgi_pass": "fastcgi", "uwsgi_pass": "uwsgi", "scgi_pass": "scgi",
	"grpc_pass": "grpc", "memcached_pass": "memcached"}

// A use is a place from which requests go to upstreams.
type use struct {
	scope   *scope // the block where the pass directive stands
	prefix  string // proxy, fastcgi …
	target  string // as written
	http    bool
	pos     topology.Pos
	targets []target // what it can come to
}

// server reads one server block.
func (r *reader) server(s *scope, http bool) {
	l := topology.Listener{Pos: s.pos, HTTP: http, Settings: map[string][]topology.Setting{}}
	for _, d := range s.own("listen") {
		l.Binds = append(l.Binds, d.arg(0))
		l.TLS = l.TLS || slices.Contains(d.args, "ssl") || slices.Contains(d.args, "quic")
		if len(d.args) == 0 {
			r.fail(d.pos, "listen needs an address or a port")
		}
	}
	if d := s.last("ssl"); d != nil && d.arg(0) == "on" {
		l.TLS = true
	}
	l.Name = r.serverName(s, &l)
	for _, d := range s.all("error_log") {
		l.Settings["error_log"] = append(l.Settings["error_log"], topology.Setting{Args: d.args, Pos: d.pos})
	}
	r.logs(s, &l)
	r.block(s, &l)
	r.cfg.Listeners = append(r.cfg.Listeners, l)
}

// serverName names a server: its first own name, or where it listens; its address too where another
// server has that name already (HTTP beside HTTPS).
func (r *reader) serverName(s *scope, l *topology.Listener) string {
	bind := "80"
	if len(l.Binds) > 0 {
		bind = l.Binds[0]
	}
	name := bind
	for _, d := range s.own("server_name") {
		if n := d.arg(0); n != "" && n != "_" {
			name = n
			break
		}
	}
	taken := func(n string) bool {
		return slices.ContainsFunc(r.cfg.Listeners, func(o topology.Listener) bool { return o.Name == n })
	}
	if taken(name) && name != bind {
		name += " " + bind
	}
	if taken(name) {
		name += " (" + s.pos.String() + ")"
	}
	return name
}

// block reads what stands in a server, location or if block.
func (r *reader) block(s *scope, l *topology.Listener) {
	for _, d := range s.dirs {
		prefix, pass := passes[d.name]
		switch {
		case pass && len(d.args) == 0:
			r.fail(d.pos, "%s needs an address", d.name)
		case pass:
			r.pass(&use{scope: s, prefix: prefix, target: d.args[0], http: l.HTTP, pos: d.pos}, l)
		case !d.has:
		case d.name == "location":
			if len(d.args) == 0 {
				r.fail(d.pos, "location needs what it applies to")
			}
			r.block(r.child(s, d, "location", "location "+strings.Join(d.args, " "), l), l)
		case d.name == "if":
			r.block(r.child(s, d, "if", "if "+shownCondition(d.args), l), l)
		case d.name == "limit_except":
			r.block(r.child(s, d, "if", "not "+strings.Join(d.args, " "), l), l)
		}
	}
}

func (r *reader) child(s *scope, d *directive, kind, label string, l *topology.Listener) *scope {
	c := &scope{parent: s, kind: kind, label: label, pos: d.pos, dirs: d.block}
	if len(c.own("access_log")) > 0 {
		r.logs(c, l)
	}
	return c
}

// pass adds the routes of one pass directive: one for each pool that its text can come to.
func (r *reader) pass(u *use, l *topology.Listener) {
	u.targets = r.targets(u)
	r.uses = append(r.uses, u)
	route := topology.Route{When: u.scope.when(), Pos: u.pos}
	r.describeRoute(u, &route)
	for _, t := range u.targets {
		route.Pool = t.pool
		if !slices.ContainsFunc(l.Routes, func(o topology.Route) bool { return o.Pool == t.pool && o.Pos == u.pos && o.When == route.When }) {
			l.Routes = append(l.Routes, route)
		}
	}
}

// shownHeaders are the request headers that tell an application about its client.
var shownHeaders = wordSet("x-forwarded-proto x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-scheme x-forwarded-ssl x-scheme x-real-ip forwarded host front-end-https x-url-scheme")

// describeRoute adds what happens on the way: to cookies, in a cache, to the headers about the client.
func (r *reader) describeRoute(u *use, route *topology.Route) {
	s, p := u.scope, u.prefix
	edit := func(kind, from, to string, pos topology.Pos) {
		route.Cookies = append(route.Cookies, topology.CookieEdit{Kind: kind, From: from, To: to, Pos: pos})
	}
	for _, kind := range []string{"path", "domain", "flags"} {
		for _, d := range s.all(p + "_cookie_" + kind) {
			if len(d.args) > 1 {
				edit(kind, d.args[0], strings.Join(d.args[1:], " "), d.pos)
			}
		}
	}
	drops := naming(s.all(p+"_hide_header"), "set-cookie")
	if drops == nil {
		drops = naming(s.all("more_clear_headers"), "set-cookie")
	}
	if drops != nil {
		edit("drop", "", "", drops.pos)
	}
	for _, d := range s.all(p + "_set_header") {
		if shownHeaders[strings.ToLower(d.arg(0))] {
			route.Forwarded = append(route.Forwarded, topology.Header{Name: d.args[0], Value: d.arg(1), Pos: d.pos})
		}
	}
	for _, d := range s.all(p + "_param") {
		name := strings.ReplaceAll(strings.TrimPrefix(d.arg(0), "HTTP_"), "_", "-")
		if shownHeaders[strings.ToLower(name)] || name == "HTTPS" || name == "REQUEST-SCHEME" {
			route.Forwarded = append(route.Forwarded, topology.Header{Name: d.args[0], Value: d.arg(1), Pos: d.pos})
		}
	}
	r.describeCache(u, route, drops)
}

// describeCache adds the cache that answers of a route go into. An answer with Set-Cookie is kept only
// where that header is ignored (http://nginx.org/r/proxy_cache_valid).
func (r *reader) describeCache(u *use, route *topology.Route, drops *directive) {
	s, p := u.scope, u.prefix
	d := s.last(p + "_cache")
	if d == nil || d.arg(0) == "off" || d.arg(0) == "" {
		return
	}
	c := &topology.Cache{Zone: d.args[0], Pos: d.pos, Key: "$scheme$proxy_host$request_uri"}
	if k := s.last(p + "_cache_key"); k != nil {
		c.Key = strings.Join(k.args, " ")
	}
	if i := naming(s.all(p+"_ignore_headers"), "set-cookie"); i != nil {
		c.IgnoresSetCookie = i.pos
	}
	if drops != nil {
		c.DropsSetCookie = drops.pos
	}
	for _, n := range []string{"_no_cache", "_cache_bypass"} {
		for _, d := range s.all(p + n) {
			c.Except = append(c.Except, p+n+" "+strings.Join(d.args, " "))
		}
	}
	route.Cache = c
}

// naming returns the first of the directives that has the word among its arguments, whatever its case.
func naming(list []*directive, word string) *directive {
	for _, d := range list {
		for _, a := range d.args {
			if strings.EqualFold(a, word) {
				return d
			}
		}
	}
	return nil
}
