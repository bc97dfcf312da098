package intent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"limpet.dev/topology"
)

type dur = time.Duration

// A scalar is a value written as one word or text.
type scalar[V any] struct {
	form  string // what it is, for errors: "a text"
	parse func(text string) (V, error)
	json  map[string]any
}

func (s scalar[V]) schema() map[string]any { return maps.Clone(s.json) }

func (s scalar[V]) read(d *decoder, n ast.Node, path string, into *V) {
	if n.Type() == ast.NullType {
		return
	}
	text, ok := scalarText(n)
	if !ok {
		d.fail(n, fmt.Sprintf("%s is %s", path, s.form))
		return
	}
	v, err := s.parse(text)
	if err != nil {
		d.fail(n, fmt.Sprintf("%s: %v", path, err))
		return
	}
	*into = v
}

// text is a word or a line without control characters.
func text() value[string] {
	return scalar[string]{"one text", func(s string) (string, error) {
		switch {
		case strings.TrimSpace(s) == "":
			return "", fmt.Errorf("is empty; leave the key out instead")
		case strings.ContainsFunc(s, unicode.IsControl):
			return "", fmt.Errorf("has a control character in it")
		case len(s) > 4096:
			return "", fmt.Errorf("is longer than 4096 bytes")
		}
		return s, nil
	}, map[string]any{"type": []string{"string", "number", "boolean"}}}
}

// oneOf is one of some words.
func oneOf(name string, words ...string) value[string] {
	return scalar[string]{"one word", func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		if near := nearest(s, words); near != "" {
			return "", fmt.Errorf("unknown %s; did you mean %q?", name, near)
		}
		return "", fmt.Errorf("unknown %s; known: %s", name, strings.Join(words, ", "))
	}, map[string]any{"enum": words}}
}

func duration() value[dur] {
	return scalar[dur]{"a duration", parseDuration,
		map[string]any{"type": "string", "pattern": `^([0-9]+d|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`}}
}

func route() value[RoutePattern] {
	return scalar[RoutePattern]{"a route", parseRoute,
		map[string]any{"type": "string", "pattern": `^\s*([A-Za-z-]+\s+)?[/*][^?#\s]*\s*$`}}
}

func storeURL() value[StoreURL] {
	return scalar[StoreURL]{"a URL", func(s string) (StoreURL, error) {
		if scheme, rest, ok := strings.Cut(s, "://"); !ok || scheme == "" || rest == "" {
			return "", fmt.Errorf("a store's URL has a scheme: redis://host:6379/0")
		}
		return StoreURL(s), nil
	}, map[string]any{"type": "string", "pattern": "^[^:]+://."}}
}

// A several is a list; a single entry may stand without it if alone is set.
type several[V any] struct {
	of    value[V]
	alone bool
}

// list is a list of objects.
func list[V any](of value[V]) value[[]V] { return several[V]{of: of} }

// oneOrMore is a list, or its only entry.
func oneOrMore[V any](of value[V]) value[[]V] { return several[V]{of: of, alone: true} }

func (s several[V]) read(d *decoder, n ast.Node, path string, into *[]V) {
	seq, ok := n.(*ast.SequenceNode)
	switch {
	case n.Type() == ast.NullType:
		return
	case !ok && s.alone:
		var v V
		d.positions[path+"[0]"] = d.entry(n)
		s.of.read(d, n, path, &v)
		*into = append(*into, v)
		return
	case !ok:
		d.fail(n, path+" is a list: begin each entry with a dash")
		return
	}
	for i, item := range seq.Values {
		var v V
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.Type() == ast.NullType {
			d.fail(item, at+" is empty")
			continue
		}
		d.positions[at] = d.entry(item)
		s.of.read(d, item, at, &v)
		*into = append(*into, v)
	}
}

// entry is the position of a list's entry.
func (d *decoder) entry(n ast.Node) topology.Pos {
	if entries, ok := mapping(n); ok {
		return d.start(n, entries)
	}
	return d.pos(n.GetToken())
}

func (s several[V]) schema() map[string]any {
	many := map[string]any{"type": "array", "items": s.of.schema()}
	if !s.alone {
		return many
	}
	return map[string]any{"oneOf": []any{s.of.schema(), many}}
}
