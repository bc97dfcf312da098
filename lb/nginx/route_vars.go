package nginx

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"limpet.dev/lb"
)

// followed are the kinds of variables of the configuration that the router computes.
var followed = map[string]bool{"map": true, "set": true, "split_clients": true}

// plainVariables are nginx's own variables that the router knows, beside cookie_, arg_ and http_.
var plainVariables = wordSet("remote_addr binary_remote_addr realip_remote_addr request_uri uri document_uri args query_string is_args host http_host request_method request_id upstream_addr")

func ownVariable(name string) bool {
	if plainVariables[name] {
		return true
	}
	for _, p := range []string{"cookie_", "arg_", "http_"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return strings.Trim(name, "0123456789") == "" // captures
}

// text computes a text with variables for a request.
func (q *request) text(text string) string { return q.expand(text, nil, 0) }

func (q *request) expand(text string, captured map[string]string, depth int) string {
	if depth > 16 || strings.IndexByte(text, '$') < 0 {
		return text
	}
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		name := strings.Trim(ref, "${}")
		if v, ok := captured[name]; ok {
			return v
		}
		if v := q.r.vars[name]; v != nil {
			return q.defined(v, depth)
		}
		return q.own(name)
	})
}

// defined computes a variable of the configuration.
func (q *request) defined(v *variable, depth int) string {
	switch v.kind {
	case "set":
		if len(v.pairs) > 0 {
			return q.expand(v.pairs[0].value, nil, depth+1)
		}
	case "map":
		value, captured := v.lookup(q.expand(v.source, nil, depth+1))
		return q.expand(value, captured, depth+1)
	case "split_clients":
		return q.expand(v.share(q.expand(v.source, nil, depth+1)), nil, depth+1)
	}
	return ""
}

// own computes one of nginx's variables.
func (q *request) own(name string) string {
	path, query, hasQuery := strings.Cut(q.Target, "?")
	switch name {
	case "remote_addr", "realip_remote_addr":
		return q.Client.String()
	case "binary_remote_addr":
		return string(q.Client.AsSlice())
	case "request_uri":
		return q.Target
	case "uri", "document_uri":
		if plain, err := url.PathUnescape(path); err == nil {
			return plain
		}
		return path
	case "args", "query_string":
		return query
	case "is_args":
		if hasQuery && query != "" {
			return "?"
		}
	case "host":
		host, _, _ := strings.Cut(strings.ToLower(q.Host), ":")
		return host
	case "http_host":
		return q.Host
	case "request_method":
		return q.Method
	case "request_id":
		if q.id == "" {
			q.id = fmt.Sprintf("%016x%016x", q.r.rng.Uint64(), q.r.rng.Uint64())
		}
		return q.id
	case "upstream_addr":
		if q.exhausted {
			return q.r.pool.Name
		}
		if q.peer != nil {
			return q.peer.Address
		}
	}
	if c, ok := strings.CutPrefix(name, "cookie_"); ok {
		return q.cookieValue(c)
	}
	if a, ok := strings.CutPrefix(name, "arg_"); ok {
		for _, part := range strings.Split(query, "&") {
			if k, v, _ := strings.Cut(part, "="); strings.EqualFold(k, a) {
				return v
			}
		}
	}
	if h, ok := strings.CutPrefix(name, "http_"); ok && q.Header != nil {
		v, _ := q.Header(strings.ReplaceAll(h, "_", "-"))
		return v
	}
	return ""
}

// cookieValue is the first value of a cookie.
func (q *request) cookieValue(name string) string { return cookieValue(q.Call, name) }

func cookieValue(c *lb.Call, name string) string {
	if c.Cookie == nil {
		return ""
	}
	if all := c.Cookie(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// lookup finds what a map gives for a value: exact names first, whatever their case, then masks of
// host names, then expressions in order, then the default (http://nginx.org/r/map).
func (v *variable) lookup(value string) (result string, captured map[string]string) {
	for _, p := range v.pairs {
		if !strings.HasPrefix(p.key, "~") && strings.EqualFold(strings.TrimPrefix(p.key, `\`), value) {
			return p.value, nil
		}
	}
	if v.hosts {
		if result, ok := v.mask(value); ok {
			return result, nil
		}
	}
	for _, p := range v.pairs {
		expr, ok := strings.CutPrefix(p.key, "~")
		if !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(expr, "*"); ok {
			expr = "(?i)" + rest
		}
		re, err := regexp.Compile(expr) // an expression beyond Go's syntax matches nothing
		if err != nil {
			continue
		}
		m := re.FindStringSubmatch(value)
		if m == nil {
			continue
		}
		captured = map[string]string{}
		for i, text := range m {
			captured[fmt.Sprint(i)] = text
			if n := re.SubexpNames()[i]; n != "" {
				captured[n] = text
			}
		}
		return p.value, captured
	}
	return v.def, nil
}

// mask finds the longest "*.example.com", ".example.com" or "www.example.*" that fits.
func (v *variable) mask(host string) (result string, ok bool) {
	longest := 0
	for _, p := range v.pairs {
		fits := false
		switch {
		case strings.HasPrefix(p.key, "*."):
			fits = strings.HasSuffix(host, p.key[1:])
		case strings.HasPrefix(p.key, "."):
			fits = strings.HasSuffix(host, p.key) || host == p.key[1:]
		case strings.HasSuffix(p.key, ".*"):
			fits = strings.HasPrefix(host, p.key[:len(p.key)-1])
		}
		if fits && len(p.key) > longest {
			result, ok, longest = p.value, true, len(p.key)
		}
	}
	return result, ok
}

// share finds what split_clients gives: MurmurHash2 of the value, against shares of its range in
// hundredths of a percent (ngx_http_split_clients_module.c).
func (v *variable) share(value string) string {
	hash := murmur2([]byte(value))
	var sum uint64
	for _, p := range v.pairs {
		var whole, part uint64
		text, _ := strings.CutSuffix(p.key, "%")
		w, f, _ := strings.Cut(text, ".")
		fmt.Sscan(w, &whole)
		if f != "" {
			fmt.Sscan((f + "0")[:2], &part)
		}
		sum += (whole*100 + part) * 0xffffffff / 10000
		if uint64(hash) < sum {
			return p.value
		}
	}
	return v.def
}

// murmur2 is MurmurHash2 with the seed that nginx uses, the length of the data (src/core/ngx_murmurhash.c).
func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(data))
	for len(data) >= 4 {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
