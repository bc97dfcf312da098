package httpd

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// A directive is a line of the configuration, or a section with what stands in it.
type directive struct {
	name    string // lower case
	args    []string
	pos     topology.Pos
	section bool
	inside  []*directive
}

// arg returns an argument, "" if there are not so many.
func (d *directive) arg(i int) string {
	if i < len(d.args) {
		return d.args[i]
	}
	return ""
}

// Limits against configurations that include themselves or nest without end (AP_MAX_INCLUDE_DEPTH is 20 in httpd,
// server/core.c).
const (
	maxIncludes = 20
	maxNesting  = 100
	maxLines    = 1 << 20
	maxFiles    = 10_000
)

// A reader reads files into directives. What httpd does while it reads is done here: Define, conditions, Include, macros.
type reader struct {
	fsys    fs.FS
	env     lb.Env
	defined map[string]string
	macros  map[string]*macro
	root    string // ServerRoot
	files   []string
	lines   int
	errs    []error
}

// A macro is what mod_macro's <Macro name params> holds.
type macro struct {
	params []string
	body   []logicalLine
}

func (r *reader) fault(pos topology.Pos, format string, args ...any) {
	r.errs = append(r.errs, &topology.SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

func (r *reader) lookup(name string) (string, bool) {
	if v, ok := r.defined[name]; ok {
		return v, true
	}
	if r.env == nil {
		return "", false
	}
	return r.env(name)
}

// file reads one file.
func (r *reader) file(name string, depth int) []*directive {
	if len(r.files) >= maxFiles {
		r.lines = maxLines // says so once, and ends
		return nil
	}
	text, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("read configuration: %w", err))
		return nil
	}
	if strings.IndexByte(string(text), 0) >= 0 {
		r.fault(topology.Pos{File: name, Line: 1}, "the file holds NUL bytes: it is no configuration")
		return nil
	}
	r.files = append(r.files, name)
	c := &cursor{lines: logicalLines(name, string(text))}
	out := r.block(c, nil, depth, 0)
	return out
}

// A cursor stands in a list of lines.
type cursor struct {
	lines []logicalLine
	at    int
}

func (c *cursor) next() (logicalLine, bool) {
	if c.at >= len(c.lines) {
		return logicalLine{}, false
	}
	c.at++
	return c.lines[c.at-1], true
}

// block reads until the section that it stands in closes; in is nil for a whole file.
func (r *reader) block(c *cursor, in *directive, depth, nesting int) []*directive {
	var out []*directive
	for {
		line, ok := c.next()
		if !ok {
			if in != nil {
				r.fault(in.pos, "section <%s> is never closed", in.name)
			}
			return out
		}
		if r.lines++; r.lines > maxLines {
			r.fault(line.pos, "more than %d files or %d lines with all that is included", maxFiles, maxLines)
			return out
		}
		text := strings.TrimSpace(line.text)
		switch {
		case text == "" || text[0] == '#':
		case strings.HasPrefix(text, "</"):
			if in == nil {
				r.fault(line.pos, "%s closes a section that is not open", closing(text))
				continue
			}
			end, more, _ := strings.Cut(text, ">")
			if !strings.EqualFold(closing(end+">"), "</"+in.name+">") {
				r.fault(line.pos, "%s where </%s> is expected (opened at %s)", closing(text), in.name, in.pos)
				continue
			}
			if strings.HasPrefix(strings.TrimSpace(more), "</") { // httpd takes two ends on one line
				c.lines = slices.Insert(slices.Clone(c.lines), c.at, logicalLine{more, line.pos})
			}
			return out
		case text[0] == '<':
			out = append(out, r.open(c, line, text, depth, nesting)...)
		default:
			out = append(out, r.plain(line, depth)...)
		}
	}
}

// closing is a section's end as far as it may be shown.
func closing(text string) string {
	name := strings.TrimSpace(strings.Trim(text, "</>"))
	if !keywordLike(name) {
		name = "…"
	}
	return "</" + name + ">"
}

// open reads a section. Conditions give what stands in them, if they hold.
func (r *reader) open(c *cursor, line logicalLine, text string, depth, nesting int) []*directive {
	name, args, fault := sectionOpen(substitute(text, r.lookup))
	if fault != "" {
		r.fault(line.pos, "%s", fault)
		return nil
	}
	d := &directive{name: strings.ToLower(name), args: args, pos: line.pos, section: true}
	if nesting >= maxNesting {
		r.fault(line.pos, "sections are nested more than %d deep", maxNesting)
		c.at = len(c.lines)
		return nil
	}
	if d.name == "macro" {
		r.macro(c, d)
		return nil
	}
	holds, condition := r.condition(d)
	if condition && !holds {
		r.body(c, d) // passed over
		return nil
	}
	inside := r.block(c, d, depth, nesting+1)
	if condition {
		return inside
	}
	d.inside = inside
	return []*directive{d}
}

// condition decides what is decided while the configuration is read. Modules are taken to be there, and httpd
// to be of the 2.4 series: which of them are loaded cannot be seen from here.
func (r *reader) condition(d *directive) (holds, is bool) {
	what, not := strings.CutPrefix(d.arg(0), "!")
	switch d.name {
	case "ifdefine":
		_, def := r.defined[what]
		return def != not, true
	case "ifmodule", "iffile", "ifdirective", "ifsection":
		return !not, true
	case "ifversion":
		return versionHolds(d.args), true
	}
	return false, false
}

