package report

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/diagnose"
)

func (p *page) sessionMap(r *diagnose.Report) {
	if len(r.SessionMap) == 0 && len(r.Tiers) == 0 {
		return
	}
	p.heading("session map", "where state lives and how requests are routed")
	for _, m := range r.SessionMap {
		p.to(2)
		s := plain
		if m.Status == "contradicted" {
			s = bad
		}
		p.put(bold, m.Tier)
		p.fit(plain, 5, "carrier: "+m.Carrier+"; state: "+m.Storage+"; affinity: "+m.Affinity)
		p.fit(s, 5, "["+m.Status+"]")
		p.nl()
		p.clues("+", plain, m.Evidence)
	}
	for _, t := range r.Tiers {
		for _, pool := range t.Pools {
			names := make([]string, len(pool.Instances))
			for i, in := range pool.Instances {
				names[i] = in.Name
			}
			p.to(5)
			p.wrap(dim, 7, fmt.Sprintf("%s pool %s [%s]: %s; balance %s; affinity %s; check %s", t.Name, pool.Name, pool.Pos, strings.Join(names, ", "), pool.Balance, pool.Affinity, pool.Check))
		}
	}
}

func (p *page) findings(r *diagnose.Report) {
	if len(r.Findings) == 0 {
		return
	}
	p.heading("findings", "what configurations and traffic say about themselves")
	for _, f := range r.Findings {
		s := plain
		switch f.Severity {
		case "error":
			s = bad
		case "warning":
			s = warn
		}
		p.to(2)
		p.put(s, f.Severity+" ")
		p.wrap(plain, 4, findingText(f))
	}
}

// findingText writes a finding as sentences, with its place if it has one.
func findingText(f diagnose.Finding) string {
	place := ""
	if p := position(f.File, f.Line); p != "" {
		place = " [" + p + "]"
	}
	return fmt.Sprintf("%s%s: %s. Users: %s. Fix: %s.", f.Rule, place, sentence(f.Title), sentence(f.Feels), sentence(f.Fix))
}

// sentence is a text without its full stop.
func sentence(s string) string { return strings.TrimRight(s, ". ") }

// position writes file:line.
func position(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func (p *page) assessment(r *diagnose.Report) {
	if len(r.Assessment) == 0 {
		return
	}
	p.heading("assessment", "always the same questions, in the same order")
	for i, s := range r.Assessment {
		p.to(2)
		p.put(plain, fmt.Sprintf("%d  ", i+1))
		p.put(bold, s.Step)
		p.put(plain, "  ")
		p.wrap(plain, 5, s.Answer)
	}
}

func (p *page) inputs(r *diagnose.Report) {
	if len(r.Inputs) == 0 {
		return
	}
	p.heading("inputs", "lines = events + skipped")
	var rows [][]cell
	for _, in := range r.Inputs {
		rows = append(rows, []cell{{text: in.Path}, {text: in.Format}, {text: count(in.Lines), right: true}, {text: count(in.Events), right: true},
			{text: count(in.Skipped), right: true}, {text: offset(in)}})
	}
	p.table([]string{"file", "format", "lines", "events", "skipped", "clock against the balancer's"}, rows)
	for _, in := range r.Inputs {
		for _, reason := range sortedKeys(in.SkipReasons) {
			p.to(4)
			text := fmt.Sprintf("%s: skipped %s: %s", in.Path, count(in.SkipReasons[reason]), reason)
			if s := in.SkipSamples[reason]; s != "" {
				text += ", for example " + s
			}
			p.wrap(dim, 6, text)
		}
		if in.Error != "" {
			p.to(4)
			p.wrap(bad, 6, in.Path+": "+in.Error)
		}
	}
}

// offset says how far an input's clock is off, as far as that is known.
func offset(in diagnose.Input) string {
	if in.ClockPairs == 0 {
		return "-"
	}
	return fmt.Sprintf("%+.1f ms ± %.1f ms, from %s", in.ClockOffsetMs, in.ClockUncertaintyMs, counted(in.ClockPairs, "request id"))
}

func sortedKeys(m map[string]int64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// notProven says what the inputs could not show, and what to add so that they can.
func (p *page) notProven(r *diagnose.Report) {
	open := unproven(r)
	if len(open) == 0 {
		return
	}
	p.heading("not proven", "what the inputs could not show, and what to add")
	for _, u := range open {
		p.to(2)
		p.put(warn, "? ")
		p.wrap(plain, 4, u.Text)
		if u.Source != "" {
			p.to(4)
			p.put(dim, "add: ")
			p.wrap(plain, 9, u.Source)
		}
	}
}

// unproven gathers what is missing: from the assessment's open questions and from the
// hypotheses, each once. A clue's Source says how to get it.
func unproven(r *diagnose.Report) []diagnose.Clue {
	var open []diagnose.Clue
	seen := map[string]bool{}
	add := func(text, source string) {
		if key := text + "\x00" + source; !seen[key] {
			seen[key] = true
			open = append(open, diagnose.Clue{Text: text, Source: source})
		}
	}
	if t := &r.Totals; t.Unknown > 0 {
		add(fmt.Sprintf("%s of %s could not be judged", count(t.Unknown), counted(t.Followups, "follow-up")), "")
	}
	for _, s := range r.Assessment {
		if s.Outcome == "yes" || r.Verdict == diagnose.VerdictLost && s.Outcome == "no" {
			continue
		}
		if r.Verdict == diagnose.VerdictHealthy && s.Outcome == "no" {
			continue
		}
		for _, e := range s.Evidence {
			add(s.Step+" "+e.Text, e.Source)
		}
	}
	for _, h := range r.Hypotheses {
		for _, m := range h.Missing {
			add(h.Cause+": "+m.Text, m.Source)
		}
	}
	return open
}

func (p *page) notes(r *diagnose.Report) {
	if len(r.Notes)+len(r.Signs) == 0 && r.KeyID == "" {
		return
	}
	p.heading("notes", "")
	for _, s := range r.Signs {
		p.to(2)
		p.wrap(plain, 4, fmt.Sprintf("sign of loss used: %s (%s; %s; %s)", s.Sign, counted(s.Breaks, "break"), s.Strength, s.Healthy))
	}
	for _, n := range r.Notes {
		p.to(2)
		p.wrap(plain, 4, n)
	}
	if r.KeyID != "" {
		p.to(2)
		p.wrap(dim, 4, "Sessions are shown as pseudonyms under key "+r.KeyID+"; credentials never leave the process.")
	}
	if r.Seed != 0 {
		p.to(2)
		p.wrap(dim, 4, fmt.Sprintf("seed %d", r.Seed))
	}
}
