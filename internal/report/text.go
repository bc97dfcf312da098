package report

import (
	"bufio"
	"fmt"
	"strings"

	"limpet.dev/diagnose"
)

// How much of each list the text shows; JSON holds them all.
const (
	textBreaks = 10
	textMoves  = 5
	textHealth = 20
	textClues  = 8
)

// writeText writes what somebody who was woken needs, in that order: the verdict, the causes
// with their proof and their cure, then counts, events, one session as an example, and what
// the inputs could not show.
func writeText(w *bufio.Writer, r *diagnose.Report, opt Options) error {
	p := newPage(w, opt)
	c := clockOf(r.Window)
	p.verdict(r)
	p.causes(r, c)
	p.totals(r)
	p.health(r, c)
	p.changes(r, c)
	if len(r.Stories) > 0 {
		p.heading("the worst broken session", fmt.Sprintf("%d of %s with a picture", 1, counted(int64(len(r.Stories)), "session")))
		p.story(&r.Stories[0], true)
	}
	p.breaks(r, c)
	p.moves(r, c)
	p.sessionMap(r)
	p.findings(r)
	p.assessment(r)
	p.inputs(r)
	p.notProven(r)
	p.notes(r)
	return p.err
}

var verdictStyle = map[diagnose.Verdict]style{diagnose.VerdictLost: bad, diagnose.VerdictHealthy: good, diagnose.VerdictNotProven: warn}

// verdictWord is the verdict as people read it.
func verdictWord(v diagnose.Verdict) string {
	switch v {
	case diagnose.VerdictLost:
		return "SESSIONS LOST"
	case diagnose.VerdictHealthy:
		return "HEALTHY"
	case diagnose.VerdictNotProven:
		return "NOT PROVEN"
	}
	return "NO VERDICT"
}

// said is the summary without the verdict, which stands before it.
func said(r *diagnose.Report) string {
	if rest, ok := strings.CutPrefix(r.Summary, "Not proven: "); ok && r.Verdict == diagnose.VerdictNotProven && rest != "" {
		return strings.ToUpper(rest[:1]) + rest[1:]
	}
	return r.Summary
}

func (p *page) verdict(r *diagnose.Report) {
	p.put(verdictStyle[r.Verdict], verdictWord(r.Verdict))
	p.put(plain, "  ")
	p.wrap(bold, 2, said(r))
	p.put(plain, "  ")
	line := window(r.Window)
	if r.Totals.Followups > 0 {
		line += fmt.Sprintf(" | continuity %s of %s", percent(r.Totals.ContinuityRate), counted(r.Totals.Followups, "follow-up"))
	}
	p.wrap(dim, 2, line)
}

func (p *page) causes(r *diagnose.Report, c clock) {
	if len(r.Hypotheses) == 0 && r.Totals.Breaks == 0 {
		return
	}
	p.heading("causes", "ranked; what speaks for each (+), against it (-), and what is missing (?)")
	for i := range r.Hypotheses {
		p.cause(&r.Hypotheses[i], c)
	}
	if n := r.Totals.Unexplained; n > 0 {
		p.put(plain, "  ")
		p.put(warn, "unexplained")
		p.put(plain, "  "+counted(n, "break")+" that no cause of the catalogue fits well enough")
		p.nl()
	}
	p.to(2)
	p.wrap(dim, 4, fmt.Sprintf("%s = %s", counted(r.Totals.Breaks, "break"), causeSum(r)))
}

// causeSum writes the sum over hypotheses and what is unexplained.
func causeSum(r *diagnose.Report) string {
	var terms []term
	for _, h := range r.Hypotheses {
		if h.Breaks > 0 {
			terms = append(terms, term{h.Breaks, h.Cause})
		}
	}
	return summands(append(terms, term{r.Totals.Unexplained, "unexplained"}))
}

