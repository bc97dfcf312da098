package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"limpet.dev/capture"
	"limpet.dev/intent"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// A found file is an input with what it was recognised as.
type found struct {
	path    string // to open
	name    string // as reports show it: relative to the bundle
	kind    string // log, events, capture, changes, config, intent, key, unknown
	product *lb.Product
	head    []byte
	err     error
	opened  *file // a pipe, which is read once
}

// A bundle is the inputs of one diagnosis, recognised.
type bundle struct {
	dir    string // of limpet.yaml, "" none
	files  []found
	intent *intent.Intent
	notes  []string
}

const headSize = 64 << 10

// collect finds and recognises the files that paths name: files, folders and globs. Configurations
// named apart (-c) come first.
func collect(opt *Options) (*bundle, error) {
	b := &bundle{}
	for _, c := range opt.Config {
		f := recognise(c, filepath.Base(c), opt.Products)
		if f.err != nil {
			return nil, fmt.Errorf("read configuration: %w", f.err)
		}
		if f.kind != "intent" && f.kind != "config" {
			if f.product = productOf(f.head, opt.Products, 0); f.product == nil {
				return nil, fmt.Errorf("read configuration: %s is no configuration that limpet knows", c)
			}
			f.kind = "config"
		}
		b.files = append(b.files, f)
	}
	for _, p := range opt.Paths {
		if err := b.add(p, opt); err != nil {
			return nil, err
		}
	}
	return b, b.readIntent()
}

func (b *bundle) add(path string, opt *Options) error {
	if path == "-" {
		b.files = append(b.files, found{path: "-", name: "standard input", kind: "log"})
		return nil
	}
	st, err := os.Stat(path)
	if err != nil {
		if matches, globErr := filepath.Glob(path); globErr == nil && len(matches) > 0 {
			for _, m := range matches {
				if err := b.add(m, opt); err != nil {
					return err
				}
			}
			return nil
		}
		return &MissingError{path, err}
	}
	switch mode := st.Mode(); {
	case mode&fs.ModeNamedPipe != 0:
		return b.addPipe(path, opt)
	case !mode.IsRegular() && !mode.IsDir():
		return &MissingError{path, errNoFile}
	case !mode.IsDir():
		b.files = append(b.files, recognise(path, filepath.ToSlash(path), opt.Products))
		return nil
	}
	if b.dir == "" {
		b.dir = path
	}
	return filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			b.notes = append(b.notes, "cannot read "+p+": "+rootCause(err))
			return nil
		}
		name := e.Name()
		if e.IsDir() {
			if p != path && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if name == "truth.json" || strings.HasPrefix(name, ".") || !e.Type().IsRegular() && e.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		rel, _ := filepath.Rel(path, p)
		if name := filepath.ToSlash(rel); !opt.ignores(name) {
			b.files = append(b.files, recognise(p, name, opt.Products))
		}
		return nil
	})
}

// errNoFile says of a device or socket why it is not read: it may have no end.
var errNoFile = errors.New("is no file, folder or pipe")

// addPipe adds a named pipe that the user wrote, as in <(zcat *.gz). It can be read once only, so it stays open.
func (b *bundle) addPipe(path string, opt *Options) error {
	p, err := os.Open(path)
	if err != nil {
		return &MissingError{path, err}
	}
	in, err := decompress(&file{path: path, f: p, close: func() { p.Close() }}, p)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(in.stream, head)
	if n == 0 && err != io.EOF {
		in.close()
		return fmt.Errorf("read %s: %s", path, readError(err))
	}
	f := found{path: path, name: filepath.ToSlash(path), head: head[:n], opened: in}
	in.stream = io.MultiReader(bytes.NewReader(f.head), in.stream)
	switch f.kind, f.product = classify(f.head, opt.Products); f.kind {
	case "log", "events":
	case "unknown":
		f.kind = "log" // the parser looks at the lines themselves, as of standard input
	default:
		in.close()
		return fmt.Errorf("read %s: a pipe is read once, so it can bring logs and events only: save this to a file", path)
	}
	b.files = append(b.files, f)
	return nil
}

func (o *Options) ignores(name string) bool { return o.Ignore != nil && o.Ignore(name) }

// A MissingError is an argument that names nothing.
type MissingError struct {
	Path string
	Err  error
}

func (e *MissingError) Error() string { return "open " + e.Path + ": " + rootCause(e.Err) }
func (e *MissingError) Unwrap() error { return e.Err }

