package cookie

import (
	"net/http"
	"strings"
)

// parseGo reads a line with Go's own parser and keeps the value as Go's client writes it back:
// in quotes if it came so or holds a blank or a comma (net/http, sanitizeCookieValue).
func parseGo(line string, rules *Rules) (Line, Reasons) {
	c, err := http.ParseSetCookie(line)
	if err != nil || controls(line, rules) {
		name, _, _ := strings.Cut(line, "=")
		return Line{Name: trim(name)}, MalformedForClient.Set()
	}
	l := Line{
		Name: c.Name, Value: c.Value, Domain: strings.TrimPrefix(c.Domain, "."), Secure: c.Secure, HttpOnly: c.HttpOnly, dot: c.Domain == ".",
		Expires: c.Expires, SameSite: goSameSite(c.SameSite),
	}
	if strings.HasPrefix(c.Path, "/") {
		l.Path = c.Path
	}
	if c.Quoted || strings.ContainsAny(c.Value, " ,") {
		l.Value = `"` + c.Value + `"`
	}
	if c.MaxAge != 0 {
		l.MaxAge, l.HasMaxAge = seconds(int64(c.MaxAge)), true
	}
	if len(c.Unparsed) > 0 {
		l.Notes |= AttributeIgnored.Set()
	}
	return l, 0
}

func goSameSite(s http.SameSite) SameSite {
	switch s {
	case http.SameSiteLaxMode:
		return Lax
	case http.SameSiteStrictMode:
		return Strict
	case http.SameSiteNoneMode:
		return None
	}
	return Unset
}
