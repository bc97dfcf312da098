package nginx

import (
	"slices"
	"strings"

	"limpet.dev/topology"
)

// affinity returns a pool's rules that bring a client back, in the order in which they decide: a map
// from a cookie to an instance that stands before the upstream, stickiness, and last a hash.
func (r *reader) affinity(g *group, uses []*use) []topology.Affinity {
	var out []topology.Affinity
	issued := r.issued(uses)
	if a, ok := r.cookieMap(g, uses, issued); ok {
		out = append(out, a)
	}
	if g.sticky != nil {
		out = append(out, r.stickyAffinity(g))
	}
	switch {
	case g.method == nil:
	case g.method.name == "ip_hash":
		a := g.hashFates(topology.Affinity{Method: topology.MethodSource, Carrier: "source address", KeyLength: 3, Pos: g.method.pos})
		out = append(out, a)
	case g.method.name == "hash", g.method.name == "consistent_hash":
		if a, ok := r.hashAffinity(g, issued); ok {
			out = append(out, a)
			g.Settings["variable"] = append(g.Settings["variable"], r.defined(g.method.arg(0))...)
		}
	}
	return out
}

// downFate is what becomes of a client whose server fails. The request itself is tried elsewhere if
// proxy_next_upstream allows; the client comes back if what binds it still names the old server.
func (g *group) downFate(back bool) topology.Fate {
	switch {
	case !g.Retry.Redispatch:
		return topology.Fails
	case back:
		return topology.MovesBack
	}
	return topology.Moves
}

// hashFates: a hash counts the servers that are listed. One that is down keeps its share, which is
// drawn anew among the others; one that is taken out of the list moves most keys, or with
// "consistent" those that were its own. Every process and every nginx with the same list agrees.
func (g *group) hashFates(a topology.Affinity) topology.Affinity {
	a.WhenDown, a.WhenDrained, a.WhenGone = g.downFate(true), topology.Moves, topology.Moves
	a.WhenReloaded, a.WhenScaled, a.SeveralEquals = topology.Stays, topology.Moves, topology.Stays
	if g.Balance.Hash == "consistent" {
		a.WhenScaled = topology.MovesSome
	}
	return a
}

// Variables of nginx's own by what they tell of a request.
var (
	addressVariables = wordSet("remote_addr binary_remote_addr realip_remote_addr proxy_protocol_addr")
	urlVariables     = wordSet("request_uri uri document_uri args query_string request is_args request_filename")
	fleeting         = wordSet("request_id msec pid connection connection_requests time_local time_iso8601 request_length")
)

// hashAffinity describes "hash KEY". A key that is new with every request binds nobody.
func (r *reader) hashAffinity(g *group, issued []topology.Affinity) (topology.Affinity, bool) {
	key := g.method.arg(0)
	from := r.origins(key)
	a := topology.Affinity{Method: topology.MethodOther, Carrier: key, Pos: g.method.pos}
	lasting := slices.DeleteFunc(slices.Clone(from), func(n string) bool { return fleeting[n] })
	if len(lasting) == 0 && len(from) > 0 {
		return a, false
	}
	first := func(is func(string) bool) string {
		if i := slices.IndexFunc(from, is); i >= 0 {
			return from[i]
		}
		return ""
	}
	prefixed := func(p string) string {
		return strings.TrimPrefix(first(func(n string) bool { return strings.HasPrefix(n, p) }), p)
	}
	uid := first(func(n string) bool { return n == "uid_got" || n == "uid_set" }) != ""
	switch {
	case prefixed("cookie_") != "":
		a.Method, a.Cookie = topology.MethodAppCookie, prefixed("cookie_")
		a.Carrier = "cookie " + a.Cookie
	case uid:
		a.Method, a.Cookie = topology.MethodAppCookie, "uid"
	case first(func(n string) bool { return addressVariables[n] }) != "":
		a.Method, a.Carrier = topology.MethodSource, "source address"
	case prefixed("http_") != "":
		a.Method, a.Carrier = topology.MethodHeader, "header "+strings.ReplaceAll(prefixed("http_"), "_", "-")
	case prefixed("arg_") != "":
		a.Method, a.Carrier = topology.MethodURL, "query parameter "+prefixed("arg_")
	case first(func(n string) bool { return urlVariables[n] }) != "":
		a.Method = topology.MethodURL
	}
	for _, c := range issued { // the balancer's own cookie, whose value the hash takes
		if strings.EqualFold(c.Cookie, a.Cookie) || uid && c.Attrs != nil && c.Attrs[0] == "userid" {
			a.Method, a.Cookie, a.Carrier = topology.MethodInsert, c.Cookie, "cookie "+c.Cookie
			a.Path, a.Domain, a.Secure, a.HTTPOnly, a.SameSite, a.Absolute = c.Path, c.Domain, c.Secure, c.HTTPOnly, c.SameSite, c.Absolute
			break
		}
	}
	if (len(lasting) != 1 || key != "$"+lasting[0]) && a.Carrier != key {
		a.Carrier += " (" + shownKey(key) + ")"
	}
	return g.hashFates(a), true
}

// shownKey is a key as written; literal parts of it are no secrets of a client, but may be long.
func shownKey(key string) string {
	if len(key) > 80 {
		return key[:80] + "…"
	}
	return key
}

// stickyAffinity describes nginx's own "sticky" (Plus, open source since 1.29.6) and its elder brothers.
func (r *reader) stickyAffinity(g *group) topology.Affinity {
	d := g.sticky
	a := topology.Affinity{Pos: d.pos, WhenDrained: topology.Stays, WhenGone: topology.Moves,
		WhenReloaded: topology.Stays, WhenScaled: topology.Stays, SeveralEquals: topology.Stays}
	rule := parseSticky(d)
	a.Method, a.Cookie, a.Carrier = rule.method(), rule.cookie, rule.carrier()
	for i := range g.Instances {
		if in := &g.Instances[i]; in.CookieValue == "" && rule.names() {
			in.CookieValue = addressID(in.Address)
		}
	}
	switch rule.kind {
	case "cookie":
		a.Path, a.Secure, a.HTTPOnly, a.SameSite, a.Absolute = rule.path, rule.secure, rule.httpOnly, rule.sameSite, rule.expires
		if rule.domain != "" {
			a.Domain = []string{rule.domain}
		}
		a.WhenDown = g.downFate(false)
	case "route":
		a.ReadOnly, a.WhenDown = true, g.downFate(true)
		g.Settings["variable"] = append(g.Settings["variable"], r.defined(rule.lookup...)...)
	case "learn":
		a.WhenDown, a.AlsoStores = g.downFate(false), true
		a.Idle, a.TableSize, a.TableType, a.Shared, a.Local = rule.timeout, rule.entries(), "string", rule.sync, true
		if !rule.sync {
			a.SeveralEquals = topology.Moves
		}
		g.Settings["variable"] = append(g.Settings["variable"], r.defined(append(rule.lookup, rule.create...)...)...)
		r.cfg.Tables = append(r.cfg.Tables, topology.Table{Name: rule.zone, Pos: d.pos, Type: "string", Size: rule.entries(),
			Expire: rule.timeout, Shared: rule.sync, Local: true, ServerKey: "addr"})
	}
	return a
}
