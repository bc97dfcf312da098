package report

import (
	"bufio"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"limpet.dev/diagnose"
)

// How much of each list the page shows. What is left out is said beside it; JSON holds it all.
const (
	htmlBreaks  = 200 // per cause
	htmlMoves   = 200
	htmlHealth  = 300
	htmlChanges = 200
	htmlSteps   = 200 // requests of one story
)

//go:embed assets
var assets embed.FS

var htmlPage = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"count":      count,
	"counted":    counted,
	"percent":    percent,
	"bound":      bound,
	"confidence": confidence,
	"span":       span,
	"request":    request,
	"arrow":      func(from, to string) string { return strings.ReplaceAll(route(from, to), "->", "→") },
	"answer":     answer,
	"said":       said,
	"short":      shortSession,
	"join":       join,
	"offset":     offset,
	"position":   position,
	"class":      class,
	"pct":        func(rate float64) float64 { return min(100, max(0, 100*rate)) },
	"wide":       func(n int) int64 { return int64(n) },
}).ParseFS(assets, "assets/*.html"))

// A view is what the template shows: the report, cleaned and cut, with pictures and anchors.
type view struct {
	*diagnose.Report
	Style    template.CSS
	Verdict  string
	Word     string
	Window   string
	Chart    template.HTML
	Steps    []seriesStep
	Maps     []mapView
	Groups   []breakGroup
	Stories  []storyView
	Unproven []diagnose.Clue
	Sums     []sumView
	Cited    []citedLine
	Cut      cuts

	clock   clock
	anchors *anchors
}

// cuts says how many entries of each list the page leaves out.
type cuts struct{ Health, Changes, Moves int64 }

// A breakGroup is the breaks of one cause.
type breakGroup struct {
	ID, Cause string
	Rows      []breakRow
	Total     int64
}

type breakRow struct {
	diagnose.Break
	ID    string
	Story string // anchor of its picture, "" without one
}

type storyView struct {
	diagnose.Story
	Compared string // the healthy request that the break was compared with
	ID       string
	Picture  template.HTML
	Where    string
	Left     int64
	Open     bool
}

type mapView struct {
	diagnose.MapEntry
	Picture template.HTML
}

type seriesStep struct {
	At                                string
	Followups, Honoured, Moved, Break int64
	Rate                              string
}

// A sumView is one of the two sums that always hold.
type sumView struct {
	Title, Means string
	Total        int64
	Terms        []sumTerm
}

type sumTerm struct {
	Name  string
	N     int64
	Share string
}

// writeHTML writes one page that needs nothing else: no network, no script, no font.
func writeHTML(w *bufio.Writer, r *diagnose.Report, _ Options) error {
	v, err := newView(r)
	if err != nil {
		return err
	}
	return htmlPage.ExecuteTemplate(w, "report.html", v)
}

func newView(full *diagnose.Report) (*view, error) {
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return nil, err
	}
	v := &view{clock: clockOf(full.Window), Style: template.CSS(style)}
	groups := groupBreaks(full)
	r := shortened(full, &v.Cut)
	r = cleaned(r)
	v.Report = r
	v.Verdict, v.Word, v.Window = string(full.Verdict), verdictWord(full.Verdict), window(full.Window)
	v.anchors = newAnchors(r, groups)
	v.Cited = v.anchors.cited
	v.Chart = continuityChart(r, v.anchors)
	v.Steps = v.steps()
	v.Stories = storyViews(r)
	for g := range groups {
		for i := range groups[g].Rows {
			b := &groups[g].Rows[i]
			for _, s := range v.Stories {
				if s.Session == b.Session {
					b.Story = s.ID
				}
			}
		}
	}
	v.Groups = groups
	v.Maps = mapViews(r, v.anchors)
	v.Unproven = unproven(r)
	t := &r.Totals
	v.Sums = []sumView{
		sumOf("What became of the state", "honoured: the application knew the session; lost: it did not, although nothing had ended it", t.Followups, outcomes(t)),
		sumOf("Where the requests went", "held: to the instance of the request before; moved: to another one. A moved request is not yet a lost one.", t.Followups, routings(t)),
	}
	return v, nil
}

// shortened returns a copy of r with its long lists cut, and says by how much.
func shortened(r *diagnose.Report, c *cuts) *diagnose.Report {
	out := *r
	out.Breaks = nil // shown by cause
	c.Moves = max(r.MovedKept.Total, int64(len(r.Moved))) - int64(min(len(r.Moved), htmlMoves))
	out.Moved = r.Moved[:min(len(r.Moved), htmlMoves)]
	c.Health = int64(len(r.Health) - min(len(r.Health), htmlHealth))
	out.Health = r.Health[:min(len(r.Health), htmlHealth)]
	c.Changes = int64(len(r.Changes) - min(len(r.Changes), htmlChanges))
	out.Changes = r.Changes[:min(len(r.Changes), htmlChanges)]
	return &out
}

