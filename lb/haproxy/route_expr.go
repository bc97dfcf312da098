package haproxy

import (
	"fmt"
	"net/netip"
	"strings"

	"limpet.dev/lb"
)

// sampleSource is what sample expressions can look at.
type sampleSource struct {
	call   *lb.Call
	answer *lb.Answer // nil before the answer
}

// sample is a parsed expression: a fetch and converters.
type sample struct {
	fetch string
	args  []string
	convs []converter
}

type converter struct {
	name string
	args []string
}

// fetches and converters that the router can compute.
var (
	knownFetch = wordSet(`src req.cook cook res.cook scook req.hdr hdr req.fhdr fhdr req.hdr_ip hdr_ip url_param urlp
		path url base query method req.cook_val str hdr_beg hdr_end hdr_sub hdr_dom hdr_reg hdr_dir path_beg path_end path_sub path_reg path_dir
		url_beg url_end url_sub url_reg url_dir cook_beg cook_end cook_sub cook_reg`)
	knownConv = wordSet(`lower upper ipmask field word bytes`)
)

// parseSample reads "fetch(args),converter(args),…", also written as several words.
func parseSample(text string) (sample, error) {
	var s sample
	parts := splitOutside(strings.TrimSpace(text), ',', ' ')
	for i, p := range parts {
		name, args, err := cutArgs(p)
		switch {
		case err != nil:
			return s, err
		case i == 0:
			if !knownFetch[name] {
				return s, fmt.Errorf("fetch %s", keyword(name))
			}
			s.fetch, s.args = name, args
		case !knownConv[name]:
			return s, fmt.Errorf("converter %s", keyword(name))
		default:
			s.convs = append(s.convs, converter{name, args})
		}
	}
	if s.fetch == "" {
		return s, fmt.Errorf("no expression")
	}
	return s, nil
}

// splitOutside cuts text at any of the separators outside parentheses and quotes.
func splitOutside(text string, seps ...byte) []string {
	var parts []string
	depth, start := 0, 0
	var quote byte
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth <= 0 && strings.IndexByte(string(seps), c) >= 0:
			if i > start {
				parts = append(parts, text[start:i])
			}
			start = i + 1
		}
	}
	if start < len(text) {
		parts = append(parts, text[start:])
	}
	return parts
}

func cutArgs(text string) (name string, args []string, err error) {
	name, inner, err := cutCall(text)
	if inner != "" {
		for _, a := range splitOutside(inner, ',') {
			args = append(args, strings.Trim(a, `"'`))
		}
	}
	return name, args, err
}

// value is what an expression gives; an address is hashed as its bytes, not as text.
type value struct {
	text    string
	address bool
}

func (v value) bytes() []byte {
	if a, err := netip.ParseAddr(v.text); v.address && err == nil {
		return a.Unmap().AsSlice()
	}
	return []byte(v.text)
}

// fetch evaluates an expression; ok is false if there is no such value.
func fetch(expr string, src *sampleSource) (v value, ok bool) {
	s, err := parseSample(expr)
	if err != nil {
		return value{}, false
	}
	v.address = s.fetch == "src" || strings.HasSuffix(s.fetch, "_ip")
	v.text, ok = s.first(src)
	for _, c := range s.convs {
		if !ok {
			break
		}
		v.address = c.name == "ipmask"
		v.text, ok = c.apply(v.text)
	}
	return v, ok
}

func (s sample) first(src *sampleSource) (string, bool) {
	all := s.values(src)
	if len(all) == 0 {
		return "", false
	}
	if strings.HasSuffix(s.fetch, "hdr") || strings.HasSuffix(s.fetch, "hdr_ip") {
		return all[len(all)-1], true // without an occurrence number the last value
	}
	return all[0], true
}

