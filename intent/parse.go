package intent

import (
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"limpet.dev/topology"
)

// Parse reads a limpet.yaml; file is its name in positions and errors. What it includes is
// named in Include and not read. Errors are one topology.SyntaxError or several joined ones,
// each with file and line, and quote no values. An empty file is an empty intent.
func Parse(file string, data []byte) (*Intent, error) {
	in := &Intent{File: file, positions: map[string]topology.Pos{}}
	tokens, err := tokenize(file, data)
	if err != nil {
		return nil, err
	}
	tree, err := parse(file, tokens)
	if err != nil {
		return nil, err
	}
	d := &decoder{file: file, positions: in.positions}
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			intentKeys.read(d, doc.Body, "", in)
		}
	}
	in.check(d)
	if err := errors.Join(d.errs...); err != nil {
		return nil, err
	}
	return in, nil
}

// tokenize splits data into tokens that are safe to parse.
func tokenize(file string, data []byte) (token.Tokens, error) {
	if len(data) > maxBytes {
		return nil, &topology.SyntaxError{Pos: topology.Pos{File: file}, Msg: fmt.Sprintf("longer than %d KiB: nobody writes that by hand", maxBytes>>10)}
	}
	if line := badByte(data); line > 0 {
		return nil, &topology.SyntaxError{Pos: topology.Pos{File: file, Line: line}, Msg: "is not text: a control character or invalid UTF-8"}
	}
	tokens := lexer.Tokenize(string(data))
	return tokens, guard(file, tokens)
}

// parse calls the library's parser. A panic in it is bad input, whatever it says.
func parse(file string, tokens token.Tokens) (tree *ast.File, err error) {
	defer func() {
		if recover() != nil {
			tree, err = nil, &topology.SyntaxError{Pos: topology.Pos{File: file}, Msg: "is not YAML"}
		}
	}()
	if tree, err = parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()); err != nil {
		return nil, syntaxError(file, err)
	}
	return tree, nil
}

// badByte returns the line of the first byte that no text file holds, 0 for none.
func badByte(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\t' && r != '\r', r == 0x7f:
			return line
		}
		data = data[size:]
	}
	return 0
}

// check adds what the table cannot say: names are unique.
func (in *Intent) check(d *decoder) {
	unique(d, "session", in.Sessions, func(s Session) (string, topology.Pos) { return s.Name, s.Pos })
	unique(d, "tier", in.Tiers, func(t Tier) (string, topology.Pos) { return t.Name, t.Pos })
	unique(d, "instance", in.Instances, func(i Instance) (string, topology.Pos) { return i.Name, i.Pos })
}

func (d *decoder) complain(at topology.Pos, msg string) {
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, &topology.SyntaxError{Pos: at, Msg: msg})
	}
}

func unique[T any](d *decoder, kind string, list []T, of func(T) (string, topology.Pos)) {
	seen := map[string]topology.Pos{}
	for _, item := range list {
		name, at := of(item)
		if first, ok := seen[name]; ok && name != "" {
			d.complain(at, fmt.Sprintf("this %s has the name of the one in line %d", kind, first.Line))
		}
		seen[name] = at
	}
}

// quoted matches what a parser's message repeats of the file; single characters stay.
var quoted = regexp.MustCompile(`"[^"]{2,}"|'[^']{2,}'|` + "`[^`]{2,}`")

// syntaxError turns the library's error, which shows the text around the place, into ours,
// which does not.
func syntaxError(file string, err error) error {
	at := topology.Pos{File: file}
	var y yaml.Error
	if !errors.As(err, &y) {
		return &topology.SyntaxError{Pos: at, Msg: "is not YAML"}
	}
	if tk := y.GetToken(); tk != nil && tk.Position != nil {
		at.Line = tk.Position.Line
	}
	return &topology.SyntaxError{Pos: at, Msg: "is not YAML: " + quoted.ReplaceAllString(y.GetMessage(), "…")}
}
