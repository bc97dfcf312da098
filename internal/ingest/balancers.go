package ingest

import (
	"bytes"
	"io"
	"slices"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// Several logs of one tier are one balancer's rotated parts, or those of several balancers beside each other, each with a clock
// of its own.

// beside splits a tier's log files, sorted by their first times, into those that follow one another: a file that begins long
// before the one before it ends is another balancer's.
func (s *scan) beside(files []*found, parser lb.LineParser) [][]*found {
	type chain struct {
		files []*found
		until int64 // when its last file ends, 0 unknown
	}
	var chains []chain
	for _, f := range files {
		first, last := timesOf(f, parser)
		i := slices.IndexFunc(chains, func(c chain) bool { return c.until == 0 || first == 0 || first > c.until-(last-first)/10 })
		if i < 0 {
			chains = append(chains, chain{})
			i = len(chains) - 1
		}
		chains[i].files = append(chains[i].files, f)
		chains[i].until = last
	}
	lists := make([][]*found, len(chains))
	for i, c := range chains {
		lists[i] = c.files
	}
	return lists
}

// timesOf returns when the first and the last request of a log began, 0 where that is not known. The end of a
// compressed file is not looked for.
func timesOf(f *found, parser lb.LineParser) (first, last int64) {
	p := parser.Clone()
	var e session.Event
	each := func(text []byte, do func(at int64) bool) {
		for line := range bytes.Lines(text) {
			if p.Parse(bytes.TrimRight(line, "\r\n"), &e) == lb.Read && e.Kind == session.Request && e.Start != 0 && !do(e.Start) {
				return
			}
		}
	}
	each(f.head, func(at int64) bool { first = at; return false })
	if f.path == "-" || f.opened != nil {
		return first, 0
	}
	in, err := open(f.path, nil)
	if err != nil {
		return first, 0
	}
	defer in.close()
	if in.stream != nil {
		return first, 0
	}
	tail := make([]byte, min(headSize, in.size))
	if n, err := in.f.ReadAt(tail, in.size-int64(len(tail))); err == nil || err == io.EOF {
		each(tail[:n], func(at int64) bool { last = max(last, at); return true })
	}
	return first, last
}

// clockSlack is how far clocks may be apart before that is worth a correction: requests take longer.
const clockSlack = 20 * time.Millisecond

// fewestPairs is how many requests two sources must have seen together before their clocks are compared.
const fewestPairs = 3

// balancerClocks finds how far the balancers' clocks are apart: by applications that wrote of requests through both. The first
// log's clock is the one that all others are corrected to. It returns the requests of all logs on that clock.
func (s *scan) balancerClocks(h session.Hasher) map[uint64]span {
	var reference map[uint64]span
	var clocks map[uint16]session.OffsetEstimate
	for _, l := range s.lanes {
		for _, f := range l.files {
			if l.events {
				continue
			}
			requests := s.sampleLog(l, f, h)
			if len(requests) == 0 {
				continue
			}
			if reference == nil {
				reference = requests
				continue
			}
			if clocks == nil {
				clocks = s.appClocks(h, reference)
			}
			ahead := apart(clocks, s.appClocks(h, requests))
			if ahead.Pairs > 0 && ahead.Offset.Abs() > ahead.Uncertainty+clockSlack {
				in := &s.evidence.Inputs[f.id]
				in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs = ms(ahead.Offset), ms(ahead.Uncertainty), int64(ahead.Pairs)
				s.offsets[f.id] = int64(ahead.Offset)
				s.note("The clock behind %s is %s from the one behind the first log (within %s); its times are corrected.", in.Path, ahead.Offset.Round(time.Millisecond), ahead.Uncertainty.Round(time.Millisecond))
			}
			for id, q := range requests {
				if _, ok := reference[id]; !ok && len(reference) < 4*clockPairs {
					reference[id] = span{q.start - s.offsets[f.id], q.end - s.offsets[f.id], q.instance}
				}
			}
		}
	}
	return reference
}

// appClocks estimates each application instance's clock against the requests of one log.
func (s *scan) appClocks(h session.Hasher, requests map[uint64]span) map[uint16]session.OffsetEstimate {
	clocks := map[uint16]*session.Clock{}
	for _, l := range s.lanes {
		if !l.events {
			continue
		}
		names := s.vocab.Instances.Cache(1<<8, l.instance)
		var parser session.EventParser
		var e session.Event
		for _, f := range l.files {
			s.sample(f, func(line []byte) bool {
				if parser.Parse(line, &e) != "" || len(e.RequestID) == 0 {
					return true
				}
				if q, ok := requests[h.Bytes(e.RequestID)]; ok {
					id := names.ID(e.Instance)
					if clocks[id] == nil {
						clocks[id] = &session.Clock{}
					}
					clocks[id].Add(e.Start, q.start, q.end)
				}
				return true
			})
		}
	}
	estimates := map[uint16]session.OffsetEstimate{}
	for id, c := range clocks {
		estimates[id] = c.Estimate()
	}
	return estimates
}

// apart returns how far a second balancer's clock is ahead of the first one's, from the instance that bounds it best.
func apart(first, second map[uint16]session.OffsetEstimate) session.OffsetEstimate {
	var best session.OffsetEstimate
	for id, a := range first {
		b := second[id]
		if a.Pairs < fewestPairs || b.Pairs < fewestPairs {
			continue
		}
		e := session.OffsetEstimate{Offset: a.Offset - b.Offset, Uncertainty: a.Uncertainty + b.Uncertainty, Pairs: min(a.Pairs, b.Pairs)}
		if best.Pairs == 0 || e.Uncertainty < best.Uncertainty || e.Uncertainty == best.Uncertainty && e.Offset < best.Offset {
			best = e
		}
	}
	return best
}
