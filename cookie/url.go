package cookie

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// A URL is what cookie rules look at in a URL, in canonical form. The zero URL stands for "nobody".
type URL struct {
	Scheme string // "http", "https", "ws", "wss", lower case
	Host   string // lower case, IDN as A-label, no brackets
	Port   string // "" is the scheme's own
	Path   string // percent-encoded as on the wire, without query; at least "/"

	site   string // registrable domain; the host itself if it is an IP or a public suffix
	ip     bool
	suffix bool // the host is a public suffix
}

// A SuffixList tells the public suffix of a host ("co.uk" for "shop.example.co.uk"). Host is
// canonical and no IP.
type SuffixList func(host string) string

// ErrURL is what ParseURL returns for text that is no absolute URL with a host.
var ErrURL = errors.New("not an absolute URL with a host")

// ParseURL reads an absolute URL, by the public suffix list that is compiled in
// (publicsuffix.org, ICANN and private section).
func ParseURL(text string) (URL, error) { return ParseURLWith(text, compiledIn) }

func compiledIn(host string) string {
	suffix, _ := publicsuffix.PublicSuffix(host)
	return suffix
}

// ParseURLWith reads an absolute URL by a given public suffix list.
func ParseURLWith(text string, list SuffixList) (URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme == "" {
		return URL{}, ErrURL
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	if path == "" {
		path = "/"
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := cutPort(authority)
	u := URL{Scheme: strings.ToLower(scheme), Port: port, Path: path}
	u.Host, u.ip = canonicalHost(host)
	if u.Host == "" {
		return URL{}, ErrURL
	}
	if u.Port == defaultPort(u.Scheme) {
		u.Port = ""
	}
	u.site, u.suffix = registrable(u.Host, u.ip, list)
	return u, nil
}

// At returns the URL with another path, on the same host.
func (u URL) At(path string) URL {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	if path == "" {
		path = "/"
	}
	u.Path = path
	return u
}

// IsZero reports whether u stands for nobody.
func (u *URL) IsZero() bool { return u.Host == "" }

// Site returns the registrable domain, or the host if it is an IP or a public suffix.
func (u *URL) Site() string { return u.site }

// Origin returns scheme, host and port, as in the header Origin.
func (u *URL) Origin() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port != "" {
		host += ":" + u.Port
	}
	return u.Scheme + "://" + host
}

// String returns origin and path.
func (u URL) String() string {
	if u.IsZero() {
		return ""
	}
	return u.Origin() + u.Path
}

func (u *URL) sameOrigin(v *URL) bool {
	return u.Host == v.Host && u.Port == v.Port && secureScheme(u.Scheme) == secureScheme(v.Scheme)
}

// SameSite reports whether two URLs are of one site; schemeful: http and https are two sites.
func (u *URL) SameSite(v *URL, schemeful bool) bool {
	return u.site == v.site && (!schemeful || secureScheme(u.Scheme) == secureScheme(v.Scheme))
}

// loopback reports a host that never leaves the machine (W3C Secure Contexts, 3.1).
func (u *URL) loopback() bool {
	return u.Host == "localhost" || strings.HasSuffix(u.Host, ".localhost") || u.ip && (strings.HasPrefix(u.Host, "127.") || u.Host == "::1")
}

func secureScheme(s string) bool { return s == "https" || s == "wss" }

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

func cutPort(authority string) (host, port string) {
	if strings.HasPrefix(authority, "[") {
		host, port, _ = strings.Cut(authority[1:], "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if i := strings.LastIndexByte(authority, ':'); i >= 0 {
		return authority[:i], authority[i+1:]
	}
	return authority, ""
}

// canonicalHost lower-cases a host and turns an IDN into A-labels (bis, 5.1.2).
func canonicalHost(host string) (canonical string, ip bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.WithZone("").String(), true
	}
	lower := strings.ToLower(host)
	if isASCII(lower) {
		return lower, false
	}
	ascii, err := idna.Lookup.ToASCII(lower)
	if err != nil {
		return lower, false
	}
	return ascii, false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// registrable returns the public suffix of a host and one label more.
func registrable(host string, ip bool, list SuffixList) (site string, isSuffix bool) {
	if ip {
		return host, false
	}
	suffix := list(host)
	if len(suffix) >= len(host) {
		return host, true
	}
	rest := strings.TrimSuffix(host[:len(host)-len(suffix)], ".")
	return host[strings.LastIndexByte(rest, '.')+1:], false
}
