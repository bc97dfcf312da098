package haproxy

import (
	"strconv"
	"strings"

	"limpet.dev/lb/logtext"
	"limpet.dev/topology"
)

// A condition is one open .if block.
type condition struct {
	pos    topology.Pos
	active bool // its present branch applies
	taken  bool // one of its branches has applied
	last   bool // .else was seen
	outer  bool // the block around it applies
}

func (r *reader) skipping() bool {
	n := len(r.conds)
	return n > 0 && !(r.conds[n-1].active && r.conds[n-1].outer)
}

// macro handles the lines that begin with a dot (manual, section 2.4 and 2.5).
func (r *reader) macro(words []string) {
	n := len(r.conds)
	switch words[0] {
	case ".if":
		if n >= maxDepth {
			r.fail(r.pos(), ".if nested deeper than %d", maxDepth)
			return
		}
		c := condition{pos: r.pos(), outer: !r.skipping()}
		if c.outer {
			c.active = r.holds(words[1:])
		}
		c.taken = c.active
		r.conds = append(r.conds, c)
	case ".elif", ".else":
		if n == 0 || r.conds[n-1].last {
			r.fail(r.pos(), "%s without .if", words[0])
			return
		}
		c := &r.conds[n-1]
		c.last = words[0] == ".else"
		c.active = !c.taken && c.outer && (c.last || r.holds(words[1:]))
		c.taken = c.taken || c.active
	case ".endif":
		if n == 0 {
			r.fail(r.pos(), ".endif without .if")
			return
		}
		r.conds = r.conds[:n-1]
	case ".alert":
		if !r.skipping() {
			r.fail(r.pos(), "the configuration refuses to start here (.alert)")
		}
	case ".notice", ".warning", ".diag":
	default:
		if !r.skipping() {
			r.fail(r.pos(), "%s is no known macro", keyword(words[0]))
		}
	}
}

// holds evaluates a condition. What cannot be known here (features, libraries) holds.
func (r *reader) holds(words []string) bool {
	e := &condExpr{r: r, text: strings.Join(words, " ")}
	v := e.or(0)
	e.skip()
	if e.bad || e.pos < len(e.text) {
		r.fail(r.pos(), "condition not understood")
	}
	return v
}

type condExpr struct {
	r    *reader
	text string
	pos  int
	bad  bool
}

func (e *condExpr) skip() {
	for e.pos < len(e.text) && isBlank(e.text[e.pos]) {
		e.pos++
	}
}

func (e *condExpr) take(token string) bool {
	e.skip()
	if strings.HasPrefix(e.text[e.pos:], token) {
		e.pos += len(token)
		return true
	}
	return false
}

func (e *condExpr) or(depth int) bool {
	v := e.and(depth)
	for e.take("||") {
		w := e.and(depth)
		v = v || w
	}
	return v
}

func (e *condExpr) and(depth int) bool {
	v := e.term(depth)
	for e.take("&&") {
		w := e.term(depth)
		v = v && w
	}
	return v
}

func (e *condExpr) term(depth int) bool {
	if depth > 100 {
		e.bad = true
		return false
	}
	negate := false
	for e.take("!") {
		negate = !negate
	}
	if e.take("(") {
		v := e.or(depth + 1)
		if !e.take(")") {
			e.bad = true
		}
		return v != negate
	}
	e.skip()
	start := e.pos
	for e.pos < len(e.text) && isWord(e.text[e.pos]) {
		e.pos++
	}
	name := e.text[start:e.pos]
	if name == "" {
		e.bad = depth > 0 || e.pos < len(e.text) || negate
		return negate && !e.bad
	}
	if n, err := strconv.Atoi(name); err == nil {
		return (n != 0) != negate
	}
	return e.predicate(name) != negate
}

func (e *condExpr) predicate(name string) bool {
	var args []string
	if e.pos < len(e.text) && e.text[e.pos] == '(' {
		end := strings.IndexByte(e.text[e.pos:], ')')
		if end < 0 {
			e.bad = true
			return false
		}
		args = strings.Split(e.text[e.pos+1:e.pos+end], ",")
		e.pos += end + 1
	}
	arg := func(i int) string {
		if i < len(args) {
			return strings.TrimSpace(args[i])
		}
		return ""
	}
	switch name {
	case "defined":
		_, ok := e.r.lookup(arg(0))
		return ok
	case "streq":
		return arg(0) == arg(1)
	case "strneq":
		return arg(0) != arg(1)
	case "strstr":
		return strings.Contains(arg(0), arg(1))
	case "version_atleast":
		return compareVersions(e.r.version(), arg(0)) >= 0
	case "version_before":
		return compareVersions(e.r.version(), arg(0)) < 0
	case "feature", "enabled", "openssl_version_atleast", "openssl_version_before", "ssllib_name_startswith",
		"awslc_api_atleast", "awslc_api_before":
		return name != "openssl_version_before" && name != "awslc_api_before"
	}
	e.bad = true
	return false
}

// newest stands for a version later than all known ones.
const newest = "999"

func (r *reader) version() string {
	if v, ok := r.lookup("HAPROXY_STARTUP_VERSION"); ok && v != "" {
		return v
	}
	return newest
}

// compareVersions compares dotted versions number by number, the shorter one padded with zeros;
// a suffix ("-dev3", "-1+deb12u4") is ignored.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		x, a = cutNumber(a)
		y, b = cutNumber(b)
		if x != y {
			return x - y
		}
	}
	return 0
}

func cutNumber(v string) (int, string) {
	n := 0
	for n < len(v) && logtext.IsDigit(v[n]) {
		n++
	}
	x, err := strconv.Atoi(v[:n])
	if err != nil {
		return 0, ""
	}
	if rest, ok := strings.CutPrefix(v[n:], "."); ok {
		return x, rest
	}
	return x, ""
}