// versionHolds compares with 2.4.62; an expression is taken to hold.
func versionHolds(args []string) bool {
	if len(args) < 2 {
		return true
	}
	op, not := strings.CutPrefix(args[0], "!")
	ours, theirs := []int{2, 4, 62}, version(args[1])
	order := slices.Compare(ours[:min(len(theirs), 3)], theirs[:min(len(theirs), 3)])
	holds := true
	switch op {
	case "=", "==":
		holds = order == 0
	case ">":
		holds = slices.Compare(ours, theirs) > 0
	case ">=":
		holds = slices.Compare(ours, theirs) >= 0
	case "<":
		holds = slices.Compare(ours, theirs) < 0
	case "<=":
		holds = slices.Compare(ours, theirs) <= 0
	}
	return holds != not
}

func version(text string) []int {
	var out []int
	for _, part := range strings.Split(text, ".") {
		n := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				break
			}
			n = min(n*10+int(c-'0'), 1<<20)
		}
		out = append(out, n)
	}
	return out
}

// body collects a section's lines as they stand.
func (r *reader) body(c *cursor, d *directive) []logicalLine {
	var out []logicalLine
	for deep := 1; ; {
		line, ok := c.next()
		if !ok {
			r.fault(d.pos, "section <%s> is never closed", d.name)
			return out
		}
		text := strings.ToLower(strings.TrimSpace(line.text))
		switch {
		case strings.HasPrefix(text, "</"+d.name+">"):
			if deep--; deep == 0 {
				return out
			}
		case strings.HasPrefix(text, "<"+d.name+" "), text == "<"+d.name+">":
			deep++
		}
		out = append(out, line)
	}
}

func (r *reader) macro(c *cursor, d *directive) {
	m := &macro{body: r.body(c, d)}
	if len(d.args) == 0 {
		r.fault(d.pos, "a macro without a name")
		return
	}
	m.params = d.args[1:]
	r.macros[strings.ToLower(d.args[0])] = m
}

// plain reads a line that is no section.
func (r *reader) plain(line logicalLine, depth int) []*directive {
	w := words(substitute(line.text, r.lookup))
	if len(w) == 0 {
		return nil
	}
	d := &directive{name: strings.ToLower(w[0]), args: w[1:], pos: line.pos}
	switch d.name {
	case "define":
		if name := d.arg(0); name != "" {
			r.defined[name] = d.arg(1)
		}
		return nil
	case "undefine":
		delete(r.defined, d.arg(0))
		return nil
	case "serverroot":
		r.root = d.arg(0)
	case "include", "includeoptional":
		return r.include(d, depth)
	case "use":
		return r.use(d, depth)
	}
	return []*directive{d}
}

// use lays a macro's lines out with its parameters replaced, longest names first, as mod_macro does.
func (r *reader) use(d *directive, depth int) []*directive {
	m, ok := r.macros[strings.ToLower(d.arg(0))]
	switch {
	case !ok:
		r.fault(d.pos, "Use of a macro that is not defined")
		return nil
	case len(d.args)-1 != len(m.params):
		r.fault(d.pos, "the macro takes %d arguments, not %d", len(m.params), len(d.args)-1)
		return nil
	case depth >= maxIncludes:
		r.fault(d.pos, "macros use each other more than %d deep", maxIncludes)
		return nil
	}
	type pair struct{ from, to string }
	pairs := make([]pair, len(m.params))
	for i, p := range m.params {
		pairs[i] = pair{p, d.args[i+1]}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return len(b.from) - len(a.from) })
	var flat []string
	for _, p := range pairs {
		flat = append(flat, p.from, p.to)
	}
	replacer := strings.NewReplacer(flat...)
	lines := make([]logicalLine, len(m.body))
	for i, l := range m.body {
		lines[i] = logicalLine{replacer.Replace(l.text), l.pos}
	}
	return r.block(&cursor{lines: lines}, nil, depth+1, 0)
}

// include reads the files that a pattern names, in the order of their names. Paths are relative to ServerRoot; what is
// absolute, or lies under ServerRoot, is looked for in the folder at hand.
func (r *reader) include(d *directive, depth int) []*directive {
	if depth >= maxIncludes {
		r.fault(d.pos, "files include each other more than %d deep", maxIncludes)
		return nil
	}
	var out []*directive
	for _, name := range r.matches(d) {
		out = append(out, r.file(name, depth+1)...)
	}
	return out
}

func (r *reader) matches(d *directive) []string {
	pattern := d.arg(0)
	beside := path.Dir(d.pos.File)
	for _, try := range []string{
		pattern, path.Join(beside, pattern), strings.TrimPrefix(pattern, "/"),
		strings.TrimPrefix(strings.TrimPrefix(pattern, r.root), "/"), path.Join(beside, path.Base(path.Dir(pattern)), path.Base(pattern)),
	} {
		names, err := fs.Glob(r.fsys, path.Clean(try))
		if err != nil || len(names) == 0 || try == "" {
			continue
		}
		if names = r.spread(names); len(names) > 0 {
			return names
		}
	}
	if d.name == "include" && !strings.ContainsAny(pattern, "*?[") {
		r.errs = append(r.errs, fmt.Errorf("%s: included file is not here: %w", d.pos, errMissing))
	}
	return nil
}

var errMissing = errors.New("not found")

// spread replaces folders by the files in them, as Include does.
func (r *reader) spread(names []string) []string {
	var out []string
	for _, n := range names {
		info, err := fs.Stat(r.fsys, n)
		switch {
		case err != nil:
		case !info.IsDir():
			out = append(out, n)
		default:
			fs.WalkDir(r.fsys, n, func(p string, e fs.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					out = append(out, p)
				}
				return nil
			})
		}
	}
	slices.Sort(out)
	return out
}
