package intent

import (
	"fmt"

	"github.com/goccy/go-yaml/token"

	"limpet.dev/topology"
)

// Limits of a file, checked before the parser runs. The parser's time grows with the square
// of the nesting depth and of the number of documents: with goccy/go-yaml 1.19.2 on a 2-core
// machine, 65,536 nested lists (131 kB) took 29.5 s and 16,384 documents (147 kB) 7.3 s,
// while splitting the same text into tokens took 0.14 s and 0.03 s. So the depth is counted in
// the tokens. A real file nests 6 deep.
const (
	maxBytes = 256 << 10
	maxDepth = 16
)

// Guard returns what keeps a YAML file from being parsed at a price that its size does not
// foretell: depth, anchors, several documents, sheer size. Nil if nothing does.
func Guard(file string, data []byte) error {
	_, err := tokenize(file, data)
	return err
}

// guard returns what keeps tokens from being parsed, nil if nothing does.
func guard(file string, tokens token.Tokens) error {
	depth := depthMeter{}
	body := false
	for i, tk := range tokens {
		at := topology.Pos{File: file, Line: tk.Position.Line}
		if what, ok := unwanted[tk.Type]; ok {
			return &topology.SyntaxError{Pos: at, Msg: what + " are not used here: write the values out"}
		}
		switch tk.Type {
		case token.DocumentHeaderType:
			if body {
				return &topology.SyntaxError{Pos: at, Msg: "a second document begins here; the file is one document"}
			}
		case token.DocumentEndType, token.CommentType:
		default:
			body = true
		}
		if depth.add(tokens, i) > maxDepth {
			return &topology.SyntaxError{Pos: at, Msg: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
		}
	}
	return nil
}

// unwanted lists the constructs that no setting needs and that hostile files are made of.
var unwanted = map[token.Type]string{
	token.AnchorType:     "anchors",
	token.AliasType:      "aliases",
	token.TagType:        "tags",
	token.DirectiveType:  "directives",
	token.MergeKeyType:   "merge keys",
	token.MappingKeyType: "complex keys",
}

// A depthMeter follows the nesting of collections through tokens.
type depthMeter struct {
	flow    int   // open [ and {
	columns []int // of the block collections that are open, outermost first
}

// add takes the next token and returns the depth.
func (m *depthMeter) add(tokens token.Tokens, i int) int {
	switch tk := tokens[i]; tk.Type {
	case token.SequenceStartType, token.MappingStartType:
		m.flow++
	case token.SequenceEndType, token.MappingEndType:
		m.flow = max(0, m.flow-1)
	case token.SequenceEntryType:
		if m.flow == 0 {
			m.open(tk.Position.Column)
		}
	case token.MappingValueType:
		if m.flow == 0 && i > 0 {
			m.open(tokens[i-1].Position.Column)
		}
	}
	return m.flow + len(m.columns)
}

// open enters the block collection at a column and leaves those further right.
func (m *depthMeter) open(column int) {
	for n := len(m.columns); n > 0 && m.columns[n-1] > column; n-- {
		m.columns = m.columns[:n-1]
	}
	if n := len(m.columns); n == 0 || m.columns[n-1] < column {
		m.columns = append(m.columns, column)
	}
}
