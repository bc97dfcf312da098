package diagnose

import (
	"math"
	"slices"

	"limpet.dev/session"
)

// idle reports whether, as far as that can be told without a declared idle time, the session may have expired by
// itself before visit i: there was a long enough pause since its state was last proven.
func (d *run) idle(tl *session.Timeline, i int) bool {
	gap := d.idleGap
	if gap == 0 {
		gap = d.unheardPause()
	}
	if gap == 0 {
		return false
	}
	for k := i; k > 0; k-- {
		if d.pause(tl, k) >= gap {
			return true
		}
		if d.provesState(&tl.Visits[k-1]) {
			return false
		}
	}
	return false
}

// fewSuspects is the number of sessions with signs of loss up to which a pause longer than any that was survived excuses them.
const fewSuspects = 2

// unheardPause returns a pause that no session is known to have survived, where the balancer's log is all there is, no idle
// time is declared, and so few sessions show signs of loss that expiry explains them as well as anything; else 0.
func (d *run) unheardPause() int64 {
	if d.Events || d.Declared.Idle > 0 || d.counts.Honoured < fewestPauses {
		return 0
	}
	suspects := 0
	for i := range d.Troubled {
		if slices.ContainsFunc(d.Troubled[i].Visits, func(v session.Visit) bool { return v.Outcome == session.Suspect || v.Outcome == session.Lost }) {
			suspects++
		}
	}
	if suspects > fewSuspects {
		return 0
	}
	for b := len(d.Population.Gaps) - 1; b > 0; b-- {
		if d.Population.Gaps[b] > 0 {
			return session.GapFloor(min(b+1, len(d.Population.Gaps)-1))
		}
	}
	return 0
}

// provesState reports whether an answer shows that the application had the session's state.
func (d *run) provesState(v *session.Visit) bool {
	switch {
	case v.SetNew || v.App&session.AppHit != 0:
		return true
	case v.Outcome != session.Honoured || v.Status < 200 || v.Status > 299:
		return false
	}
	return d.guarded[v.Route]
}

// pause returns how long the session had rested before visit i. Static files do not use it.
func (d *run) pause(tl *session.Timeline, i int) int64 {
	for k := i - 1; k > 0; k-- {
		w := &tl.Visits[k]
		if d.Classify == nil || d.Classify(w.Method, d.Names.Routes.Name(w.Route)) != session.AssetRoute {
			return tl.Visits[i].Start - w.Start
		}
	}
	if i == 0 {
		return 0
	}
	return tl.Visits[i].Start - tl.Visits[0].Start
}

const (
	fewestPauses = 50  // honoured follow-ups below which no idle time is looked for
	fewestIdle   = 2   // sessions that must have been lost after a long pause
	shownShare   = 0.3 // of follow-ups after a long pause that must look lost; pages that need no session go on answering
	saidShare    = 0.9 // that the application must not have known, where it says so: nothing outlives an idle time
	idleContrast = 8   // how much more often they must than after a short one
	idleEvidence = 7   // logarithm of how much likelier two rates must be than one: 1,000 to 1
)

// findIdleGap looks for the pause beyond which sessions are not honoured any more although they stay where they
// are: the point that best divides pauses with few losses from pauses with many.
func (d *run) findIdleGap() {
	if d.Declared.Idle > 0 {
		return
	}
	honoured := d.Population.Gaps
	shared := d.shared() // then it makes no difference which instance finds that a session expired
	if shared {
		for i, n := range d.Population.MovedGaps {
			honoured[i] += n
		}
	}
	var lost [len(honoured)]float64
	var below, belowLost, above, aboveLost float64
	for i := range d.Troubled {
		tl := &d.Troubled[i]
		for k := 1; k < len(tl.Visits); k++ {
			v := &tl.Visits[k]
			elsewhere := shared && v.Outcome == session.Lost && v.Signs&session.SignMiss != 0
			if v.Outcome == session.Suspect || elsewhere {
				if v.Routing == session.Held || elsewhere {
					lost[gapBucket(d.pause(tl, k), len(lost))]++
					aboveLost++
				}
				break
			}
		}
	}
	for _, n := range honoured {
		above += float64(n)
	}
	if above < fewestPauses {
		return
	}
	one := likelihood(above, aboveLost)
	best := one + idleEvidence
	for b := 1; b < len(lost); b++ {
		below, above = below+float64(honoured[b-1]), above-float64(honoured[b-1])
		belowLost, aboveLost = belowLost+lost[b-1], aboveLost-lost[b-1]
		if aboveLost < fewestIdle || rate(above, aboveLost) < max(d.idleShare(), idleContrast*rate(below, belowLost)) {
			continue
		}
		if l := likelihood(below, belowLost) + likelihood(above, aboveLost); l > best {
			best, d.idleGap = l, session.GapFloor(b)
		}
	}
}

func (d *run) idleShare() float64 {
	if d.Events {
		return saidShare
	}
	return shownShare
}

// gapBucket returns the bucket of Population.Gaps into which a pause falls.
func gapBucket(pause int64, buckets int) int {
	b := 0
	for b+1 < buckets && session.GapFloor(b+1) <= pause {
		b++
	}
	return b
}

func rate(honoured, lost float64) float64 { return lost / max(1, honoured+lost) }

// likelihood is the logarithm of how likely so many losses are at their own rate.
func likelihood(honoured, lost float64) float64 {
	if honoured == 0 || lost == 0 {
		return 0
	}
	p := lost / (honoured + lost)
	return lost*math.Log(p) + honoured*math.Log(1-p)
}
