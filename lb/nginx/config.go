package nginx

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// maxErrors is how many errors one configuration reports; the others are counted.
const maxErrors = 50

// readConfig reads files and what they include, and returns what they mean. Each file is a whole
// configuration (nginx.conf) or a fragment that one would include (conf.d/*.conf); a folder stands for
// its nginx.conf, or without one for its *.conf. The error joins a *topology.SyntaxError per fault; the
// topology then holds the rest. Environment variables play no part in nginx's configuration.
func readConfig(fsys fs.FS, files []string, _ lb.Env) (*topology.Config, error) {
	r := &reader{
		cfg: &topology.Config{Product: "nginx"}, fsys: fsys, budget: maxTotal, seen: map[string]bool{},
		formats: map[string]format{"combined": {text: formatCombined}}, vars: map[string]*variable{}, pools: map[string]*group{},
	}
	trees := r.readAll(files)
	slices.SortStableFunc(trees, func(a, b tree) int { return a.rank() - b.rank() })
	for _, t := range trees {
		r.whole = r.whole || t.main
		if t.main || !r.included(t.file) {
			r.main = append(r.main, r.expand(t.list, t.file, 0, nil)...)
		}
	}
	r.build()
	return r.cfg, r.err()
}

// A tree is one file's directives.
type tree struct {
	file string
	list []*directive
	main bool // a whole configuration, no fragment
}

func (t tree) rank() int {
	if t.main {
		return 0
	}
	return 1
}

// A reader holds what is known while one configuration is read.
type reader struct {
	cfg    *topology.Config
	fsys   fs.FS
	seen   map[string]bool // files that were included
	budget int             // directives that may still come
	errs   []error
	more   int // errors beyond maxErrors

	main    []*directive // everything, includes in place
	formats map[string]format
	vars    map[string]*variable
	groups  []*group // upstreams, in order
	pools   map[string]*group
	uses    []*use
	workers int  // worker processes: 0 as many as processors
	whole   bool // a whole configuration was given, not fragments only
}

func (r *reader) err() error {
	if r.more > 0 {
		r.errs = append(r.errs, fmt.Errorf("%d more errors", r.more))
	}
	return errors.Join(r.errs...)
}

func (r *reader) fail(pos topology.Pos, format string, args ...any) {
	if len(r.errs) >= maxErrors {
		r.more++
		return
	}
	r.errs = append(r.errs, &topology.SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

func (r *reader) included(file string) bool { return r.seen[file] }

// readAll reads the files that were asked for, without what they include. A whole configuration
// that another one includes is read there only.
func (r *reader) readAll(files []string) []tree {
	var out []tree
	for _, name := range files {
		names, err := r.folder(name)
		if err != nil {
			r.errs = append(r.errs, fmt.Errorf("read configuration: %w", err))
			continue
		}
		for _, n := range names {
			list, err := r.readFile(n, 0)
			if err != nil {
				r.errs = append(r.errs, fmt.Errorf("read configuration: %w", err))
				continue
			}
			t := tree{file: n, list: list}
			t.main = slices.ContainsFunc(list, func(d *directive) bool {
				return d.has && (d.name == "http" || d.name == "events" || d.name == "stream" || d.name == "mail")
			})
			out = append(out, t)
		}
	}
	return out
}

// readFile parses one file, counted with the configuration's files.
func (r *reader) readFile(name string, depth int) ([]*directive, error) {
	text, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(r.cfg.Files, name) {
		r.cfg.Files = append(r.cfg.Files, name)
	}
	pos := topology.Pos{File: name, Line: 1}
	switch {
	case len(text) > maxFile:
		r.fail(pos, "the file is longer than %d MiB", maxFile>>20)
		return nil, nil
	case strings.IndexByte(string(text), 0) >= 0:
		r.fail(topology.Pos{File: name, Line: 1 + strings.Count(string(text[:strings.IndexByte(string(text), 0)]), "\n")}, "NUL byte in the file")
		return nil, nil
	}
	l := lexer{text: strings.TrimPrefix(string(text), "\ufeff"), line: 1}
	return l.parse(name, depth, &r.budget, func(p topology.Pos, msg string) { r.fail(p, "%s", msg) }), nil
}

// build turns the directives into the topology.
func (r *reader) build() {
	r.workers = 1
	top := &scope{kind: "main", dirs: r.main}
	if d := top.last("worker_processes"); d != nil {
		r.workers = number(d.arg(0)) // "auto" is 0
	}
	r.check(r.main)
	r.http(top)
	r.stream(top)
	r.finishPools()
}

// http reads the http blocks, and the fragments that belong into one, as one.
func (r *reader) http(top *scope) {
	h := &scope{parent: top, kind: "http"}
	for _, d := range r.main {
		switch {
		case d.name == "http" && d.has:
			h.dirs = append(h.dirs, d.block...)
		case d.name != "stream" && d.name != "events" && d.name != "mail":
			h.dirs = append(h.dirs, d)
		}
	}
	r.collect(h, true)
	loose := &scope{parent: h, kind: "server"}
	for _, d := range h.dirs {
		switch {
		case d.name == "server" && d.has:
			r.server(&scope{parent: h, kind: "server", pos: d.pos, dirs: d.block}, true)
		case d.name == "location" && d.has, passes[d.name] != "" && len(d.args) > 0:
			loose.dirs = append(loose.dirs, d) // a fragment of a server block
		}
	}
	if len(loose.dirs) > 0 {
		loose.pos = loose.dirs[0].pos
		r.server(loose, true)
	}
}

// stream reads the stream blocks: proxies of TCP and UDP, so that nothing is mistaken for HTTP.
func (r *reader) stream(top *scope) {
	for _, d := range r.main {
		if d.name != "stream" || !d.has {
			continue
		}
		s := &scope{parent: top, kind: "stream", dirs: d.block}
		r.collect(s, false)
		for _, d := range s.dirs {
			if d.name == "server" && d.has {
				r.server(&scope{parent: s, kind: "server", pos: d.pos, dirs: d.block}, false)
			}
		}
	}
}

// collect reads what is declared for the servers of a block: upstreams, variables, log formats.
func (r *reader) collect(h *scope, http bool) {
	for _, d := range h.dirs {
		switch d.name {
		case "upstream":
			r.upstream(d, http)
		case "log_format":
			r.logFormat(d)
		}
	}
	r.variables(h.dirs)
}

// A scope is a block with the blocks around it, from which it inherits.
type scope struct {
	parent *scope
	kind   string // main, http, server, location, if …
	label  string // how its condition reads: "location /api"
	pos    topology.Pos
	dirs   []*directive
}

// own returns a directive's occurrences in this very block.
func (s *scope) own(name string) []*directive {
	var out []*directive
	for _, d := range s.dirs {
		if d.name == name {
			out = append(out, d)
		}
	}
	return out
}

// all returns the occurrences that are in force: those of the innermost block that has any
// (nginx's rule for directives that may stand several times).
func (s *scope) all(name string) []*directive {
	for ; s != nil; s = s.parent {
		if own := s.own(name); len(own) > 0 {
			return own
		}
	}
	return nil
}

// last returns the occurrence that is in force of a directive that may stand once, nil for none.
func (s *scope) last(name string) *directive {
	if all := s.all(name); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// when is the condition under which requests come into this block.
func (s *scope) when() string {
	var words []string
	for ; s != nil; s = s.parent {
		if s.kind == "location" { // the innermost one alone says it: those around hold too
			words = append(words, s.label)
			break
		}
		if s.label != "" {
			words = append(words, s.label)
		}
	}
	slices.Reverse(words)
	return strings.Join(words, ", ")
}
