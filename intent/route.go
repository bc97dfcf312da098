package intent

import (
	"errors"
	"strings"
)

// A RoutePattern names requests: "POST /login" (a method and a path) or "/cart*" (any
// method). A * stands for any run of characters, slashes included.
type RoutePattern struct {
	Method string // upper case, "" any
	Path   string // begins with / or *
}

// String returns the pattern as it is written in the file.
func (p RoutePattern) String() string {
	if p.Method == "" {
		return p.Path
	}
	return p.Method + " " + p.Path
}

// Match reports whether a request belongs to the route. What follows a query, fragment or
// path parameter (;jsessionid=…) is ignored. The time is at most the product of both lengths.
func (p RoutePattern) Match(method, path string) bool {
	if p.Method != "" && !strings.EqualFold(p.Method, method) {
		return false
	}
	if i := strings.IndexAny(path, "?#;"); i >= 0 {
		path = path[:i]
	}
	return glob(p.Path, path)
}

// glob matches text greedily: when a later part fails, the last * takes one more byte.
func glob(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// parseRoute reads a pattern; errors do not quote it.
func parseRoute(text string) (RoutePattern, error) {
	words := strings.Fields(text)
	var p RoutePattern
	switch len(words) {
	case 1:
		p.Path = words[0]
	case 2:
		p.Method, p.Path = strings.ToUpper(words[0]), words[1]
	default:
		return p, errors.New(`a route is a path, or a method and a path: "/cart*", "POST /login"`)
	}
	if p.Method != "" && strings.Trim(p.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return p, errors.New("a route's method is a word such as GET or POST")
	}
	if !strings.HasPrefix(p.Path, "/") && !strings.HasPrefix(p.Path, "*") {
		return p, errors.New("a route's path begins with / (or *)")
	}
	if strings.ContainsAny(p.Path, "?#") {
		return p, errors.New("a route's path has no query: write the part before ?")
	}
	return p, nil
}
