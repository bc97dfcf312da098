package report

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/diagnose"
)

func (p *page) health(r *diagnose.Report, c clock) {
	if len(r.Health) == 0 {
		return
	}
	p.heading("health events", "priced in the sessions that they moved and lost")
	var rows [][]cell
	for _, h := range r.Health[:min(len(r.Health), textHealth)] {
		s := plain
		if h.Lost > 0 {
			s = bad
		}
		rows = append(rows, []cell{{text: c.at(h.At)}, {text: h.Instance}, {text: h.To}, {text: count(h.Moved), right: true}, {text: count(h.Lost), style: s, right: true},
			{text: h.Source, style: dim}, {text: reason(h.Detail)}})
	}
	p.table([]string{"time", "instance", "to", "moved", "lost", "source", "in the balancer's words"}, rows)
	p.more(len(r.Health), textHealth, "health events")
}

// reason is the part of a balancer's notice that says why: what follows "reason: ", without
// the count of instances that are left.
func reason(detail string) string {
	if _, after, ok := strings.Cut(detail, "reason: "); ok {
		why, _, _ := strings.Cut(after, ". ")
		return strings.TrimSuffix(why, ".")
	}
	return detail
}

// more says how many entries of a list are not shown.
func (p *page) more(have, shown int, what string) {
	if have > shown {
		p.put(dim, fmt.Sprintf("  … %s more %s in -o json", count(int64(have-shown)), what))
		p.nl()
	}
}

func (p *page) changes(r *diagnose.Report, c clock) {
	if len(r.Changes) == 0 {
		return
	}
	p.heading("recorded changes", "a change supports a cause and never makes one")
	var rows [][]cell
	for _, ch := range r.Changes[:min(len(r.Changes), textHealth)] {
		rows = append(rows, []cell{{text: c.at(ch.At)}, {text: ch.Kind}, {text: ch.Target}, {text: ch.Source, style: dim}, {text: strings.TrimSpace(ch.What + " " + ch.Ref)}})
	}
	p.table([]string{"time", "kind", "target", "source", "what"}, rows)
	p.more(len(r.Changes), textHealth, "changes")
}

func (p *page) breaks(r *diagnose.Report, c clock) {
	if len(r.Breaks) == 0 {
		return
	}
	p.heading("broken sessions", fmt.Sprintf("the %d that cost most, of %s", min(len(r.Breaks), textBreaks), count(r.Totals.Breaks)))
	var rows [][]cell
	for _, b := range costliest(r.Breaks, textBreaks) {
		rows = append(rows, []cell{{text: c.at(b.At)}, {text: b.Session, whole: true}, {text: kindWords(&b), style: bad}, {text: request(b.Request)},
			{text: route(b.From, b.To)}, {text: span(b.RecoveredMs), right: true}})
	}
	p.table([]string{"time", "session", "kind", "request", "instance", "back"}, rows)
	p.put(dim, "  one of them request by request: limpet session ID BUNDLE; all of them: -o json")
	p.nl()
}

// costliest returns the n breaks that cost users most, the earlier first among equals.
func costliest(breaks []diagnose.Break, n int) []diagnose.Break {
	var top []*diagnose.Break
	for i := range breaks {
		b := &breaks[i]
		if len(top) == n && !costlier(b, top[n-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, b, func(have, b *diagnose.Break) int {
			if costlier(b, have) {
				return 1
			}
			return -1
		})
		top = slices.Insert(top, at, b)[:min(n, len(top)+1)]
	}
	out := make([]diagnose.Break, len(top))
	for i, b := range top {
		out[i] = *b
	}
	return out
}

func costlier(a, b *diagnose.Break) bool {
	return a.Weight > b.Weight || a.Weight == b.Weight && a.At.Before(b.At)
}

// route says from which instance to which.
func route(from, to string) string {
	switch {
	case from == "" && to == "":
		return "-"
	case from == to:
		return "on " + to
	case from == "":
		return "to " + to
	case to == "":
		return "from " + from
	}
	return from + " -> " + to
}

func (p *page) moves(r *diagnose.Report, c clock) {
	if len(r.Moved) == 0 {
		return
	}
	p.heading("moved sessions", "answered by more than one instance; a moved session is not yet a lost one")
	var rows [][]cell
	for _, m := range r.Moved[:min(len(r.Moved), textMoves)] {
		lost := cell{text: "kept"}
		if m.Lost {
			lost = cell{text: "lost", style: bad}
		}
		rows = append(rows, []cell{{text: c.at(m.After.At)}, {text: shortSession(m.Session)}, lost, {text: count(m.Moves), right: true},
			{text: route(m.Before.Instance, m.After.Instance)}, {text: m.Why}})
	}
	p.table([]string{"time", "session", "state", "moves", "instance", "what the balancer said"}, rows)
	p.more(int(r.MovedKept.Total), min(len(r.Moved), textMoves), "moved sessions")
}
