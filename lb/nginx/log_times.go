package nginx

import (
	"encoding/binary"

	"limpet.dev/lb/logtext"
	"limpet.dev/session"
)

// A clock remembers the last date and second that it read: neighbouring lines share them.
type clock struct {
	text  [localLen]byte
	nanos int64

	zoned  bool  // a date with a zone was read
	offset int64 // and how far that is east of UTC, ns

	second      uint64 // the first eight digits of $msec
	low         uint16 // and the last two of its seconds
	secondNanos int64
}

// local reads $time_local.
func (c *clock) local(t []byte) (int64, bool) {
	if len(t) != localLen {
		return 0, false
	}
	if string(t) == string(c.text[:]) {
		return c.nanos, true
	}
	nanos, ok := logtext.ZonedDate(t)
	if ok {
		copy(c.text[:], t)
		c.nanos = nanos
		c.offset, c.zoned = logtext.ZoneOffset(t[21:])
	}
	return nanos, ok
}

// msec reads $msec, "1795475715.711".
func (c *clock) msec(t []byte) (int64, bool) {
	if len(t) == 14 && t[10] == '.' {
		x, y, z := int64(t[11])-'0', int64(t[12])-'0', int64(t[13])-'0'
		if c.second == binary.LittleEndian.Uint64(t) && c.low == binary.LittleEndian.Uint16(t[8:]) && uint64(x) <= 9 && uint64(y) <= 9 && uint64(z) <= 9 {
			return c.secondNanos + (x*100+y*10+z)*msec, true
		}
	}
	v, ok := millis(t)
	if !ok || v > 1<<43 {
		return 0, false
	}
	if len(t) == 14 {
		c.second, c.low, c.secondNanos = binary.LittleEndian.Uint64(t), binary.LittleEndian.Uint16(t[8:]), v/1000*1000*msec
	}
	return v * msec, true
}

// moment notes a point in time; nginx writes the line when the request has ended.
func (p *parser) moment(what meaning, text []byte) bool {
	w := &p.filler
	if w.exact {
		return true
	}
	var ok bool
	switch what {
	case meansTimeMsec:
		w.end, ok = p.clock.msec(text)
		w.exact = ok
	case meansTimeISO:
		w.end, ok = logtext.ISOTime(text, p.zone)
	default:
		w.end, ok = p.clock.local(text)
	}
	return ok
}

// duration notes how long the request took: seconds with three decimals, whatever the name that somebody gave says.
func (w *filler) duration(what meaning, text []byte) bool {
	v, ok := millis(text)
	if !ok && what == meansRequestMs {
		v, ok = count(text)
	}
	if ok {
		w.took = v
	}
	return ok || len(text) == 0
}

// times works out when the request began and ended: its end is the line's time, its start that much earlier as
// $request_time says. lineTime is that of the syslog header, 0 none. It reports false if nothing says when.
func (w *filler) times(lineTime int64, e *session.Event) bool {
	if w.end == 0 {
		if lineTime == 0 {
			return false
		}
		w.end = lineTime
	}
	took := w.took
	if took >= 0 {
		e.TotalMs = clampMs(took)
	} else {
		took = max(w.up.sum, 0) // at least as long as the servers took
	}
	e.End = w.end
	e.Start = w.end - took*msec
	return true
}

func clampMs(v int64) int32 { return int32(min(v, 1<<31-1)) }
