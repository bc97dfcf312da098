package report

import (
	"bufio"
	"fmt"
	"strings"

	"limpet.dev/diagnose"
)

// How much of each list a comment shows.
const (
	mdBreaks = 10
	mdHealth = 15
)

// writeMarkdown writes a comment for an issue or a pull request: GitHub's dialect, long parts
// folded. A comment names people and issues by mere text, so nothing of the report may pass as such.
func writeMarkdown(w *bufio.Writer, full *diagnose.Report, _ Options) error {
	top := costliest(full.Breaks, mdBreaks)
	short := *full
	short.Breaks, short.Moved = top, nil
	r := cleaned(&short)
	m := &comment{w: w, clock: clockOf(r.Window)}
	t := &r.Totals
	m.say("## %s\n\n**%s**\n\n", verdictWord(r.Verdict), text(said(r)))
	m.say("%s, continuity **%s** of %s, %s of %s without a break.\n\n", text(window(r.Window)), percent(t.ContinuityRate), counted(t.Followups, "follow-up"), percent(t.SessionsWhole), counted(t.Sessions, "session"))
	for i := range r.Hypotheses {
		m.cause(&r.Hypotheses[i], i == 0)
	}
	if t.Unexplained > 0 {
		m.say("**Unexplained:** %s that no cause of the catalogue fits well enough.\n\n", counted(t.Unexplained, "break"))
	}
	m.totals(r)
	m.health(r)
	if len(r.Stories) > 0 {
		m.story(&full.Stories[0])
	}
	m.breaks(r)
	m.inputs(r)
	m.unproven(r)
	m.say("<sub>Sessions are pseudonyms%s. Made by Limpet.</sub>\n", keyWords(r))
	return m.err
}

// A comment is Markdown in the making.
type comment struct {
	w     *bufio.Writer
	clock clock
	err   error
}

// say writes; the strings of a report among args went through text, code or pre before.
func (m *comment) say(format string, args ...any) {
	if _, err := fmt.Fprintf(m.w, format, args...); err != nil && m.err == nil {
		m.err = err
	}
}

func (m *comment) cause(h *diagnose.Hypothesis, open bool) {
	attr := ""
	if open {
		attr = " open"
	}
	m.say("<details%s><summary><b>%d. %s</b> (%s sure, %s)</summary>\n\n", attr, h.Rank, text(h.Title), confidence(h.Confidence), counted(h.Breaks, "break"))
	m.say("%s, %s. %s\n\n", code(h.Cause), text(strings.Join(kinds(h), "; ")), text(h.Summary))
	m.clues("Supports", h.Supports)
	m.clues("Contradicts", h.Contradicts)
	m.clues("Missing", h.Missing)
	for _, l := range [][2]string{{"Next", h.Next}, {"Fix", h.Fix}, {"Rollback", h.Rollback}} {
		if l[1] != "" && (h.Breaks > 0 || l[0] == "Next") {
			m.say("**%s:** %s\n\n", l[0], text(l[1]))
		}
	}
	m.say("%s\n\n</details>\n\n", code(h.Explain))
}

func (m *comment) clues(title string, clues []diagnose.Clue) {
	if len(clues) == 0 {
		return
	}
	m.say("**%s**\n\n", title)
	for _, c := range clues {
		m.say("- %s", text(c.Text))
		if c.Source != "" {
			m.say(" (%s)", code(c.Source))
		}
		m.say("\n")
	}
	m.say("\n")
}

func (m *comment) totals(r *diagnose.Report) {
	t := &r.Totals
	m.say("| | |\n| --- | --- |\n")
	m.say("| State | %s = %s |\n", counted(t.Followups, "follow-up"), summands(outcomes(t)))
	m.say("| Routing | %s = %s |\n", counted(t.Followups, "follow-up"), summands(routings(t)))
	m.say("| Broken | %s of %s; %s signed in, %s with a cart |\n", count(t.BrokenSessions), counted(t.Sessions, "session"), count(t.LoggedInBroken), count(t.CartsLost))
	if t.Breaks > 0 {
		m.say("| Recovery | %s working again, half within %s, 95 %% within %s; %s never |\n", count(t.Recovered), span(t.Recovery.P50), span(t.Recovery.P95), count(t.NotRecovered))
	} else if t.BreakRateUpper > 0 {
		m.say("| Bound | the true rate of losses is below %s (95 %% sure) |\n", bound(t.BreakRateUpper))
	}
	m.say("\n")
}

