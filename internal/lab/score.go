package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"limpet.dev/diagnose"
)

// ScoreSchema is the version of the score's JSON form.
const ScoreSchema = "limpet.score/v1"

// A ScoreTable compares reports with the truth of the bundles that they are about.
type ScoreTable struct {
	Schema  string        `json:"schema"`
	Total   Cell          `json:"total"`
	Cells   []Cell        `json:"cells"`
	Bundles []BundleScore `json:"bundles"`
}

// A Cell sums up bundles that are alike.
type Cell struct {
	Cause     string `json:"cause"` // "" in the total
	LB        string `json:"lb"`
	Real      bool   `json:"real"`
	Storage   string `json:"storage"`
	LogDetail string `json:"log_detail"`

	Bundles int `json:"bundles"`
	Top1    int `json:"top1"` // planted cause ranked first; a healthy run called healthy
	Top3    int `json:"top3"`

	TruthBreaks   int `json:"truth_breaks"`   // session lives that really broke
	ReportBreaks  int `json:"report_breaks"`  // breaks that reports show
	MatchedBreaks int `json:"matched_breaks"` // both
	RightCauses   int `json:"right_causes"`   // matched ones with the right cause

	FalseVerdicts     int `json:"false_verdicts"`      // healthy called lost, or lost called healthy
	Undecided         int `json:"undecided"`           // not-proven
	Unexplained       int `json:"unexplained"`         // breaks without a cause
	ConfidentAndWrong int `json:"confident_and_wrong"` // confidence 0.9 or more in a wrong cause
	CappedBreaks      int `json:"capped_breaks"`       // breaks counted but not listed in reports

	Top1Rate           float64 `json:"top1_rate"`
	Top3Rate           float64 `json:"top3_rate"`
	BreakPrecision     float64 `json:"break_precision"`
	BreakRecall        float64 `json:"break_recall"`
	BreakCauseAccuracy float64 `json:"break_cause_accuracy"`
	UnexplainedShare   float64 `json:"unexplained_share"`
}

// A BundleScore is one bundle's comparison, with every difference.
type BundleScore struct {
	Dir         string       `json:"dir"`
	Seed        int64        `json:"seed"`
	Cause       string       `json:"cause"`
	Verdict     string       `json:"verdict"`
	First       string       `json:"first"` // the cause ranked first, "" none
	Confidence  float64      `json:"confidence"`
	Score       Cell         `json:"score"`
	Differences []Difference `json:"differences"`
}

// A Difference is one session about which truth and report disagree.
type Difference struct {
	Session string `json:"session"` // pseudonym
	Life    string `json:"life"`    // the truth's name for it, "" unknown to the truth
	Truth   string `json:"truth"`
	Report  string `json:"report"`
}

// Score diagnoses each bundle and compares the report with its truth.
func Score(dirs []string, run func(dir string) (*diagnose.Report, error)) (*ScoreTable, error) {
	table := &ScoreTable{Schema: ScoreSchema}
	cells := map[Cell]*Cell{}
	for _, dir := range dirs {
		truth, err := ReadTruth(dir)
		if err != nil {
			return nil, err
		}
		report, err := run(dir)
		if err != nil {
			return nil, fmt.Errorf("diagnose %s: %w", dir, err)
		}
		b := compare(dir, truth, report)
		table.Bundles = append(table.Bundles, b)
		kind := Cell{Cause: truth.Cause, LB: truth.LB, Real: truth.Real, Storage: truth.Storage, LogDetail: truth.LogDetail}
		if cells[kind] == nil {
			c := kind
			cells[kind] = &c
		}
		cells[kind].add(&b.Score)
		table.Total.add(&b.Score)
	}
	for _, c := range cells {
		c.rates()
		table.Cells = append(table.Cells, *c)
	}
	table.Total.rates()
	sort.Slice(table.Cells, func(i, j int) bool { return table.Cells[i].label() < table.Cells[j].label() })
	return table, nil
}

