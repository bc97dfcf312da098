package haproxy

import (
	"bytes"

	"limpet.dev/lb/logtext"
)

// A span is where a field's text stands in the line.
type span struct{ from, to int }

// A choice is a field whose end could also be later.
type choice struct{ node, from, to int }

// maxRetries bounds the work for one line that does not fit the format, or fits it in many ways.
const maxRetries = 512

// A matcher lays a format over a line: each field ends where the literal that follows it begins. Where that
// literal also occurs inside the field (a blank in a cookie, a quote in a User-Agent) the rest of
// the line decides: the shortest reading under which everything fits wins.
type matcher struct {
	spans   []span
	choices []choice

	far      int     // how many bytes were understood at best
	farNode  int     // the node that did not fit there
	farWas   meaning // and what it means
	farSpans []span  // the fields in front of it
	ended    bool    // the line ended inside the format
}

// match fills spans, one for each node, and reports whether the whole line fits.
func (m *matcher) match(f *format, b []byte, at int) bool {
	if cap(m.spans) < len(f.nodes) {
		m.spans = make([]span, len(f.nodes))
	}
	m.spans = m.spans[:len(f.nodes)]
	m.choices = m.choices[:0]
	m.far, m.farNode, m.farWas, m.ended = 0, 0, meansNothing, false
	i, pos, search, retries := 0, at, at, 0
	for {
		if i == len(f.nodes) {
			if pos == len(b) {
				return true
			}
		} else if end, more := f.end(i, b, pos, search, at); end >= 0 {
			if more {
				m.choices = append(m.choices, choice{i, pos, end})
			}
			m.spans[i] = span{pos, end}
			i, pos, search = i+1, end, end
			continue
		} else {
			m.note(f, i, b, pos)
		}
		n := len(m.choices)
		if n == 0 || retries == maxRetries {
			return false
		}
		retries++
		last := m.choices[n-1]
		m.choices = m.choices[:n-1]
		i, pos, search = last.node, last.from, last.to+1
	}
}

// note remembers where the line stopped to fit: the last node that any reading reached, and of the
// readings that reached it the first, which has the shortest fields.
func (m *matcher) note(f *format, i int, b []byte, pos int) {
	if i <= m.farNode && m.far > 0 {
		return
	}
	m.far, m.farNode, m.farWas = pos, i, f.nodes[i].what
	m.farSpans = append(m.farSpans[:0], m.spans[:i]...)
	rest := b[pos:]
	m.ended = len(rest) == 0 || f.nodes[i].typ == nodeText && len(rest) < len(f.nodes[i].text) && string(rest) == f.nodes[i].text[:len(rest)] ||
		f.nodes[i].typ == nodeField && bytes.IndexByte(rest, ' ') < 0 && len(rest) < 40 || f.nodes[i].quoted && rest[0] == '"'
}

// end returns where node i ends that begins at pos, not before search, and whether a later end is
// possible too; -1 if it does not fit. start is where the message begins.
func (f *format) end(i int, b []byte, pos, search, start int) (int, bool) {
	n := &f.nodes[i]
	switch n.typ {
	case nodeText:
		if len(b)-pos >= len(n.text) && string(b[pos:pos+len(n.text)]) == n.text {
			return pos + len(n.text), false
		}
		return -1, false
	case nodeBlank:
		if pos < len(b) && b[pos] == ' ' {
			return pos + 1, false
		}
		if pos == start || b[pos-1] == ' ' || pos == len(b) && f.onlyOptional(i+1) {
			return pos, false // merged with the blank before an absent field, or trimmed
		}
		return -1, false
	}
	if n.json && bytes.HasPrefix(b[pos:], []byte("null")) {
		return pos + 4, false
	}
	if n.quoted && pos < len(b) && b[pos] == '"' {
		if n.shape == shapeList {
			return listEnd(b, pos), false
		}
		return f.quotedEnd(i, b, pos, search)
	}
	return f.plainEnd(i, b, pos, search)
}

// onlyOptional reports whether nothing from node i on must be there.
func (f *format) onlyOptional(i int) bool {
	for ; i < len(f.nodes); i++ {
		n := &f.nodes[i]
		if n.typ == nodeText || n.typ == nodeField && n.shape != shapeBraces && n.shape != shapeList && n.shape != shapeQuery {
			return false
		}
	}
	return true
}

// quotedEnd finds the closing quote. Only fields whose quotes are escaped have one that is sure.
func (f *format) quotedEnd(i int, b []byte, pos, search int) (int, bool) {
	n := &f.nodes[i]
	from := max(pos+1, search)
	if n.esc {
		for k := pos + 1; k < len(b); k++ {
			if b[k] == '\\' {
				k++
			} else if b[k] == '"' {
				return k + 1, false
			}
		}
		return -1, false
	}
	lit := f.nodes[i].next
	for from < len(b) {
		k := bytes.IndexByte(b[from:], '"')
		if k < 0 {
			return -1, false
		}
		from += k + 1
		if lit == "" || len(b)-from >= len(lit) && string(b[from:from+len(lit)]) == lit || from == len(b) {
			return from, !n.hash
		}
	}
	return -1, false
}

// listEnd returns the end of "a" "b" "c".
func listEnd(b []byte, pos int) int {
	for {
		k := bytes.IndexByte(b[pos+1:], '"')
		if k < 0 {
			return -1
		}
		pos += k + 2
		if pos+1 >= len(b) || b[pos] != ' ' || b[pos+1] != '"' {
			return pos
		}
		pos++
	}
}

