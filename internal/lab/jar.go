package lab

import (
	"net/http"
	"strings"
	"time"
)

// A jar keeps one client's cookies for the shop's site, by the rules of RFC 6265bis that
// decide whether a session comes back: Secure, Path, Domain, Max-Age and Expires, SameSite.
// (net/http/cookiejar knows no SameSite.)
type jar struct {
	host    string // the only host that this client talks to
	secure  bool   // whether it does so over https
	family  family
	ignores func(name string) bool // cookies that the client never keeps, nil: none
	cookies []storedCookie         // in the order of creation
}

type storedCookie struct {
	name, value, path string
	domain            string // "" host-only
	secure            bool
	sameSite          http.SameSite
	created           time.Time
	expires           time.Time // zero: with the browser
}

// A navigation says in which situation cookies are sent.
type navigation struct {
	method    string
	path      string
	crossSite bool // the page that caused the request is another site's
}

// store takes the Set-Cookie lines of an answer to a request for path.
func (j *jar) store(lines []string, path string, now time.Time) {
	for _, line := range lines {
		set, err := http.ParseSetCookie(line)
		if err != nil || j.refuses(set) {
			continue
		}
		j.keep(set, path, now)
	}
}

func (j *jar) refuses(set *http.Cookie) bool {
	domain := strings.TrimPrefix(set.Domain, ".")
	switch {
	case j.ignores != nil && j.ignores(set.Name):
		return true
	case set.Secure && !j.secure:
		return true
	case domain != "" && domain != j.host && !strings.HasSuffix(j.host, "."+domain):
		return true
	}
	return set.SameSite == http.SameSiteNoneMode && !set.Secure
}

func (j *jar) keep(set *http.Cookie, path string, now time.Time) {
	c := storedCookie{
		name: set.Name, value: set.Value, path: set.Path, domain: strings.TrimPrefix(set.Domain, "."),
		secure: set.Secure, sameSite: set.SameSite, created: now,
	}
	if !strings.HasPrefix(c.path, "/") {
		c.path = defaultPath(path)
	}
	gone := set.MaxAge < 0
	switch {
	case set.MaxAge > 0:
		c.expires = now.Add(time.Duration(set.MaxAge) * time.Second)
	case set.MaxAge == 0 && !set.Expires.IsZero():
		c.expires = set.Expires
		gone = !set.Expires.After(now)
	}
	for i := range j.cookies {
		old := &j.cookies[i]
		if old.name != c.name || old.path != c.path || old.domain != c.domain {
			continue
		}
		if gone {
			j.cookies = append(j.cookies[:i], j.cookies[i+1:]...)
			return
		}
		c.created = old.created // RFC 6265bis, 5.7: an update keeps the creation time
		*old = c
		return
	}
	if !gone {
		j.cookies = append(j.cookies, c)
	}
}

// defaultPath is RFC 6265bis, 5.1.4.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}

// header is the Cookie header for a request, "" for none.
func (j *jar) header(nav navigation, now time.Time) string {
	var b strings.Builder
	for i := range j.cookies {
		c := &j.cookies[i]
		if !c.applies(j, nav.path, now) || j.withholds(c, nav, now) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.name + "=" + c.value)
	}
	return b.String()
}

func (c *storedCookie) applies(j *jar, path string, now time.Time) bool {
	if c.secure && !j.secure || !c.expires.IsZero() && !c.expires.After(now) {
		return false
	}
	if c.path == path || c.path == "/" {
		return true
	}
	return strings.HasPrefix(path, c.path) && (strings.HasSuffix(c.path, "/") || path[len(c.path)] == '/')
}

// withholds says whether SameSite keeps a cookie back on a top-level navigation.
func (j *jar) withholds(c *storedCookie, nav navigation, now time.Time) bool {
	if !nav.crossSite {
		return false
	}
	safe := nav.method == http.MethodGet || nav.method == http.MethodHead
	switch c.sameSite {
	case http.SameSiteStrictMode:
		return true
	case http.SameSiteLaxMode:
		return !safe
	case http.SameSiteNoneMode:
		return false
	}
	// Without the attribute Chrome assumes Lax, but lets POST pass for the cookie's first
	// two minutes; Firefox and Safari send it.
	return j.family == familyChrome && !safe && now.Sub(c.created) > 2*time.Minute
}

// value is the cookie of that name that a same-site request for / would carry.
func (j *jar) value(name string, now time.Time) string {
	for i := range j.cookies {
		c := &j.cookies[i]
		if c.name == name && c.applies(j, "/", now) {
			return c.value
		}
	}
	return ""
}
