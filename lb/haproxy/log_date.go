package haproxy

import (
	"encoding/binary"
	"time"

	"limpet.dev/lb/logtext"
)

// A dateCache reads classic dates, "26/Apr/2024:09:39:58". Neighbouring lines share the second, so that
// comparing 20 bytes is nearly always enough.
type dateCache struct {
	a, b  uint64 // the last date's first 16 bytes
	c     uint32 // and its last four
	nanos int64  // since 1970
	zone  *time.Location
}

const dateLen = logtext.ClassicDateLen // of "26/Apr/2024:09:39:58"

// read returns the time of the first 20 bytes.
func (d *dateCache) read(text []byte) (int64, bool) {
	_ = text[dateLen-1]
	a, b, c := binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:]), binary.LittleEndian.Uint32(text[16:])
	if a == d.a && b == d.b && c == d.c {
		return d.nanos, true
	}
	nanos, ok := logtext.ClassicDate(text, d.zone)
	if ok {
		d.a, d.b, d.c, d.nanos = a, b, c, nanos
	}
	return nanos, ok
}
