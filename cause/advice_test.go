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

// steps adds one piece after the other to the log alone until the planted cause is named first with 0.8, and counts them.
func steps(t *testing.T, c *lab.Case, next func(r *diagnose.Report, have []string) string) int {
	t.Helper()
	have := []string{"haproxy.log"}
	for n := 0; ; n++ {
		r, _ := poorReport(t, c, poverty{make: keepOnly(have...)})
		if len(r.Hypotheses) > 0 && r.Hypotheses[0].Cause == c.Cause && r.Hypotheses[0].Breaks > 0 && r.Hypotheses[0].Confidence >= 0.8 || len(have) > len(pieces) {
			return n
		}
		have = append(have, next(r, have))
	}
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
// fixed order.
func TestAdviceBeatsAFixedOrder(t *testing.T) {
	followed, fixed, open := 0, 0, 0
	for _, c := range readCases(t) {
		if c.Cause == lab.NoFault || !strings.Contains(c.Name, "/seed") {
			continue
		}
		a := steps(t, c, advised)
		b := steps(t, c, func(_ *diagnose.Report, have []string) string { return missingPiece(have) })
		followed, fixed = followed+a, fixed+b
		if b > 0 {
			open++
		}
		if a > b {
			t.Logf("%s: %d steps by advice, %d in the fixed order", c.Name, a, b)
		}
	}
	t.Logf("%d cases needed more than the log: %d steps by advice, %d in a fixed order", open, followed, fixed)
	if open == 0 || followed >= fixed {
		t.Errorf("following the advice took %d steps, a fixed order %d", followed, fixed)
	}
}
