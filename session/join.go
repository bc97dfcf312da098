package session

import (
	"slices"
	"time"
)

// A Joiner brings together what several sources saw of one request, by request id, and
// hands the joined records on in the order of their start. What waits longer than
// Window for its other half goes on alone. It is used by one goroutine.
type Joiner struct {
	// Window is how long a record waits, in the time of the records; 0: 10 seconds.
	Window time.Duration

	// Out receives joined records in order. The records are lent.
	Out func(records []Record, base []byte)

	// Place says at which place of the path an input was written: 0 by a balancer that clients talk to, 1 by one behind
	// it, and so on. Index: the input. Inputs beyond its end have place 0.
	Place []int

	// LogOnly and EventOnly count records that found no other half although they had a request id.
	LogOnly, EventOnly, Joined int64

	// InnerOnly counts lines of a balancer behind another one for which the one in front has none: they are left out,
	// since the request stands in the front's log under no id or another.
	InnerOnly int64

	pending []Record
	base    []byte // credentials of pending records
	ids     map[uint64]int32
	seen    []int64 // per source: how far it has come
}

// Add adds a batch of one source (0, 1 …), whose records' credentials stand in base.
func (j *Joiner) Add(source int, records []Record, base []byte) {
	if j.ids == nil {
		j.ids = make(map[uint64]int32)
	}
	for source >= len(j.seen) {
		j.seen = append(j.seen, 0)
	}
	for i := range records {
		r := &records[i]
		if r.Start > j.seen[source] {
			j.seen[source] = r.Start
		}
		j.add(r, base)
	}
}

// add joins r with a waiting record of the same request, or lets it wait.
func (j *Joiner) add(r *Record, base []byte) {
	id := j.identity(r)
	if id != 0 {
		if at, ok := j.ids[id]; ok {
			p := &j.pending[at]
			if (p.Kind == Request) != (r.Kind == Request) {
				j.Joined++
			}
			j.merge(p, r, base)
			return
		}
		j.ids[id] = int32(len(j.pending))
	}
	j.pending = append(j.pending, *r)
	p := &j.pending[len(j.pending)-1]
	p.PresentedAt, p.SetAt = j.copySpan(r.PresentedAt, base), j.copySpan(r.SetAt, base)
}

// identity returns what joins r with others: its request id, or for events without one the session,
// instance and moment.
func (j *Joiner) identity(r *Record) uint64 {
	if r.Kind >= Start {
		return 0
	}
	if r.RequestID != 0 {
		return r.RequestID
	}
	if r.Kind == Request {
		return 0
	}
	key := r.Presented
	if key == 0 {
		key = r.Set
	}
	return nonZero(key ^ uint64(r.AppOn)<<48 ^ uint64(r.Start/int64(5*time.Millisecond))*0x9e3779b97f4a7c15)
}

func (j *Joiner) copySpan(s Span, base []byte) Span {
	if s.Len == 0 {
		return Span{}
	}
	at := uint32(len(j.base))
	j.base = append(j.base, base[s.At:s.At+uint32(s.Len)]...)
	return Span{At: at, Len: s.Len, Name: s.Name}
}

// merge adds what r saw to p: the balancer's word on routing and on what travelled, the
// application's on the session.
func (j *Joiner) merge(p, r *Record, base []byte) {
	if r.Kind == Request && p.Kind == Request {
		if (p.Has^r.Has)&ClientSide != 0 {
			j.mergeClient(p, r, base)
			return
		}
		j.mergeTiers(p, r, base)
		return
	}
	if r.Kind == Request {
		app := *p
		*p = *r
		p.PresentedAt, p.SetAt = j.copySpan(r.PresentedAt, base), j.copySpan(r.SetAt, base)
		j.mergeApp(p, &app, j.base, true)
		return
	}
	j.mergeApp(p, r, base, false)
}

// mergeTiers joins the lines that two balancers wrote of one request: the outer one's stands, and where no application
// says which instance answered, the inner one's choice does. Of two lines of one balancer (a retry) the first one stands.
func (j *Joiner) mergeTiers(p, r *Record, base []byte) {
	if p.Input == r.Input {
		return
	}
	outer, inner := j.place(p), j.place(r)
	within := r.Start >= p.Start && r.End <= p.End
	if outer < inner || outer == inner && within {
		if p.AppOn == 0 {
			p.AppOn = r.Instance
		}
		return
	}
	if outer == inner && !(p.Start >= r.Start && p.End <= r.End) {
		return
	}
	was := *p
	*p = *r
	p.PresentedAt, p.SetAt = j.copySpan(r.PresentedAt, base), j.copySpan(r.SetAt, base)
	p.AppOn = was.Instance
	if was.App&AppSeen != 0 {
		p.AppOn = was.AppOn
		j.mergeApp(p, &was, j.base, true)
	}
}

