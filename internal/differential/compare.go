package differential

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"limpet.dev/cookie"
	"limpet.dev/internal/client"
)

// A Result is the comparison of the engine with one browser.
type Result struct {
	Browser   string // "chromium", "firefox"
	Version   string // as the program says it
	Row       string // of the client table
	Scenarios int
	Cases     int
	Repeated  int // scenarios begun again because the browser did not answer in time
	Differs   []Difference
}

// Agreement is the share of cases that came out alike, 0 to 1.
func (r *Result) Agreement() float64 {
	if r.Cases == 0 {
		return 0
	}
	return 1 - float64(len(r.Differs))/float64(r.Cases)
}

// A Difference is a case that came out otherwise.
type Difference struct {
	Scenario int
	Line     string // the Set-Cookie line; "" where no single line is to blame
	Set      string // how it was set
	Probe    string // how it was asked for
	What     []string
}

// Run plays every scenario with a browser and with the engine, and compares line by line:
// what is stored, what the probe sends, in which order, and, where the browser says them,
// the reasons. talk is called after each scenario.
func Run(ctx context.Context, scenarios []Scenario, browser client.Client, name string, row *cookie.Client, site *Site, talk func(done int)) (*Result, error) {
	r := &Result{Browser: name, Row: row.ID}
	engine := &client.Virtual{Kind: row, Transport: site.Transport()}
	for i := range scenarios {
		s := &scenarios[i]
		want, err := play(ctx, s, browser, site, name)
		for again := 1; err != nil && ctx.Err() == nil && again <= 2; again++ { // a busy machine: a page that does not come
			r.Repeated++
			want, err = play(ctx, s, browser, site, fmt.Sprintf("%s%d", name, again))
		}
		if err != nil {
			return r, fmt.Errorf("%s: scenario %d: %w", name, s.ID, err)
		}
		got, err := play(ctx, s, engine, site, "engine")
		if err != nil {
			return r, fmt.Errorf("engine: scenario %d: %w", s.ID, err)
		}
		r.Scenarios++
		r.Cases += s.Cases()
		r.Differs = append(r.Differs, differences(s, got, want, name == "chromium")...)
		if talk != nil {
			talk(i + 1)
		}
	}
	return r, nil
}

// differences compares two traces, by the marks that values carry.
func differences(s *Scenario, got, want *Trace, reasons bool) (out []Difference) {
	what := map[string][]string{} // by mark
	note := func(mark, text string) { what[mark] = append(what[mark], text) }
	stored(got, want, note)
	sent(got, want, note)
	if reasons {
		causesDiffer(s, "refused", got.Refused, want.Refused, note)
		causesDiffer(s, "withheld", got.Withheld, want.Withheld, note)
	}
	for _, mark := range slices.Sorted(maps.Keys(what)) {
		d := Difference{Scenario: s.ID, Probe: s.Probe.describe(), What: what[mark]}
		for line, step := range s.lines() {
			if markOf(line) == mark {
				d.Line, d.Set = line, step.describe()
			}
		}
		out = append(out, d)
	}
	return out
}

var marks = regexp.MustCompile(`v\d+x\d+`)

func markOf(text string) string { return marks.FindString(text) }

// stored compares the jars.
func stored(got, want *Trace, note func(mark, text string)) {
	have, browser := index(got), index(want)
	for mark, g := range have {
		w, ok := browser[mark]
		if !ok {
			note(mark, "the engine stores it, the browser does not")
		} else if g != w {
			note(mark, "stored as "+g+", by the browser as "+w)
		}
	}
	for mark := range browser {
		if _, ok := have[mark]; !ok {
			note(mark, "the browser stores it, the engine does not")
		}
	}
}