// ReadTruth reads a bundle's truth.json.
func ReadTruth(dir string) (*Truth, error) {
	text, err := os.ReadFile(filepath.Join(dir, TruthFile))
	if err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	var t Truth
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("read truth: %s: %w", filepath.Join(dir, TruthFile), err)
	}
	if t.Schema != TruthSchema {
		return nil, fmt.Errorf("read truth: %s has schema %q, want %q", dir, t.Schema, TruthSchema)
	}
	return &t, nil
}

// compare judges one report.
func compare(dir string, truth *Truth, report *diagnose.Report) BundleScore {
	b := BundleScore{Dir: dir, Seed: truth.Seed, Cause: truth.Cause, Verdict: string(report.Verdict), Differences: []Difference{}}
	s := &b.Score
	s.Bundles = 1
	s.Unexplained = int(report.Totals.Unexplained)
	s.CappedBreaks = max(0, int(report.BreaksKept.Total-report.BreaksKept.Shown))
	if len(report.Hypotheses) > 0 {
		b.First, b.Confidence = report.Hypotheses[0].Cause, report.Hypotheses[0].Confidence
	}
	judgeRanking(s, truth, report)
	b.Differences = append(b.Differences, matchBreaks(s, truth, report)...)
	s.rates()
	return b
}

// broken reports whether the run really lost sessions.
func (t *Truth) broken() bool { return t.Cause != NoFault && t.Visible }

// right says whether a cause is the truth's, or one that the evidence cannot tell from it.
func (t *Truth) right(cause string) bool {
	return cause != "" && (cause == t.Cause || slices.Contains(t.Accept, cause))
}

func judgeRanking(s *Cell, truth *Truth, report *diagnose.Report) {
	if report.Verdict == diagnose.VerdictNotProven {
		s.Undecided = 1
	}
	if !truth.broken() {
		if report.Verdict == diagnose.VerdictHealthy {
			s.Top1, s.Top3 = 1, 1
		}
		if report.Verdict == diagnose.VerdictLost {
			s.FalseVerdicts = 1
		}
	} else if report.Verdict == diagnose.VerdictHealthy {
		s.FalseVerdicts = 1
	}
	if !truth.broken() {
		if len(report.Hypotheses) > 0 && report.Hypotheses[0].Confidence >= 0.9 {
			s.ConfidentAndWrong = 1
		}
		return
	}
	missing := append([]string{truth.Cause}, truth.Also...)
	for i, h := range report.Hypotheses {
		right := truth.right(h.Cause) || slices.Contains(truth.Also, h.Cause)
		if i == 0 && right {
			s.Top1 = 1
		}
		if i == 0 && !right && h.Confidence >= 0.9 {
			s.ConfidentAndWrong = 1
		}
		if i < 3 {
			missing = slices.DeleteFunc(missing, func(c string) bool { return c == h.Cause || c == truth.Cause && truth.right(h.Cause) })
		}
	}
	if len(missing) == 0 { // with several causes planted, each of them
		s.Top3 = 1
	}
}

