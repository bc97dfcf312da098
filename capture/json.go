package capture

import (
	"bytes"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner walks through JSON as a stream and keeps nothing. Libraries for JSON hold a whole string in
// memory, and a body in a HAR can be larger than memory; what is skipped here costs no more than a look for the
// closing quote.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int
	base int64 // offset of buf[0]
	err  error
	text []byte // of the last string
	deep int
	keys map[string]string // names of keys that readers know
}

const (
	scanBuffer = 256 << 10
	maxDepth   = 512 // of what is read; what is skipped may be deeper
)

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, 0, scanBuffer), keys: harKeys}
}

// offset is the place of the next byte.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

func (s *scanner) broken(msg string) error {
	return &BrokenError{Kind: HAR, Offset: s.offset(), Msg: msg}
}

// fill reads more; false at the end.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	s.base += int64(len(s.buf))
	s.buf, s.pos = s.buf[:0], 0
	for range 100 {
		n, err := s.r.Read(s.buf[:cap(s.buf)])
		s.buf = s.buf[:n]
		if err != nil {
			s.err = err
		}
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// ended explains why there is no more.
func (s *scanner) ended(where string) error {
	if s.err != nil && s.err != io.EOF {
		return s.broken("cannot be read on " + where + ": " + s.err.Error())
	}
	return s.broken("the file ends " + where)
}

// peek returns the next byte that is no white space.
func (s *scanner) peek() (byte, error) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			switch s.buf[s.pos] {
			case ' ', '\t', '\n', '\r':
			default:
				return s.buf[s.pos], nil
			}
		}
		if !s.fill() {
			return 0, s.ended("where a value should follow")
		}
	}
}

func (s *scanner) expect(c byte) error {
	got, err := s.peek()
	if err != nil {
		return err
	}
	if got != c {
		return s.broken("unexpected " + visible(got) + " where " + visible(c) + " should stand")
	}
	s.pos++
	return nil
}

func visible(c byte) string {
	if c < 0x21 || c > 0x7e {
		return "byte 0x" + strconv.FormatUint(uint64(c), 16)
	}
	return "'" + string(c) + "'"
}

// object calls do for each key of an object; do reads or skips the value. What is no object is skipped. A key
// that nobody knows is "".
func (s *scanner) object(do func(key string) error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != '{' {
		return s.skip()
	}
	if s.deep++; s.deep > maxDepth {
		return s.broken("nested too deeply")
	}
	s.pos++
	for first := true; ; first = false {
		if c, err = s.peek(); err != nil {
			return err
		}
		if c == '}' {
			s.pos++
			s.deep--
			return nil
		}
		if !first {
			if err := s.expect(','); err != nil {
				return err
			}
			if c, err = s.peek(); err != nil {
				return err
			}
			if c == '}' { // a comma too many, as hand-made files have
				continue
			}
		}
		key, err := s.string(256)
		if err != nil {
			return err
		}
		name := s.keys[string(key)]
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := do(name); err != nil {
			return err
		}
	}
}

// array calls do for each element; do reads or skips it. What is no array is skipped.
func (s *scanner) array(do func() error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != '[' {
		return s.skip()
	}
	if s.deep++; s.deep > maxDepth {
		return s.broken("nested too deeply")
	}
	s.pos++
	for first := true; ; first = false {
		if c, err = s.peek(); err != nil {
			return err
		}
		if c == ']' {
			s.pos++
			s.deep--
			return nil
		}
		if !first {
			if err := s.expect(','); err != nil {
				return err
			}
			if c, err = s.peek(); err != nil {
				return err
			}
			if c == ']' {
				continue
			}
		}
		if err := do(); err != nil {
			return err
		}
	}
}

// value returns a string, number, true or false as text of at most most bytes; null, objects and arrays
// give "". It is lent.
func (s *scanner) value(most int) ([]byte, error) {
	c, err := s.peek()
	if err != nil {
		return nil, err
	}
	switch c {
	case '"':
		return s.string(most)
	case '{', '[':
		return nil, s.skip()
	}
	s.text = s.text[:0]
	if err := s.literal(func(c byte) {
		if len(s.text) < most {
			s.text = append(s.text, c)
		}
	}); err != nil {
		return nil, err
	}
	if string(s.text) == "null" {
		return nil, nil
	}
	return s.text, nil
}

