package nginx

import (
	"net/netip"
	"slices"
	"strings"

	"limpet.dev/topology"
)

// A target is a pool that a pass directive can lead to, and the values of the configuration's
// variable for which it does.
type target struct {
	pool string
	text string // address or name, with its port
}

// targets returns what a pass directive's text can come to.
func (r *reader) targets(u *use) []target {
	var out []target
	for _, text := range r.values(u.target) {
		t, ok := r.target(u, text)
		if !ok {
			continue
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// target finds the pool of one text, made for it if it is an address and not an upstream's name.
func (r *reader) target(u *use, text string) (target, bool) {
	host, port := hostOf(u, text)
	if host == "" {
		if text != "" && !strings.Contains(u.target, "$") {
			r.fail(u.pos, "%s_pass: not an address that can be used", u.prefix)
		}
		return target{}, false // an empty value of a variable: nginx answers 500
	}
	if g := r.pools[groupKey(u.http, host)]; g != nil {
		return target{g.Name, host}, true
	}
	name := host
	if port != "" && !strings.HasPrefix(host, "unix:") && !hasPort(host) {
		name = host + ":" + port
	}
	if g := r.pools[groupKey(u.http, name)]; g != nil {
		return target{g.Name, name}, true
	}
	g := &group{implicit: true, http: u.http, Pool: topology.Pool{Name: name, Pos: u.pos, HTTP: u.http, Settings: map[string][]topology.Setting{}}}
	if !strings.Contains(name, "$") {
		g.Instances = []topology.Instance{{Name: name, Address: name, Pos: u.pos, ID: 1, Weight: 1}}
	}
	r.groups = append(r.groups, g)
	r.pools[groupKey(u.http, name)] = g
	return target{name, name}, true
}

func groupKey(http bool, name string) string {
	if http {
		return strings.ToLower(name)
	}
	return "stream " + strings.ToLower(name)
}

// hostOf takes the host and the default port out of what a pass directive says: a URL for proxy_pass
// and grpc_pass, HOST:PORT for the others, "unix:PATH" for all.
func hostOf(u *use, text string) (host, port string) {
	switch {
	case u.http && u.prefix == "proxy", u.prefix == "grpc" && strings.Contains(text, "://"):
		scheme, rest, ok := strings.Cut(text, "://")
		switch {
		case ok && (scheme == "http" || scheme == "grpc"):
			port = "80"
		case ok && (scheme == "https" || scheme == "grpcs"):
			port = "443"
		case ok && strings.Contains(scheme, "$"): // $scheme://
			port = "80"
		case !ok && strings.HasPrefix(text, "$"): // a variable that holds the whole URL
			return text, ""
		default:
			return "", ""
		}
		text = rest
	case u.prefix == "grpc":
		port = "80"
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		path, _, _ = strings.Cut(path, ":") // ":" ends the path of the socket, the URI follows
		return "unix:" + path, ""
	}
	if n := strings.IndexAny(text, "/?"); n >= 0 {
		text = text[:n]
	}
	return text[strings.LastIndexByte(text, '@')+1:], port // nginx takes no credentials here; who writes some shows them to nobody
}

// hasPort reports whether a host ends with a port.
func hasPort(host string) bool {
	if _, err := netip.ParseAddrPort(host); err == nil {
		return true
	}
	n := strings.LastIndexByte(host, ':')
	return n > 0 && !strings.HasSuffix(host, "]") && !strings.Contains(host[:n], ":") && host[n+1:] != ""
}
