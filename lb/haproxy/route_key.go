package haproxy

import "strings"

// requestHash returns the hash of what the balance algorithm looks at; ok is false if the request
// does not have it.
func (r *router) requestHash(q *request) (sum uint32, ok bool) {
	b := r.balance
	var key string
	switch b.algorithm {
	case "source":
		return r.hash.source(q.Client), q.Client.IsValid()
	case "uri":
		key, ok = b.uriKey(q.Target), true
	case "url_param":
		key, ok = urlParam(q.Target, b.name)
	case "hdr":
		if q.Header != nil {
			key, ok = q.Header(b.name)
		}
		if ok && b.domainOnly {
			key = domainOnly(key)
		} else if ok {
			key, _, _ = strings.Cut(key, ",")
			key = strings.TrimSpace(key)
		}
	case "hash":
		v, found := fetch(b.expr, &sampleSource{call: q.Call})
		return r.hash.sum(v.bytes()), found && v.text != ""
	case "rdp-cookie":
		return 0, false
	}
	return r.hash.sum([]byte(key)), ok && (key != "" || b.algorithm == "uri")
}

// uriKey cuts the request target as "balance uri" says: to len bytes, to depth directories, before the query.
func (b balanceRule) uriKey(target string) string {
	if b.pathOnly {
		if _, rest, ok := strings.Cut(target, "://"); ok {
			target = rest[max(0, strings.IndexByte(rest, '/')):]
		}
	}
	if b.length > 0 && len(target) > b.length {
		target = target[:b.length]
	}
	slashes := 0
	for i := range len(target) {
		if target[i] == '/' {
			if slashes++; b.depth > 0 && slashes == b.depth+1 {
				return target[:i]
			}
		} else if target[i] == '?' && !b.whole {
			return target[:i]
		}
	}
	return target
}

// urlParam returns the raw value of a query parameter.
func urlParam(target, name string) (string, bool) {
	_, query, _ := strings.Cut(target, "?")
	for _, part := range strings.Split(query, "&") {
		if k, v, ok := strings.Cut(part, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// domainOnly returns the text between the last two dots before the top-level domain, as HAProxy
// computes it ("www.example.com" -> "example"; without a dot the whole).
func domainOnly(host string) string {
	last := strings.LastIndexByte(host, '.')
	if last < 0 {
		return host
	}
	return host[strings.LastIndexByte(host[:last], '.')+1 : last]
}