// literal passes over a number or a word.
func (s *scanner) literal(keep func(byte)) error {
	n := 0
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			c := s.buf[s.pos]
			if c == ',' || c == '}' || c == ']' || c <= ' ' {
				if n == 0 {
					return s.broken("a value is missing")
				}
				return nil
			}
			if c == '"' || c == ':' || c == '{' || c == '[' {
				return s.broken("unexpected " + visible(c) + " in a number or word")
			}
			n++
			keep(c)
		}
		if !s.fill() {
			if n > 0 && s.err == io.EOF {
				return nil
			}
			return s.ended("inside a value")
		}
	}
}

// string reads a string, its escapes resolved; what is longer than most bytes is cut. It is lent.
func (s *scanner) string(most int) ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	s.text = s.text[:0]
	for {
		run := s.buf[s.pos:]
		i := bytes.IndexAny(run, "\"\\")
		if i < 0 {
			s.keep(run, most)
			s.pos = len(s.buf)
			if !s.fill() {
				return nil, s.ended("inside a string")
			}
			continue
		}
		s.keep(run[:i], most)
		s.pos += i + 1
		if run[i] == '"' {
			return s.text, nil
		}
		if err := s.escape(most); err != nil {
			return nil, err
		}
	}
}

func (s *scanner) keep(b []byte, most int) {
	if room := most - len(s.text); room < len(b) {
		b = b[:max(room, 0)]
	}
	s.text = append(s.text, b...)
}

// next returns the next byte of a string.
func (s *scanner) next() (byte, error) {
	if s.pos >= len(s.buf) && !s.fill() {
		return 0, s.ended("inside a string")
	}
	s.pos++
	return s.buf[s.pos-1], nil
}

// escape resolves what stands behind a backslash.
func (s *scanner) escape(most int) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	switch c {
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'u':
		r, err := s.hex()
		if err != nil {
			return err
		}
		s.keep(utf8.AppendRune(nil, s.pair(r)), most)
		return nil
	}
	s.keep([]byte{c}, most)
	return nil
}

func (s *scanner) hex() (rune, error) {
	var r rune
	for range 4 {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, s.broken("\\u without four hexadecimal digits")
		}
	}
	return r, nil
}

// pair joins the halves of a surrogate pair; a lone half becomes the replacement character.
func (s *scanner) pair(r rune) rune {
	if !utf16.IsSurrogate(r) {
		return r
	}
	if len(s.buf)-s.pos >= 6 && s.buf[s.pos] == '\\' && s.buf[s.pos+1] == 'u' {
		if low, err := strconv.ParseUint(string(s.buf[s.pos+2:s.pos+6]), 16, 16); err == nil {
			if joined := utf16.DecodeRune(r, rune(low)); joined != utf8.RuneError {
				s.pos += 6
				return joined
			}
		}
	}
	return utf8.RuneError
}

// skip passes over any value, however deep and long.
func (s *scanner) skip() error {
	depth := 0
	for {
		c, err := s.peek()
		if err != nil {
			return err
		}
		switch c {
		case '"':
			s.pos++
			if err := s.skipString(); err != nil {
				return err
			}
		case '{', '[':
			depth++
			s.pos++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return s.broken("unexpected " + visible(c))
			}
			s.pos++
		case ',', ':':
			if depth == 0 {
				return s.broken("a value is missing")
			}
			s.pos++
			continue
		default:
			if err := s.literal(func(byte) {}); err != nil {
				return err
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// skipString passes over a string whose opening quote was read.
func (s *scanner) skipString() error {
	for {
		run := s.buf[s.pos:]
		i := bytes.IndexByte(run, '"')
		end := i
		if i < 0 {
			end = len(run)
		}
		// A quote behind an odd number of backslashes does not end the string. Most text has none.
		j := bytes.IndexByte(run[:end], '\\')
		switch {
		case j >= 0:
			s.pos += j + 1
			if _, err := s.next(); err != nil { // what is escaped
				return err
			}
		case i >= 0:
			s.pos += i + 1
			return nil
		default:
			s.pos = len(s.buf)
			if !s.fill() {
				return s.ended("inside a string")
			}
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
