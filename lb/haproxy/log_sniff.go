package haproxy

import (
	"bytes"

	"limpet.dev/session"
)

// sniffLog reports how certain it is that some lines are a HAProxy log: the share of the lines that the
// built-in formats and HAProxy's messages explain, less for those that others might write too.
func sniffLog(head []byte) float64 {
	var e session.Event
	sum, lines := 0.0, 0
	matcher := matcher{}
	for line := range bytes.Lines(head) {
		if line[len(line)-1] != '\n' && lines > 0 {
			break // cut by the reader of the head
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || len(line) > 64<<10 || lines == 64 {
			continue
		}
		lines++
		sum += sniffLine(line, &matcher, &e)
	}
	if lines == 0 {
		return 0
	}
	return sum / float64(lines)
}

func sniffLine(line []byte, m *matcher, e *session.Event) float64 {
	h := syslog.Header(line)
	msg := line[h.Msg:]
	for _, f := range sniffFormats {
		if m.match(f, line, h.Msg) {
			return 1
		}
	}
	if bytes.HasPrefix(msg, []byte("Connect from ")) && bytes.HasSuffix(msg, []byte(")")) {
		return 0.9
	}
	if _, ok := connectionError(msg); ok {
		return 0.9
	}
	level := levelLen(msg)
	if e.Reset(); level > 0 || mayBeNotice(msg) {
		if _, ok := readNotice(msg[level:], e); ok {
			return 0.9
		}
	}
	if bytes.Contains(line[:min(len(line), h.Msg)], []byte("haproxy[")) {
		return 0.8
	}
	return 0
}

// sniffFormats are the formats that no other program writes.
var sniffFormats = func() (list []*format) {
	for _, text := range []string{formatHTTPLog, formatHTTPSLog, formatTCPLog, formatCLFLog, ownLogFormat} {
		if f, err := compileFormat(text); err == nil {
			list = append(list, f.bind(&binding{}))
		}
	}
	return list
}()
