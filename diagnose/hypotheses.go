package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"limpet.dev/cause"
	"limpet.dev/session"
)

// hypotheses merges the clusters by their leading cause, ranks the causes by the sessions that they
// cost, and puts the runners-up behind them.
func (d *run) hypotheses(clusters []*cluster) []Hypothesis {
	byCause := map[string]*Hypothesis{}
	var order []string
	get := func(c cause.Cause) *Hypothesis {
		h := byCause[c.ID]
		if h == nil {
			h = &Hypothesis{
				Cause: c.ID, Title: c.Title, Category: string(c.Category), Root: string(c.Root), Summary: oneParagraph(c.Summary),
				Fix: oneParagraph(c.Remedy), Rollback: oneParagraph(c.Rollback), Explain: "limpet explain " + c.ID,
				Supports: []Clue{}, Contradicts: []Clue{}, Missing: []Clue{}, Families: []string{},
			}
			byCause[c.ID] = h
			order = append(order, c.ID)
		}
		return h
	}
	for _, c := range clusters {
		for i, cand := range c.ranked {
			leads := i == 0 && cand.confidence >= explained
			if !leads && (cand.confidence < 0.02 || i > 3) {
				continue
			}
			h := get(cand.cause)
			d.add(h, c, cand, leads)
			if leads && len(c.ranked) > 1 && h.RunnerUp == "" {
				h.RunnerUp = c.ranked[1].cause.ID
			}
		}
	}
	hs := []Hypothesis{}
	for _, id := range order {
		h := byCause[id]
		c, _ := cause.Find(id)
		h.Missing = d.missing(c)
		h.Next = next(c, h, d)
		hs = append(hs, *h)
	}
	d.humble(hs)
	slices.SortStableFunc(hs, func(a, b Hypothesis) int {
		return cmp.Or(cmp.Compare(b.Breaks, a.Breaks), cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Cause, b.Cause))
	})
	for i := range hs {
		hs[i].Rank = i + 1
	}
	return hs
}

// While most losses are unexplained, no cause of the rest is sure: they may well have one cause together.
const (
	mostlyOpen   = 0.5
	surestOfRest = 0.75

	// surestAmong: a neighbour that nothing at hand could show may as well be the cause.
	surestAmong = 0.79
)

// humble lowers confidences that missing evidence or unexplained breaks forbid.
func (d *run) humble(hs []Hypothesis) {
	for i := range hs {
		if hidden := d.hidden(hs[i].Cause); len(hidden) > 0 {
			hs[i].Confidence = min(hs[i].Confidence, surestAmong)
		}
	}
	open := 0
	for _, b := range d.breaks {
		if b.cause == Unexplained {
			open++
		}
	}
	if float64(open) <= mostlyOpen*float64(len(d.breaks)) {
		return
	}
	for i := range hs {
		hs[i].Confidence = min(hs[i].Confidence, surestOfRest)
	}
}

// hidden returns the cause, if what is at hand could not show it, and those of its neighbours that it could not, which
// therefore are not excluded.
func (d *run) hidden(id string) []string {
	own, _ := cause.Find(id)
	var hidden []string
	for _, k := range cause.All() {
		_, neighbour := own.Neighbours[k.ID]
		if (neighbour || k.ID == id) && slices.ContainsFunc(k.Tells, d.lacks) {
			hidden = append(hidden, k.ID)
		}
	}
	return hidden
}

// lacks reports whether a kind of evidence is not at hand.
func (d *run) lacks(s cause.Source) bool { return d.howToAdd(s) != "" }

// add adds what a cluster says about a cause. Confidence is the clusters', weighed by their size.
func (d *run) add(h *Hypothesis, c *cluster, cand candidate, leads bool) {
	n := float64(len(c.breaks))
	if leads {
		before := float64(h.Breaks)
		h.Confidence = (h.Confidence*before + cand.confidence*n) / (before + n)
		for _, b := range c.breaks {
			b.why = why(cand, b)
			h.Breaks++
			h.Sessions++
			h.Weight += b.weight
			if h.First.IsZero() || b.At.Before(h.First) {
				h.First = b.At
			}
			if b.At.After(h.Last) {
				h.Last = b.At
			}
			if f := string(b.family); !slices.Contains(h.Families, f) {
				h.Families = append(h.Families, f)
			}
		}
		slices.Sort(h.Families)
	} else if h.Breaks == 0 {
		h.Confidence = max(h.Confidence, cand.confidence*n/float64(max(1, len(d.breaks))))
	}
	if h.Breaks > 0 && !leads {
		return
	}
	for _, clue := range cand.clues {
		line := Clue{Text: clue.Text, Source: clue.Source, Weight: clue.Strength}
		if clue.Against {
			h.Contradicts = appendClue(h.Contradicts, line)
		} else {
			h.Supports = appendClue(h.Supports, line)
		}
	}
}

// appendClue keeps one clue of each text.
func appendClue(list []Clue, c Clue) []Clue {
	for i := range list {
		if list[i].Text == c.Text {
			if c.Weight > list[i].Weight {
				list[i] = c
			}
			return list
		}
	}
	return append(list, c)
}

