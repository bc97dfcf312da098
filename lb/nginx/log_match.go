package nginx

import "limpet.dev/lb/logtext"

// A span is where a field's text stands in the line.
type span struct{ from, to int }

// A choice is a field whose end could also be later.
type choice struct{ field, from, to int }

// maxRetries bounds the work for one line that does not fit the format, or fits it in many ways.
const maxRetries = 512

// A matcher lays a format over a line: each field ends where the literal that follows it begins. Where that
// literal also occurs inside the field (a blank in a User-Agent without quotes) the rest of
// the line decides: the shortest reading under which everything fits wins.
type matcher struct {
	spans   []span
	choices []choice

	far      int     // how many bytes were understood at best
	farField int     // the field that did not fit there
	farWas   meaning // and what it means
	farSpans []span  // the fields in front of it
	ended    bool    // the line ended inside the format
}

// quick fills spans, one for each field, if the first end of each field is the right one.
func (m *matcher) quick(f *lineFormat, b []byte, at int) bool {
	if cap(m.spans) < len(f.fields) {
		m.spans = make([]span, len(f.fields))
	}
	m.spans = m.spans[:len(f.fields)]
	if !hasText(b, at, f.lead) {
		return false
	}
	pos := at + len(f.lead)
	for i := range f.fields {
		n := &f.fields[i]
		to := pos
		switch n.end {
		case endAtMark, endGuess:
			if to = seek(b, pos, n.mark); to < 0 {
				return false
			}
		case endFixed:
			if to = pos + n.shape.size(); to > len(b) || !n.dated(b[pos:to]) {
				return false
			}
		case endNumber:
			for to < len(b) && isNumberByte(b[to]) {
				to++
			}
		case endList:
			to = listEnd(b, pos)
		case endEscaped:
			if to = seekQuote(b, pos); to < 0 {
				return false
			}
		case endOfLine:
			if to = len(b); !n.fits(b[pos:]) {
				return false
			}
		default:
			return false
		}
		if !hasText(b, to, n.next) {
			return false
		}
		m.spans[i] = span{pos, to}
		pos = to + len(n.next)
	}
	return pos == len(b)
}

func (s shape) size() int {
	if s == shapeISO {
		return isoLen
	}
	return localLen
}

func isNumberByte(c byte) bool { return logtext.IsDigit(c) || c == '.' || c == '-' }

// match fills spans and reports whether the whole line fits.
func (m *matcher) match(f *lineFormat, b []byte, at int) bool {
	if cap(m.spans) < len(f.fields) {
		m.spans = make([]span, len(f.fields))
	}
	m.spans = m.spans[:len(f.fields)]
	m.choices = m.choices[:0]
	m.far, m.farField, m.farWas, m.ended, m.farSpans = 0, 0, meansNothing, false, m.farSpans[:0]
	if !hasText(b, at, f.lead) {
		return false
	}
	pos := at + len(f.lead)
	i, search, retries := 0, pos, 0
	for {
		if i == len(f.fields) {
			if pos == len(b) {
				return true
			}
		} else if to, more := f.fields[i].endOf(b, pos, search, i+1 == len(f.fields)); to >= 0 {
			if more {
				m.choices = append(m.choices, choice{i, pos, to})
			}
			m.spans[i] = span{pos, to}
			pos = to + len(f.fields[i].next)
			i, search = i+1, pos
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
		i, pos, search = last.field, last.from, last.to+1
	}
}

// note remembers where the line stopped to fit: the last field that any reading reached, and of the
// readings that reached it the first, which has the shortest fields.
func (m *matcher) note(f *lineFormat, i int, b []byte, pos int) {
	if i <= m.farField && m.far > 0 {
		return
	}
	n := &f.fields[i]
	m.far, m.farField, m.farWas = pos, i, n.what
	m.farSpans = append(m.farSpans[:0], m.spans[:i]...)
	switch n.end {
	case endFixed:
		m.ended = len(b)-pos < n.shape.size()+len(n.next)
	case endAtMark, endEscaped:
		m.ended = seek(b, pos, n.mark) < 0 || len(b)-pos < 40
	default:
		m.ended = true // free text up to the end: whatever should follow it is not there
	}
}

// endOf returns where the field ends that begins at pos, not before search, and whether a later end is
// possible too; -1 if it does not fit. The text that must follow it stands there.
func (n *field) endOf(b []byte, pos, search int, last bool) (to int, more bool) {
	switch n.end {
	case endFixed:
		if to = pos + n.shape.size(); search == pos && to <= len(b) && n.dated(b[pos:to]) && hasText(b, to, n.next) {
			return to, false
		}
		if search <= pos+1 && pos < len(b) && b[pos] == '-' && hasText(b, pos+1, n.next) {
			return pos + 1, false
		}
		return -1, false
	case endNumber:
		for to = pos; to < len(b) && isNumberByte(b[to]); {
			to++
		}
		if search > to {
			return -1, false
		}
		if n.next == "" && !last { // digits of the next field follow: try short ones first
			to = max(search, min(pos+1, to))
			return to, true
		}
		if !hasText(b, to, n.next) {
			return -1, false
		}
		return to, false
	case endList:
		if to = listEnd(b, pos); search <= to && hasText(b, to, n.next) {
			return to, false
		}
	case endEscaped:
		if to = seekQuote(b, pos); search <= to && hasText(b, to, n.next) {
			return to, false
		}
		return -1, false
	case endAtMark:
		if to = seek(b, pos, n.mark); search <= to && to >= 0 && hasText(b, to, n.next) {
			return to, false
		}
		return -1, false
	case endOfLine:
		if search <= len(b) && n.fits(b[pos:]) {
			return len(b), false
		}
		return -1, false
	}
	if n.next == "" {
		if search > len(b) {
			return -1, false
		}
		return search, true
	}
	if search > len(b) {
		return -1, false
	}
	to = seekText(b, search, n.next, n.mark)
	return to, true
}

// fits reports whether what is left of the line can be the last field: numbers and words have no blanks.
func (n *field) fits(rest []byte) bool {
	switch n.shape {
	case shapeNumber:
		for _, c := range rest {
			if !isNumberByte(c) {
				return false
			}
		}
	case shapeWord:
		return seek(rest, 0, ' '*ones) < 0
	case shapeList:
		return listEnd(rest, 0) == len(rest)
	}
	return true
}

// dated reports whether the signs of a date stand where they must.
func (n *field) dated(t []byte) bool {
	if n.shape == shapeISO {
		return t[4] == '-' && t[7] == '-' && t[10] == 'T' && t[13] == ':'
	}
	return t[2] == '/' && t[6] == '/' && t[11] == ':' && t[20] == ' '
}