// values returns all values that a fetch can have; a condition holds if one of them matches.
func (s sample) values(src *sampleSource) []string {
	arg := ""
	if len(s.args) > 0 {
		arg = s.args[0]
	}
	c := src.call
	base, _, _ := strings.Cut(s.fetch, "_")
	if s.fetch == "url_param" {
		base = "urlp"
	}
	switch base {
	case "src":
		if c.Client.IsValid() {
			return []string{c.Client.Unmap().String()}
		}
	case "req.cook", "cook":
		if c.Cookie != nil {
			return c.Cookie(arg)
		}
	case "res.cook", "scook":
		return src.answerCookie(arg)
	case "req.hdr", "hdr", "req.fhdr", "fhdr":
		if v, ok := src.header(arg); ok && strings.Contains(base, "fhdr") {
			return []string{v}
		} else if ok {
			return splitHeader(v)
		}
	case "urlp":
		if v, ok := urlParam(c.Target, arg); ok {
			return []string{v}
		}
	case "path", "url", "query", "base", "method", "str":
		return []string{s.line(c, base, arg)}
	}
	return nil
}

// line returns the values that every request has.
func (s sample) line(c *lb.Call, base, arg string) string {
	path, query, _ := strings.Cut(c.Target, "?")
	switch base {
	case "path":
		return path
	case "query":
		return query
	case "base":
		return c.Host + path
	case "method":
		return c.Method
	case "str":
		return arg
	}
	return c.Target
}

func (src *sampleSource) header(name string) (string, bool) {
	if strings.EqualFold(name, "host") && src.call.Host != "" {
		return src.call.Host, true
	}
	if src.call.Header == nil {
		return "", false
	}
	return src.call.Header(name)
}

// splitHeader cuts a header's comma-separated values.
func splitHeader(v string) []string {
	parts := strings.Split(v, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func (src *sampleSource) answerCookie(name string) []string {
	if src.answer == nil {
		return nil
	}
	var out []string
	for _, line := range src.answer.SetCookie {
		n, rest, _ := strings.Cut(line, "=")
		if strings.TrimSpace(n) == name {
			v, _, _ := strings.Cut(rest, ";")
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

func (c converter) apply(v string) (string, bool) {
	arg := func(i, fallback int) int {
		if i >= len(c.args) {
			return fallback
		}
		n, err := parseInt(c.args[i], -1<<31, 1<<31-1)
		if err != nil {
			return fallback
		}
		return n
	}
	switch c.name {
	case "lower":
		return strings.ToLower(v), true
	case "upper":
		return strings.ToUpper(v), true
	case "ipmask":
		return maskAddress(v, arg(0, 32), arg(1, 128))
	case "bytes":
		from, n := arg(0, 0), arg(1, len(v))
		if from < 0 || from >= len(v) {
			return "", false
		}
		return v[from:min(len(v), from+max(0, n))], true
	case "field", "word":
		return cutField(v, c.args, c.name == "word")
	}
	return "", false
}

func maskAddress(v string, bits4, bits6 int) (string, bool) {
	a, err := netip.ParseAddr(v)
	if err != nil {
		return "", false
	}
	n := bits6
	if a = a.Unmap(); a.Is4() {
		n = bits4
	}
	p, err := a.Prefix(n)
	return p.Addr().String(), err == nil
}

// cutField is "field(n,delims)" and "word(n,delims)", which skips empty fields; from 1, below zero from the end.
func cutField(v string, args []string, words bool) (string, bool) {
	if len(args) < 2 {
		return "", false
	}
	n, err := parseInt(args[0], -1000, 1000)
	if err != nil {
		return "", false
	}
	isDelim := func(r rune) bool { return strings.ContainsRune(args[1], r) }
	var parts []string
	if words {
		parts = strings.FieldsFunc(v, isDelim)
	} else {
		start := 0
		for i, r := range v {
			if isDelim(r) {
				parts, start = append(parts, v[start:i]), i+1
			}
		}
		parts = append(parts, v[start:])
	}
	if n < 0 {
		n = len(parts) + n + 1
	}
	if n < 1 || n > len(parts) {
		return "", false
	}
	return parts[n-1], true
}
