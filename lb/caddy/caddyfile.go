package caddy

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// A node is a directive of a Caddyfile with its arguments and its block.
type node struct {
	name  string
	args  []string
	block []*node
	pos   topology.Pos
}

func (n *node) arg(i int) string {
	if i < len(n.args) {
		return n.args[i]
	}
	return ""
}

// A site is a block of directives with the addresses that it serves.
type site struct {
	keys  []string
	nodes []*node
	pos   topology.Pos
}

// Limits against files that import each other without end.
const (
	maxImports = 20
	maxNodes   = 1 << 18
	maxNesting = 200
)

// A reader reads Caddyfiles into sites.
type reader struct {
	fsys     fs.FS
	env      lb.Env
	files    []string
	snippets map[string][]token
	global   []*node
	sites    []*site
	nodes    int
	errs     []error
}

func (r *reader) fault(pos topology.Pos, format string, args ...any) {
	r.errs = append(r.errs, &topology.SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

// tokens reads a file.
func (r *reader) tokens(name string) []token {
	text, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("read configuration: %w", err))
		return nil
	}
	r.files = append(r.files, name)
	if strings.IndexByte(string(text), 0) >= 0 {
		r.fault(topology.Pos{File: name, Line: 1}, "the file holds NUL bytes: it is no configuration")
		return nil
	}
	out, err := lex(name, environment(string(text), r.env))
	if err != nil {
		r.errs = append(r.errs, err)
	}
	return out
}

// environment replaces {$NAME} and {$NAME:default}; what is not set and has no default becomes nothing, as in Caddy.
func environment(text string, env lb.Env) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "{$")
		if i < 0 {
			break
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			break
		}
		name, fallback, _ := strings.Cut(text[i+2:i+end], ":")
		b.WriteString(text[:i])
		value, ok := "", false
		if env != nil {
			value, ok = env(name)
		}
		if !ok {
			value = fallback
		}
		b.WriteString(value)
		text = text[i+end+1:]
	}
	return b.String() + text
}

// top reads what stands at the top: global options, snippets, imports, sites.
func (r *reader) top(ts []token, depth int) {
	for at := 0; at < len(ts); {
		t := ts[at]
		switch {
		case t.text == "{" && !t.quoted:
			end := r.closing(ts, at)
			r.global = append(r.global, r.list(ts[at+1:end], depth, 0)...)
			at = end + 1
		case t.text == "import" && !t.quoted:
			row := rowEnd(ts, at)
			for _, name := range r.matches(t.pos, first(ts[at+1:row])) {
				if depth >= maxImports {
					r.fault(t.pos, "files import each other more than %d deep", maxImports)
					return
				}
				r.top(r.tokens(name), depth+1)
			}
			if snippet, ok := r.snippets[first(ts[at+1:row])]; ok && depth < maxImports {
				r.top(substitute(snippet, texts(ts[at+2:row]), nil), depth+1)
			}
			at = row
		default:
			at = r.site(ts, at, depth)
		}
	}
}

// site reads one site, or a snippet "(name) { … }", and returns what stands behind it.
func (r *reader) site(ts []token, at, depth int) int {
	s := &site{pos: ts[at].pos}
	for ; at < len(ts); at++ {
		t := ts[at]
		if t.text == "{" && !t.quoted {
			break
		}
		more := strings.HasSuffix(t.text, ",")
		for _, key := range strings.Split(t.text, ",") {
			if key != "" {
				s.keys = append(s.keys, key)
			}
		}
		if !more && at+1 < len(ts) && ts[at+1].row != t.row && ts[at+1].text != "," {
			// The only site of a file may do without braces: all that follows is its own.
			s.nodes = r.list(ts[at+1:], depth, 0)
			r.sites = append(r.sites, s)
			return len(ts)
		}
	}
	if at >= len(ts) {
		if len(s.keys) > 0 {
			r.sites = append(r.sites, s)
		}
		return len(ts)
	}
	end := r.closing(ts, at)
	if len(s.keys) == 1 {
		if name, ok := strings.CutPrefix(strings.TrimPrefix(s.keys[0], "&"), "("); ok && strings.HasSuffix(name, ")") {
			r.snippets[strings.TrimSuffix(name, ")")] = ts[at+1 : end]
			return end + 1
		}
	}
	s.nodes = r.list(ts[at+1:end], depth, 0)
	r.sites = append(r.sites, s)
	return end + 1
}

