package cookie

import (
	"math"
	"strings"
	"time"
)

// parsePython reads a line as Python's http.cookiejar reads Netscape cookies: the first of
// two equal attributes counts, a Path is taken as it stands, a bad Max-Age or an empty
// Domain loses the cookie.
func parsePython(line string) (Line, Reasons) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, hasValue := strings.Cut(pair, "=")
	l := Line{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), bare: !hasValue}
	if l.Name == "" {
		return l, MalformedForClient.Set()
	}
	seen := map[string]bool{}
	for attribute := range strings.SplitSeq(attributes, ";") {
		name, value, hasValue := strings.Cut(attribute, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name == "" || seen[name] && name != "max-age" {
			continue
		}
		if !l.python(name, value, hasValue) {
			return l, MalformedForClient.Set()
		}
		seen[name] = true
	}
	return l, 0
}

// python takes one attribute in; it is false if the whole cookie is lost by it.
func (l *Line) python(name, value string, hasValue bool) bool {
	switch name {
	case "domain":
		l.Domain = strings.TrimPrefix(value, ".")
		return hasValue && l.Domain != ""
	case "path":
		l.Path = value
		return hasValue
	case "secure":
		l.Secure = true
	case "httponly":
		l.HttpOnly = true
	case "max-age":
		var ok bool
		l.MaxAge, ok = maxAge(value, true) // of these the last one counts
		l.HasMaxAge = true
		return ok
	case "expires":
		if t, ok := parseDate(strings.Trim(value, `"`), dateRules{century: 77}); ok && t.Year() >= 1970 { // within 50 years of 2026
			l.Expires = t
		}
	}
	return true
}

// seconds turns seconds into a duration; what does not fit is as long as it gets.
func seconds(n int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Second) / 10
	return time.Duration(max(-most, min(n, most))) * time.Second
}
