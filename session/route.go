package session

import "bytes"

// RouteOf returns the route that a request target belongs to: its path without query,
// fragment and path parameters (";jsessionid=…" is a credential), with segments that look
// like identifiers replaced by ":id", so that the number of routes stays small. An absolute
// target loses its scheme and host.
func RouteOf(target []byte) string {
	path := PathOf(target)
	out := make([]byte, 0, len(path))
	for len(path) > 0 {
		if path[0] == '/' {
			out = append(out, '/')
			path = path[1:]
			continue
		}
		segment := path
		if i := bytes.IndexByte(path, '/'); i >= 0 {
			segment = path[:i]
		}
		path = path[len(segment):]
		if i := bytes.IndexAny(segment, ";#"); i >= 0 {
			segment = segment[:i]
		}
		if looksLikeID(segment) {
			out = append(out, ":id"...)
		} else {
			out = appendPrintable(out, segment)
		}
	}
	if len(out) > maxRoute {
		out = append(out[:maxRoute], "…"...)
	}
	return string(out)
}

const maxRoute = 120

// PathOf cuts a request target to its path: no scheme and host, no query.
func PathOf(target []byte) []byte {
	if len(target) > 0 && target[0] != '/' {
		if i := bytes.Index(target, []byte("://")); i >= 0 {
			rest := target[i+3:]
			if j := bytes.IndexByte(rest, '/'); j >= 0 {
				target = rest[j:]
			} else {
				target = []byte("/")
			}
		}
	}
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		return target[:i]
	}
	return target
}

// looksLikeID reports whether a path segment is a number, or long with digits in it: an
// order number, a UUID, a hash, a token.
func looksLikeID(s []byte) bool {
	digits := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits > 0 && (digits == len(s) || len(s) >= 16 && digits >= 2 || len(s) >= 8 && digits*2 >= len(s)) || len(s) > 40
}

// appendPrintable appends s with everything that could disturb a terminal replaced.
func appendPrintable(dst, s []byte) []byte {
	for _, c := range s {
		if c < 0x20 || c == 0x7f || c >= 0x80 {
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}
