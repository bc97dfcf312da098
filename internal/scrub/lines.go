package scrub

import (
	"bufio"
	"io"

	"limpet.dev/capture"
)

// maxLine is the longest line that is looked at; a longer one goes.
const maxLine = 1 << 20

// eachLine copies line by line. A line that do does not understand is left empty and counted, so that the numbers of the
// others stay.
func eachLine(w io.Writer, r io.Reader, s *capture.Scrubber, do func(line []byte) ([]byte, bool)) error {
	in, out := bufio.NewReaderSize(r, 64<<10), bufio.NewWriterSize(w, 64<<10)
	var line []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			long = true
		} else {
			line = append(line, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(line) > 0 || long {
			writeLine(out, line, long, s, do)
		}
		line, long = line[:0], false
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			_ = out.Flush()
			return err
		}
	}
}

func writeLine(out *bufio.Writer, line []byte, long bool, s *capture.Scrubber, do func([]byte) ([]byte, bool)) {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if len(line) > 0 || long {
		text, ok := do(line)
		if ok && !long {
			_, _ = out.Write(text)
		} else {
			s.Count("line that was not understood", "")
		}
	}
	_ = out.WriteByte('\n')
}
