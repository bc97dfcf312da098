package intent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"limpet.dev/topology"
)

// maxIncludes bounds the files that one limpet.yaml may bring with it.
const maxIncludes = 32

// Load reads a limpet.yaml and the files it includes from fsys. Included lists stand before
// the including file's own; paths in an included file are rewritten to be relative to the first file's
// folder. A file outside fsys cannot be included.
func Load(fsys fs.FS, name string) (*Intent, error) {
	l := loader{fsys: fsys, base: path.Dir(name), seen: map[string]bool{}}
	in, err := l.load(name)
	if err != nil {
		return nil, err
	}
	d := &decoder{}
	in.check(d)
	if err := errors.Join(d.errs...); err != nil {
		return nil, err
	}
	return in, nil
}

type loader struct {
	fsys fs.FS
	base string // folder of the first file
	seen map[string]bool
}

func (l *loader) load(name string) (*Intent, error) {
	l.seen[name] = true
	data, err := l.read(name)
	if err != nil {
		return nil, err
	}
	in, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	in.rebase(l.base, path.Dir(name))
	whole := &Intent{File: name, positions: in.positions}
	for i, include := range in.Include {
		at := in.At(fmt.Sprintf("include[%d]", i))
		target := path.Join(path.Dir(name), include)
		if msg := l.objection(target); msg != "" {
			return nil, &topology.SyntaxError{Pos: at, Msg: msg}
		}
		part, err := l.load(target)
		if err != nil {
			return nil, fmt.Errorf("included by %s: %w", at, err)
		}
		whole.add(part)
	}
	whole.add(in)
	return whole, nil
}

func (l *loader) objection(target string) string {
	switch {
	case !fs.ValidPath(target):
		return "an included file lies in this file's folder or below it"
	case l.seen[target]:
		return "this file is included already"
	case len(l.seen) >= maxIncludes:
		return fmt.Sprintf("more than %d files are included", maxIncludes)
	}
	return ""
}

// read reads one byte more than Parse takes, so that a long file is refused and not held.
func (l *loader) read(name string) ([]byte, error) {
	if st, err := fs.Stat(l.fsys, name); err == nil && !st.Mode().IsRegular() {
		return nil, &topology.SyntaxError{Pos: topology.Pos{File: name}, Msg: "is no regular file"}
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// add appends what another file says.
func (in *Intent) add(part *Intent) {
	if part.Service != "" {
		in.Service = part.Service
	}
	in.Sessions = append(in.Sessions, part.Sessions...)
	in.Tiers = append(in.Tiers, part.Tiers...)
	in.Instances = append(in.Instances, part.Instances...)
	in.Events = append(in.Events, part.Events...)
	in.Changes = append(in.Changes, part.Changes...)
}

// rebase makes paths that are relative to dir relative to base, the folder above.
func (in *Intent) rebase(base, dir string) {
	if dir == base {
		return
	}
	prefix := dir
	if base != "." {
		prefix = dir[len(base)+1:]
	}
	move := func(files []string) {
		for i, f := range files {
			if !path.IsAbs(f) {
				files[i] = path.Join(prefix, f)
			}
		}
	}
	move(in.Events)
	move(in.Changes)
	for _, t := range in.Tiers {
		move(t.Config)
		move(t.Logs)
		for _, n := range t.Nodes {
			move(n.Config)
			move(n.Logs)
		}
	}
}
