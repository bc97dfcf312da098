package ingest

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// changes reads the records of changes.
func (s *scan) changes() {
	for _, f := range s.bundle.of("changes") {
		id := s.input(f.name, "changes", "changes")
		in := &s.evidence.Inputs[id]
		data, err := readAll(f.path, 64<<20)
		if err != nil {
			in.Error = readError(err)
		}
		for line := range bytes.Lines(data) {
			in.Lines++
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				in.Skipped++
				in.SkipReasons[string(lb.SkipEmpty)]++
				continue
			}
			c, err := session.ParseChange(line)
			if err != nil {
				in.Skipped++
				in.SkipReasons[err.Error()]++
				continue
			}
			in.Events++
			c.Input, c.Line = id, uint32(in.Lines)
			s.evidence.Changes = append(s.evidence.Changes, c)
		}
	}
	slices.SortStableFunc(s.evidence.Changes, func(a, b session.Change) int { return a.At.Compare(b.At) })
}

func readAll(path string, most int64) ([]byte, error) {
	in, err := open(path, nil)
	if err != nil {
		return nil, err
	}
	defer in.close()
	var r io.Reader = in.f
	if in.stream != nil {
		r = in.stream
	}
	return io.ReadAll(io.LimitReader(r, most))
}

// readError says in a few words why reading ended early, without what was read.
func readError(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the compressed file is cut off"
	case err == nil:
		return ""
	case errors.Is(err, errNoRegular):
		return err.Error()
	}
	return "reading stopped: " + rootCause(err)
}