func rootCause(err error) string {
	if pe, ok := err.(*fs.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// errNoRegular says of what a folder or limpet.yaml names why it is not opened: a pipe without a writer would block.
var errNoRegular = errors.New("is no regular file, and is not read")

// recognise looks into a file.
func recognise(path, name string, products []*lb.Product) found {
	f := found{path: path, name: name, kind: "unknown"}
	base := filepath.Base(path)
	if base == "limpet.key" {
		f.kind = "key"
		return f
	}
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f.err = errNoRegular
		return f
	}
	f.head, f.err = headOf(path, headSize)
	if f.err != nil {
		return f
	}
	switch {
	case base == "limpet.yaml" || base == "limpet.yml":
		f.kind = "intent"
	case strings.Contains(base, ".before-"):
		f.kind = "earlier"
	default:
		f.kind, f.product = classify(f.head, products)
	}
	return f
}

// classify says what a file is by its first lines.
func classify(head []byte, products []*lb.Product) (string, *lb.Product) {
	if kind := classifyJSON(head); kind != "" {
		return kind, nil
	}
	seen := capture.Sniff(head)
	if seen == capture.HAR || seen == capture.Transcript {
		return "capture", nil
	}
	var best *lb.Product
	kind, most := "unknown", 0.3
	for _, p := range products {
		if p.SniffLog != nil {
			if s := p.SniffLog(head); s > most {
				best, kind, most = p, "log", s
			}
		}
		if p.SniffConfig != nil {
			if s := p.SniffConfig(head); s > most {
				best, kind, most = p, "config", s
			}
		}
	}
	if best == nil && seen == capture.Headers {
		return "capture", nil
	}
	return kind, best
}

// productOf returns the product whose configuration this most looks like, if it does more than least.
func productOf(head []byte, products []*lb.Product, least float64) *lb.Product {
	var best *lb.Product
	for _, p := range products {
		if p.SniffConfig != nil {
			if s := p.SniffConfig(head); s > least {
				best, least = p, s
			}
		}
	}
	return best
}

// classifyJSON tells lifecycle events and changes from other files of JSON lines.
func classifyJSON(head []byte) string {
	var p session.EventParser
	var e session.Event
	events, changes, n := 0, 0, 0
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			if len(line) > 0 {
				n++
			}
			continue
		}
		if n++; n > 50 {
			break
		}
		switch why := p.Parse(line, &e); why {
		case "", session.UnknownEvent, session.NoKey:
			events++
		default:
			if _, err := session.ParseChange(line); err == nil && !bytes.Contains(line, []byte(`"status"`)) {
				changes++
			}
		}
	}
	switch {
	case events*2 > n:
		return "events"
	case changes*2 > n:
		return "changes"
	}
	return ""
}

// readIntent reads the bundle's limpet.yaml, if there is one, and lets it say what files are.
func (b *bundle) readIntent() error {
	for i := range b.files {
		f := &b.files[i]
		if f.kind != "intent" {
			continue
		}
		in, err := loadIntent(f)
		if err != nil {
			return err
		}
		b.intent = in
		if b.dir == "" {
			b.dir = filepath.Dir(f.path)
		}
		return nil
	}
	return nil
}

// loadIntent reads a limpet.yaml and what it includes.
func loadIntent(f *found) (*intent.Intent, error) {
	data, err := readAll(f.path, 1<<20) // more than Parse takes
	if err != nil {
		return nil, fmt.Errorf("read %s: %s", f.name, rootCause(err))
	}
	in, err := intent.Parse(f.name, data)
	if err != nil || len(in.Include) == 0 {
		return in, err
	}
	return intent.Load(os.DirFS(filepath.Dir(f.path)), filepath.Base(f.path))
}

// of returns the files of one kind.
func (b *bundle) of(kind string) []*found {
	var fs []*found
	for i := range b.files {
		if b.files[i].kind == kind {
			fs = append(fs, &b.files[i])
		}
	}
	return fs
}

// named finds the file that limpet.yaml calls name.
func (b *bundle) named(name string) *found {
	for i := range b.files {
		n := b.files[i].name
		if n == name || strings.TrimSuffix(strings.TrimSuffix(n, ".gz"), ".zst") == name || filepath.Base(n) == name {
			return &b.files[i]
		}
	}
	return nil
}

// declared gives the kinds that limpet.yaml declares to files that were not recognised, adds files that it
// names beside itself, and returns what it names and nobody has.
func (b *bundle) declared(opt *Options) (absent []string) {
	if b.intent == nil {
		return nil
	}
	want := func(name, kind string, p *lb.Product) {
		f := b.named(name)
		if f == nil && b.dir != "" {
			for _, suffix := range []string{"", ".gz", ".zst"} {
				if path := filepath.Join(b.dir, name+suffix); !opt.ignores(name+suffix) && exists(path) {
					b.files = append(b.files, recognise(path, name+suffix, opt.Products))
					f = &b.files[len(b.files)-1]
					break
				}
			}
		}
		if f == nil {
			absent = append(absent, name)
			return
		}
		if f.kind == "unknown" && f.err == nil {
			f.kind, f.product = kind, p
		}
	}
	for _, t := range b.intent.Tiers {
		p := find(opt.Products, t.Product)
		for _, c := range t.Config {
			want(c, "config", p)
		}
		for _, l := range t.Logs {
			want(l, "log", p)
		}
		for _, n := range t.Nodes {
			for _, c := range n.Config {
				want(c, "config", p)
			}
			for _, l := range n.Logs {
				want(l, "log", p)
			}
		}
	}
	for _, e := range b.intent.Events {
		want(e, "events", nil)
	}
	for _, c := range b.intent.Changes {
		want(c, "changes", nil)
	}
	slices.Sort(absent)
	return absent
}

func find(products []*lb.Product, name string) *lb.Product {
	for _, p := range products {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
