package intent

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"limpet.dev/topology"
)

// A value is a type of the file: how it is read from YAML, and how JSON Schema says it.
type value[V any] interface {
	read(d *decoder, n ast.Node, path string, into *V)
	schema() map[string]any
}

// An object is a mapping with known keys.
type object[T any] struct {
	title string // for errors: "in a session"
	doc   string
	one   bool // exactly one key
	keys  []key[T]
	pos   func(*T) *topology.Pos // where the object keeps its own position, nil: nowhere
}

// A key is one entry of an object.
type key[T any] struct {
	name, doc string
	read      func(d *decoder, n ast.Node, path string, into *T)
	schema    func() map[string]any
}

// field makes the key that fills one field of T with a V.
func field[T, V any](name, doc string, v value[V], at func(*T) *V) key[T] {
	return key[T]{name, doc, func(d *decoder, n ast.Node, path string, into *T) {
		v.read(d, n, path, at(into))
	}, v.schema}
}

// A decoder reads one file's nodes and keeps what is wrong with them.
type decoder struct {
	file      string
	positions map[string]topology.Pos
	errs      []error
}

// maxErrors is how many problems are listed: the first ones explain the rest.
const maxErrors = 10

func (d *decoder) pos(tk *token.Token) topology.Pos {
	return topology.Pos{File: d.file, Line: tk.Position.Line}
}

func (d *decoder) fail(n ast.Node, msg string) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, &topology.SyntaxError{Pos: d.pos(n.GetToken()), Msg: msg})
	}
}

func (o object[T]) read(d *decoder, n ast.Node, path string, into *T) {
	if n.Type() == ast.NullType {
		return
	}
	entries, ok := mapping(n)
	if !ok {
		d.fail(n, fmt.Sprintf("%s is a mapping with the keys %s", what(path, o.title), strings.Join(o.names(), ", ")))
		return
	}
	if o.pos != nil {
		*o.pos(into) = d.start(n, entries)
	}
	given := map[string]bool{}
	for _, e := range entries {
		o.readEntry(d, e, path, given, into)
	}
	if o.one && len(entries) != 1 {
		d.fail(n, o.title+" takes exactly one of "+strings.Join(o.names(), ", "))
	}
}

func (o object[T]) readEntry(d *decoder, e *ast.MappingValueNode, path string, given map[string]bool, into *T) {
	name, ok := scalarText(e.Key)
	if !ok {
		d.fail(e.Key, "a key is a word")
		return
	}
	for _, k := range o.keys {
		if k.name != name {
			continue
		}
		if given[name] {
			d.fail(e.Key, fmt.Sprintf("key %q is given twice", name))
			return
		}
		given[name] = true
		at := join(path, name)
		d.positions[at] = d.pos(e.Key.GetToken())
		k.read(d, e.Value, at, into)
		return
	}
	d.fail(e.Key, unknownKey(name, inside(path, o.title), o.names()))
}

func (o object[T]) names() []string {
	names := make([]string, len(o.keys))
	for i, k := range o.keys {
		names[i] = k.name
	}
	return names
}

// start is the position of a mapping: that of its first key.
func (d *decoder) start(n ast.Node, entries []*ast.MappingValueNode) topology.Pos {
	if len(entries) > 0 {
		return d.pos(entries[0].Key.GetToken())
	}
	return d.pos(n.GetToken())
}

// mapping returns a mapping's entries; the parser has two forms of it.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// scalarText returns a scalar as written: a name may look like a number.
func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// what names a place for the start of a sentence.
func what(path, title string) string {
	if path == "" {
		return title
	}
	return path
}

// inside names the object for "unknown key … in …"; the file itself needs no name.
func inside(path, title string) string {
	if path == "" {
		return ""
	}
	return title
}
