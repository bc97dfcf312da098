package caddy

import (
	"bytes"

	"limpet.dev/lb/logtext"
)

// An object walks the fields of a JSON object as they stand in a line, without copying them.
type object struct {
	text []byte
	at   int
	bad  bool
}

func newObject(text []byte) object {
	text = bytes.TrimSpace(text)
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return object{bad: true}
	}
	return object{text: text[1 : len(text)-1]}
}

// next returns a field's name and its value as written; ok is false at the end, or where the text is no JSON (bad).
func (o *object) next() (name, value []byte, ok bool) {
	if o.blanks(); o.bad || o.at >= len(o.text) {
		return nil, nil, false
	}
	name = o.item()
	o.blanks()
	if o.bad || len(name) < 2 || name[0] != '"' || o.at >= len(o.text) || o.text[o.at] != ':' {
		o.bad = true
		return nil, nil, false
	}
	o.at++
	o.blanks()
	value = o.item()
	o.blanks()
	if o.at < len(o.text) {
		if o.text[o.at] != ',' {
			o.bad = true
		}
		o.at++
	}
	return name[1 : len(name)-1], value, !o.bad && len(value) > 0
}

// element returns the next element of a list walked as an object's inside.
func (o *object) element() ([]byte, bool) {
	if o.blanks(); o.bad || o.at >= len(o.text) {
		return nil, false
	}
	v := o.item()
	o.blanks()
	if o.at < len(o.text) {
		o.at++
	}
	return v, !o.bad && len(v) > 0
}

// listObject walks ["a","b"].
func listObject(v []byte) object {
	if len(v) < 2 || v[0] != '[' {
		return object{bad: true}
	}
	return object{text: v[1 : len(v)-1]}
}

func (o *object) blanks() {
	for o.at < len(o.text) && (o.text[o.at] == ' ' || o.text[o.at] == '\t') {
		o.at++
	}
}

// item passes over one value: a text, an object or a list with all in it, or a plain word.
func (o *object) item() []byte {
	from, deep := o.at, 0
	for o.at < len(o.text) {
		switch o.text[o.at] {
		case '"':
			if !o.string() {
				o.bad = true
				return nil
			}
			if deep == 0 {
				return o.text[from:o.at]
			}
			continue
		case '{', '[':
			deep++
		case '}', ']':
			if deep--; deep == 0 {
				o.at++
				return o.text[from:o.at]
			}
			if deep < 0 {
				o.bad = true
				return nil
			}
		case ',', ':', ' ':
			if deep == 0 {
				return o.text[from:o.at]
			}
		}
		o.at++
	}
	o.bad = o.bad || deep != 0
	return o.text[from:o.at]
}

// string passes over a text.
func (o *object) string() bool {
	for o.at++; ; {
		i := bytes.IndexByte(o.text[o.at:], '"')
		if i < 0 {
			return false
		}
		end := o.at + i
		slashes := 0
		for end-1-slashes >= o.at && o.text[end-1-slashes] == '\\' {
			slashes++
		}
		o.at = end + 1
		if slashes%2 == 0 {
			return true
		}
	}
}

// unquote returns a text's bytes, with its escapes undone in scratch where it has any.
func unquote(v []byte, scratch *[]byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return v
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	return logtext.Unescape(v, scratch)
}