func (j *Joiner) place(r *Record) int {
	if int(r.Input) >= len(j.Place) {
		return 0
	}
	return j.Place[r.Input]
}

// mergeApp adds an application's view a to p.
func (j *Joiner) mergeApp(p, a *Record, base []byte, own bool) {
	span := func(s Span) Span {
		if own {
			return s
		}
		return j.copySpan(s, base)
	}
	logged := p.Kind == Request
	if a.Presented != 0 && p.Presented == 0 && (!logged || p.Has&HasSession == 0 || p.Flags&CutKey != 0) {
		p.Presented, p.PresentedAt = a.Presented, span(a.PresentedAt)
	}
	switch {
	case a.Set == 0:
	case !logged || p.Has&HasSetSession == 0:
		p.Set, p.SetAt = a.Set, span(a.SetAt)
	case p.Set == 0 && !p.Flow.Unserved:
		p.Set, p.SetAt = a.Set, span(a.SetAt)
		p.App |= AppKept
	}
	p.App |= a.App
	p.Flags |= a.Flags & Twice
	if a.Reason != 0 && (p.Reason == 0 || a.App&(AppMiss|AppDestroy|AppError) != 0) {
		p.Reason = a.Reason
	}
	if a.Cart >= 0 {
		p.Cart = a.Cart
	}
	if a.User != 0 {
		p.User = a.User
	}
	if a.State != 0 {
		p.State = a.State
	}
	if a.AppOn != 0 {
		p.AppOn = a.AppOn
		if p.Instance == 0 && !p.Flow.Unserved {
			p.Instance = a.AppOn
		}
	}
	if a.Store != 0 {
		p.Store = a.Store
	}
	if a.Release != 0 {
		p.Release = a.Release
	}
	if p.Route == 0 {
		p.Route = a.Route
	}
	if !logged && a.Start < p.Start {
		p.Start = a.Start
	}
	if !logged && a.End > p.End {
		p.End = a.End
	}
}

// Flush hands on what no source can add to any more: everything older than the slowest source's time
// less Window.
func (j *Joiner) Flush() {
	if len(j.pending) < 1<<15 {
		return
	}
	slowest := j.seen[0]
	for _, t := range j.seen {
		slowest = min(slowest, t)
	}
	window := j.Window
	if window == 0 {
		window = 10 * time.Second
	}
	j.emit(slowest - int64(window))
}

// Close hands on everything.
func (j *Joiner) Close() { j.emit(1<<63 - 1) }

func (j *Joiner) emit(before int64) {
	j.byMoment()
	slices.SortStableFunc(j.pending, func(a, b Record) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return int(a.Line) - int(b.Line)
	})
	n, _ := slices.BinarySearchFunc(j.pending, before, func(r Record, t int64) int {
		if r.Start < t {
			return -1
		}
		return 1
	})
	if n == 0 {
		j.reindex()
		return
	}
	for i := range j.pending[:n] {
		r := &j.pending[i]
		if r.RequestID == 0 || r.Kind >= Start {
			continue
		}
		if r.Kind == Request && r.App&AppSeen == 0 {
			j.LogOnly++
		} else if r.Kind != Request {
			j.EventOnly++
		}
	}
	j.Out(j.frontOnly(j.pending[:n]), j.base)
	rest := j.pending[n:]
	base := j.base
	j.base = nil
	for i := range rest {
		rest[i].PresentedAt, rest[i].SetAt = j.copySpan(rest[i].PresentedAt, base), j.copySpan(rest[i].SetAt, base)
	}
	j.pending = append(j.pending[:0], rest...)
	j.reindex()
}

// frontOnly leaves out what only a balancer behind another one saw; an application's word is kept.
func (j *Joiner) frontOnly(records []Record) []Record {
	if len(j.Place) == 0 {
		return records
	}
	kept := slices.DeleteFunc(records, func(r Record) bool {
		return r.Kind == Request && j.place(&r) > 0 && r.App&AppSeen == 0
	})
	j.InnerOnly += int64(len(records) - len(kept))
	return kept
}

func (j *Joiner) reindex() {
	clear(j.ids)
	for i := range j.pending {
		if id := j.identity(&j.pending[i]); id != 0 {
			j.ids[id] = int32(i)
		}
	}
}
