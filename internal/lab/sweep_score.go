package lab

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"limpet.dev/diagnose"
)

// A Leaving is evidence that a diagnosis gets to see: everything, or a bundle with files left out.
type Leaving struct {
	Name string // in a word or two
	Text string // what is read
	Out  []string
}

// Leavings are the kinds of evidence under which accuracy is measured, the richest first.
var Leavings = []Leaving{
	{"everything", "log, configuration, application events, change records and `limpet.yaml`", nil},
	{"no changes, no intent", "log, configuration and application events", []string{"changes.jsonl", "limpet.yaml"}},
	{"no events", "log, configuration, change records and `limpet.yaml`", []string{"events.jsonl"}},
	{"log alone", "the log file by itself, written with the line of `limpet logline`", []string{"changes.jsonl", "limpet.yaml", "events.jsonl", configurations}},
}

// Ignore says which files of a bundle this kind of evidence leaves out.
func (l *Leaving) Ignore(name string) bool {
	return slices.Contains(l.Out, name) || slices.Contains(l.Out, configurations) && isConfigFile(name) ||
		slices.Contains(l.Out, logs) && strings.HasSuffix(name, ".log")
}

// configurations stands for every configuration of a balancer in Leaving.Out.
const configurations = "configurations"

// logs stands for every balancer's log in Leaving.Out.
const logs = "logs"

// A Measure sums up runs that are alike, as a line of the published tables.
type Measure struct {
	Cause      string
	Cell       Cell
	SureWrong  int // a wrong cause ranked first with more than sure
	Confidence []Tenth
}

// sure is the confidence above which a wrong answer counts as confident.
const sure = 0.8

// A Tenth is the runs whose first cause had a confidence of one tenth, with how many of them were right.
type Tenth struct{ Runs, Right int }

// An Accuracy is the result of one kind of evidence on one kind of balancer.
type Accuracy struct {
	Leaving  Leaving
	Balancer string // one of LBs
	Measures []Measure
	Total    Measure
	Showing  Showing
	Seeds    map[int64]bool
	Odd      []BundleScore // every run that is not perfect
}

// MeasureAll scores every bundle below dir under each kind of evidence. Balancers are kept apart.
func MeasureAll(dir string, run func(dir string, ignore func(string) bool) (*diagnose.Report, error), progress func(string)) ([]Accuracy, error) {
	truths, err := filepath.Glob(filepath.Join(dir, "*", "*", TruthFile))
	if err != nil {
		return nil, err
	}
	if len(truths) == 0 {
		return nil, fmt.Errorf("%s holds no <balancer>/<fault>-<seed>/%s; limpet lab sweep makes them", dir, TruthFile)
	}
	slices.Sort(truths)
	var all []Accuracy
	for _, l := range Leavings {
		progress(fmt.Sprintf("%d runs, read: %s", len(truths), l.Name))
		scores, err := scoreAll(truths, l, run)
		if err != nil {
			return nil, err
		}
		byLB := map[string]*Accuracy{}
		for _, s := range scores {
			if byLB[s.lb] == nil {
				byLB[s.lb] = &Accuracy{Leaving: l, Balancer: s.lb, Total: newMeasure("all"), Seeds: map[int64]bool{}}
			}
			byLB[s.lb].add(s.score)
		}
		for _, lb := range sortedKeys(byLB) {
			byLB[lb].finish()
			all = append(all, *byLB[lb])
		}
	}
	return all, nil
}

// scored is one bundle's score, with the balancer that it belongs to.
type scored struct {
	lb    string
	score BundleScore
}

// scoreAll diagnoses the bundles side by side, and returns their scores in the order of truths.
func scoreAll(truths []string, l Leaving, run func(dir string, ignore func(string) bool) (*diagnose.Report, error)) ([]scored, error) {
	out, errs := make([]scored, len(truths)), make([]error, len(truths))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(truths); i = int(next.Add(1)) - 1 {
				out[i], errs[i] = scoreOne(filepath.Dir(truths[i]), l, run)
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

func scoreOne(dir string, l Leaving, run func(dir string, ignore func(string) bool) (*diagnose.Report, error)) (scored, error) {
	truth, err := ReadTruth(dir)
	if err != nil {
		return scored{}, err
	}
	truth = truth.Under(l.Ignore)
	report, err := run(dir, l.Ignore)
	if err != nil {
		return scored{}, fmt.Errorf("diagnose %s: %w", dir, err)
	}
	lb := truth.LB
	if !truth.Real {
		lb = "emulated:" + lb
	}
	return scored{lb, compare(dir, truth, report)}, nil
}

func newMeasure(cause string) Measure {
	return Measure{Cause: cause, Confidence: make([]Tenth, 10)}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (a *Accuracy) add(b BundleScore) {
	i := slices.IndexFunc(a.Measures, func(m Measure) bool { return m.Cause == b.Cause })
	if i < 0 {
		a.Measures = append(a.Measures, newMeasure(b.Cause))
		i = len(a.Measures) - 1
	}
	a.Measures[i].add(&b)
	a.Total.add(&b)
	a.Showing.add(&b, a.Leaving.shows(b.Cause))
	a.Seeds[b.Seed] = true
	if b.Score.Top1 == 0 || len(b.Differences) > 0 {
		a.Odd = append(a.Odd, b)
	}
}

// add adds one run. Calibration looks at the cause ranked first.
func (m *Measure) add(b *BundleScore) {
	m.Cell.add(&b.Score)
	if b.First == "" {
		return
	}
	t := &m.Confidence[min(9, int(b.Confidence*10))]
	t.Runs++
	if b.Score.Top1 == 1 {
		t.Right++
	} else if b.Confidence > sure {
		m.SureWrong++
	}
}

// finish puts the healthy runs last, and computes rates.
func (a *Accuracy) finish() {
	slices.SortFunc(a.Measures, func(x, y Measure) int {
		if (x.Cause == NoFault) != (y.Cause == NoFault) {
			if x.Cause == NoFault {
				return 1
			}
			return -1
		}
		return strings.Compare(x.Cause, y.Cause)
	})
	for i := range a.Measures {
		a.Measures[i].Cell.rates()
	}
	a.Total.Cell.rates()
}
