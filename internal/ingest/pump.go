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
	sequence int64           // of the next piece to be cut
	served   int64           // of the next piece to be taken
	taking   bool            // a worker is at it
	waiting  map[int64]*haul // parsed, and not taken yet
	idle     []*haul         // the one used last comes first: it is in the processor's cache
	freed    *sync.Cond
}

// A haul is a piece with what was made of it.
type haul struct {
	piece piece
	batch batch
}

// spare is how many hauls there are beside one for each worker: pieces that wait to be taken keep nobody from parsing on.
const spare = 3

// run returns when every piece has been taken, or ctx has ended.
func (p *pump) run(ctx context.Context) error {
	n := p.workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	p.freed, p.waiting = sync.NewCond(&p.mu), map[int64]*haul{}
	for range n + spare {
		p.idle = append(p.idle, new(haul))
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
	*haul
}

func (p *pump) work(ctx context.Context) {
	w := &worker{pump: p, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}}
	for w.haul = p.empty(); ctx.Err() == nil && p.claim(&w.piece); w.haul = p.empty() {
		if w.piece.file.in.stream == nil {
			w.piece.load()
		}
		w.batch.reset()
		w.parse()
		p.hand(w.haul)
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

// empty returns an idle haul, when there is one.
func (p *pump) empty() *haul {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) == 0 {
		p.freed.Wait()
	}
	h := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return h
}

// hand puts a haul in line. Whoever hands in the one whose turn it is, while nobody else takes hauls, takes all that
// are ready; so nobody waits for a turn.
func (p *pump) hand(h *haul) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[h.piece.seq] = h
	if p.taking {
		return
	}
	for p.taking = true; p.waiting[p.served] != nil; p.served++ {
		h := p.waiting[p.served]
		delete(p.waiting, p.served)
		p.mu.Unlock()
		p.take(&h.piece, &h.batch)
		h.piece.file.book(&h.batch)
		if err := h.piece.err; err != nil {
			h.piece.file.account.Error = readError(err)
		}
		p.mu.Lock()
		p.idle = append(p.idle, h)
		p.freed.Signal()
	}
	p.taking = false
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
	defer func() { // a line without an end in sight stands behind the others of its piece
		for range w.piece.long {
			b.lines++
			b.skip(string(lb.SkipTooLong), nil)
		}
	}()
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
			if n > 0 {
				b.facts |= room[0].Has
			}
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
		if r.Kind == session.Request {
			b.facts |= r.Has
		}
	}
	b.memberships()
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
