package cause

import (
	"fmt"
	"slices"
	"time"

	"limpet.dev/session"
)

// changeWindow is how long before the first loss a recorded change can lie and still speak for it.
const changeWindow = 10 * time.Minute

// changeClue turns a recorded change into a clue. People write change records: they support, no more.
func changeClue(c session.Change) Clue {
	text := "a change was recorded just before: " + c.Kind
	if c.Target != "" {
		text += " of " + c.Target
	}
	return Clue{ID: "change", Strength: 1, Text: text, Source: fmt.Sprintf("%s at %s", "changes", c.At.Format("15:04:05"))}
}

// mostCrossed returns the moment that lies between the last good request and the loss for the most breaks.
func mostCrossed(breaks []*Break) (n int, at time.Time) {
	type edge struct {
		at time.Time
		d  int
	}
	var edges []edge
	for _, b := range breaks {
		if b.LastGood.IsZero() || b.At.Before(b.LastGood) {
			continue
		}
		edges = append(edges, edge{b.LastGood, 1}, edge{b.At, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return b.d - a.d
	})
	depth := 0
	for _, e := range edges {
		if depth += e.d; depth > n {
			n, at = depth, e.at
		}
	}
	return n, at
}

// crosses reports whether a session was last good before a moment and lost after it.
func crosses(b *Break, at time.Time) bool {
	return !b.LastGood.IsZero() && !b.LastGood.After(at) && !b.At.Before(at)
}

// within reports whether a notice lies in (from, to].
func within(t, from, to time.Time) bool { return t.After(from) && !t.After(to) }
