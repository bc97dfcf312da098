package httpd

import (
	"bytes"

	"limpet.dev/lb/logtext"
)

// match lays a format over a line and returns where each field stands, from and to. Text in quotes ends at a quote that is
// not escaped (httpd writes \" for a quote in a value, mod_log_config "Security Considerations"); other fields end where the
// text behind them begins.
func (f *format) match(line []byte, at int, spans []int) ([]int, bool) {
	spans = spans[:0]
	for i := range f.fields {
		fd := &f.fields[i]
		if !bytes.HasPrefix(line[at:], []byte(fd.lit)) {
			return spans, false
		}
		at += len(fd.lit)
		end := f.end(line, at, i)
		if end < at {
			return spans, false
		}
		spans = append(spans, at, end)
		at = end
	}
	return spans, string(line[at:]) == f.tail
}

// end is where field i ends that begins at at, -1 if it does not.
func (f *format) end(line []byte, at, i int) int {
	fd := &f.fields[i]
	switch {
	case fd.bracks && at < len(line) && line[at] == '[':
		if k := bytes.IndexByte(line[at:], ']'); k >= 0 {
			return at + k + 1
		}
		return -1
	case fd.width > 0 && at+fd.width > len(line):
		return -1
	case fd.width > 0:
		return at + fd.width
	}
	next := f.behind(i)
	if next == "" && i+1 < len(f.fields) { // two fields side by side, %U%q: the second is a query, or empty
		end := len(line)
		if after := f.behind(i + 1); after != "" {
			end = until(line, at, fd.lit, after)
		}
		if end < 0 {
			return -1
		}
		if k := bytes.IndexByte(line[at:end], '?'); k >= 0 {
			return at + k
		}
		return end
	}
	if next == "" {
		return len(line)
	}
	return until(line, at, fd.lit, next)
}

// behind is the text behind field i.
func (f *format) behind(i int) string {
	if i+1 < len(f.fields) {
		return f.fields[i+1].lit
	}
	return f.tail
}

// until finds the text behind a field. Between quotes, one with a backslash in front is the value's own.
func until(line []byte, at int, before, behind string) int {
	quoted := len(before) > 0 && before[len(before)-1] == '"' && behind[0] == '"'
	for i := at; ; {
		k := bytes.Index(line[i:], []byte(behind))
		if k < 0 {
			return -1
		}
		i += k
		slashes := 0
		for quoted && i-1-slashes >= at && line[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		i++
	}
}

// value undoes what httpd does to bytes in its log: \" \\ \xhh and C's letters. It appends to scratch where there is
// something to undo.
func value(v []byte, scratch *[]byte) []byte {
	if len(v) == 1 && v[0] == '-' {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	from := len(*scratch)
	out := *scratch
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' || i+1 == len(v) {
			out = append(out, v[i])
			continue
		}
		i++
		switch c := v[i]; c {
		case 'x':
			if i+2 < len(v) {
				hi, lo := logtext.Unhex(v[i+1]), logtext.Unhex(v[i+2])
				if hi >= 0 && lo >= 0 {
					out = append(out, byte(hi<<4|lo))
					i += 2
					continue
				}
			}
			out = append(out, '\\', 'x')
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'v':
			out = append(out, '\v')
		case 'f':
			out = append(out, '\f')
		default:
			out = append(out, c)
		}
	}
	*scratch = out
	return out[from:]
}
