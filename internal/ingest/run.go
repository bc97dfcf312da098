package ingest

import (
	"context"
	"hash/maphash"
	"slices"

	"limpet.dev/cookie"
	"limpet.dev/diagnose"
	"limpet.dev/session"
)

func (s *scan) hasher() session.Hasher {
	return session.Hasher{Seed: maphash.MakeSeed(), Key: s.secret, Joined: s.evidence.Events}
}

// run reads all lanes through one correlator.
func (s *scan) run(ctx context.Context) error {
	c := session.NewCorrelator(s.vocab, session.Settings{
		Key: s.secret, Idle: s.evidence.Declared.Idle, Absolute: s.evidence.Declared.Absolute, Classify: s.classify,
		Events: s.evidence.Events, Done: s.done, Advise: largePages,
	})
	p := &pump{lanes: s.lanes, vocab: s.vocab, hasher: s.hasher(), family: cookie.Family, workers: s.opt.Workers}
	s.pump = p
	s.clocks(p)
	var joiner *session.Joiner
	if len(s.lanes) > 1 {
		joiner = &session.Joiner{Out: func(r []session.Record, base []byte) { c.AddBatch(r, base, 0) }, Place: s.places()}
	}
	p.take = func(pc *piece, b *batch) {
		s.evidence.Facts |= b.facts
		s.memberships(pc, b)
		s.progress()
		if joiner == nil && s.offsets[pc.file.id] == 0 && s.opt.Since.IsZero() && s.opt.Until.IsZero() {
			c.AddBatch(b.records, pc.data, uint32(pc.file.lines))
			return
		}
		s.prepare(pc, b)
		if joiner == nil {
			c.AddBatch(b.records, pc.data, 0)
			return
		}
		joiner.Add(pc.lane.source, b.records, pc.data)
		joiner.Flush()
	}
	err := p.run(ctx)
	if joiner != nil {
		joiner.Close()
		s.evidence.LogOnly, s.evidence.EventOnly = unmatched(c, joiner), joiner.EventOnly
		if joiner.InnerOnly > 0 {
			s.note("%d lines of a balancer behind another one have no line with the same request id in the log of the one in front; they are left out of the sums.", joiner.InnerOnly)
		}
	}
	c.Close()
	s.renameInstances()
	for _, l := range s.lanes {
		for _, f := range l.files {
			s.account(f)
		}
	}
	s.evidence.Counts, s.evidence.Population, s.evidence.Names, s.evidence.Notices = c.Counts, &c.Population, s.vocab, c.Notices()
	s.evidence.Moved, s.evidence.Whole, s.evidence.Seed = s.moved, c.Examples.Timelines(), s.opt.Seed
	for _, m := range s.members {
		if m.Instance != 0 && m.First != 0 {
			s.evidence.Members = append(s.evidence.Members, m)
		}
	}
	return err
}

// unmatched counts balancer requests without an application event, on routes where the application
// reports its sessions at all.
func unmatched(c *session.Correlator, j *session.Joiner) int64 {
	if j.Joined == 0 {
		return j.LogOnly
	}
	var n int64
	for route, missing := range c.Unseen {
		if route < len(c.Seen) && c.Seen[route] > 0 {
			n += missing
		}
	}
	return n
}

// account takes over a file's sums.
func (s *scan) account(f *laneFile) {
	in := &s.evidence.Inputs[f.id]
	offset, uncertainty, pairs := in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs
	*in = f.account
	in.ClockOffsetMs, in.ClockUncertaintyMs, in.ClockPairs = offset, uncertainty, pairs
}

// prepare corrects times and line numbers, and leaves out what lies outside the
// wanted time; it runs for one batch after the other.
func (s *scan) prepare(pc *piece, b *batch) {
	off, first := s.offsets[pc.file.id], uint32(pc.file.lines)
	for i := range b.records {
		r := &b.records[i]
		r.Line += first // from the number within the piece to the file's
		if !pc.lane.events {
			if off != 0 && r.Start != 0 {
				r.Start -= off
				r.End -= off
			}
			continue
		}
		d := off
		if v, ok := s.perApp[r.AppOn]; ok {
			d = v
		}
		r.Start -= d
		r.End -= d
	}
	if s.opt.Since.IsZero() && s.opt.Until.IsZero() {
		return
	}
	before := len(b.records)
	b.records = slices.DeleteFunc(b.records, func(r session.Record) bool {
		return !s.opt.Since.IsZero() && r.Start < s.opt.Since.UnixNano() || !s.opt.Until.IsZero() && r.Start >= s.opt.Until.UnixNano()
	})
	if n := before - len(b.records); n > 0 {
		b.skips = append(b.skips, skip{reason: "outside --since and --until", count: int64(n)})
	}
}

// memberships notes from when to when balancers sent each instance requests.
func (s *scan) memberships(pc *piece, b *batch) {
	off := s.offsets[pc.file.id]
	for _, m := range b.members {
		if m.Last != 0 {
			s.members = during(s.members, m.Instance, m.First-off, m.Last-off)
		}
	}
}

// during notes that an instance got requests from first to last.
func during(members []diagnose.Member, instance uint16, first, last int64) []diagnose.Member {
	for int(instance) >= len(members) {
		members = append(members, diagnose.Member{Instance: uint16(len(members))})
	}
	m := &members[instance]
	if m.First == 0 || first < m.First {
		m.First = first
	}
	m.Last = max(m.Last, last)
	return members
}

// places says of each input at which place of the path it was written, counted from the outermost balancer whose log
// is there; nil where all logs are of one place.
func (s *scan) places() []int {
	first, last := 1<<30, 0
	for _, tier := range s.evidence.TierOf {
		first, last = min(first, s.evidence.Tiers[tier].Place), max(last, s.evidence.Tiers[tier].Place)
	}
	if first >= last {
		return nil
	}
	places := make([]int, len(s.evidence.Inputs))
	for id, tier := range s.evidence.TierOf {
		places[id] = s.evidence.Tiers[tier].Place - first
	}
	return places
}

// progress tells how much of all input is cut into pieces; it runs for one batch after the other.
func (s *scan) progress() {
	if s.opt.Progress == nil {
		return
	}
	s.pump.mu.Lock()
	var done, total int64
	for _, l := range s.lanes {
		total += l.total
		done += int64(min(1, l.progress()) * float64(l.total))
	}
	s.pump.mu.Unlock()
	s.opt.Progress(done, total)
}

const mostMoved = 2000

// done keeps what the diagnosis needs of a completed session.
func (s *scan) done(tl *session.Timeline) {
	if tl.Moves > 0 {
		s.evidence.MovedTotal++
		if len(s.moved) < mostMoved {
			m := *tl
			m.Visits = nil
			s.moved = append(s.moved, m)
		}
	}
	if len(tl.Visits) > 0 {
		s.evidence.Troubled = append(s.evidence.Troubled, *tl)
	}
}
