package haproxy

import (
	"fmt"
	"strings"

	"limpet.dev/lb/logtext"
)

// Limits that HAProxy itself has (words), or that keep a hostile file from costing much (bytes, depth).
const (
	maxLine  = 1 << 20  // bytes of one line
	maxFile  = 64 << 20 // bytes of one file
	maxWords = 64       // words of one line; HAProxy's MAX_LINE_ARGS
	maxDepth = 1024     // nested .if
	maxValue = 1 << 20  // bytes of one line after its variables are expanded
)

// A splitter cuts a line into words as HAProxy's parse_line does (manual, sections 2.2 and 2.3):
// blanks separate, # begins a comment outside quotes, a backslash escapes, 'strong' quotes keep
// everything, "weak" quotes keep blanks and expand variables.
type splitter struct {
	lookup func(name string) (string, bool)

	in    string
	pos   int
	word  []byte
	open  bool // a word has begun, though it may be empty
	words []string
	grown int // bytes added by variables
}

// split returns the line's words. The error says what is wrong with the line, without quoting it.
func split(line string, lookup func(string) (string, bool)) ([]string, error) {
	s := &splitter{lookup: lookup, in: line}
	for s.pos < len(s.in) {
		c := s.in[s.pos]
		var err error
		switch {
		case isBlank(c):
			s.end()
			s.pos++
		case c == '#':
			s.pos = len(s.in)
		case c == '\\':
			err = s.escape(false)
		case c == '\'':
			err = s.strong()
		case c == '"':
			err = s.weak()
		default:
			s.add(c)
			s.pos++
		}
		if err != nil {
			return s.words, err
		}
		if len(s.words) > maxWords {
			return s.words[:maxWords], fmt.Errorf("more than %d words in one line", maxWords)
		}
	}
	s.end()
	if len(s.words) > maxWords {
		return s.words[:maxWords], fmt.Errorf("more than %d words in one line", maxWords)
	}
	return s.words, nil
}

func (s *splitter) add(c byte) {
	s.word = append(s.word, c)
	s.open = true
}

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, string(s.word))
	}
	s.word, s.open = s.word[:0], false
}

// escape reads a backslash and what it stands before. Before any other character it is itself.
func (s *splitter) escape(weak bool) error {
	if s.pos+1 >= len(s.in) {
		s.add('\\')
		s.pos++
		return nil
	}
	c := s.in[s.pos+1]
	switch c {
	case ' ', '\t', '\\', '#', '\'', '"':
		s.add(c)
	case 'n':
		s.add('\n')
	case 'r':
		s.add('\r')
	case 't':
		s.add('\t')
	case '$':
		if !weak {
			s.add('\\')
		}
		s.add('$')
	case 'x':
		if s.pos+3 >= len(s.in) || logtext.Unhex(s.in[s.pos+2]) < 0 || logtext.Unhex(s.in[s.pos+3]) < 0 {
			return fmt.Errorf("\\x without two hexadecimal digits")
		}
		s.add(byte(logtext.Unhex(s.in[s.pos+2])<<4 | logtext.Unhex(s.in[s.pos+3])))
		s.pos += 2
	default:
		s.add('\\')
		s.add(c)
	}
	s.pos += 2
	return nil
}

func (s *splitter) strong() error {
	s.open = true
	n := strings.IndexByte(s.in[s.pos+1:], '\'')
	if n < 0 {
		return fmt.Errorf("unmatched quote (')")
	}
	s.word = append(s.word, s.in[s.pos+1:s.pos+1+n]...)
	s.pos += n + 2
	return nil
}

func (s *splitter) weak() error {
	s.open = true
	for s.pos++; s.pos < len(s.in); {
		var err error
		switch c := s.in[s.pos]; c {
		case '"':
			s.pos++
			return nil
		case '\\':
			err = s.escape(true)
		case '$':
			err = s.variable()
		default:
			s.add(c)
			s.pos++
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("unmatched quote (\")")
}

// variable expands $NAME, ${NAME}, ${NAME-default} and ${NAME[*]} (several words).
func (s *splitter) variable() error {
	v, rest, err := cutVariable(s.in[s.pos:])
	if err != nil {
		return err
	}
	value, ok := s.lookup(v.name)
	if !ok {
		value = v.def
	}
	if s.grown += len(value); s.grown > maxValue {
		return fmt.Errorf("variables make the line longer than %d bytes", maxValue)
	}
	s.pos = len(s.in) - len(rest)
	if !v.list {
		s.word = append(s.word, value...)
		return nil
	}
	for i, f := range strings.Fields(value) {
		if i > 0 {
			s.end()
		}
		s.word = append(s.word, f...)
		s.open = true
	}
	return nil
}

type variable struct {
	name, def string
	list      bool
}

// cutVariable reads a variable at the start of text, which begins with '$', and returns what follows it.
func cutVariable(text string) (v variable, rest string, err error) {
	rest = text[1:]
	brace := strings.HasPrefix(rest, "{")
	if brace {
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && (isWord(rest[n]) || n == 0 && rest[n] == '.') {
		n++
	}
	if n == 0 || logtext.IsDigit(rest[0]) {
		return v, "", fmt.Errorf("a variable's name is missing or not valid after $")
	}
	v.name, rest = rest[:n], rest[n:]
	if !brace {
		return v, rest, nil
	}
	if r, ok := strings.CutPrefix(rest, "[*]"); ok {
		v.list, rest = true, r
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return v, "", fmt.Errorf("a variable's closing brace is missing")
	}
	switch body := rest[:end]; {
	case body == "":
	case body[0] == '-':
		v.def = body[1:]
	default:
		return v, "", fmt.Errorf("a variable's name holds a character that is not allowed")
	}
	return v, rest[end+1:], nil
}

// expandAddress expands ${NAME} in an address, where HAProxy does so even outside quotes.
func expandAddress(text string, lookup func(string) (string, bool)) string {
	if !strings.Contains(text, "${") && !strings.HasPrefix(text, "$") {
		return text
	}
	var b strings.Builder
	for text != "" && b.Len() < maxValue {
		n := strings.IndexByte(text, '$')
		if n < 0 {
			break
		}
		v, rest, err := cutVariable(text[n:])
		if err != nil {
			break
		}
		b.WriteString(text[:n])
		value, ok := lookup(v.name)
		if !ok {
			value = v.def
		}
		b.WriteString(value)
		text = rest
	}
	b.WriteString(text)
	return b.String()
}

func isWord(c byte) bool {
	return c == '_' || logtext.IsDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