// index describes cookies by their marks.
func index(t *Trace) map[string]string {
	out := map[string]string{}
	for _, c := range t.Stored {
		if owner, err := cookie.ParseURL("https://" + c.Domain); err == nil && owner.Site() == c.Partition.Site {
			c.Partition = cookie.Partition{} // Firefox's protocol does not tell them apart; sending does
		}
		mark := markOf(c.Name + "=" + c.Value)
		life := "session"
		if c.Persistent() {
			life = fmt.Sprint(c.Expires.Sub(t.At).Round(time.Minute))
		}
		text := fmt.Sprintf("%v secure=%t httponly=%t samesite=%q life=%s partition=%q", c, c.Secure, c.HttpOnly, c.SameSite.String(), life, c.Partition.String())
		if before := out[mark]; before != "" && before != text {
			text = before + " and " + text
		}
		out[mark] = text
	}
	return out
}

// sent compares the probe's Cookie header, and what redirects and questions carried.
func sent(got, want *Trace, note func(mark, text string)) {
	if got.Reached != want.Reached {
		note("", fmt.Sprintf("the engine reaches the target: %t, the browser: %t", got.Reached, want.Reached))
		return
	}
	compareHeader("the probe", got.Sent, want.Sent, note)
	for i := range min(len(got.Hops), len(want.Hops)) {
		compareHeader("a hop", got.Hops[i], want.Hops[i], note)
	}
	if len(got.Hops) != len(want.Hops) {
		note("", fmt.Sprintf("%d hops, the browser made %d", len(got.Hops), len(want.Hops)))
	}
}

func compareHeader(where, got, want string, note func(mark, text string)) {
	if got == want {
		return
	}
	g, w := marks.FindAllString(got, -1), marks.FindAllString(want, -1)
	same := true
	for _, mark := range g {
		if !slices.Contains(w, mark) {
			note(mark, where+" sends it, the browser does not")
			same = false
		}
	}
	for _, mark := range w {
		if !slices.Contains(g, mark) {
			note(mark, "the browser sends it with "+where+", the engine does not")
			same = false
		}
	}
	if !same {
		return
	}
	for i := range g {
		if g[i] != w[i] {
			note(g[i], where+" sends it in another place")
			return
		}
	}
	note("", where+" writes it otherwise")
}

// causesDiffer compares reasons by name. Names that only Limpet gives count as no reason.
func causesDiffer(s *Scenario, what string, got, want []client.Cause, note func(mark, text string)) {
	g, w := named(got), named(want)
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if !slices.Equal(g[name], w[name]) {
			note(s.markNamed(name), fmt.Sprintf("%s for %q, the browser says %q", what, g[name], w[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if g[name] == nil {
			note(s.markNamed(name), fmt.Sprintf("not %s, the browser says %q", what, w[name]))
		}
	}
}

func named(causes []client.Cause) map[string][]string {
	out := map[string][]string{}
	for _, c := range causes {
		var reasons []string
		for r := range c.Why.All() {
			if !strings.HasPrefix(r.String(), "X.") {
				reasons = append(reasons, r.String())
			}
		}
		if len(reasons) > 0 {
			out[c.Name] = append(out[c.Name], strings.Join(reasons, " "))
		}
	}
	for _, reasons := range out {
		slices.Sort(reasons)
	}
	return out
}

// markNamed finds the mark of the last line with a name.
func (s *Scenario) markNamed(name string) (mark string) {
	for line := range s.lines() {
		if l, _ := cookie.Parse(line); l.Name == name {
			mark = markOf(line)
		}
	}
	return mark
}

// describe says in a few words what a step does.
func (s *Step) describe() string {
	text := s.Verb.String()
	if s.Verb == client.Fetch {
		text += map[cookie.Credentials]string{cookie.SameOrigin: " (same-origin)", cookie.Include: " (include)", cookie.Omit: " (omit)"}[s.Credentials]
		if s.CORS != "" {
			text += " cors=" + s.CORS
		}
		if s.Preflight {
			text += " with a question"
		}
	}
	text += " " + s.Target.String()
	if s.Page != (Place{}) {
		text += " from " + s.Page.String()
	}
	if s.Inside != (Place{}) {
		text += " inside " + s.Inside.String()
	}
	for _, hop := range s.Via {
		text += fmt.Sprintf(" via %d %s", hop.Status, hop.Place)
	}
	return text
}

func (p Place) String() string { return p.Scheme + "://" + p.Host + p.Path }