// closing finds the } of the { at at; without one it says so, and the rest is inside.
func (r *reader) closing(ts []token, at int) int {
	deep := 0
	for i := at; i < len(ts); i++ {
		if ts[i].quoted {
			continue
		}
		switch ts[i].text {
		case "{":
			deep++
		case "}":
			if deep--; deep == 0 {
				return i
			}
		}
	}
	r.fault(ts[at].pos, "a block that is never closed")
	return len(ts)
}

// list reads the directives of a block.
func (r *reader) list(ts []token, depth, nesting int) []*node {
	var out []*node
	for at := 0; at < len(ts); {
		if r.nodes++; r.nodes > maxNodes || nesting > maxNesting {
			r.fault(ts[at].pos, "too many directives, or blocks nested too deep")
			return out
		}
		if ts[at].text == "}" && !ts[at].quoted {
			r.fault(ts[at].pos, "a } that closes nothing")
			at++
			continue
		}
		n := &node{name: ts[at].text, pos: ts[at].pos}
		row := rowEnd(ts, at)
		last := row - 1
		var inside []token
		next := row
		if last > at && ts[last].text == "{" && !ts[last].quoted {
			end := r.closing(ts, last)
			inside, next = ts[last+1:min(end, len(ts))], end+1
			row = last
		}
		n.args = texts(ts[at+1 : row])
		switch n.name {
		case "import":
			out = append(out, r.imported(n, inside, depth, nesting)...)
		default:
			n.block = r.list(inside, depth, nesting+1)
			out = append(out, n)
		}
		at = min(next, len(ts))
	}
	return out
}

// imported is what "import NAME args… [{ block }]" stands for: a snippet, or files.
func (r *reader) imported(n *node, block []token, depth, nesting int) []*node {
	if depth >= maxImports {
		r.fault(n.pos, "imports more than %d deep", maxImports)
		return nil
	}
	if ts, ok := r.snippets[n.arg(0)]; ok {
		return r.list(substitute(ts, n.args[1:], block), depth+1, nesting)
	}
	var out []*node
	for _, name := range r.matches(n.pos, n.arg(0)) {
		out = append(out, r.list(substitute(r.tokens(name), n.args[min(1, len(n.args)):], block), depth+1, nesting)...)
	}
	return out
}

var errMissing = errors.New("not found")

// matches are the files that a pattern names, relative to the importing file.
func (r *reader) matches(pos topology.Pos, pattern string) []string {
	if _, ok := r.snippets[pattern]; ok || pattern == "" {
		return nil
	}
	for _, try := range []string{path.Join(path.Dir(pos.File), pattern), strings.TrimPrefix(pattern, "/"), path.Base(pattern)} {
		if names, err := fs.Glob(r.fsys, path.Clean(try)); err == nil && len(names) > 0 {
			slices.Sort(names)
			return names
		}
	}
	if !strings.ContainsAny(pattern, "*?[") {
		r.errs = append(r.errs, fmt.Errorf("%s: imported file is not here: %w", pos, errMissing))
	}
	return nil
}

// substitute puts arguments in place of {args[0]}, {args.0} and {args[:]}, and a block in place of {block}.
func substitute(ts []token, args []string, block []token) []token {
	out := make([]token, 0, len(ts))
	for _, t := range ts {
		switch {
		case t.text == "{block}":
			out = append(out, block...)
			continue
		case strings.HasPrefix(t.text, "{args[") && strings.Contains(t.text, ":") && strings.HasSuffix(t.text, "]}"):
			for _, a := range between(strings.TrimSuffix(strings.TrimPrefix(t.text, "{args["), "]}"), args) {
				c := t
				c.text = a
				out = append(out, c)
			}
			continue
		}
		if strings.Contains(t.text, "{args") {
			for i, a := range args {
				t.text = strings.NewReplacer("{args["+strconv.Itoa(i)+"]}", a, "{args."+strconv.Itoa(i)+"}", a).Replace(t.text)
			}
		}
		out = append(out, t)
	}
	return out
}

// between reads "1:3" as a slice of args.
func between(text string, args []string) []string {
	from, to, _ := strings.Cut(text, ":")
	a, _ := strconv.Atoi(from)
	b, err := strconv.Atoi(to)
	if err != nil {
		b = len(args)
	}
	a, b = max(0, min(a, len(args))), max(0, min(b, len(args)))
	return args[a:max(a, b)]
}

func rowEnd(ts []token, at int) int {
	end := at + 1
	for end < len(ts) && ts[end].row == ts[at].row && ts[end].pos.File == ts[at].pos.File {
		end++
	}
	return end
}

func texts(ts []token) []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.text
	}
	return out
}

func first(ts []token) string {
	if len(ts) == 0 {
		return ""
	}
	return ts[0].text
}