func (p *page) cause(h *diagnose.Hypothesis, c clock) {
	p.put(bold, fmt.Sprintf("  %d  ", h.Rank))
	p.put(bad, h.Cause)
	const indent = 5
	p.fit(bold, indent, confidence(h.Confidence)+" sure")
	if h.Breaks > 0 {
		p.fit(plain, indent, counted(h.Sessions, "session")+", "+counted(h.Breaks, "break"))
		when := c.second(h.First)
		if last := c.second(h.Last); last != when {
			when += " to " + last
		}
		p.fit(dim, indent, when)
	} else {
		p.fit(dim, indent, "explains no break best; kept for comparison")
	}
	p.nl()
	p.to(indent)
	p.wrap(plain, indent, fmt.Sprintf("%s (%s)", h.Title, strings.Join(kinds(h), "; ")))
	p.clues("+", good, h.Supports)
	p.clues("-", warn, h.Contradicts)
	p.clues("?", link, h.Missing)
	p.labelled("next", h.Next)
	if h.Breaks > 0 {
		p.labelled("fix", h.Fix)
		p.labelled("rollback", h.Rollback)
	}
	p.labelled("more", h.Explain)
	p.nl()
}

// kinds places a hypothesis: its category, its root, and what its users experience.
func kinds(h *diagnose.Hypothesis) []string {
	words := []string{h.Category, "root: " + h.Root}
	if len(h.Families) > 0 {
		words = append(words, "users see: "+strings.Join(h.Families, ", "))
	}
	return words
}

func (p *page) clues(mark string, s style, clues []diagnose.Clue) {
	for i, c := range clues {
		p.to(5)
		if i == textClues {
			p.put(dim, fmt.Sprintf("%s %d more", mark, len(clues)-i))
			p.nl()
			return
		}
		p.put(s, mark+" ")
		text := c.Text
		if c.Source != "" {
			text += " [" + c.Source + "]"
		}
		p.wrap(plain, 7, text)
	}
}

func (p *page) labelled(label, text string) {
	if text == "" {
		return
	}
	p.to(5)
	p.put(dim, label)
	p.to(14)
	p.wrap(plain, 14, text)
}

func (p *page) totals(r *diagnose.Report) {
	t := &r.Totals
	p.heading("counts", "")
	row := func(label, text string) {
		p.to(2)
		p.put(plain, label)
		p.to(17)
		p.wrap(plain, 17, text)
	}
	row("requests", fmt.Sprintf("%s in %s; %s ended as they should (%s logout, %s idle, %s absolute, %s rotation)", count(t.Requests), counted(t.Sessions, "session"),
		count(t.Ends.Logout+t.Ends.Idle+t.Ends.Absolute+t.Ends.Rotation), count(t.Ends.Logout), count(t.Ends.Idle), count(t.Ends.Absolute), count(t.Ends.Rotation)))
	if t.Followups == 0 {
		row("follow-ups", "none: no request presented a session that was known before")
		return
	}
	row("state", fmt.Sprintf("%s = %s", counted(t.Followups, "follow-up"), summands(outcomes(t))))
	row("routing", fmt.Sprintf("%s = %s", counted(t.Followups, "follow-up"), summands(routings(t))))
	row("broken", fmt.Sprintf("%s of %s (%s without a break); %s signed in, %s with a cart, %s known", counted(t.BrokenSessions, "session"), count(t.Sessions),
		percent(t.SessionsWhole), count(t.LoggedInBroken), count(t.CartsLost), counted(t.UsersBroken, "user")))
	if t.Losses != (diagnose.Losses{}) {
		row("failed", fmt.Sprintf("%s = %s", counted(t.Breaks, "break"), summands(losses(&t.Losses))))
	}
	if t.Breaks > 0 {
		row("recovery", fmt.Sprintf("%s had a working session again, half of them within %s, 95 %% within %s; %s never in this window",
			count(t.Recovered), span(t.Recovery.P50), span(t.Recovery.P95), count(t.NotRecovered)))
	} else if t.BreakRateUpper > 0 {
		row("bound", fmt.Sprintf("no break in %s: the true rate is below %s (95 %% sure)", counted(t.Followups, "follow-up"), bound(t.BreakRateUpper)))
	}
	row("auth errors", fmt.Sprintf("%s of %s that needed a session (%s); %s not counted among them", count(t.AuthErrors), counted(t.AuthRequests, "request"), percent(t.AuthErrorRate), counted(t.BadPasswords, "wrong password")))
	row("one side only", fmt.Sprintf("%s in the log without an event, %s without a log line", counted(t.Unmatched.Log, "request"), counted(t.Unmatched.Events, "event")))
}