// groupBreaks sorts the breaks by cause in the order of the hypotheses, the costliest of each kept.
func groupBreaks(r *diagnose.Report) []breakGroup {
	byCause := map[string][]diagnose.Break{}
	for _, b := range r.Breaks {
		byCause[b.Cause] = append(byCause[b.Cause], b)
	}
	rank := map[string]int{}
	for i, h := range r.Hypotheses {
		rank[h.Cause] = i - len(r.Hypotheses)
	}
	var groups []breakGroup
	ids := map[string]bool{}
	for cause, breaks := range byCause {
		g := breakGroup{ID: breaksID(cause), Cause: clean(cause), Total: int64(len(breaks))}
		kept := costliest(breaks, htmlBreaks)
		slices.SortStableFunc(kept, func(a, b diagnose.Break) int { return a.At.Compare(b.At) })
		for _, b := range kept {
			g.Rows = append(g.Rows, breakRow{Break: *cleaned(&b)})
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b breakGroup) int {
		return cmp.Or(cmp.Compare(rank[a.Cause], rank[b.Cause]), cmp.Compare(b.Total, a.Total), cmp.Compare(a.Cause, b.Cause))
	})
	for g := range groups {
		for i := range groups[g].Rows {
			row := &groups[g].Rows[i]
			row.ID = "s-" + slug(strings.TrimPrefix(row.Session, "s:"))
			for n := 2; ids[row.ID]; n++ {
				row.ID = fmt.Sprintf("s-%s-%d", slug(strings.TrimPrefix(row.Session, "s:")), n)
			}
			ids[row.ID] = true
		}
	}
	return groups
}

func (v *view) steps() []seriesStep {
	s := &v.Series
	var steps []seriesStep
	for i, n := range s.Followups {
		if i >= len(s.Honoured) || i >= len(s.Breaks) {
			break
		}
		st := seriesStep{At: v.clock.second(stepTime(s, i)), Followups: n, Honoured: s.Honoured[i], Break: s.Breaks[i], Rate: "-"}
		if i < len(s.Moved) {
			st.Moved = s.Moved[i]
		}
		if n > 0 {
			st.Rate = percent(float64(s.Honoured[i]) / float64(n))
		}
		steps = append(steps, st)
	}
	return steps
}

func storyViews(r *diagnose.Report) []storyView {
	var out []storyView
	for i, s := range r.Stories {
		v := storyView{Story: s, ID: storyID(i), Where: where(s.Store), Left: s.Omitted, Open: i < 3}
		if len(s.Requests) > htmlSteps {
			var left int64
			v.Requests, left = aroundBreak(s.Requests, htmlSteps/2, htmlSteps/2-1)
			v.Left += left
		}
		if s.Divergence != nil {
			v.Compared = compared(s.Divergence, storyClock(&s))
		}
		v.Picture = drawLanes(&v.Story, fmt.Sprintf("lanes-%d", i+1))
		out = append(out, v)
	}
	return out
}

// mapViews draws each tier of the session map. A tier without a configuration is drawn from
// the instances that answered.
func mapViews(r *diagnose.Report, a *anchors) []mapView {
	var out []mapView
	for i, m := range r.SessionMap {
		v := mapView{MapEntry: m}
		t := tierOf(r, m)
		v.Picture = drawMap(&t, m, a, fmt.Sprintf("map-%d", i+1))
		out = append(out, v)
	}
	return out
}

func tierOf(r *diagnose.Report, m diagnose.MapEntry) diagnose.Tier {
	for _, t := range r.Tiers {
		if t.Name == m.Tier && len(t.Pools) > 0 {
			return t
		}
	}
	pool := diagnose.TierPool{Name: unknown, Affinity: m.Affinity, Balance: unknown, Check: unknown}
	for _, s := range r.Affinity.ByInstance {
		pool.Instances = append(pool.Instances, diagnose.TierInstance{Name: s.Name, Requests: s.Held + s.Moved, Breaks: s.Lost})
	}
	return diagnose.Tier{Name: m.Tier, Pools: []diagnose.TierPool{pool}}
}

// class is the style of a word of the report's vocabulary, "" for any other.
func class(word string) string {
	switch word {
	case "lost", "healthy", "not-proven", "declared", "observed", "contradicted", "error", "warning", "info", "yes", "no", "unknown", "up", "down":
		return word
	case "balancer stopped":
		return "down"
	}
	return ""
}

// answer is a step's answer without the outcome that the page shows before it.
func answer(s diagnose.Step) string {
	if rest, ok := strings.CutPrefix(s.Answer, s.Outcome+": "); ok {
		return rest
	}
	return s.Answer
}

func sumOf(title, means string, total int64, terms []term) sumView {
	v := sumView{Title: title, Means: means, Total: total}
	for _, t := range terms {
		share := "-"
		if total > 0 {
			share = percent(float64(t.n) / float64(total))
		}
		v.Terms = append(v.Terms, sumTerm{t.name, t.n, share})
	}
	return v
}
