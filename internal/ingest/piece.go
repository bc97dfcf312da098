package ingest

import (
	"bytes"
	"io"
)

const (
	pieceSize = 256 << 10
	maxLine   = 1 << 20 // a longer line is skipped and counted
	tailSize  = 8 << 10
)

// A piece is a run of whole lines of one file.
type piece struct {
	lane   *lane
	file   *laneFile
	seq    int64
	offset int64  // plain files: where it starts on disk
	buf    []byte // backing store, reused
	data   []byte // whole lines
	long   int64  // lines longer than maxLine that began here
	err    error
}

// load reads a plain file's piece: the lines that start in [offset, offset+pieceSize).
func (p *piece) load() {
	f := p.file
	start := p.offset
	if start > 0 {
		start-- // to see whether a line starts at offset
	}
	end := min(p.offset+pieceSize, f.in.size)
	want := int(end - start)
	p.buf = sized(p.buf, want+tailSize)
	n, err := f.in.f.ReadAt(p.buf[:cap(p.buf)][:want+tailSize], start)
	if err != nil && err != io.EOF {
		p.err = err
	}
	b := p.buf[:n]
	if p.offset > 0 {
		i := bytes.IndexByte(b[:min(want, n)], '\n')
		if i < 0 {
			return // the middle of one very long line
		}
		b = b[i+1:]
		start += int64(i) + 1
	}
	inside := int(end - start)
	if inside <= 0 {
		return
	}
	if inside >= len(b) {
		p.data = b // the file ends here
		return
	}
	if b[inside-1] == '\n' {
		p.data = b[:inside]
		return
	}
	if i := bytes.IndexByte(b[inside:], '\n'); i >= 0 {
		p.data = b[:inside+i+1]
		return
	}
	p.finishLine(b, start, inside)
}

// finishLine reads on until the last line of the piece ends.
func (p *piece) finishLine(b []byte, start int64, inside int) {
	last := bytes.LastIndexByte(b[:inside], '\n') + 1
	for grow := 4 * tailSize; ; grow *= 4 {
		more := make([]byte, len(b)+grow)
		copy(more, b)
		n, err := p.file.in.f.ReadAt(more[len(b):], start+int64(len(b)))
		b = more[:len(b)+n]
		if i := bytes.IndexByte(b[inside:], '\n'); i >= 0 {
			b = b[:inside+i+1]
			break
		}
		if err != nil {
			break
		}
		if len(b)-last > maxLine {
			p.long++
			p.data = b[:last]
			return
		}
	}
	if len(b)-last > maxLine {
		p.long++
		b = b[:last]
	}
	p.data = b
}

// sized returns a slice of capacity at least n.
func sized(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:0]
	}
	return make([]byte, 0, n)
}

// read takes the next piece from a stream; the caller holds the lane.
func (p *piece) read() (more bool) {
	f := p.file
	p.buf = sized(p.buf, pieceSize+len(f.rest))
	b := append(p.buf[:0], f.rest...)
	f.rest = f.rest[:0]
	for len(b) < cap(b) {
		n, err := f.in.stream.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			if err != io.EOF {
				p.err = err
			}
			p.buf, p.data = b, b
			p.dropLong(f)
			return false
		}
	}
	p.buf = b
	end := bytes.LastIndexByte(b, '\n') + 1
	f.rest = append(f.rest, b[end:]...)
	p.data = b[:end]
	p.dropLong(f)
	if len(f.rest) > maxLine { // an endless line: count it once, and pass over it
		if !f.inLong {
			f.inLong = true
			p.long++
		}
		f.rest = f.rest[:0]
	}
	return true
}

// dropLong removes the end of an endless line from the piece's beginning.
func (p *piece) dropLong(f *laneFile) {
	if !f.inLong {
		return
	}
	i := bytes.IndexByte(p.data, '\n')
	if i < 0 {
		p.data = nil
		return
	}
	p.data = p.data[i+1:]
	f.inLong = false
}