func (m *comment) health(r *diagnose.Report) {
	if len(r.Health) == 0 {
		return
	}
	m.say("<details><summary>%s, priced in sessions</summary>\n\n", counted(int64(len(r.Health)), "health event"))
	m.say("| Time | Instance | To | Moved | Lost | Seen at |\n| --- | --- | --- | ---: | ---: | --- |\n")
	for _, h := range r.Health[:min(len(r.Health), mdHealth)] {
		m.say("| %s | %s | %s | %s | %s | %s |\n", m.clock.at(h.At), text(h.Instance), text(h.To), count(h.Moved), count(h.Lost), code(h.Source))
	}
	m.more(len(r.Health), mdHealth)
	m.say("\n</details>\n\n")
}

func (m *comment) more(have, shown int) {
	if have > shown {
		m.say("\n%s more are in the JSON report.\n", count(int64(have-shown)))
	}
}

// story puts the lane picture into a block of code.
func (m *comment) story(s *diagnose.Story) {
	var b strings.Builder
	out := bufio.NewWriter(&b)
	p := newPage(out, Options{})
	p.story(s, true)
	if err := out.Flush(); err != nil && m.err == nil {
		m.err = err
	}
	m.say("<details><summary>The worst broken session, request by request</summary>\n\n%s\n</details>\n\n", pre(b.String()))
}

func (m *comment) breaks(r *diagnose.Report) {
	if len(r.Breaks) == 0 {
		return
	}
	m.say("<details><summary>The %d sessions that cost most, of %s</summary>\n\n", len(r.Breaks), count(r.Totals.Breaks))
	m.say("| Time | Session | Kind | Request | Instance | Cause | Back after |\n| --- | --- | --- | --- | --- | --- | ---: |\n")
	for _, b := range r.Breaks {
		m.say("| %s | %s | %s | %s | %s | %s | %s |\n", m.clock.at(b.At), code(b.Session), text(b.Kind), code(request(b.Request)), text(route(b.From, b.To)), code(b.Cause), span(b.RecoveredMs))
	}
	m.say("\n</details>\n\n")
}

func (m *comment) inputs(r *diagnose.Report) {
	if len(r.Inputs) == 0 {
		return
	}
	m.say("<details><summary>Inputs</summary>\n\n| Input | Format | Lines | Events | Skipped |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, in := range r.Inputs {
		m.say("| %s | %s | %s | %s | %s |\n", code(in.Path), text(in.Format), count(in.Lines), count(in.Events), count(in.Skipped))
	}
	m.say("\n</details>\n\n")
}

func (m *comment) unproven(r *diagnose.Report) {
	open := unproven(r)
	if len(open) == 0 {
		return
	}
	m.say("<details><summary>What is not proven, and what to add</summary>\n\n")
	for _, u := range open {
		m.say("- %s", text(u.Text))
		if u.Source != "" {
			m.say(": %s", text(u.Source))
		}
		m.say("\n")
	}
	m.say("\n</details>\n\n")
}

func keyWords(r *diagnose.Report) string {
	if r.KeyID == "" {
		return ""
	}
	return " under key " + text(r.KeyID)
}

// text makes a string plain text of Markdown: its punctuation is escaped, HTML too, and
// names of people, numbers of issues and bare addresses are broken by an empty comment,
// because GitHub looks for them after Markdown is done.
func text(s string) string {
	s = clean(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_{}[]|~$!", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@' || r == '#':
			b.WriteRune(r)
			b.WriteString("<!-- -->")
		case r == ':' && strings.HasPrefix(s[i:], "://"), r == '.' && endsWWW(s[:i]):
			b.WriteString("<!-- -->")
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func endsWWW(s string) bool { return len(s) >= 3 && strings.EqualFold(s[len(s)-3:], "www") }

// code puts a string into a code span, within a table, too: there even a code span ends at a bar.
func code(s string) string {
	s = strings.TrimSpace(clean(s))
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	s = strings.ReplaceAll(s, "|", "\u2223") // a bar in code cannot be escaped outside a table
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// pre puts lines, already cleaned, into a block of code.
func pre(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "text\n" + strings.TrimRight(s, "\n") + "\n" + fence + "\n"
}
