package session

import "math/bits"

// A Population counts what all follow-ups look like, so that what broken sessions share can be
// held against what healthy ones show. Constant size but for the pairs of instances.
type Population struct {
	// ByAffinity counts by what the balancer made of the affinity cookie and by routing.
	ByAffinity [AffinityUnused + 1][NotPresented + 1]Tally

	ByInstance, ByRoute, ByAgent []Tally // index: the name's number
	ByPair                       map[Pair]*Tally
	ByRelease                    []Tally

	// BySign counts follow-ups that show each single sign, and those that could have.
	BySign [6]struct{ Held, Moved, FirstSeen int64 }
	Signed struct{ Held, Moved, FirstSeen int64 }

	// Gaps counts rests before honoured follow-ups, since the answer before, by instance held: bucket b holds rests of
	// [2^(b/4), 2^((b+1)/4)) ms.
	Gaps [gapBuckets]int64

	// MovedGaps counts them by another instance than the one before.
	MovedGaps [gapBuckets]int64

	Foreign, ForeignPost Tally // follow-ups that come from another site

	Series Series

	// Addresses counts the different client addresses that sessions began from; AddressChanges follow-ups that came from
	// another address than the one before them.
	Addresses      Distinct
	AddressChanges int64
	ByNewAddress   Tally

	// Across and Within count moves that came with a change of balancer (of the input that tells of the request), and those
	// that one balancer made.
	Across, Within Tally

	// Hops counts follow-ups by the instance that the balancer says and the one that the application, or the innermost
	// balancer, says, where both do.
	Hops map[Pair]int64

	// Odd counts what clients presented inconsistently, by Presentation.
	Odd [presentations]Oddities

	// Seen and Unseen count, per route, requests with and without an application event.
	Seen, Unseen []int64
}

// A Tally is how a group of follow-ups fared.
type Tally struct{ Held, Moved, Other, Honoured, Trouble int64 }

// Total returns all follow-ups of the group.
func (t *Tally) Total() int64 { return t.Held + t.Moved + t.Other }

// A Pair is a move from one instance to another.
type Pair struct{ From, To uint16 }

const gapBuckets = 160

func newPopulation() Population { return Population{ByPair: map[Pair]*Tally{}, Hops: map[Pair]int64{}} }

func (t *Tally) add(v *Visit) {
	switch v.Routing {
	case Held:
		t.Held++
	case Moved:
		t.Moved++
	default:
		t.Other++
	}
	switch v.Outcome {
	case Honoured:
		t.Honoured++
	case Lost, Incomplete, Withheld, Suspect:
		t.Trouble++
	}
}

func at(s *[]Tally, id uint16) *Tally {
	for int(id) >= len(*s) {
		*s = append(*s, Tally{})
	}
	return &(*s)[id]
}

// population counts a follow-up.
func (c *Correlator) population(l *life, r *Record, v *Visit) {
	p := &c.Population
	p.ByAffinity[v.Flow.Affinity][v.Routing].add(v)
	at(&p.ByInstance, v.Instance).add(v)
	at(&p.ByRoute, v.Route).add(v)
	if v.Agent != 0 {
		at(&p.ByAgent, v.Agent).add(v)
	}
	if v.Release != 0 {
		at(&p.ByRelease, v.Release).add(v)
	}
	if v.Routing == Moved {
		k := Pair{l.instance, v.Instance}
		t := p.ByPair[k]
		if t == nil {
			t = &Tally{}
			p.ByPair[k] = t
		}
		t.add(v)
		if l.seen > 0 && l.ring[(l.seen-1)%ringLen].input != uint8(min(v.Input, 255)) {
			p.Across.add(v)
		} else {
			p.Within.add(v)
		}
	}
	if v.Readdressed {
		p.ByNewAddress.add(v)
	}
	if v.AppOn != 0 && v.Instance != 0 {
		p.Hops[Pair{v.Instance, v.AppOn}]++
	}
	if v.Flags&Foreign != 0 {
		p.Foreign.add(v)
		if v.Method != GET && v.Method != HEAD {
			p.ForeignPost.add(v)
		}
	}
	if v.Outcome == Honoured {
		switch v.Routing {
		case Held:
			p.Gaps[gapBucket(l.rest(v.Start))]++
		case Moved:
			p.MovedGaps[gapBucket(l.rest(v.Start))]++
		}
	}
	p.signs(v, !l.troubled && c.classOf(v.Method, v.Route) != LoginRoute)
	p.Series.add(v)
}

func (p *Population) signs(v *Visit, quiet bool) {
	switch v.Routing {
	case Held:
		if !quiet {
			return // after trouble or at the way in new credentials mean nothing
		}
		p.Signed.Held++
	case Moved:
		p.Signed.Moved++
	default:
		p.Signed.FirstSeen++
	}
	if v.Signs == 0 && !v.SetNew {
		return
	}
	for i := range p.BySign {
		if v.Signs&(1<<i) == 0 && !(i == 0 && v.SetNew) {
			continue
		}
		switch v.Routing {
		case Held:
			p.BySign[i].Held++
		case Moved:
			p.BySign[i].Moved++
		default:
			p.BySign[i].FirstSeen++
		}
	}
}

// Renews reports whether, over all of the evidence, sessions that stay where they are get new credentials so often that
// a new one is how this application works: a signed cookie changes with its content. A session that expired gets one too, now
// and then.
func (p *Population) Renews() bool {
	return p.BySign[0].Held >= 3 && p.BySign[0].Held*20 > p.Signed.Held
}

// renewsAlways reports whether sessions that stay where they are get new credentials all the time:
// then a new credential is how this application works, and no sign of loss.
func (p *Population) renewsAlways() bool {
	return p.Signed.Held >= 64 && p.BySign[0].Held*10 > p.Signed.Held
}

func (c *Correlator) seen(r *Record) {
	s := &c.Population.Unseen
	if r.App&AppSeen != 0 {
		s = &c.Population.Seen
	}
	for int(r.Route) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[r.Route]++
}

// gapBucket returns the bucket of a pause in nanoseconds.
func gapBucket(ns int64) int {
	ms := uint64(max(ns, 0)) / 1e6
	if ms < 2 {
		return 0
	}
	octave := bits.Len64(ms) - 1
	quarter := ms >> max(octave-2, 0)
	if octave == 1 {
		quarter <<= 1
	}
	return min(4*octave+int(quarter&3), gapBuckets-1)
}

// GapFloor returns the shortest pause that a bucket holds, in nanoseconds.
func GapFloor(bucket int) int64 {
	octave, quarter := bucket/4, bucket%4
	if octave < 1 {
		return 0
	}
	base := int64(1e6) << octave
	return base + base/4*int64(quarter)
}
