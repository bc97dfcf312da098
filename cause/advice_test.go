package cause_test

import (
	"slices"
	"strings"
	"testing"

	"limpet.dev/cause"
	"limpet.dev/diagnose"
	"limpet.dev/internal/lab"
)

// pieces are the kinds of evidence that can be added to a log, in the order in which documentation lists them.
var pieces = []struct {
	file   string
	source cause.Source
}{{"changes.jsonl", cause.Changes}, {"limpet.yaml", cause.Declaration}, {"haproxy.cfg", cause.Config}, {"events.jsonl", cause.Events}}

// A trial asks what is known of a case with some pieces of evidence; each set of pieces is diagnosed once.
type trial struct {
	t       *testing.T
	c       *lab.Case
	reports map[string]*diagnose.Report
}

func (tr *trial) report(have []string) *diagnose.Report {
	sorted := slices.Sorted(slices.Values(have))
	key := strings.Join(sorted, " ")
	if tr.reports[key] == nil {
		tr.reports[key], _ = poorReport(tr.t, tr.c, poverty{make: keepOnly(sorted...)})
	}
	return tr.reports[key]
}

// steps adds one piece after the other to the log alone until the planted cause is named first with 0.8, and counts them.
func (tr *trial) steps(next func(r *diagnose.Report, have []string) string) int {
	have := []string{"haproxy.log"}
	for n := 0; ; n++ {
		r := tr.report(have)
		if len(r.Hypotheses) > 0 && r.Hypotheses[0].Cause == tr.c.Cause && r.Hypotheses[0].Breaks > 0 && r.Hypotheses[0].Confidence >= 0.8 || len(have) > len(pieces) {
			return n
		}
		have = append(have, next(r, have))
	}
}

// orders returns every order in which the pieces can be added.
func orders(left []string) [][]string {
	if len(left) == 0 {
		return [][]string{nil}
	}
	var all [][]string
	for i, p := range left {
		for _, rest := range orders(slices.Delete(slices.Clone(left), i, i+1)) {
			all = append(all, append([]string{p}, rest...))
		}
	}
	return all
}

// advised returns the piece that a report's advice names, else the first that is not there.
func advised(r *diagnose.Report, have []string) string {
	text := ""
	if len(r.Hypotheses) > 0 {
		text = r.Hypotheses[0].Next
	}
	for _, p := range pieces {
		if strings.Contains(text, "Add "+string(p.source)) && !slices.Contains(have, p.file) {
			return p.file
		}
	}
	for _, s := range r.Assessment { // nothing is even suspected: what the assessment says is absent
		for _, e := range s.Evidence {
			for _, p := range slices.Backward(pieces) {
				if strings.HasPrefix(e.Text, "no ") && strings.Contains(e.Text, strings.TrimPrefix(string(p.source), "the balancer's ")) && !slices.Contains(have, p.file) {
					return p.file
				}
			}
		}
	}
	return missingPiece(have)
}

func missingPiece(have []string) string {
	for _, p := range pieces {
		if !slices.Contains(have, p.file) {
			return p.file
		}
	}
	return ""
}

// Proves S71. From the log alone, following the advice reaches the planted cause in fewer steps than adding evidence in a
// fixed order does: than the order of the documentation, and than all 24 orders on average.
func TestAdviceBeatsAFixedOrder(t *testing.T) {
	var files []string
	for _, p := range pieces {
		files = append(files, p.file)
	}
	fixed := orders(files)
	sums := make([]int, len(fixed))
	followed, open, total := 0, 0, 0
	for _, c := range readCases(t) {
		if c.Cause == lab.NoFault || !strings.HasSuffix(c.Name, "/seed1") && !strings.HasSuffix(c.Name, "/seed2") && !strings.HasSuffix(c.Name, "/seed3") {
			continue
		}
		tr := &trial{t, c, map[string]*diagnose.Report{}}
		n := tr.steps(advised)
		followed += n
		if n > 0 {
			open++
		}
		for i, order := range fixed {
			k := tr.steps(func(_ *diagnose.Report, have []string) string { return order[len(have)-1] })
			sums[i] += k
			total += k
		}
	}
	mean := float64(total) / float64(len(fixed))
	t.Logf("%d cases needed more than the log: %d steps by advice; %d in the order of the documentation, %.1f on average of %d orders, %d in the best", open, followed, sums[0], mean, len(fixed), slices.Min(sums))
	if open == 0 || followed >= sums[0] || float64(followed) >= mean {
		t.Errorf("following the advice took %d steps, fixed orders %.1f on average", followed, mean)
	}
}
