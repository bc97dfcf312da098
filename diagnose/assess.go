package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"limpet.dev/session"
)

// assess asks a fixed list of questions in a fixed order and keeps each answer with its evidence (S11).
func (d *run) assess() {
	for _, q := range []func() Step{
		d.askTellApart, d.askJudge, d.askHeld, d.askHonoured, d.askSameInstance, d.askDivergence, d.askOccasion, d.askProbes, d.askReason, d.askClients, d.askPresentation, d.askCause,
	} {
		s := q()
		if s.Evidence == nil {
			s.Evidence = []Clue{}
		}
		d.report.Assessment = append(d.report.Assessment, s)
	}
}

func (d *run) askTellApart() Step {
	s := Step{Step: "Can sessions be told apart?"}
	if d.counts.Followups > 0 {
		s.Answer, s.Outcome = fmt.Sprintf("yes: %d sessions with %d follow-ups", d.counts.Sessions, d.counts.Followups), "yes"
		return s
	}
	s.Outcome = "no"
	s.Answer = "no: nothing in the input names a session"
	if d.Log {
		s.Evidence = append(s.Evidence, Clue{Text: "the log shows no session cookie", Source: d.showCookie()})
	} else {
		s.Evidence = append(s.Evidence, Clue{Text: "no log and no events were read", Source: "name a log, or a folder with a log"})
	}
	return s
}

func (d *run) askJudge() Step {
	s := Step{Step: "Does the input say whether a follow-up was honoured?"}
	switch {
	case d.Events:
		s.Answer, s.Outcome = "yes: the application's own events decide", "yes"
	case d.counts.Honoured+d.counts.Lost > 0:
		s.Answer, s.Outcome = "as far as answers show it: no application events, so signs in the balancer's log were used", "yes"
		s.Evidence = append(s.Evidence, Clue{Text: "an application event per session operation would be proof", Source: "limpet.dev/witness"})
		if d.Facts&session.HasSetSession == 0 {
			s.Evidence = append(s.Evidence, Clue{Text: "the log does not show which credential an answer sets", Source: d.logline()})
		}
	default:
		s.Answer, s.Outcome = "no", "no"
		s.Evidence = append(s.Evidence, Clue{Text: "neither application events nor answers by which a loss could be told", Source: d.logline() + ", limpet.dev/witness"})
	}
	return s
}

func (d *run) askHeld() Step {
	s := Step{Step: "Did follow-ups reach the instance of the request before?", Outcome: "unknown", Answer: "not known: the input does not say which instance answered"}
	if n := d.counts.Held + d.counts.Moved; n > 0 {
		s.Outcome = map[bool]string{true: "yes", false: "no"}[d.counts.Moved == 0]
		s.Answer = fmt.Sprintf("%d held, %d moved (%.2f %% held); %d sessions moved at least once", d.counts.Held, d.counts.Moved, 100*float64(d.counts.Held)/float64(n), d.MovedTotal)
	}
	return s
}

func (d *run) askHonoured() Step {
	c := &d.counts
	s := Step{Step: "Were they honoured?", Outcome: "unknown", Answer: "not known"}
	if c.Followups > c.Unknown {
		s.Outcome = map[bool]string{true: "yes", false: "no"}[len(d.breaks) == 0]
		s.Answer = fmt.Sprintf("%d honoured, %d lost, %d incomplete, %d withheld, %d unserved, %d not known", c.Honoured, c.Lost, c.Incomplete, c.Withheld, c.Unserved, c.Unknown)
	}
	return s
}

func (d *run) askSameInstance() Step {
	s := Step{Step: "Were sessions lost on the instance that knew them, or on another one?", Outcome: "unknown", Answer: "nothing was lost"}
	if len(d.breaks) == 0 {
		return s
	}
	moved := 0
	for _, b := range d.breaks {
		if b.Moved {
			moved++
		}
	}
	s.Outcome = map[bool]string{true: "yes", false: "no"}[moved*2 > len(d.breaks)]
	s.Answer = fmt.Sprintf("%d on another instance (routing, or state that does not travel), %d on the same one (storage or client)", moved, len(d.breaks)-moved)
	var survived, all int64
	for _, t := range d.Population.ByPair {
		survived += t.Honoured
		all += t.Total()
	}
	if all > 0 {
		s.Evidence = append(s.Evidence, Clue{Text: "moves that were honoured", Source: fmt.Sprintf("%d of %d", survived, all)})
	}
	return s
}

func (d *run) askOccasion() Step {
	s := Step{Step: "Did an instance or the balancer change its state just before?", Outcome: "unknown", Answer: "no change of health, start or reload was seen"}
	if len(d.notices) == 0 {
		if d.Log {
			s.Evidence = append(s.Evidence, Clue{Text: "the log holds no DOWN, UP or start lines", Source: d.advice().Notices})
		}
		return s
	}
	n := 0
	for _, b := range d.breaks {
		if b.TakenOut() || b.FromStarted != nil || b.Reloaded != nil {
			n++
		}
	}
	s.Outcome = map[bool]string{true: "yes", false: "no"}[n > 0]
	s.Answer = fmt.Sprintf("%d changes of state; %d of %d breaks follow one", len(d.notices), n, len(d.breaks))
	for i, h := range d.report.Health {
		if i == 5 {
			break
		}
		s.Evidence = append(s.Evidence, Clue{Text: strings.TrimSpace(h.Instance + " " + h.To), Source: h.Source})
	}
	return s
}

