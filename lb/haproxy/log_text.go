package haproxy

import (
	"bytes"

	"limpet.dev/lb/logtext"
)

// value returns a field's text as HAProxy had it: without quotes, "-" and null being nothing, escapes undone.
// The result points into the line, or into scratch where an escape had to be undone.
func (n *node) value(b []byte, scratch *[]byte) []byte {
	if n.quoted && len(b) >= 2 && b[0] == '"' && n.shape != shapeList {
		b = b[1 : len(b)-1]
		if n.loose && len(b) == 1 && b[0] == '-' {
			return nil
		}
	} else if len(b) == 1 && b[0] == '-' && n.dashed || n.json && string(b) == "null" {
		return nil
	}
	if n.esc && bytes.IndexByte(b, '\\') >= 0 {
		b = logtext.Unescape(b, scratch)
	}
	if n.hash && n.shape != shapeBraces && n.shape != shapeList && bytes.IndexByte(b, '#') >= 0 {
		b = unhash(b, scratch)
	}
	return b
}

// unhash undoes #XX (manual, section 8.6). What is no such escape stays.
func unhash(b []byte, scratch *[]byte) []byte {
	from := len(*scratch)
	for i := 0; i < len(b); i++ {
		if b[i] == '#' && i+2 < len(b) && logtext.Unhex(b[i+1]) >= 0 && logtext.Unhex(b[i+2]) >= 0 {
			*scratch = append(*scratch, byte(logtext.Unhex(b[i+1])<<4|logtext.Unhex(b[i+2])))
			i += 2
			continue
		}
		*scratch = append(*scratch, b[i])
	}
	return (*scratch)[from:]
}

// hexNumber reads hexadecimal digits.
func hexNumber(b []byte) (v int64, ok bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	for _, c := range b {
		d := logtext.Unhex(c)
		if d < 0 {
			return 0, false
		}
		v = v<<4 | int64(d)
	}
	return v, true
}
