package nginx

import (
	"slices"
	"strings"
	"time"

	"limpet.dev/topology"
)

// issued returns the cookies that nginx itself sets where requests of these uses pass: "add_header
// Set-Cookie" and the userid module. The attributes are those of the first text that has any.
func (r *reader) issued(uses []*use) []topology.Affinity {
	var out []topology.Affinity
	for _, u := range uses {
		for _, d := range u.scope.all("add_header") {
			if !strings.EqualFold(d.arg(0), "Set-Cookie") || len(d.args) < 2 {
				continue
			}
			for _, text := range r.values(d.args[1]) {
				if a, ok := cookieOf(text); ok {
					a.Pos = d.pos
					out = append(out, a)
					break
				}
			}
		}
		if d := u.scope.last("userid"); d != nil && (d.arg(0) == "on" || d.arg(0) == "v1") {
			out = append(out, userid(u.scope, d))
		}
	}
	return out
}

// cookieOf reads a Set-Cookie line: its name and attributes.
func cookieOf(text string) (topology.Affinity, bool) {
	var a topology.Affinity
	parts := strings.Split(text, ";")
	name, _, ok := strings.Cut(parts[0], "=")
	if a.Cookie = strings.TrimSpace(name); !ok || a.Cookie == "" || strings.Contains(a.Cookie, "$") {
		return a, false
	}
	for _, part := range parts[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(k) {
		case "path":
			a.Path = v
		case "domain":
			a.Domain = []string{v}
		case "secure":
			a.Secure = true
		case "httponly":
			a.HTTPOnly = true
		case "samesite":
			a.SameSite = v
		case "max-age":
			a.Absolute = time.Duration(number(v)) * time.Second
		}
	}
	return a, true
}

// userid describes the cookie of the userid module (ngx_http_userid_module).
func userid(s *scope, d *directive) topology.Affinity {
	word := func(name, fallback string) string { return orElse(s.last(name).arg(0), fallback) }
	a := topology.Affinity{Cookie: word("userid_name", "uid"), Path: word("userid_path", "/"), Pos: d.pos, Attrs: []string{"userid"}}
	if v := word("userid_domain", "none"); v != "none" {
		a.Domain = []string{v}
	}
	if v := word("userid_expires", "off"); v != "off" && v != "max" {
		a.Absolute = timeOr(v, 0)
	}
	if f := s.last("userid_flags"); f != nil {
		for _, v := range f.args {
			a.Secure, a.HTTPOnly = a.Secure || v == "secure", a.HTTPOnly || v == "httponly"
			if site, ok := strings.CutPrefix(v, "samesite="); ok {
				a.SameSite = site
			}
		}
	}
	return a
}

// cookieMap recognises stickiness made of a map, as people build it on open source nginx: the upstream
// is a variable, a map gives it by the value of a cookie, and each value leads to an upstream (or an
// address) whose one primary server is the instance. Who presents no such cookie goes to the map's
// default, whose instances get the values that name them. The rule is that of all these upstreams.
func (r *reader) cookieMap(g *group, uses []*use, issued []topology.Affinity) (topology.Affinity, bool) {
	for _, u := range uses {
		v, cookie := r.mapByCookie(u.target)
		if v == nil {
			continue
		}
		home, ok := r.lead(u, u.with(v, v.def))
		if !ok || home != g && !r.isWay(g, u, v) {
			continue
		}
		a := topology.Affinity{Method: topology.MethodPassive, Carrier: "cookie " + cookie + " (map $" + v.name + ")", Cookie: cookie, Pos: v.pos,
			WhenDown: topology.Fails, WhenDrained: topology.Stays, WhenGone: topology.Moves,
			WhenReloaded: topology.Stays, WhenScaled: topology.Stays, SeveralEquals: topology.Stays, ReadOnly: true}
		others := r.nameInstances(home, u, v)
		if home != g {
			r.nameInstances(g, u, v)
		}
		for _, c := range issued {
			if strings.EqualFold(c.Cookie, cookie) {
				a.Method, a.ReadOnly, a.Path, a.Domain, a.Absolute = topology.MethodInsert, false, c.Path, c.Domain, c.Absolute
				a.Secure, a.HTTPOnly, a.SameSite, a.Cookie = c.Secure, c.HTTPOnly, c.SameSite, c.Cookie
			}
		}
		if others && g.Retry.Redispatch {
			a.WhenDown = topology.MovesBack
			if !a.ReadOnly {
				a.WhenDown = topology.Moves
			}
		}
		if home == g {
			r.keepMap(g, u, v, a)
		}
		return a, true
	}
	return topology.Affinity{}, false
}

