package logtext

import (
	"bytes"
	"time"
)

// A Form is how a line begins before the program's own message.
type Form uint8

// The forms.
const (
	None    Form = iota // nothing, or only "program[pid]: "
	BSD                 // RFC 3164: "Nov 24 10:00:00 host program[1]: ", no year, no zone
	ISO                 // "2026-11-24T10:00:00.123456+00:00 …": rsyslog, journald, container runtimes
	RFC5424             // RFC 5424
)

// A Header says where a line's parts are.
type Header struct {
	Form           Form
	TimeAt, TimeTo int // the time's bytes
	Msg            int // where the program's message begins
}

// Time returns the header's time in ns since 1970. Where the text has no zone, zone counts; where it has no
// year, the one that brings it nearest to reference (ns, 0 none), else year.
func (h Header) Time(line []byte, year int, reference int64, zone *time.Location) (int64, bool) {
	text := line[h.TimeAt:h.TimeTo]
	switch h.Form {
	case BSD:
		return BSDTime(text, year, reference, zone)
	case ISO, RFC5424:
		return ISOTime(text, zone)
	}
	return 0, false
}

// A Program is whose messages stand behind the headers.
type Program struct {
	// Name is the tag that syslog puts in front of its messages ("haproxy", "nginx").
	Name string

	// Begins reports whether a word is the first of one of the program's own messages, so that no part of
	// a message is taken for a header's.
	Begins func(word []byte) bool
}

// Header finds the message of a line, whatever stands in front of it.
func (p *Program) Header(b []byte) Header {
	i := skipContainer(b)
	i += skipPriority(b[i:])
	if i > 0 && b[i-1] == '>' && bytes.HasPrefix(b[i:], []byte("1 ")) {
		if h, ok := read5424(b, i+2); ok {
			return h
		}
	}
	if isBSDTime(b[i:]) {
		return Header{BSD, i, i + 15, p.skipTag(b, i+16, true)}
	}
	if n := isoTimeLen(b[i:]); n > 0 && i+n < len(b) && b[i+n] == ' ' {
		msg := skipStream(b, i+n+1)
		return Header{ISO, i, i + n, p.skipTag(b, msg, true)}
	}
	return Header{None, 0, 0, p.skipTag(b, i, false)}
}

// skipContainer returns the length of docker compose's "service-1  | ".
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
		if !IsDigit(b[i]) {
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

// skipTag returns where the message begins, behind "host program[pid]: " (or two hosts, as a
// forwarding syslog writes them), or from if there is no tag.
func (p *Program) skipTag(b []byte, from int, dated bool) int {
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
		case p.Begins(word) || next < len(b) && b[next] == '[':
			return i
		case n > 1 && word[n-1] == ':' && k < 2 && (dated || string(word[:n-1]) == p.Name):
			return next
		}
		if !dated {
			break
		}
		i = next
	}
	return from
}

// read5424 reads an RFC 5424 header behind its version; at is where the time begins.
func read5424(b []byte, at int) (Header, bool) {
	h := Header{Form: RFC5424, TimeAt: at}
	i := at
	for field := range 5 { // time, host, application, process, message id
		n := bytes.IndexByte(b[i:], ' ')
		if n < 0 {
			return Header{}, false
		}
		if field == 0 {
			h.TimeTo = i + n
		}
		i += n + 1
	}
	if i >= len(b) {
		return Header{}, false
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
	h.Msg = min(i, len(b))
	return h, true
}
