package cookie

import "strings"

// prefix checks name prefixes without case (bis, 5.7 steps 20 and 21), and values that
// imitate one where the name is empty.
func prefix(c *Cookie, l *Line, r *Request, rules *Rules) Reasons {
	if rules.Prefixes == NoPrefixes || len(c.Name) < 7 && (c.Name != "" || len(c.Value) < 7) {
		return 0
	}
	if c.Name == "" {
		if kindOf(c.Value, rules) != noPrefix {
			return InvalidPrefix.Set()
		}
		return 0
	}
	secure := c.Secure && r.secure(rules)
	bare := l.Domain == "" && !(l.dot && rules.DotRefused) || r.URL.ip && l.Domain == r.URL.Host || rules.HostByScope && c.HostOnly
	host := secure && bare && c.Path == "/" && (l.Path == "/" || !rules.ExplicitRoot)
	ok := true
	switch kindOf(c.Name, rules) {
	case securePrefix:
		ok = secure
	case hostPrefix:
		ok = host
	case httpPrefix:
		ok = secure && c.HttpOnly
	case hostHTTPPrefix:
		ok = host && c.HttpOnly
	}
	if !ok {
		return InvalidPrefix.Set()
	}
	return 0
}

type prefixKind uint8

const (
	noPrefix prefixKind = iota
	securePrefix
	hostPrefix
	httpPrefix
	hostHTTPPrefix
)

func kindOf(name string, rules *Rules) prefixKind {
	has := func(p string) bool { return len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) }
	switch {
	case len(name) < 2 || name[0] != '_' || name[1] != '_':
		return noPrefix
	case rules.Prefixes == HTTPPrefixes && has("__Host-Http-"):
		return hostHTTPPrefix
	case rules.Prefixes == HTTPPrefixes && has("__Http-"):
		return httpPrefix
	case has("__Host-"):
		return hostPrefix
	case has("__Secure-"):
		return securePrefix
	}
	return noPrefix
}
