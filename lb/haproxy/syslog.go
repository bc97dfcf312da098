package haproxy

import (
	"bytes"
	"time"
)

// A headerForm is how a line begins before HAProxy's own message.
type headerForm uint8

const (
	headerNone headerForm = iota // nothing, or only "haproxy[pid]: "
	headerBSD                    // RFC 3164: "Nov 24 10:00:00 host haproxy[1]: ", no year, no zone
	headerISO                    // "2026-11-24T10:00:00.123456+00:00 …": HAProxy's own iso format, rsyslog, journald
	header5424                   // RFC 5424
)

// A header says where a line's parts are.
type header struct {
	form           headerForm
	timeAt, timeTo int // the time's bytes
	msg            int // where HAProxy's message begins
}

// readHeader finds the message of a line, whatever stands in front of it.
func readHeader(b []byte) header {
	i := skipContainer(b)
	i += skipPriority(b[i:])
	if i > 0 && b[i-1] == '>' && bytes.HasPrefix(b[i:], []byte("1 ")) {
		if h, ok := read5424(b, i+2); ok {
			return h
		}
	}
	if isBSDTime(b[i:]) {
		return header{headerBSD, i, i + 15, skipTag(b, i+16, true)}
	}
	if n := isoTimeLen(b[i:]); n > 0 && i+n < len(b) && b[i+n] == ' ' {
		msg := skipStream(b, i+n+1)
		return header{headerISO, i, i + n, skipTag(b, msg, true)}
	}
	return header{headerNone, 0, 0, skipTag(b, i, false)}
}

// skipContainer returns the length of docker compose's "haproxy-1  | ".
func skipContainer(b []byte) int {
	bar := bytes.Index(b[:min(len(b), 64)], []byte(" | "))
	if bar <= 0 || bytes.ContainsAny(bytes.TrimRight(b[:bar], " "), " [{\"") {
		return 0
	}
	return bar + 3
}

// skipPriority returns the length of "<134>".
func skipPriority(b []byte) int {
	if len(b) < 3 || b[0] != '<' {
		return 0
	}
	for i := 1; i < len(b) && i < 5; i++ {
		if b[i] == '>' && i > 1 {
			return i + 1
		}
		if !isDigit(b[i]) {
			return 0
		}
	}
	return 0
}

// skipStream skips what a container runtime puts behind its time: "stdout F ".
func skipStream(b []byte, i int) int {
	for _, s := range []string{"stdout F ", "stderr F "} {
		if bytes.HasPrefix(b[i:], []byte(s)) {
			return i + len(s)
		}
	}
	return i
}

// skipTag returns where the message begins, behind "host haproxy[pid]: " (or two hosts, as a
// forwarding syslog writes them), or from if there is no tag.
func skipTag(b []byte, from int, dated bool) int {
	i := from
	for k := 0; k < 4 && i < len(b); k++ {
		n := bytes.IndexByte(b[i:min(len(b), i+256)], ' ')
		if n < 0 {
			break
		}
		word, next := b[i:i+n], i+n+1
		switch {
		case n > 2 && bytes.HasSuffix(word, []byte("]:")) && bytes.IndexByte(word, '[') > 0:
			return next
		case beginsMessage(word) || next < len(b) && b[next] == '[':
			return i
		case n > 1 && word[n-1] == ':' && k < 2 && (dated || string(word) == "haproxy:"):
			return next
		}
		if !dated {
			break
		}
		i = next
	}
	return from
}

// beginsMessage reports whether a word is the first of one of HAProxy's own messages.
func beginsMessage(word []byte) bool {
	switch string(word) {
	case "Server", "Backup", "Proxy", "backend", "Backend", "Connect", "Stopping", "Stopped", "Pausing", "Paused", "Enabling", "Health", "Loading", "New", "Former", "Current":
		return true
	}
	return len(word) > 0 && (word[0] == '[' || word[0] == '{' || word[0] == '"')
}

// read5424 reads an RFC 5424 header behind its version; at is where the time begins.
func read5424(b []byte, at int) (header, bool) {
	h := header{form: header5424, timeAt: at}
	i := at
	for field := range 5 { // time, host, application, process, message id
		n := bytes.IndexByte(b[i:], ' ')
		if n < 0 {
			return header{}, false
		}
		if field == 0 {
			h.timeTo = i + n
		}
		i += n + 1
	}
	if i >= len(b) {
		return header{}, false
	}
	if b[i] == '-' {
		i++
	}
	for i < len(b) && b[i] == '[' { // structured data
		for quoted := false; i < len(b) && (quoted || b[i] != ']'); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				quoted = !quoted
			}
		}
		i++
	}
	if i < len(b) && b[i] == ' ' {
		i++
	}
	if i < len(b) && bytes.HasPrefix(b[i:], []byte("\xef\xbb\xbf")) {
		i += 3
	}
	h.msg = min(i, len(b))
	return h, true
}

var monthNames = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// monthOf returns 1 to 12, or 0.
func monthOf(b []byte) int {
	for i, name := range monthNames {
		if string(b) == name {
			return i + 1
		}
	}
	return 0
}

// isBSDTime reports whether b begins with "Nov 24 10:00:00 ".
func isBSDTime(b []byte) bool {
	return len(b) >= 16 && b[3] == ' ' && b[6] == ' ' && b[9] == ':' && b[12] == ':' && b[15] == ' ' && monthOf(b[:3]) > 0
}

// isoTimeLen returns the length of the ISO 8601 time at the beginning of b, 0 if there is none.
func isoTimeLen(b []byte) int {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || !isDigit(b[0]) || !isDigit(b[18]) {
		return 0
	}
	i := 19
	if i < len(b) && (b[i] == '.' || b[i] == ',') {
		for i++; i < len(b) && isDigit(b[i]); i++ {
		}
	}
	if i < len(b) && b[i] == 'Z' {
		return i + 1
	}
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		for i++; i < len(b) && (isDigit(b[i]) || b[i] == ':'); i++ {
		}
	}
	return i
}

// readISOTime reads what isoTimeLen found; zone counts where the text has none.
func readISOTime(b []byte, zone *time.Location) (int64, bool) {
	if isoTimeLen(b) != len(b) {
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
		for i++; i < len(b) && isDigit(b[i]); i++ {
			nanos += int(b[i]-'0') * unit
			unit /= 10
		}
	}
	if i == len(b) {
		return time.Date(year*100+low, time.Month(month), day, h, m, s, nanos, zone).UnixNano(), true
	}
	offset, ok := zoneOffset(b[i:])
	if !ok {
		return 0, false
	}
	return time.Date(year*100+low, time.Month(month), day, h, m, s, nanos, time.UTC).UnixNano() - offset, true
}

// zoneOffset reads "Z", "+0200", "+02:00" or "+02", in nanoseconds east of UTC.
func zoneOffset(b []byte) (int64, bool) {
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

func twoDigits(b []byte) (int, bool) {
	if !isDigit(b[0]) || !isDigit(b[1]) {
		return 0, false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), true
}

// readBSDTime reads "Nov 24 10:00:00", which has neither year nor zone. With a reference (ns, 0 none)
// the year is the one that brings it nearest to that; otherwise year counts.
func readBSDTime(b []byte, year int, reference int64, zone *time.Location) (int64, bool) {
	month := monthOf(b[:3])
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
