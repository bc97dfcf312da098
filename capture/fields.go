package capture

import "strings"

// wanted are the header fields that say something about sessions; their values are kept, all others are not.
var wanted = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`
		host :authority accept cookie origin referer user-agent sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user
		x-request-id x-correlation-id request-id x-amzn-trace-id traceparent x-forwarded-proto x-forwarded-for access-control-request-method
		set-cookie location date content-type cache-control vary age expires x-cache x-cache-status cf-cache-status x-varnish x-served-by
		access-control-allow-origin access-control-allow-credentials server via x-powered-by`) {
		m[n] = true
	}
	return m
}()

// ids are the fields that name a request, best first.
var ids = []string{"x-request-id", "x-correlation-id", "request-id", "x-amzn-trace-id"}

// RequestID returns what names the request in other sources: an id in the request or the answer, "" for none.
func (x *Exchange) RequestID() string {
	for _, f := range []Fields{x.Request, x.Response} {
		for _, n := range ids {
			if v := f.Get(n); v != "" && !Secret(v).Redacted() {
				return v
			}
		}
	}
	return ""
}

// TraceID returns the trace of W3C traceparent, "" for none.
func (x *Exchange) TraceID() string {
	parts := strings.Split(x.Request.Get("traceparent"), "-")
	if len(parts) >= 3 && len(parts[1]) == 32 {
		return parts[1]
	}
	return ""
}

// appendPairs reads a Cookie header. Quotes stay part of a value, as they are for browsers.
func appendPairs(dst []Pair, header string) []Pair {
	for part := range strings.SplitSeq(header, ";") {
		part = strings.Trim(part, " \t\r\n")
		if part == "" || len(dst) >= mostList*4 {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found {
			name, value = "", part
		}
		dst = append(dst, Pair{strings.TrimRight(name, " \t"), Secret(strings.TrimLeft(value, " \t"))})
	}
	return dst
}

// appendLines splits a Set-Cookie value at line ends: browsers put several fields into one value that way.
func appendLines(dst []Secret, value string) []Secret {
	for line := range strings.SplitSeq(value, "\n") {
		if line = strings.Trim(line, "\r"); strings.TrimSpace(line) != "" && len(dst) < mostList {
			dst = append(dst, Secret(line))
		}
	}
	return dst
}

// NameOf returns the name in a Set-Cookie line, "" for a nameless cookie.
func NameOf(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	name, _, found := strings.Cut(pair, "=")
	if !found {
		return ""
	}
	return strings.Trim(name, " \t")
}
