package haproxy

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// aclSet holds a section's named conditions; several lines of one name are alternatives.
type aclSet map[string][]aclTest

// aclTest is one test of a request: a fetch, how to compare, and the patterns.
type aclTest struct {
	sample   sample
	how      string // str, beg, end, sub, dir, dom, reg, ip, found, bool
	fold     bool   // -i
	patterns []string
	regs     []*regexp.Regexp
	nets     []netip.Prefix
	constant bool // for "bool"
	unclear  bool // cannot be computed here
}

// aclExpr is a condition: alternatives of conjunctions of tests.
type aclExpr struct {
	any     [][]aclTerm // none: always
	unless  bool
	unclear bool
	never   bool
}

type aclTerm struct {
	tests  []aclTest // alternatives
	negate bool
}

// predefined are HAProxy's built-in conditions (manual, section 7.4).
var predefined = map[string]aclTest{
	"TRUE": {how: "bool", constant: true}, "ALWAYS_TRUE": {how: "bool", constant: true},
	"FALSE": {how: "bool"}, "ALWAYS_FALSE": {how: "bool"}, "HTTP": {how: "bool", constant: true},
	"METH_GET": methodTest("GET", "HEAD"), "METH_POST": methodTest("POST"), "METH_HEAD": methodTest("HEAD"),
	"METH_PUT": methodTest("PUT"), "METH_DELETE": methodTest("DELETE"), "METH_OPTIONS": methodTest("OPTIONS"),
	"METH_CONNECT": methodTest("CONNECT"), "METH_TRACE": methodTest("TRACE"), "METH_PATCH": methodTest("PATCH"),
	"LOCALHOST": {sample: sample{fetch: "src"}, how: "ip", nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
}

func methodTest(methods ...string) aclTest {
	return aclTest{sample: sample{fetch: "method"}, how: "str", patterns: methods}
}

func newACLs(settings []topology.Setting) aclSet {
	set := aclSet{}
	for _, s := range settings {
		if len(s.Args) >= 2 {
			set[s.Args[0]] = append(set[s.Args[0]], parseTest(s.Args[1:]))
		}
	}
	return set
}

// compile reads "if A !B or { fetch pattern }". No words mean always.
func (set aclSet) compile(words []string) aclExpr {
	e := aclExpr{}
	if len(words) == 0 {
		return e
	}
	e.unless = words[0] == "unless"
	all := []aclTerm{}
	for i := 1; i < len(words); i++ {
		w := words[i]
		if w == "or" || w == "||" {
			e.any, all = append(e.any, all), []aclTerm{}
			continue
		}
		if w == "and" || w == "&&" {
			continue
		}
		term := aclTerm{}
		for strings.HasPrefix(w, "!") {
			term.negate, w = !term.negate, w[1:]
			if w == "" && i+1 < len(words) {
				i++
				w = words[i]
			}
		}
		if w == "{" {
			end := slices.Index(words[i:], "}")
			if end < 0 {
				e.unclear = true
				break
			}
			term.tests = []aclTest{parseTest(words[i+1 : i+end])}
			i += end
		} else if t, ok := set[w]; ok {
			term.tests = t
		} else if t, ok := predefined[w]; ok {
			term.tests = []aclTest{t}
		} else {
			e.unclear = true
		}
		for _, t := range term.tests {
			e.unclear = e.unclear || t.unclear
		}
		all = append(all, term)
	}
	e.any = append(e.any, all)
	e.never = e.unclear
	return e
}

// parseTest reads "fetch [-i] [-m how] patterns…".
func parseTest(words []string) aclTest {
	if len(words) == 0 {
		return aclTest{unclear: true}
	}
	s, err := parseSample(words[0])
	t := aclTest{sample: s, unclear: err != nil}
	if t.how = defaultMatch(s.fetch); len(s.convs) > 0 && t.how == "ip" {
		t.how = "str"
	}
	rest := words[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
		flag := rest[0]
		rest = rest[1:]
		switch {
		case flag == "--":
		case flag == "-i":
			t.fold = true
			continue
		case flag == "-m" && len(rest) > 0:
			t.how, rest = rest[0], rest[1:]
			continue
		default: // -f FILE, -n, -u, -M: what stands in files is not read
			t.unclear = true
		}
		break
	}
	t.patterns = rest
	t.prepare()
	return t
}

// defaultMatch is how a fetch's name says it compares.
func defaultMatch(fetch string) string {
	if n := strings.LastIndexByte(fetch, '_'); n >= 0 {
		switch end := fetch[n+1:]; end {
		case "beg", "end", "sub", "dir", "dom", "reg", "ip":
			return end
		}
	}
	if fetch == "src" {
		return "ip"
	}
	return "str"
}

func (t *aclTest) prepare() {
	switch t.how {
	case "str", "beg", "end", "sub", "dir", "dom", "found":
	case "reg":
		for _, p := range t.patterns {
			if t.fold {
				p = "(?i)" + p
			}
			re, err := regexp.Compile(p)
			if err != nil {
				t.unclear = true
				return
			}
			t.regs = append(t.regs, re)
		}
	case "ip":
		for _, p := range t.patterns {
			prefix, ok := parsePrefix(p)
			if !ok {
				t.unclear = true
				return
			}
			t.nets = append(t.nets, prefix)
		}
	default:
		t.unclear = true
	}
}

func parsePrefix(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err == nil
}

// holds evaluates the condition for a request.
func (e aclExpr) holds(c *lb.Call) bool {
	if e.never {
		return false
	}
	if len(e.any) == 0 {
		return true
	}
	src := &sampleSource{call: c}
	held := slices.ContainsFunc(e.any, func(all []aclTerm) bool {
		return !slices.ContainsFunc(all, func(t aclTerm) bool { return t.holds(src) == t.negate })
	})
	return held != e.unless
}

func (t aclTerm) holds(src *sampleSource) bool {
	return slices.ContainsFunc(t.tests, func(t aclTest) bool { return t.holds(src) })
}

func (t aclTest) holds(src *sampleSource) bool {
	if t.how == "bool" {
		return t.constant
	}
	values := t.sample.values(src)
	if t.how == "found" {
		return len(values) > 0
	}
	for _, v := range values {
		ok := true
		for _, c := range t.sample.convs {
			if v, ok = c.apply(v); !ok {
				break
			}
		}
		if ok && t.matches(v) {
			return true
		}
	}
	return false
}

func (t aclTest) matches(v string) bool {
	switch t.how {
	case "reg":
		return slices.ContainsFunc(t.regs, func(re *regexp.Regexp) bool { return re.MatchString(v) })
	case "ip":
		a, err := netip.ParseAddr(v)
		return err == nil && slices.ContainsFunc(t.nets, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	if t.fold {
		v = strings.ToLower(v)
	}
	for _, p := range t.patterns {
		if t.fold {
			p = strings.ToLower(p)
		}
		if textMatch(t.how, v, p) {
			return true
		}
	}
	return false
}

func textMatch(how, v, p string) bool {
	switch how {
	case "beg":
		return strings.HasPrefix(v, p)
	case "end":
		return strings.HasSuffix(v, p)
	case "sub":
		return strings.Contains(v, p)
	case "dir":
		return between(v, strings.Trim(p, "/"), "/?")
	case "dom":
		return between(v, strings.Trim(p, "."), "./?:")
	}
	return v == p
}

// between reports whether p stands in v with a delimiter or an end on either side.
func between(v, p, delims string) bool {
	for i := 0; p != "" && i+len(p) <= len(v); i++ {
		if v[i:i+len(p)] == p &&
			(i == 0 || strings.IndexByte(delims, v[i-1]) >= 0) &&
			(i+len(p) == len(v) || strings.IndexByte(delims, v[i+len(p)]) >= 0) {
			return true
		}
	}
	return false
}
