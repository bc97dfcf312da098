package logtext

import (
	"bytes"
	"testing"
	"time"

	"limpet.dev/internal/need"
)

// FuzzHeader: whatever stands before a message, its parts lie inside the line and in order, and its time is read or
// refused.
func FuzzHeader(f *testing.F) {
	for _, line := range []string{
		"<134>Nov 24 10:00:00 lb haproxy[1]: x", "<134>1 2026-11-24T10:00:00.123Z lb haproxy 1 - [a@1 b=\"\\\"]\" c=\"d\"] \xef\xbb\xbfx", "haproxy-1  | <13>Feb 29 00:00:00 ",
		"2026-11-24T10:00:00,5+02 stdout F haproxy[1]: x", "<1> ", "Nov  4 10:00:00 ", "2026-13-41T99:99:99.999999999999-99:99 ", "<134>1 - - - - - -", "haproxy: ", "a b c[1]: ",
	} {
		f.Add([]byte(line))
	}
	for _, folder := range []string{"logs/haproxy", "logs/syslog", "logs/nginx"} {
		for _, line := range need.Lines(folder, 4) {
			f.Add(line)
		}
	}
	p := &Program{Name: "haproxy", Begins: func(word []byte) bool { return string(word) == "Server" }}
	f.Fuzz(func(t *testing.T, line []byte) {
		h := p.Header(line)
		if h.Msg < 0 || h.Msg > len(line) || h.TimeAt > h.TimeTo || h.TimeTo > len(line) || h.Form != None && h.Msg < h.TimeTo {
			t.Fatalf("%q: time %d to %d, message from %d, of %d bytes", line, h.TimeAt, h.TimeTo, h.Msg, len(line))
		}
		for _, reference := range []int64{0, 1, 1 << 60, -1 << 60} {
			h.Time(line, 2026, reference, time.UTC)
		}
		if i := bytes.IndexByte(line, '['); i >= 0 && len(line)-i-1 >= ClassicDateLen {
			ClassicDate(line[i+1:], time.UTC)
			ZonedDate(line[i+1:])
		}
	})
}
