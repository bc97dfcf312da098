package ingest

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// A pump has all cores read the lanes' pieces, and hands the batches on one after the other, in an
// order that depends on the input alone.
type pump struct {
	lanes   []*lane
	vocab   *session.Vocabulary
	hasher  session.Hasher
	family  func([]byte) string
	workers int // 0: as many as there are processors

	// take receives each batch in turn; base is what the records' credentials stand in.
	take func(p *piece, b *batch)

	mu       sync.Mutex
	turn     *sync.Cond
	sequence int64
	served   int64
}

// run returns when every piece has been taken, or ctx has ended.
func (p *pump) run(ctx context.Context) error {
	p.turn = sync.NewCond(&p.mu)
	n := p.workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { p.work(ctx) })
	}
	wg.Wait()
	return ctx.Err()
}

// worker holds what one goroutine needs to read any lane.
type worker struct {
	pump     *pump
	parsers  map[*lane]lb.LineParser
	reducers map[*lane]*session.Reducer
	events   session.EventParser
	event    session.Event
	like     session.Record // what the usual lines of the piece have in common
	batch    batch
	piece    piece
}

func (p *pump) work(ctx context.Context) {
	w := &worker{pump: p, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}}
	for ctx.Err() == nil && p.claim(&w.piece) {
		if w.piece.file.in.stream == nil {
			w.piece.load()
		}
		w.batch.reset()
		w.parse()
		p.hand(w)
	}
}

// claim cuts the next piece from the lane that is least far ahead.
func (p *pump) claim(pc *piece) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var least *lane
		for _, l := range p.lanes {
			if pr := l.progress(); pr < 2 && (least == nil || pr < least.progress()) {
				least = l
			}
		}
		if least == nil {
			return false
		}
		if least.cut(pc) {
			pc.seq = p.sequence
			p.sequence++
			return true
		}
	}
}

// hand waits for this piece's turn and passes the batch on.
func (p *pump) hand(w *worker) {
	p.mu.Lock()
	for p.served != w.piece.seq {
		p.turn.Wait()
	}
	p.mu.Unlock()
	p.take(&w.piece, &w.batch)
	w.piece.file.book(&w.batch)
	if err := w.piece.err; err != nil {
		w.piece.file.account.Error = readError(err)
	}
	p.mu.Lock()
	p.served++
	p.turn.Broadcast()
	p.mu.Unlock()
}

// parse reads the piece's lines into the batch.
func (w *worker) parse() {
	l, b := w.piece.lane, &w.batch
	red := w.reducers[l]
	if red == nil {
		red = session.NewReducer(w.pump.vocab, w.pump.hasher, w.pump.family, l.instance)
		red.Login = l.login
		w.reducers[l] = red
		if l.parser != nil {
			w.parsers[l] = l.parser.Clone()
		}
	}
	for range w.piece.long {
		b.lines++
		b.skip(string(lb.SkipTooLong), nil)
	}
	if l.events {
		w.parseEvents(red)
		return
	}
	parser, data := w.parsers[l], w.piece.data
	short, _ := parser.(lb.RecordReader)
	like := &w.like
	*like = session.Record{Kind: session.Request, Cart: -1, Input: w.piece.file.id}
	for at := 0; at < len(data); {
		if short != nil {
			like.Line = uint32(b.lines)
			room := b.room()
			n, next := short.ReadRecords(data, at, red, like, room)
			b.records = b.records[:len(b.records)+n]
			b.lines += int64(n)
			if at = next; at >= len(data) || n == len(room) {
				continue
			}
		}
		line := data[at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		at += len(line) + 1
		b.lines++
		if why := parser.Parse(line, &w.event); why != lb.Read {
			b.skip(string(why), line)
			continue
		}
		r := b.add()
		red.Reduce(&w.event, r, data)
		r.Line, r.Input = uint32(b.lines), like.Input
	}
}

func (w *worker) parseEvents(red *session.Reducer) {
	b, data, input := &w.batch, w.piece.data, w.piece.file.id
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		b.lines++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			b.skip(string(lb.SkipEmpty), line)
			continue
		}
		if why := w.events.Parse(line, &w.event); why != "" {
			b.skip(why, line)
			continue
		}
		r := b.add()
		red.Reduce(&w.event, r, w.piece.data)
		r.Line, r.Input = uint32(b.lines), input
	}
}

// add adds a record to be filled.
func (b *batch) add() *session.Record {
	b.room()
	b.records = b.records[:len(b.records)+1]
	return &b.records[len(b.records)-1]
}

// room returns where records can be added.
func (b *batch) room() []session.Record {
	if len(b.records) == cap(b.records) {
		b.records = slices.Grow(b.records, 256)
	}
	return b.records[len(b.records):cap(b.records)]
}