// matchBreaks pairs the report's breaks with the truth's lives by any pseudonym of a life.
// A life breaks at most once: a second break of the same life is one too many.
func matchBreaks(s *Cell, truth *Truth, report *diagnose.Report) []Difference {
	byPseudonym := map[string]string{}
	for name, l := range truth.Sessions {
		for _, p := range l.Pseudonyms {
			byPseudonym[p] = name
		}
		if l.Lost {
			s.TruthBreaks++
		}
	}
	var diffs []Difference
	matched := map[string]bool{}
	for _, br := range report.Breaks {
		s.ReportBreaks++
		name := byPseudonym[br.Session]
		if name == "" && br.Kind == "never-established" {
			name = nameless(truth, matched, br.At)
		}
		l := truth.Sessions[name]
		says := fmt.Sprintf("%s at %s, %s, %s %s status %d, from %s to %s, by %s", br.Kind, br.At.UTC().Format("15:04:05.000"), br.Cause,
			br.Request.Method, br.Request.Path, br.Request.Status, br.From, br.To, br.Proof)
		switch {
		case name == "":
			diffs = append(diffs, Difference{Session: br.Session, Truth: "no such session life", Report: says})
		case !l.Lost:
			diffs = append(diffs, Difference{Session: br.Session, Life: name, Truth: "never lost", Report: says})
		case matched[name]:
			diffs = append(diffs, Difference{Session: br.Session, Life: name, Truth: "lost once, counted already", Report: says})
		default:
			matched[name] = true
			s.MatchedBreaks++
			if br.Cause == l.Cause || slices.Contains(truth.Accept, br.Cause) {
				s.RightCauses++
			} else {
				diffs = append(diffs, Difference{Session: br.Session, Life: name, Truth: l.says(), Report: says})
			}
		}
	}
	return append(diffs, missed(truth, matched)...)
}

// nameless finds the life that a break belongs to of which the log shows no credential: the one that broke at that moment.
func nameless(truth *Truth, matched map[string]bool, at time.Time) string {
	best, near := "", 250*time.Millisecond
	for name, l := range truth.Sessions {
		if !l.Lost || l.Kind != "never-established" || matched[name] || l.At == nil {
			continue
		}
		if d := l.At.Sub(at).Abs(); d < near || d == near && name < best {
			best, near = name, d
		}
	}
	return best
}

// missed lists the lives that broke and that the report does not show.
func missed(truth *Truth, matched map[string]bool) []Difference {
	var names []string
	for name, l := range truth.Sessions {
		if l.Lost && !matched[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var diffs []Difference
	for _, name := range names {
		l := truth.Sessions[name]
		session := ""
		if len(l.Pseudonyms) > 0 {
			session = l.Pseudonyms[len(l.Pseudonyms)-1]
		}
		diffs = append(diffs, Difference{Session: session, Life: name, Truth: l.says(), Report: "no break"})
	}
	return diffs
}

func (l *TruthLife) says() string {
	at := ""
	if l.At != nil {
		at = " at " + l.At.UTC().Format("15:04:05.000")
	}
	return l.Kind + at + ", " + l.Cause
}

func (c *Cell) add(o *Cell) {
	c.Bundles += o.Bundles
	c.Top1 += o.Top1
	c.Top3 += o.Top3
	c.TruthBreaks += o.TruthBreaks
	c.ReportBreaks += o.ReportBreaks
	c.MatchedBreaks += o.MatchedBreaks
	c.RightCauses += o.RightCauses
	c.FalseVerdicts += o.FalseVerdicts
	c.Undecided += o.Undecided
	c.Unexplained += o.Unexplained
	c.ConfidentAndWrong += o.ConfidentAndWrong
	c.CappedBreaks += o.CappedBreaks
}

// rates computes shares from counts; a share of nothing is 1 where more is better, 0 for
// what should be rare.
func (c *Cell) rates() {
	c.Top1Rate = share(c.Top1, c.Bundles, 1)
	c.Top3Rate = share(c.Top3, c.Bundles, 1)
	c.BreakPrecision = share(c.MatchedBreaks, c.ReportBreaks, 1)
	c.BreakRecall = share(c.MatchedBreaks, c.TruthBreaks, 1)
	c.BreakCauseAccuracy = share(c.RightCauses, c.MatchedBreaks, 1)
	c.UnexplainedShare = share(c.Unexplained, c.ReportBreaks+c.CappedBreaks, 0)
}

func share(part, whole int, ofNothing float64) float64 {
	if whole == 0 {
		return ofNothing
	}
	return float64(part) / float64(whole)
}

// label names a cell for people, and gives cells their order.
func (c *Cell) label() string {
	lb := c.LB
	if !c.Real {
		lb = "emulated:" + lb
	}
	return c.Cause + " | " + lb + " | " + c.Storage + " | " + c.LogDetail
}
