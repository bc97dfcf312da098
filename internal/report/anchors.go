package report

import (
	"fmt"
	"regexp"
	"strings"

	"limpet.dev/diagnose"
)

// anchors knows where on the page each piece of evidence stands, so that every claim can lead
// to it. It is built for what the page shows, after caps.
type anchors struct {
	sources map[string]string // "haproxy.log:1234" -> the row of what was seen there
	inputs  map[string]int    // path -> row
	session map[string]string // pseudonym -> row or picture
	causes  map[string]bool   // causes with breaks listed
	cited   []citedLine       // lines that clues cite and that have no row elsewhere
}

// A citedLine is a line of an input that a clue names.
type citedLine struct {
	ID, Source, What string
	Input            int // row of its input, -1 unknown
}

func newAnchors(r *diagnose.Report, shown []breakGroup) *anchors {
	a := &anchors{sources: map[string]string{}, inputs: map[string]int{}, session: map[string]string{}, causes: map[string]bool{}}
	for i, in := range r.Inputs {
		a.inputs[in.Path] = i
	}
	for i, h := range r.Health {
		a.at(h.Source, a.health(i))
	}
	for i, c := range r.Changes {
		a.at(c.Source, a.change(i))
	}
	for i, f := range r.Findings {
		a.at(position(f.File, f.Line), findingID(i))
	}
	for g := range shown {
		a.causes[shown[g].Cause] = true
		for i := range shown[g].Rows {
			b := &shown[g].Rows[i]
			a.at(b.Source, b.ID)
			a.at(b.Request.Source, b.ID)
			if a.session[b.Session] == "" {
				a.session[b.Session] = b.ID
			}
		}
	}
	a.cite(r)
	return a
}

func (a *anchors) at(source, id string) {
	if source != "" && a.sources[source] == "" {
		a.sources[source] = id
	}
}

func (a *anchors) health(i int) string { return fmt.Sprintf("health-%d", i+1) }
func (a *anchors) change(i int) string { return fmt.Sprintf("change-%d", i+1) }

func findingID(i int) string { return fmt.Sprintf("finding-%d", i+1) }
func inputID(i int) string   { return fmt.Sprintf("input-%d", i+1) }
func storyID(i int) string   { return fmt.Sprintf("story-%d", i+1) }

// breaksID is where the breaks of a cause are listed.
func breaksID(cause string) string { return "breaks-" + slug(cause) }

// slug makes a word of letters, digits and hyphens, fit to be an anchor.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-'
	}, s)
}

// cite gives every line that a clue names a row of its own, unless it has one.
func (a *anchors) cite(r *diagnose.Report) {
	what := map[string]string{}
	for _, t := range r.Tiers {
		for _, l := range t.Listeners {
			what[l.Pos] = fmt.Sprintf("listener %s of %s", l.Name, t.Name)
		}
		for _, p := range t.Pools {
			what[p.Pos] = fmt.Sprintf("pool %s of %s: affinity %s, balance %s, check %s", p.Name, t.Name, p.Affinity, p.Balance, p.Check)
		}
	}
	add := func(source, text string) {
		file, _, ok := splitLine(source)
		if !ok || a.sources[source] != "" {
			return
		}
		id := fmt.Sprintf("line-%d", len(a.cited)+1)
		input, known := a.inputs[file]
		if !known {
			input = -1
		}
		if w := what[source]; w != "" && w != text {
			text = w + ". " + text
		}
		a.cited = append(a.cited, citedLine{ID: id, Source: source, What: text, Input: input})
		a.sources[source] = id
	}
	clues := func(list []diagnose.Clue) {
		for _, c := range list {
			add(c.Source, c.Text)
		}
	}
	for _, h := range r.Hypotheses {
		clues(h.Supports)
		clues(h.Contradicts)
	}
	for _, s := range r.Assessment {
		clues(s.Evidence)
	}
	for _, m := range r.SessionMap {
		clues(m.Evidence)
	}
	for _, t := range r.Tiers {
		for _, l := range t.Listeners {
			add(l.Pos, what[l.Pos])
		}
		for _, p := range t.Pools {
			add(p.Pos, what[p.Pos])
		}
	}
}

var fileLine = regexp.MustCompile(`^(.+):([0-9]+)$`)

// splitLine splits "haproxy.cfg:41".
func splitLine(source string) (file, line string, ok bool) {
	m := fileLine.FindStringSubmatch(source)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// find returns the anchor of what a clue's source names, "" if nothing on the page shows it. A
// source is a line of an input, an input, or a count over broken sessions of cause.
func (a *anchors) find(source, cause string) string {
	switch {
	case source == "":
		return ""
	case a.sources[source] != "":
		return a.sources[source]
	}
	if i, ok := a.inputs[source]; ok {
		return inputID(i)
	}
	if file, _, ok := splitLine(source); ok {
		if i, ok := a.inputs[file]; ok {
			return inputID(i)
		}
	}
	switch {
	case brokenSessions.MatchString(source) && a.causes[cause]:
		return breaksID(cause)
	case brokenSessions.MatchString(source):
		return "breaks"
	case strings.HasPrefix(source, "changes "):
		return "changes"
	case strings.HasSuffix(source, " times"):
		return "health"
	case isShare(source):
		return "counts"
	}
	return ""
}

var brokenSessions = regexp.MustCompile(`broken sessions|sessions broken`)

var share = regexp.MustCompile(`^[0-9]+ of [0-9]+$`)

// isShare reports whether a source is a count out of the totals, "41 of 44".
func isShare(source string) bool { return share.MatchString(source) }
