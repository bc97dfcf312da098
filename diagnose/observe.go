package diagnose

import (
	"limpet.dev/cause"
	"limpet.dev/session"
)

// An Observation is what all detectors saw in one cluster of like breaks. Weights are derived from the
// observations of recorded cases.
type Observation struct {
	Reading Reading
	Kind    string // of its breaks
	Breaks  int
	Total   int // breaks of the whole case
	Clues   map[string][]cause.Clue

	Sessions []session.Pseudonym // those that broke, in order of time
}

// Observe settles ev and returns what the detectors see in each cluster. ev is used up.
func Observe(ev *Evidence) []Observation {
	d := &run{Evidence: ev, counts: ev.Counts, signs: map[session.Signs]int64{}, report: &Report{Schema: Schema}}
	d.gatherNotices()
	d.settle()
	all := make([]*cause.Break, len(d.breaks))
	for i, b := range d.breaks {
		all[i] = &b.Break
	}
	var seen []Observation
	for _, c := range d.gather() {
		e := d.evidence(all)
		var sessions []session.Pseudonym
		for _, b := range c.breaks {
			e.Breaks = append(e.Breaks, &b.Break)
			sessions = append(sessions, b.Session)
		}
		o := Observation{Reading: ReadingOf(d.Log, d.Events), Kind: c.breaks[0].Kind, Breaks: len(c.breaks), Total: len(d.breaks), Clues: map[string][]cause.Clue{}, Sessions: sessions}
		for _, k := range cause.All() {
			if clues := k.Clues(e); len(clues) > 0 {
				o.Clues[k.ID] = clues
			}
		}
		seen = append(seen, o)
	}
	return seen
}
