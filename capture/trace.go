package capture

import (
	"regexp"
	"strconv"
	"strings"
)

// traceState is where a file of curl --trace-ascii stands: its rows hold at most 64 bytes, so that long header lines are
// put together again.
type traceState struct {
	on       bool
	into     func(string) error // what becomes of a whole line; nil: data, passed over
	row      string
	rowAt    int64
	rowSince bool
}

var traceRow = regexp.MustCompile(`^([0-9a-f]{4,8}): (.*)$`)

// traced reads a line if it is one of --trace-ascii.
func (t *transcriptReader) traced(line string) (bool, error) {
	s := &t.trace
	switch {
	case strings.HasPrefix(line, "== Info: "):
		s.on = true
		err := t.endRow()
		s.into = nil
		t.info(line[9:])
		return true, err
	case strings.HasPrefix(line, "=> Send header"), strings.HasPrefix(line, "<= Recv header"):
		s.on = true
		err := t.endRow()
		s.into = t.sent
		if line[0] == '<' {
			s.into = t.received
		}
		return true, err
	case strings.HasPrefix(line, "=> Send "), strings.HasPrefix(line, "<= Recv "):
		s.on = true
		err := t.endRow()
		s.into = nil
		return true, err
	}
	if !s.on {
		return false, nil
	}
	m := traceRow.FindStringSubmatch(line)
	if m == nil || s.into == nil {
		return true, nil
	}
	at, err := strconv.ParseInt(m[1], 16, 64)
	if err != nil {
		return true, nil
	}
	// A row that begins where the row before ended goes on with its line; between lines lie two bytes, CR LF.
	if s.rowSince && at == s.rowAt+int64(len(s.row)) && len(s.row) > 0 && len(s.row)%64 == 0 {
		s.row += m[2]
		return true, nil
	}
	err = t.endRow()
	s.row, s.rowAt, s.rowSince = m[2], at, true
	return true, err
}

// endRow reads the line that the rows so far make up.
func (t *transcriptReader) endRow() error {
	s := &t.trace
	if !s.rowSince {
		return nil
	}
	row := s.row
	s.row, s.rowSince = "", false
	if s.into == nil {
		return nil
	}
	return s.into(row)
}
