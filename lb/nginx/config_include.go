package nginx

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"limpet.dev/topology"
)

// folder returns the files that a name stands for.
func (r *reader) folder(name string) ([]string, error) {
	info, err := fs.Stat(r.fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	whole := path.Join(name, "nginx.conf")
	if _, err := fs.Stat(r.fsys, whole); err == nil {
		return []string{whole}, nil
	}
	names, _ := fs.Glob(r.fsys, path.Join(name, "*.conf"))
	return names, nil
}

// expand puts included files in place of the include directives, at every level. stack holds the files
// that are being included.
func (r *reader) expand(list []*directive, file string, depth int, stack []string) []*directive {
	stack = append(slices.Clip(stack), file)
	return r.place(list, path.Dir(stack[0]), depth, stack)
}

func (r *reader) place(list []*directive, root string, depth int, stack []string) []*directive {
	var out []*directive
	for _, d := range list {
		if d.name == "include" && !d.has && len(d.args) == 1 {
			out = append(out, r.include(d, root, depth+1, stack)...)
			continue
		}
		if d.has {
			d.block = r.place(d.block, root, depth, stack)
		}
		out = append(out, d)
	}
	return out
}

// include reads what one include directive names. A pattern may match nothing; a plain name that is not
// there is told among what was not understood: users rarely hand over every file.
func (r *reader) include(d *directive, root string, depth int, stack []string) []*directive {
	names := r.matches(d.args[0], root, path.Dir(stack[len(stack)-1]))
	if strings.ContainsAny(d.args[0], "*?[") && !inside(names, d.args[0]) {
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(stack, n) }) // found by the tail of its name only
	}
	if len(names) == 0 && !strings.ContainsAny(d.args[0], "*?[") {
		r.cfg.Unknown = append(r.cfg.Unknown, topology.Unknown{Pos: d.pos, Text: "include " + d.args[0] + " (this file was not given)", Affinity: !quietFile(d.args[0])})
		return nil
	}
	var out []*directive
	for _, name := range names {
		if slices.Contains(stack, name) {
			r.fail(d.pos, "the file includes itself")
			continue
		}
		if depth > maxDepth || r.budget < 0 {
			r.fail(d.pos, "too many includes within each other")
			break
		}
		list, err := r.readFile(name, 0)
		if err != nil {
			r.fail(d.pos, "cannot read what is included")
			continue
		}
		r.budget-- // an empty file costs too
		r.seen[name] = true
		out = append(out, r.place(list, root, depth, append(slices.Clip(stack), name))...)
	}
	return out
}

// matches finds the files of an include: below the folder of the main configuration, as nginx does,
// or else below the folder of the including file. The head of an absolute name is dropped until
// something matches, because a copy of /etc/nginx lies anywhere.
func (r *reader) matches(pattern, root, beside string) []string {
	names := []string{pattern}
	if rest, ok := strings.CutPrefix(pattern, "/"); ok {
		names = []string{rest}
		for i := 0; i < len(rest); i++ {
			if rest[i] == '/' && i+1 < len(rest) {
				names = append(names, rest[i+1:])
			}
		}
	}
	for i, name := range names {
		dirs := []string{root, beside}
		if i == 0 && strings.HasPrefix(pattern, "/") {
			dirs = []string{"."}
		}
		for _, dir := range dirs {
			full := path.Join(dir, name)
			if !fs.ValidPath(full) {
				continue
			}
			found, err := fs.Glob(r.fsys, full)
			if err != nil {
				continue
			}
			found = slices.DeleteFunc(found, func(n string) bool { info, err := fs.Stat(r.fsys, n); return err != nil || info.IsDir() })
			if len(found) > 0 {
				return found
			}
		}
	}
	return nil
}

// inside reports whether names are where the pattern says, and not merely files that end like it.
func inside(names []string, pattern string) bool {
	return !strings.HasPrefix(pattern, "/") || len(names) > 0 && path.Dir(names[0]) == path.Dir(strings.TrimPrefix(pattern, "/"))
}

// quietFile reports whether a file's usual content says nothing about where a client goes.
func quietFile(name string) bool {
	base := path.Base(name)
	for _, w := range []string{"mime.types", "params", "fastcgi.conf", "fastcgi-php.conf", "ssl", "letsencrypt", "modules", "security", "gzip"} {
		if strings.Contains(base, w) || strings.Contains(path.Dir(name), w) {
			return true
		}
	}
	return false
}
