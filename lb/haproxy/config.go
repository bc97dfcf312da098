package haproxy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"limpet.dev/lb"
	"limpet.dev/topology"
)

// maxErrors is how many errors one configuration reports; the others are counted.
const maxErrors = 50

// readConfig reads files in order, each a file or a folder (its *.cfg in name order, as HAProxy
// does), and returns what they mean. The error joins a *topology.SyntaxError per bad line; the
// topology then holds the rest.
//
// Versions and features decide .if conditions: env's HAPROXY_STARTUP_VERSION is the version,
// without it the newest is assumed, and a feature or a condition that cannot be known is taken
// as given.
func readConfig(fsys fs.FS, files []string, env lb.Env) (*topology.Config, error) {
	r := newReader(env)
	for _, name := range files {
		names, err := expandFolder(fsys, name)
		if err != nil {
			r.errs = append(r.errs, err)
			continue
		}
		for _, n := range names {
			r.readFile(fsys, n)
		}
	}
	r.finish()
	return r.cfg, r.err()
}

func expandFolder(fsys fs.FS, name string) ([]string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && !strings.HasPrefix(n, ".") && strings.HasSuffix(n, ".cfg") {
			names = append(names, path.Join(name, n))
		}
	}
	return names, nil
}

// A reader holds what is known while the files of one configuration are read.
type reader struct {
	cfg  *topology.Config
	env  lb.Env
	vars map[string]*string // set by the configuration; nil pointer: unset by it
	errs []error
	more int // errors beyond maxErrors

	file  string
	line  int
	conds []condition

	section string // "", "global", "backend" …
	name    string // the section's own name
	proxy   *proxy // the proxy section that is being read, nil in others
	group   *peers // the peers section that is being read

	defaults   map[string]*proxy
	unnamed    *proxy // the last defaults section
	proxies    []*proxy
	peers      []*peers
	localPeer  string
	globalLogs []topology.Setting
	spread     int    // spread-checks, percent
	stateFile  string // server-state-file
	instances  int
}

func newReader(env lb.Env) *reader {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	return &reader{
		cfg:      &topology.Config{Product: "haproxy"},
		env:      env,
		vars:     map[string]*string{},
		defaults: map[string]*proxy{},
	}
}

func (r *reader) err() error {
	if r.more > 0 {
		r.errs = append(r.errs, fmt.Errorf("%d more errors", r.more))
	}
	return errors.Join(r.errs...)
}

func (r *reader) pos() topology.Pos { return topology.Pos{File: r.file, Line: r.line} }

func (r *reader) fail(pos topology.Pos, format string, args ...any) {
	if len(r.errs) >= maxErrors {
		r.more++
		return
	}
	r.errs = append(r.errs, &topology.SyntaxError{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

// readFile reads one file line by line.
func (r *reader) readFile(fsys fs.FS, name string) {
	r.file, r.line = name, 0
	r.cfg.Files = append(r.cfg.Files, name)
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("read configuration: %w", err))
		return
	}
	if len(text) > maxFile {
		r.fail(r.pos(), "the file is longer than %d MiB", maxFile>>20)
		return
	}
	r.section, r.proxy, r.group = "", nil, nil
	for len(text) > 0 {
		r.line++
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		if !ended {
			r.fail(r.pos(), "the last line has no line end: the file may have been truncated (HAProxy refuses it)")
		}
		r.readLine(line)
		text = rest
	}
	if n := len(r.conds); n > 0 {
		r.fail(r.conds[n-1].pos, ".if without .endif")
		r.conds = nil
	}
}

func (r *reader) readLine(line []byte) {
	switch {
	case len(line) > maxLine:
		r.fail(r.pos(), "line longer than %d bytes", maxLine)
		return
	case bytes.IndexByte(line, 0) >= 0:
		r.fail(r.pos(), "NUL byte in the line")
		return
	}
	// A line of a block that does not apply is not even cut into words, as in HAProxy.
	if r.skipping() {
		if head := bytes.TrimSpace(line); len(head) == 0 || head[0] != '.' {
			return
		}
	}
	words, err := split(string(line), r.lookup)
	if err != nil {
		r.fail(r.pos(), "%v", err)
	}
	if len(words) == 0 || err != nil && len(words) < 2 {
		return
	}
	if strings.HasPrefix(words[0], ".") && len(words[0]) > 1 {
		r.macro(words)
		return
	}
	r.directive(words)
}

// lookup finds a variable: HAProxy's own, the configuration's, the environment's.
func (r *reader) lookup(name string) (string, bool) {
	switch name {
	case ".FILE":
		return r.file, true
	case ".LINE":
		return fmt.Sprint(r.line), true
	case ".SECTION":
		if r.name != "" {
			return r.name, true
		}
		return r.section, true
	}
	if v, ok := r.vars[name]; ok {
		if v == nil {
			return "", false
		}
		return *v, true
	}
	return r.env(name)
}

// directive handles one line's words: the start of a section, or a line of the present one.
func (r *reader) directive(words []string) {
	if _, ok := sections[words[0]]; ok {
		r.open(words)
		return
	}
	no := words[0] == "no" || words[0] == "default"
	if no && len(words) > 1 {
		words = words[1:]
	}
	switch {
	case r.section == "":
		r.fail(r.pos(), "%s stands outside of any section", keyword(words[0]))
	case r.section == "global":
		r.global(words)
	case r.proxy != nil:
		r.proxyLine(words, no)
	case r.group != nil:
		r.peersLine(words)
	default:
		if !slices.Contains(sections[r.section], words[0]) && !openSections[r.section] {
			r.unknown(words)
		}
	}
}

// open starts a section.
func (r *reader) open(words []string) {
	kind := words[0]
	r.section, r.name, r.proxy, r.group = kind, "", nil, nil
	if len(words) > 1 {
		r.name = words[1]
	}
	if unnamedSections[kind] {
		return
	}
	if r.name == "" && kind != "defaults" {
		r.fail(r.pos(), "section %q needs a name", kind)
	}
	switch kind {
	case "defaults", "frontend", "backend", "listen":
		r.openProxy(words)
	case "peers":
		r.openPeers()
	}
}

// unknown keeps a line that was not understood, without what may be secret in it.
func (r *reader) unknown(words []string) {
	r.cfg.Unknown = append(r.cfg.Unknown, topology.Unknown{
		Pos:      r.pos(),
		Text:     harmless(words),
		Affinity: affinityWord(words),
	})
}
