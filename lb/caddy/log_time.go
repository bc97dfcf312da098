package caddy

import (
	"bytes"
	"strconv"
	"time"

	"limpet.dev/lb/logtext"
)

// time reads ts by its look: seconds or milliseconds since 1970 as a number, or a date as a text (time_format).
func (p *parser) time(v []byte) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	if v[0] != '"' {
		return epoch(v)
	}
	text := v[1 : len(v)-1]
	if t, ok := logtext.ISOTime(text, p.zone); ok {
		return t, true
	}
	for _, layout := range []string{"2006/01/02 15:04:05.000", "2006/01/02 15:04:05", "2006-01-02T15:04:05.000Z0700", "02/Jan/2006:15:04:05 -0700", time.RFC1123} {
		if t, err := time.ParseInLocation(layout, string(text), p.zone); err == nil {
			return t.UnixNano(), true
		}
	}
	return 0, false
}

// epoch reads seconds, milliseconds or nanoseconds since 1970, told apart by their size.
func epoch(v []byte) (int64, bool) {
	whole, fraction, _ := bytes.Cut(v, []byte("."))
	n, ok := logtext.Number(whole)
	if !ok || n <= 0 {
		return 0, false
	}
	unit := int64(time.Second)
	switch {
	case n > 1e17:
		unit = 1
	case n > 1e11:
		unit = int64(time.Millisecond)
	}
	t := n * unit
	for _, c := range fraction {
		if unit /= 10; !logtext.IsDigit(c) || unit == 0 {
			break
		}
		t += int64(c-'0') * unit
	}
	return t, true
}

// durationOf reads seconds as a number, or a text such as "1.2ms" (duration_format string).
func durationOf(v []byte) (int64, bool) {
	if len(v) > 1 && v[0] == '"' {
		d, err := time.ParseDuration(string(v[1 : len(v)-1]))
		return int64(d), err == nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return int64(f * 1e9), err == nil
}
