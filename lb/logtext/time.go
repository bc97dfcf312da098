package logtext

import (
	"bytes"
	"time"
)

var monthNames = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// MonthOf returns 1 for "Jan" to 12 for "Dec", or 0.
func MonthOf(b []byte) int {
	for i, name := range monthNames {
		if string(b) == name {
			return i + 1
		}
	}
	return 0
}

// isBSDTime reports whether b begins with "Nov 24 10:00:00 ".
func isBSDTime(b []byte) bool {
	return len(b) >= 16 && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':' && b[15] == ' ' && MonthOf(b[:3]) > 0
}

// isoTimeLen returns the length of the ISO 8601 time at the beginning of b, 0 if there is none.
func isoTimeLen(b []byte) int {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || !IsDigit(b[0]) || !IsDigit(b[18]) {
		return 0
	}
	i := 19
	if i < len(b) && (b[i] == '.' || b[i] == ',') {
		for i++; i < len(b) && IsDigit(b[i]); i++ {
		}
	}
	if i < len(b) && b[i] == 'Z' {
		return i + 1
	}
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		for i++; i < len(b) && (IsDigit(b[i]) || b[i] == ':'); i++ {
		}
	}
	return i
}

// ISOTime reads "2026-11-24T10:00:00.123456+00:00", in ns since 1970; zone counts where the text has none.
func ISOTime(b []byte, zone *time.Location) (int64, bool) {
	if n := isoTimeLen(b); n == 0 || n != len(b) {
		return 0, false
	}
	year, ok1 := twoDigits(b[0:2])
	low, ok2 := twoDigits(b[2:4])
	month, ok3 := twoDigits(b[5:7])
	day, ok4 := twoDigits(b[8:10])
	h, ok5 := twoDigits(b[11:13])
	m, ok6 := twoDigits(b[14:16])
	s, ok7 := twoDigits(b[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	i, nanos, unit := 19, 0, 100_000_000
	if i < len(b) && (b[i] == '.' || b[i] == ',') {
		for i++; i < len(b) && IsDigit(b[i]); i++ {
			nanos += int(b[i]-'0') * unit
			unit /= 10
		}
	}
	if i == len(b) {
		return time.Date(year*100+low, time.Month(month), day, h, m, s, nanos, zone).UnixNano(), true
	}
	offset, ok := ZoneOffset(b[i:])
	if !ok {
		return 0, false
	}
	return time.Date(year*100+low, time.Month(month), day, h, m, s, nanos, time.UTC).UnixNano() - offset, true
}

// ZoneOffset reads "Z", "+0200", "+02:00" or "+02", in nanoseconds east of UTC.
func ZoneOffset(b []byte) (int64, bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok := twoDigits(b[1:3])
	m := 0
	if rest := bytes.TrimPrefix(b[3:], []byte(":")); ok && len(rest) > 0 {
		if len(rest) != 2 {
			return 0, false
		}
		m, ok = twoDigits(rest)
	}
	offset := (int64(h)*60 + int64(m)) * int64(time.Minute)
	if b[0] == '-' {
		offset = -offset
	}
	return offset, ok
}

// BSDTime reads the 15 signs "Nov 24 10:00:00", which has neither year nor zone. With a reference (ns, 0 none)
// the year is the one that brings it nearest to that; otherwise year counts.
func BSDTime(b []byte, year int, reference int64, zone *time.Location) (int64, bool) {
	month := MonthOf(b[:3])
	day := int(b[5] - '0')
	if b[4] != ' ' {
		day += int(b[4]-'0') * 10
	}
	h, ok1 := twoDigits(b[7:9])
	m, ok2 := twoDigits(b[10:12])
	s, ok3 := twoDigits(b[13:15])
	if month == 0 || day < 1 || day > 31 || !(ok1 && ok2 && ok3) {
		return 0, false
	}
	if reference == 0 {
		if year == 0 {
			return 0, false
		}
		return time.Date(year, time.Month(month), day, h, m, s, 0, zone).UnixNano(), true
	}
	around := time.Unix(0, reference).In(zone).Year()
	var best, distance int64 = 0, -1
	for y := around - 1; y <= around+1; y++ {
		t := time.Date(y, time.Month(month), day, h, m, s, 0, zone).UnixNano()
		if d := max(t-reference, reference-t); distance < 0 || d < distance {
			best, distance = t, d
		}
	}
	return best, true
}

// ClassicDateLen is the length of "26/Apr/2024:09:39:58".
const ClassicDateLen = 20

// ClassicDate reads "26/Apr/2024:09:39:58" in a zone, in ns since 1970; t has at least ClassicDateLen bytes.
func ClassicDate(t []byte, zone *time.Location) (int64, bool) {
	if t[2] != '/' || t[6] != '/' || t[11] != ':' || t[14] != ':' || t[17] != ':' {
		return 0, false
	}
	day, ok1 := twoDigits(t[0:2])
	month := MonthOf(t[3:6])
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

// ZonedDate reads "26/Apr/2024:07:41:11 +0200".
func ZonedDate(v []byte) (int64, bool) {
	if len(v) != 26 {
		return 0, false
	}
	nanos, ok := ClassicDate(v, time.UTC)
	offset, ok2 := ZoneOffset(v[21:])
	return nanos - offset, ok && ok2
}
