package lab

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/cause"
)

// shows reports whether a cause can show in this kind of evidence: cause.Tells says what each needs. A log is always there, with
// the clients' addresses, and healthy runs need no more.
func (l *Leaving) shows(id string) bool {
	c, _ := cause.Find(id)
	return !slices.ContainsFunc(c.Tells, func(s cause.Source) bool {
		switch s {
		case cause.Events:
			return l.Ignore("events.jsonl")
		case cause.Declaration: // events name the store as well
			return l.Ignore("events.jsonl") && l.Ignore("limpet.yaml")
		}
		return false
	})
}

// A Showing keeps the runs whose cause can show in the evidence apart from the others, of which nobody can ask more than that
// nothing wrong is said for sure.
type Showing struct {
	Visible, Found int // runs whose cause can show; those with the cause ranked first, or healthy and called so
	Hidden, Humble int // the others; those called not-proven, or with a first cause at a confidence of at most sure
}

func (s *Showing) add(b *BundleScore, shows bool) {
	switch {
	case shows:
		s.Visible++
		s.Found += b.Score.Top1
	default:
		s.Hidden++
		if b.Score.Top1 == 1 || b.Score.Undecided == 1 || b.Score.FalseVerdicts == 0 && b.Confidence <= sure {
			s.Humble++
		}
	}
}

// right is the share of runs about which the most was said that the evidence allows.
func (s *Showing) right() float64 { return share(s.Found+s.Humble, s.Visible+s.Hidden, 1) }

// showingTable writes what is asked of each kind of evidence, and what came of it.
func showingTable(b *strings.Builder, all []Accuracy) {
	b.WriteString(showingHead)
	for i := range all {
		s := &all[i].Showing
		fmt.Fprintf(b, "| %s | %s | %d | %.3f | %d | %.3f | %.3f |\n", all[i].Leaving.Name, all[i].Balancer, s.Visible, share(s.Found, s.Visible, 1),
			s.Hidden, share(s.Humble, s.Hidden, 1), s.right())
	}
}

const showingHead = `
## Where the cause can show

Some causes leave no trace of their own in poor evidence: by a log alone, a store that evicts looks like sessions that
expire. The catalogue says of each cause which evidence it needs. "Visible" are the runs whose cause can show in what was
read, with the healthy ones: there the planted cause must rank first. Of the others, an answer counts as right that claims no more than is
known: not-proven, or a first cause with a confidence of at most 0.8, and no false verdict.

| read | balancer | visible | top-1 of these | others | right of these | together |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
`
