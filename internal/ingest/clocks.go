package ingest

import (
	"bytes"
	"math"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// How much of each source is looked at beforehand for pairs of one request id.
const (
	clockSample = 16 << 20
	clockPairs  = 50_000
)

// A span is when a balancer handled a request, and where it sent it.
type span struct {
	start, end int64
	instance   string
}

// clocks looks at the sources beforehand and estimates how far the applications' clocks are from the
// balancer's, by requests that both saw. One offset is estimated for each instance, because each has its
// own clock; a file's offset is that of its instances together.
func (s *scan) clocks(p *pump) {
	s.offsets, s.perApp, s.seen = map[uint16]int64{}, map[uint16]int64{}, sightings{}
	if !s.evidence.Events {
		return
	}
	requests := s.balancerClocks(p.hasher)
	if len(requests) == 0 {
		return
	}
	for _, l := range s.lanes {
		if !l.events {
			continue
		}
		for _, f := range l.files {
			s.clockOf(l, f, p, requests)
		}
	}
	s.learnNames(s.seen)
}

// sampleLog reads the beginning of a log for request ids and times.
func (s *scan) sampleLog(l *lane, f *laneFile, h session.Hasher) map[uint64]span {
	requests := map[uint64]span{}
	parser := l.parser.Clone()
	var e session.Event
	interned := map[string]string{}
	known := func(b []byte) string {
		n, ok := interned[string(b)]
		if !ok {
			n = string(b)
			interned[n] = n
		}
		return n
	}
	s.sample(f, func(line []byte) bool {
		if parser.Parse(line, &e) == lb.Read && e.Kind == session.Request && len(e.RequestID) > 0 && e.Start != 0 {
			requests[h.Bytes(e.RequestID)] = span{e.Start, max(e.End, e.Start), known(e.Instance)}
		}
		return len(requests) < clockPairs
	})
	return requests
}

// sample calls do for the lines at a file's beginning until it says stop.
func (s *scan) sample(f *laneFile, do func(line []byte) bool) {
	if f.in.disk == "" {
		return // a pipe is read once
	}
	data, _ := readAll(f.in.disk, clockSample)
	for line := range bytes.Lines(data) {
		if !do(bytes.TrimRight(line, "\r\n")) {
			return
		}
	}
}

// clockOf estimates the offsets of one file of events.
func (s *scan) clockOf(l *lane, f *laneFile, p *pump, requests map[uint64]span) {
	var parser session.EventParser
	var e session.Event
	var all session.Clock
	perApp := map[uint16]*session.Clock{}
	names := s.vocab.Instances.Cache(1<<8, l.instance)
	s.sample(f, func(line []byte) bool {
		if parser.Parse(line, &e) != "" || len(e.RequestID) == 0 {
			return true
		}
		q, ok := requests[p.hasher.Bytes(e.RequestID)]
		if !ok {
			return true
		}
		all.Add(e.Start, q.start, q.end)
		s.seen.add(q.instance, e.Instance)
		id := names.ID(e.Instance)
		if perApp[id] == nil {
			perApp[id] = &session.Clock{}
		}
		perApp[id].Add(e.Start, q.start, q.end)
		return true
	})
	est := all.Estimate()
	if est.Pairs == 0 {
		return
	}
	in := &s.evidence.Inputs[f.id]
	in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs = ms(est.Offset), ms(est.Uncertainty), int64(est.Pairs)
	s.offsets[f.id] = int64(est.Offset)
	for id, c := range perApp {
		own := c.Estimate()
		if own.Pairs >= 3 && math.Abs(float64(own.Offset-est.Offset)) > float64(own.Uncertainty+est.Uncertainty) {
			s.perApp[id] = int64(own.Offset)
			s.note("The clock of %s is %s from the balancer's (within %s).", s.vocab.Instances.Name(id), own.Offset.Round(time.Millisecond), own.Uncertainty.Round(time.Millisecond))
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
