package session

import (
	"math"
	"slices"
	"time"
)

// An OffsetEstimate is how far a source's clock is from the reference clock: source time minus
// reference time, with the bound of its error.
type OffsetEstimate struct {
	Offset, Uncertainty time.Duration
	Pairs               int
}

// A clockPair bounds the offset: an application event that shares its request id with a
// balancer's line lies inside that request, so offset lies in [event-end, event-start].
type clockPair struct{ low, high int64 }

// A Clock estimates one source's offset from pairs of times.
type Clock struct{ pairs []clockPair }

// Add adds an event's time and the start and end of the balancer request with the same id,
// all in nanoseconds.
func (c *Clock) Add(event, start, end int64) {
	if len(c.pairs) < 1<<16 && end >= start {
		c.pairs = append(c.pairs, clockPair{event - end, event - start})
	}
}

// rounding is added on both sides: balancers log whole milliseconds.
const rounding = int64(time.Millisecond)

// Estimate returns the offset that agrees with the pairs. Where all agree, their common interval
// gives middle and bound. Where a few disagree (a clock that drifts or stepped, an id used twice), the
// offset is the one that most pairs allow, and the bound covers nine tenths of them.
func (c *Clock) Estimate() OffsetEstimate {
	if len(c.pairs) == 0 {
		return OffsetEstimate{}
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	for _, p := range c.pairs {
		low, high = max(low, p.low-rounding), min(high, p.high+rounding)
	}
	if low <= high {
		return OffsetEstimate{time.Duration((low + high) / 2), time.Duration((high-low)/2 + 1), len(c.pairs)}
	}
	return c.most()
}

// most finds the point that lies in most intervals.
func (c *Clock) most() OffsetEstimate {
	type edge struct {
		at int64
		d  int
	}
	edges := make([]edge, 0, 2*len(c.pairs))
	for _, p := range c.pairs {
		edges = append(edges, edge{p.low - rounding, 1}, edge{p.high + rounding, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return b.d - a.d
	})
	depth, best, from, to := 0, 0, int64(0), int64(0)
	for i, e := range edges {
		depth += e.d
		if depth > best && i+1 < len(edges) {
			best, from, to = depth, e.at, edges[i+1].at
		}
	}
	mid := (from + to) / 2
	far := make([]int64, 0, len(c.pairs))
	for _, p := range c.pairs {
		far = append(far, max(0, p.low-mid, mid-p.high))
	}
	slices.Sort(far)
	return OffsetEstimate{time.Duration(mid), time.Duration((to-from)/2 + far[len(far)*9/10] + rounding), len(c.pairs)}
}
