package haproxy

import (
	"encoding/binary"
	"time"
)

// A dateCache reads classic dates, "26/Apr/2024:09:39:58". Neighbouring lines share the second, so that
// comparing 20 bytes is nearly always enough.
type dateCache struct {
	a, b  uint64 // the last date's first 16 bytes
	c     uint32 // and its last four
	nanos int64  // since 1970
	zone  *time.Location
}

const dateLen = 20 // of "26/Apr/2024:09:39:58"

// read returns the time of the first 20 bytes.
func (d *dateCache) read(text []byte) (int64, bool) {
	_ = text[dateLen-1]
	a, b, c := binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:]), binary.LittleEndian.Uint32(text[16:])
	if a == d.a && b == d.b && c == d.c {
		return d.nanos, true
	}
	nanos, ok := readClassicDate(text, d.zone)
	if ok {
		d.a, d.b, d.c, d.nanos = a, b, c, nanos
	}
	return nanos, ok
}

// readClassicDate reads "26/Apr/2024:09:39:58" in a zone.
func readClassicDate(t []byte, zone *time.Location) (int64, bool) {
	if t[2] != '/' || t[6] != '/' || t[11] != ':' || t[14] != ':' || t[17] != ':' {
		return 0, false
	}
	day, ok1 := twoDigits(t[0:2])
	month := monthOf(t[3:6])
	century, ok2 := twoDigits(t[7:9])
	year, ok3 := twoDigits(t[9:11])
	h, ok4 := twoDigits(t[12:14])
	m, ok5 := twoDigits(t[15:17])
	s, ok6 := twoDigits(t[18:20])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || month == 0 || day < 1 || day > 31 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	return time.Date(century*100+year, time.Month(month), day, h, m, s, 0, zone).UnixNano(), true
}