func (d *run) askReason() Step {
	s := Step{Step: "What did the application say?", Outcome: "unknown", Answer: "nothing: no application events"}
	if !d.Events {
		return s
	}
	counts := map[string]int{}
	for _, b := range d.breaks {
		r := b.Reason
		if r == "" {
			r = "no reason"
		}
		counts[plain(r)]++
	}
	if len(counts) == 0 {
		s.Answer = "it refused no session that should have lived"
		s.Outcome = "yes"
		return s
	}
	var words []string
	for r, n := range counts {
		words = append(words, fmt.Sprintf("%s: %d", r, n))
	}
	slices.Sort(words)
	s.Answer, s.Outcome = strings.Join(words, ", "), "yes"
	return s
}

func (d *run) askClients() Step {
	s := Step{Step: "Are some clients concerned more than others?", Outcome: "unknown", Answer: "not known: the log does not show User-Agents"}
	if d.Facts&session.HasUserAgent == 0 {
		return s
	}
	counts := map[string]int{}
	for _, b := range d.breaks {
		counts[b.Agent]++
	}
	if len(counts) == 0 {
		s.Answer, s.Outcome = "nobody lost a session", "no"
		return s
	}
	var words []string
	for a, n := range counts {
		if a == "" {
			a = "no User-Agent"
		}
		words = append(words, fmt.Sprintf("%s: %d", a, n))
	}
	slices.Sort(words)
	s.Outcome = map[bool]string{true: "yes", false: "no"}[len(counts) == 1]
	s.Answer = strings.Join(words, ", ")
	return s
}

func (d *run) askCause() Step {
	s := Step{Step: "Which cause explains it?", Outcome: "unknown", Answer: "not proven"}
	if len(d.breaks) == 0 {
		if d.report.Verdict == VerdictHealthy {
			s.Answer, s.Outcome = "none: no fault found", "no"
		}
		return s
	}
	if len(d.report.Hypotheses) == 0 || d.report.Hypotheses[0].Breaks == 0 {
		s.Answer = "unexplained: no cause of the catalogue fits well enough"
		s.Evidence = d.absent()
		return s
	}
	var words []string
	for _, h := range d.report.Hypotheses {
		if h.Breaks > 0 {
			words = append(words, fmt.Sprintf("%s (%d sessions, confidence %.2f)", h.Cause, h.Sessions, h.Confidence))
		}
	}
	s.Answer, s.Outcome = strings.Join(words, ", "), "yes"
	s.Evidence = d.report.Hypotheses[0].Supports
	return s
}

// absent lists the kinds of evidence that were not there, with how to get them: what would explain more.
func (d *run) absent() []Clue {
	var list []Clue
	add := func(lacks bool, text, how string) {
		if lacks {
			list = append(list, Clue{Text: text, Source: how})
		}
	}
	add(!d.Log, "no balancer log: it says how each request was routed, and which came without a credential", "name the log; the line to add: "+d.logline())
	add(!d.Events, "no application events: they say whether a session was known, and why not", "limpet.dev/witness, or one JSON line per session operation (docs/events.md)")
	add(d.pool() == nil, "no configuration of the balancer: it says what should bring clients back, and how patient health checks are", "name it with -c, or put it into the bundle")
	add(d.Log && d.Facts&session.HasFlow == 0, "the log does not say what became of the balancer's own cookie", d.logline())
	add(d.Log && d.Facts&session.HasUserAgent == 0, "the log does not tell kinds of clients apart", d.logline())
	return list
}

// summary puts the verdict into one sentence for somebody under stress.
func (d *run) summary() {
	r := d.report
	switch r.Verdict {
	case VerdictLost:
		lead := "the cause is not explained by the catalogue"
		if len(r.Hypotheses) > 0 && r.Hypotheses[0].Breaks > 0 {
			lead = "most likely because: " + lowerFirst(r.Hypotheses[0].Title)
		}
		r.Summary = fmt.Sprintf("%d of %d sessions were lost (%d of them signed in), %s.", r.Totals.BrokenSessions, r.Totals.Sessions, r.Totals.LoggedInBroken, lead)
	case VerdictHealthy:
		r.Summary = fmt.Sprintf("No session was lost in %d follow-ups; the true rate of losses is below %.3g %% (95 %% sure).", r.Totals.Followups, 100*r.Totals.BreakRateUpper)
	default:
		r.Summary = "Not proven: " + d.whyNotProven()
	}
}

func (d *run) whyNotProven() string {
	switch {
	case len(d.breaks) > 0:
		return fmt.Sprintf("%d of %d sessions look lost by the balancer's log alone, which does not tell so few from sessions that expired. Declare the lifetime in limpet.yaml, or add application events.", len(d.breaks), d.counts.Sessions)
	case !d.Log && !d.Events:
		return "no balancer log and no application events were found."
	case d.counts.Followups == 0 && d.counts.Requests == 0:
		return "the inputs hold no requests."
	case d.counts.Followups == 0:
		return fmt.Sprintf("%d requests, but sessions cannot be told apart: the log shows no session cookie. Add the log line that %q prints.", d.counts.Requests, d.logline())
	}
	return fmt.Sprintf("nothing in the input says whether a follow-up was honoured. Add the log line that %q prints, or application events.", d.logline())
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
