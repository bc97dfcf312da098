package capture

import (
	"bufio"
	"io"
)

// maxLine is the longest line of a transcript that is kept whole; the rest of a longer one is passed over.
const maxLine = 1 << 20

// A liner reads lines of any length in bounded memory.
type liner struct {
	r    *bufio.Reader
	line []byte
	n    int64 // lines read
	at   int64 // bytes read
	err  error
}

func newLiner(r io.Reader) *liner { return &liner{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its end; false at the end.
func (l *liner) next() (string, bool) {
	l.line = l.line[:0]
	got := false
	for {
		part, err := l.r.ReadSlice('\n')
		l.at += int64(len(part))
		got = got || len(part) > 0
		if room := maxLine - len(l.line); room > 0 {
			l.line = append(l.line, part[:min(room, len(part))]...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			l.err = err
		}
		if !got {
			return "", false
		}
		l.n++
		b := l.line
		for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
			b = b[:len(b)-1]
		}
		return string(b), true
	}
}
