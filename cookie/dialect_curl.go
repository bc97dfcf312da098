package cookie

import (
	"strings"
)

// Limits of curl's lib/cookie.h.
const (
	curlMaxLine = 5000
	curlMaxName = 4096
)

// parseCurl reads a line as curl 7.88 does (lib/cookie.c, Curl_cookie_add): pairs without a
// name are passed over, the first one with a name is the cookie; the first bad Domain ends it; a
// Path that does not begin with "/" is "/".
func parseCurl(line string, r *Request, rules *Rules) (l Line, refused Reasons) {
	if len(line) > curlMaxLine {
		name, _, _ := strings.Cut(line, "=")
		return Line{Name: trim(name)}, NameValuePairExceedsMaxSize.Set()
	}
	named := false
	for part := range strings.SplitSeq(line, ";") {
		name, value, hasValue := strings.Cut(part, "=")
		name, value = trim(name), trim(value)
		if name == "" {
			continue
		}
		if strings.IndexByte(value, '\t') >= 0 {
			return l, DisallowedCharacter.Set()
		}
		if len(name) >= curlMaxName || len(value) >= curlMaxName || len(name)+len(value) > curlMaxName {
			return l, NameValuePairExceedsMaxSize.Set()
		}
		if !named {
			l.Name, l.Value, named = name, value, true
			if !hasValue {
				return l, MalformedForClient.Set()
			}
			if controls(name, rules) || controls(value, rules) {
				return l, DisallowedCharacter.Set()
			}
			continue
		}
		if refused = l.curl(name, value, hasValue, r); refused != 0 {
			return l, refused
		}
	}
	if !named {
		return l, NoCookieContent.Set()
	}
	return l, 0
}

func (l *Line) curl(name, value string, hasValue bool, r *Request) Reasons {
	switch {
	case value == "" && strings.EqualFold(name, "secure"):
		l.Secure = true
	case value == "" && strings.EqualFold(name, "httponly"):
		l.HttpOnly = true
	case hasValue && strings.EqualFold(name, "path"):
		l.Path = curlPath(value)
	case value != "" && strings.EqualFold(name, "domain"):
		l.Domain = strings.TrimPrefix(value, ".")
		if domain := lower(l.Domain); domain != r.URL.Host && (r.URL.ip || !under(r.URL.Host, domain)) {
			return InvalidDomain.Set()
		}
	case hasValue && strings.EqualFold(name, "max-age"):
		value = strings.TrimPrefix(value, `"`)
		end := 0
		for end < len(value) && (isDigit(rune(value[end])) || end == 0 && (value[0] == '-' || value[0] == '+')) {
			end++
		}
		l.MaxAge, _ = maxAge(value[:end], true) // what follows the number is ignored; no number has run out
		l.HasMaxAge = true
	case hasValue && strings.EqualFold(name, "expires"):
		if t, ok := parseDate(value, dateRules{century: 71}); ok && t.Unix() >= 0 { // before 1970 counts as unreadable
			l.Expires = t
		}
	}
	return 0
}

// curlPath is sanitize_cookie_path: quotes and the last slash go.
func curlPath(value string) string {
	value = strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`)
	if !strings.HasPrefix(value, "/") {
		return "/"
	}
	if len(value) > 1 {
		value = strings.TrimSuffix(value, "/")
	}
	return value
}
