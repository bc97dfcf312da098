package httpd

import (
	"strings"

	"limpet.dev/topology"
)

// A stickyRule is stickysession with what goes with it.
type stickyRule struct {
	cookie, param string
	separator     byte   // 0: the whole value is the route
	ends          string // what ends a parameter's value
}

func newStickyRule(pool *topology.Pool) (stickyRule, bool) {
	value := setting(pool, "stickysession")
	if value == "" {
		return stickyRule{}, false
	}
	s := stickyRule{separator: '.', ends: "?&"}
	var both bool
	if s.cookie, s.param, both = strings.Cut(value, "|"); !both {
		s.param = s.cookie
	}
	if sep := setting(pool, "stickysessionsep"); sep != "" {
		s.separator = sep[0]
		if strings.EqualFold(sep, "off") {
			s.separator = 0
		}
	}
	if strings.EqualFold(setting(pool, "scolonpathdelim"), "on") {
		s.ends = ";?&"
	}
	return s, true
}

// route finds the route that a request names, as find_session_route does (mod_proxy_balancer.c): the parameter goes
// before the cookie, even where it holds no route. found says that a value was there.
func (s *stickyRule) route(target, cookies string) (route string, found bool) {
	value, found := s.fromTarget(target)
	if !found {
		value, found = s.fromCookies(cookies)
	}
	if !found || s.separator == 0 {
		return value, found
	}
	_, route, _ = strings.Cut(value, string(s.separator))
	return route, true
}

// fromTarget finds the parameter as a plain part of the address, whatever stands in front of it (get_path_param).
func (s *stickyRule) fromTarget(target string) (string, bool) {
	if s.param == "" {
		return "", false
	}
	for at := strings.Index(target, s.param); at >= 0; {
		after := target[at+len(s.param):]
		if value, ok := strings.CutPrefix(after, "="); ok && value != "" {
			value = strings.TrimLeft(value, s.ends) // as strtok does
			if end := strings.IndexAny(value, s.ends); end >= 0 {
				value = value[:end]
			}
			return value, true
		}
		if after == "" {
			break
		}
		next := strings.Index(after[1:], s.param)
		if next < 0 {
			break
		}
		at += len(s.param) + 1 + next
	}
	return "", false
}

// fromCookies finds the first cookie of that name with text behind its "=" (get_cookie_param).
func (s *stickyRule) fromCookies(cookies string) (string, bool) {
	if s.cookie == "" {
		return "", false
	}
	for from := 0; ; {
		i := strings.Index(cookies[from:], s.cookie)
		if i < 0 {
			return "", false
		}
		at := from + i
		from = at + 1
		if at > 0 && !strings.ContainsRune(";, \t\r\n\v\f", rune(cookies[at-1])) {
			continue
		}
		after := strings.TrimLeft(cookies[at+len(s.cookie):], " \t\r\n\v\f")
		value, ok := strings.CutPrefix(after, "=")
		if !ok || value == "" {
			continue
		}
		if end := strings.IndexAny(value, ";,"); end >= 0 {
			value = value[:end]
		}
		return value, true
	}
}

// setting returns the value of a balancer's parameter, "" if it is not set.
func setting(pool *topology.Pool, key string) string {
	if all := pool.Settings[key]; len(all) > 0 && len(all[0].Args) > 0 {
		return all[0].Args[0]
	}
	return ""
}
