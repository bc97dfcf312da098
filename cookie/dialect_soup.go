package cookie

import "strings"

// parseSoup reads a line as libsoup 3 does under WebKitGTK: the line ends at the first octet
// that is no printable ASCII, SameSite=None is taken for the default and takes nothing
// back, and the last of Max-Age and Expires counts.
func parseSoup(line string, rules *Rules) (l Line, refused Reasons) {
	if i := strings.IndexByte(line, '='); i >= 0 {
		rest := strings.TrimLeft(line[i+1:], " \t")
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 0x20 || r >= 0x7f })
		if end >= 0 {
			rest = rest[:end]
		}
		line = line[:i+1] + rest
	}
	l, refused = parseBis(line, rules)
	if refused != 0 {
		return l, refused
	}
	_, attributes, _ := strings.Cut(line, ";")
	l.SameSite = Unset
	for attribute := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(attribute, "=")
		name, value = trim(name), trim(value)
		switch {
		case strings.EqualFold(name, "samesite") && strings.EqualFold(value, "lax"):
			l.SameSite = Lax
		case strings.EqualFold(name, "samesite") && strings.EqualFold(value, "strict"):
			l.SameSite = Strict
		case strings.EqualFold(name, "max-age"):
			_, ok := maxAge(value, true)
			l.HasMaxAge = ok && len(value) < 10 // more overflows a C int, and the cookie ends with the session
		case strings.EqualFold(name, "expires") && !l.Expires.IsZero():
			l.HasMaxAge = false
		}
	}
	return l, 0
}