// mapByCookie finds, in the text of a pass directive, a map variable that looks a cookie up.
func (r *reader) mapByCookie(text string) (*variable, string) {
	for _, n := range names(text) {
		v := r.vars[n]
		if v == nil || v.kind != "map" {
			continue
		}
		for _, o := range r.origins(v.source) {
			if c, ok := strings.CutPrefix(o, "cookie_"); ok {
				return v, c
			}
		}
	}
	return nil, ""
}

// with is the text of the pass directive with a value in place of a variable.
func (u *use) with(v *variable, value string) string {
	return strings.ReplaceAll(strings.ReplaceAll(u.target, "${"+v.name+"}", value), "$"+v.name, value)
}

// isWay reports whether a value of the map leads to g.
func (r *reader) isWay(g *group, u *use, v *variable) bool {
	return slices.ContainsFunc(v.pairs, func(p pair) bool {
		own, ok := r.lead(u, u.with(v, p.value))
		return ok && own == g
	})
}

// lead returns the group that a text leads to.
func (r *reader) lead(u *use, text string) (*group, bool) {
	for _, text := range r.values(text) {
		if t, ok := r.target(u, text); ok {
			g := r.pools[groupKey(u.http, t.pool)]
			return g, g != nil
		}
	}
	return nil, false
}

// nameInstances gives the instances of g the cookie values that lead to them, and reports whether
// the ways there have another server to fall back on.
func (r *reader) nameInstances(g *group, u *use, v *variable) (others bool) {
	others = true
	for _, p := range v.pairs {
		own, ok := r.lead(u, u.with(v, p.value))
		if !ok {
			continue
		}
		first := slices.IndexFunc(own.Instances, func(in topology.Instance) bool { return !in.Backup && !in.Disabled })
		if first < 0 {
			continue
		}
		for i := range g.Instances {
			if in := &g.Instances[i]; in.Address == own.Instances[first].Address {
				in.CookieValue = orElse(in.CookieValue, plainKey(p.key))
				others = others && len(own.Instances) > 1
			}
		}
	}
	return others
}

// plainKey is a map's key if it is a plain value and no expression or mask.
func plainKey(key string) string {
	if strings.HasPrefix(key, "~") {
		return ""
	}
	return strings.TrimPrefix(key, `\`)
}

// keepMap keeps for the router what the map and the cookie that is set come from.
func (r *reader) keepMap(g *group, u *use, v *variable, a topology.Affinity) {
	g.Settings["cookie map"] = []topology.Setting{{Args: []string{a.Cookie, v.source}, Pos: v.pos}}
	g.Settings["variable"] = append(g.Settings["variable"], r.defined(v.source)...)
	for _, p := range v.pairs {
		own, ok := r.lead(u, u.with(v, p.value))
		if !ok {
			continue
		}
		s := topology.Setting{Args: []string{p.key, own.Name}, Pos: v.pos}
		g.Settings["cookie way"] = append(g.Settings["cookie way"], s)
	}
}

// keepPlace keeps for the router what holds where requests pass first: whose word about the client's
// address is taken, the cookies that nginx adds to answers, and the variables in them.
func (r *reader) keepPlace(g *group, uses []*use) {
	for _, u := range uses[:min(1, len(uses))] {
		for _, name := range []string{"set_real_ip_from", "real_ip_header", "real_ip_recursive"} {
			for _, d := range u.scope.all(name) {
				if len(d.args) > 0 {
					g.Settings[name] = append(g.Settings[name], topology.Setting{Args: d.args, Pos: d.pos})
				}
			}
		}
	}
	for _, u := range uses {
		var texts []string
		for _, d := range u.scope.all("add_header") {
			if strings.EqualFold(d.arg(0), "Set-Cookie") && len(d.args) > 1 {
				g.Settings["add_header"] = append(g.Settings["add_header"], topology.Setting{Args: d.args[1:], Pos: d.pos})
				texts = append(texts, d.args[1])
			}
		}
		if len(texts) > 0 {
			g.Settings["variable"] = append(g.Settings["variable"], r.defined(texts...)...)
			return // what a pool's requests get where they pass first
		}
	}
}