// why says in one sentence why this break belongs to its cause.
func why(cand candidate, b *settled) string {
	parts := []string{}
	switch {
	case b.FromStarted != nil:
		parts = append(parts, fmt.Sprintf("%s started anew at %s", b.From, b.FromStarted.At.Format("15:04:05.000")))
	case b.FromDown != nil:
		parts = append(parts, fmt.Sprintf("%s was taken out at %s", b.From, b.FromDown.At.Format("15:04:05.000")))
	case b.Reloaded != nil && b.Moved:
		parts = append(parts, fmt.Sprintf("the balancer started anew at %s", b.Reloaded.At.Format("15:04:05.000")))
	}
	switch {
	case b.Kind == "withheld":
		parts = append(parts, fmt.Sprintf("the client came from another site with %s and left its session cookie out", b.Method))
	case b.Moved:
		parts = append(parts, fmt.Sprintf("the request went to %s, the state was on %s", b.To, b.From))
	case b.From != "":
		parts = append(parts, fmt.Sprintf("%s had honoured the session and did not know it any more", b.From))
	}
	if b.Reason != "" && b.Reason != "unknown" {
		parts = append(parts, "the application said: "+plain(b.Reason))
	}
	return strings.Join(parts, "; ")
}

// plain keeps a word from an input harmless and short.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}

func oneParagraph(s string) string { return strings.Join(strings.Fields(s), " ") }

// missing says what a cause's detector would have liked to see, and how to get it.
func (d *run) missing(c cause.Cause) []Clue {
	missing := []Clue{}
	for _, s := range c.Uses {
		if how := d.howToAdd(s); how != "" {
			missing = append(missing, Clue{Text: string(s), Source: how})
		}
	}
	return missing
}

// howToAdd says how to come by a kind of evidence that is missing, "" if it is not.
func (d *run) howToAdd(s cause.Source) (how string) {
	switch s {
	case cause.Config:
		if d.pool() == nil {
			how = "name the configuration with -c, or put it into the bundle"
		}
	case cause.Events:
		if !d.Events {
			how = "add lifecycle events: limpet.dev/witness, or one JSON line per session operation (docs/events.md)"
		}
	case cause.BalancerLog:
		if !d.Log {
			how = "add the balancer's log, written with the line of limpet logline"
		}
	case cause.Addresses:
		if d.oneNetwork() {
			how = "log the client's own address, not that of what stands before the balancer"
		}
	case cause.HealthLines:
		if !d.hasNotice(session.Health, session.Lifecycle) {
			how = "the log holds none: " + d.advice().Notices
		}
	case cause.AffinityFlags:
		if d.Facts&session.HasFlow == 0 {
			how = "log the balancer's verdict on its cookie: " + d.logline()
		}
	case cause.Agents:
		if d.Facts&session.HasUserAgent == 0 {
			how = "log the whole User-Agent: " + d.logline()
		}
	case cause.Referers:
		if d.Facts&session.HasReferer == 0 {
			how = "log the host of Referer and Origin: " + d.logline()
		}
	case cause.Changes:
		if len(d.Changes) == 0 {
			how = "add changes.jsonl: one line per deployment, configuration change or restart"
		}
	case cause.Declaration:
		if d.storage() == "" {
			how = "declare sessions: storage in limpet.yaml (limpet init writes one)"
		}
	}
	return how
}

// oneNetwork reports whether all broken sessions came from one network, which is then hardly the clients' own.
func (d *run) oneNetwork() bool {
	for _, b := range d.breaks {
		if b.Net != d.breaks[0].Net {
			return false
		}
	}
	return len(d.breaks) > 1
}

func (d *run) hasNotice(kinds ...session.Kind) bool {
	for _, n := range d.notices {
		if slices.Contains(kinds, n.Kind) {
			return true
		}
	}
	return false
}

// sureEnough is the confidence from which an observation that separates neighbours is worth more than further kinds of evidence.
const sureEnough = 0.9

// decisive returns the missing kind of evidence that would tell most, while a hypothesis is not sure: the application's word
// decides about every loss, the configuration about every rule of routing.
func decisive(h *Hypothesis) (Clue, bool) {
	if h.Breaks > 0 && h.Confidence >= sureEnough {
		return Clue{}, false
	}
	for _, s := range []cause.Source{cause.Events, cause.Config} {
		for _, m := range h.Missing {
			if m.Text == string(s) {
				return m, true
			}
		}
	}
	return Clue{}, false
}

// next names the observation that would separate the leader from the runner-up.
func next(c cause.Cause, h *Hypothesis, d *run) string {
	if m, ok := decisive(h); ok {
		return "Add " + m.Text + ": " + m.Source + "."
	}
	if sep, ok := c.Neighbours[h.RunnerUp]; ok {
		return "To exclude " + h.RunnerUp + ": " + sep + "."
	}
	if len(h.Missing) > 0 {
		return "Add " + h.Missing[0].Text + ": " + h.Missing[0].Source + "."
	}
	if steps := strings.Split(strings.TrimSpace(c.Runbook), "\n"); len(steps) > 0 {
		first := []string{strings.TrimPrefix(steps[0], "1. ")}
		for _, s := range steps[1:] {
			if s == "" || strings.HasPrefix(s, "2. ") {
				break
			}
			first = append(first, strings.TrimSpace(s))
		}
		return strings.Join(first, " ")
	}
	return ""
}