// plainEnd finds the end of a field that stands without quotes.
func (f *format) plainEnd(i int, b []byte, pos, search int) (int, bool) {
	n := &f.nodes[i]
	switch n.shape {
	case shapeNumber, shapeHex:
		return f.numberEnd(i, b, pos, search)
	case shapeDigits3:
		return fixedEnd(b, pos, search, 3)
	case shapeDate:
		return dateEnd(b, pos, search), false
	case shapeZonedDate:
		if pos+26 <= len(b) && search == pos && b[pos+2] == '/' && b[pos+20] == ' ' && (b[pos+21] == '+' || b[pos+21] == '-') {
			return pos + 26, false
		}
		return -1, false
	case shapeFlags:
		return flagsEnd(b, pos, search, 4), false
	case shapeFlags2:
		return flagsEnd(b, pos, search, 2), false
	case shapeBraces:
		return bracesEnd(b, pos, search), false
	case shapeQuery:
		if pos >= len(b) || b[pos] != '?' && b[pos] != '<' {
			if search > pos {
				return -1, false
			}
			return pos, false
		}
	case shapeList:
		if pos == len(b) {
			return pos, false
		}
	}
	return f.textEnd(i, b, pos, search)
}

// textEnd finds the end of free text: where the next literal begins, or the line's end.
func (f *format) textEnd(i int, b []byte, pos, search int) (int, bool) {
	n := &f.nodes[i]
	limit := len(b)
	if n.shape == shapeWord || n.shape == shapeQuery {
		if k := bytes.IndexByte(b[pos:], ' '); k >= 0 {
			limit = pos + k
		}
	}
	lit := f.nodes[i].next
	switch {
	case i+1 == len(f.nodes):
		if search > limit {
			return -1, false
		}
		return limit, false
	case lit == "": // another field stands right behind it
		end := max(search, pos+1)
		if end > limit {
			return -1, false
		}
		return end, true
	case lit == " " && limit < len(b):
		if search > limit {
			return -1, false
		}
		return limit, false
	}
	if search > len(b) {
		return -1, false
	}
	k := indexString(b[search:], lit)
	if k < 0 {
		if search <= limit && limit == len(b) && lit == " " && f.onlyOptional(i+1) {
			return limit, false
		}
		return -1, false
	}
	if end := search + k; end <= limit {
		return end, true
	}
	return -1, false
}

// indexString is bytes.Index for a literal; the common one of a single byte is quick.
func indexString(b []byte, lit string) int {
	first := lit[0]
	for from := 0; ; {
		k := bytes.IndexByte(b[from:], first)
		if k < 0 {
			return -1
		}
		from += k
		if len(b)-from >= len(lit) && string(b[from:from+len(lit)]) == lit {
			return from
		}
		from++
	}
}

// numberEnd finds the end of [+-]digits. A '-' alone is a number that is absent.
func (f *format) numberEnd(i int, b []byte, pos, search int) (int, bool) {
	hex := f.nodes[i].shape == shapeHex
	if search == pos && len(b)-pos >= 2 && b[pos] == '"' && b[pos+1] == '"' {
		return pos + 2, false // an absent port under +Q
	}
	k := pos
	if k < len(b) && (b[k] == '+' || b[k] == '-') {
		k++
	}
	digits := k
	for k < len(b) && (logtext.IsDigit(b[k]) || hex && logtext.Unhex(b[k]) >= 0) {
		k++
	}
	if k == digits && (k == pos || b[pos] != '-') {
		return -1, false
	}
	if f.nodes[i].next == "" && i+1 < len(f.nodes) { // digits of the next field follow: try short ones first
		end := max(search, min(digits+1, k))
		if end > k {
			return -1, false
		}
		return end, end < k
	}
	if search > k {
		return -1, false
	}
	return k, false
}

func fixedEnd(b []byte, pos, search, n int) (int, bool) {
	if search > pos || pos+n > len(b) {
		return -1, false
	}
	for _, c := range b[pos : pos+n] {
		if !logtext.IsDigit(c) {
			return -1, false
		}
	}
	return pos + n, false
}

// dateEnd accepts 26/Apr/2024:09:39:58 with or without .774 (HAProxy before 1.3.9 wrote none).
func dateEnd(b []byte, pos, search int) int {
	if search > pos || pos+dateLen > len(b) || b[pos+2] != '/' || b[pos+6] != '/' || b[pos+11] != ':' || b[pos+17] != ':' {
		return -1
	}
	if pos+dateLen+4 <= len(b) && b[pos+dateLen] == '.' && logtext.IsDigit(b[pos+dateLen+1]) && logtext.IsDigit(b[pos+dateLen+2]) && logtext.IsDigit(b[pos+dateLen+3]) {
		return pos + dateLen + 4
	}
	return pos + dateLen
}

func flagsEnd(b []byte, pos, search, n int) int {
	if search > pos || pos+n > len(b) || !isStateCode(b[pos:pos+n]) {
		return -1
	}
	return pos + n
}

// bracesEnd accepts {a|b}, in which HAProxy escapes the braces of the values, or nothing.
func bracesEnd(b []byte, pos, search int) int {
	if search > pos {
		return -1
	}
	if pos >= len(b) || b[pos] != '{' {
		return pos
	}
	k := bytes.IndexByte(b[pos:], '}')
	if k < 0 {
		return -1
	}
	return pos + k + 1
}
