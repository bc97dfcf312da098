package haproxy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"limpet.dev/internal/need"
)

// corpusLines returns some lines of each real log of a product, read in place.
func corpusLines(product string, most int) [][]byte {
	root, err := need.Root()
	if err != nil {
		return nil
	}
	var lines [][]byte
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(root), "shared", "corpus", "logs", product, "*"))
	for _, file := range files {
		data, _ := os.ReadFile(file)
		n := 0
		for line := range bytes.Lines(data) {
			if n++; n > most {
				break
			}
			lines = append(lines, bytes.TrimRight(line, "\r\n"))
		}
	}
	return lines
}

// FuzzHeader: whatever stands before a message, its parts lie inside the line and in order, and its time is read or
// refused.
func FuzzHeader(f *testing.F) {
	for _, line := range []string{
		"<134>Nov 24 10:00:00 lb haproxy[1]: x", "<134>1 2026-11-24T10:00:00.123Z lb haproxy 1 - [a@1 b=\"\\\"]\" c=\"d\"] \xef\xbb\xbfx", "haproxy-1  | <13>Feb 29 00:00:00 ",
		"2026-11-24T10:00:00,5+02 stdout F haproxy[1]: x", "<1> ", "Nov  4 10:00:00 ", "2026-13-41T99:99:99.999999999999-99:99 ", "<134>1 - - - - - -", "haproxy: ", "a b c[1]: ",
	} {
		f.Add([]byte(line))
	}
	for _, product := range []string{"haproxy", "syslog", "nginx"} {
		for _, line := range corpusLines(product, 4) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		h := readHeader(line)
		if h.msg < 0 || h.msg > len(line) || h.timeAt > h.timeTo || h.timeTo > len(line) || h.form != headerNone && h.msg < h.timeTo {
			t.Fatalf("%q: time %d to %d, message from %d, of %d bytes", line, h.timeAt, h.timeTo, h.msg, len(line))
		}
		text := line[h.timeAt:h.timeTo]
		switch h.form {
		case headerBSD:
			for _, reference := range []int64{0, 1, 1 << 60, -1 << 60} {
				readBSDTime(text, 2026, reference, time.UTC)
			}
		case headerISO, header5424:
			readISOTime(text, time.UTC)
		}
	})
}
