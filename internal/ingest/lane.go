package ingest

import (
	"fmt"
	"strings"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// A lane is the files of one source, in order: a balancer's log with its rotated parts, or an
// application's events.
type lane struct {
	source   int
	files    []*laneFile
	next     int   // file being cut
	at       int64 // plain file: offset of the next piece
	done     int64 // bytes of finished files
	total    int64
	parser   lb.LineParser // logs; workers clone it
	events   bool
	instance func([]byte) string // usual names of instances
	login    func([]byte) bool
	format   string
}

// A laneFile is one file of a lane with its account: lines = events + skipped.
type laneFile struct {
	id      uint16
	in      *file
	rest    []byte
	inLong  bool
	lines   int64
	account diagnose.Input
}

// progress is how far the lane has come, 0 to 1.
func (l *lane) progress() float64 {
	if l.next >= len(l.files) {
		return 2
	}
	if l.total == 0 {
		return 0
	}
	done := l.done + min(l.at, l.files[l.next].in.size) // the last piece of a file reaches beyond its end
	if c := l.files[l.next].in.count; c != nil {
		done = l.done + c.n
	}
	return float64(done) / float64(l.total)
}

// cut returns the lane's next piece, or false at its end. Streams are read here, plain files later
// by whoever handles the piece.
func (l *lane) cut(p *piece) bool {
	for l.next < len(l.files) {
		f := l.files[l.next]
		p.lane, p.file, p.offset, p.data, p.long, p.err = l, f, l.at, nil, 0, nil
		if f.in.stream != nil {
			if !p.read() {
				l.advance()
			}
			return true
		}
		if l.at >= f.in.size {
			l.advance()
			continue
		}
		l.at += pieceSize
		return true
	}
	return false
}

func (l *lane) advance() {
	l.done += l.files[l.next].in.size
	l.next++
	l.at = 0
}

// A batch is what a worker made of a piece.
type batch struct {
	records []session.Record
	lines   int64
	skips   []skip
	facts   session.Facts     // what requests of a log can show
	members []diagnose.Member // from when to when a log's instances got requests, by its own clock
}

type skip struct {
	reason string
	count  int64
	line   int64 // within the piece, of the sample
	sample string
}

func (b *batch) reset() {
	b.records, b.lines, b.skips, b.facts, b.members = b.records[:0], 0, b.skips[:0], 0, b.members[:0]
}

// memberships notes from when to when instances got requests.
func (b *batch) memberships() {
	for i := range b.records {
		if r := &b.records[i]; r.Kind == session.Request {
			b.members = during(b.members, r.Instance, r.Start, r.Start)
		}
	}
}

// skip counts a line that is no event, and keeps the first one's shape.
func (b *batch) skip(reason string, line []byte) {
	for i := range b.skips {
		if b.skips[i].reason == reason {
			b.skips[i].count++
			return
		}
	}
	b.skips = append(b.skips, skip{reason, 1, b.lines, shape(line)})
}

// book adds a batch to its file's account.
func (f *laneFile) book(b *batch) {
	a := &f.account
	for _, s := range b.skips {
		a.SkipReasons[s.reason] += s.count
		a.Skipped += s.count
		if _, ok := a.SkipSamples[s.reason]; !ok {
			a.SkipSamples[s.reason] = fmt.Sprintf("line %d: %s", f.lines+s.line, s.sample)
		}
	}
	a.Events += int64(len(b.records))
	f.lines += b.lines
	a.Lines = f.lines
}

// shape shows what a line looks like without showing what it says: letters become x, digits 0.
func shape(line []byte) string {
	const most = 100
	var s strings.Builder
	for i, c := range line {
		if i == most {
			s.WriteString("…")
			break
		}
		switch {
		case c >= '0' && c <= '9':
			c = '0'
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			c = 'x'
		case c < 0x20 || c >= 0x7f:
			c = '?'
		}
		s.WriteByte(c)
	}
	return s.String()
}
