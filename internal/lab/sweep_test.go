package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"limpet.dev/diagnose"
)

func TestASweepGoesOnWhereItStopped(t *testing.T) {
	opt := SweepOptions{Dir: t.TempDir(), Faults: []string{"affinity-absent", NoFault}, LBs: []string{"emulated:haproxy"}, Seeds: []int64{1, 2}}
	done := filepath.Join(opt.Dir, "emulated-haproxy", "affinity-absent-1")
	if err := os.MkdirAll(done, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(done, TruthFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, r := range opt.todo() {
		left = append(left, filepath.Base(r.dir))
	}
	if got, want := strings.Join(left, " "), "none-1 affinity-absent-2 none-2"; got != want {
		t.Errorf("left to play: %s, want %s", got, want)
	}
}

// runOf writes a truth with one broken session into a sweep's folder.
func runOf(t *testing.T, dir, name, cause string) {
	t.Helper()
	dir = filepath.Join(dir, "emulated-haproxy", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sessions := `{"c001#1": {"pseudonyms": ["s:aaa"], "lost": true, "kind": "lost", "cause": "` + cause + `"}}`
	text := `{"schema": "limpet.truth/v1", "cause": "` + cause + `", "visible": true, "seed": 7, "lb": "haproxy", "sessions": ` + sessions + `}`
	if err := os.WriteFile(filepath.Join(dir, TruthFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// With events the report is right; without them it is confident and wrong: both must show in the tables.
func TestAccuracyTellsRightFromWrong(t *testing.T) {
	dir := t.TempDir()
	runOf(t, dir, "affinity-absent-7", "affinity-absent")
	all, err := MeasureAll(dir, func(_ string, ignore func(string) bool) (*diagnose.Report, error) {
		cause, confidence := "affinity-absent", 0.95
		if ignore("events.jsonl") {
			cause, confidence = "store-flushed-with-cache", 0.85
		}
		return &diagnose.Report{
			Verdict: diagnose.VerdictLost, Hypotheses: []diagnose.Hypothesis{{Rank: 1, Cause: cause, Confidence: confidence}},
			Breaks: []diagnose.Break{{Session: "s:aaa", Cause: cause}, {Session: "s:bbb", Cause: cause}},
		}, nil
	}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(Leavings) {
		t.Fatalf("%d measures, want one for each kind of evidence", len(all))
	}
	for _, a := range all {
		right, sureWrong, tenth := 1, 0, 9
		if a.Leaving.Ignore("events.jsonl") {
			right, sureWrong, tenth = 0, 1, 8
		}
		c := a.Total.Cell
		if c.Top1 != right || c.RightCauses != right || a.Total.SureWrong != sureWrong || c.BreakPrecision != 0.5 || c.BreakRecall != 1 {
			t.Errorf("%s: top-1 %d, right causes %d, sure and wrong %d, precision %v, recall %v", a.Leaving.Name, c.Top1, c.RightCauses, a.Total.SureWrong, c.BreakPrecision, c.BreakRecall)
		}
		if got := a.Total.Confidence[tenth]; got.Runs != 1 || got.Right != right {
			t.Errorf("%s: confidence of tenth %d: %+v", a.Leaving.Name, tenth, got)
		}
	}
	var b strings.Builder
	if err := WriteAccuracy(&b, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"limpet lab accuracy", "Seeds of these runs: 7.",
		"| everything | emulated:haproxy | 1 | 1.000 | 1.000 | 1 | 0.500 | 1.000 | 1.000 |",
		"| log alone | emulated:haproxy | affinity-absent | 7 | lost | store-flushed-with-cache | 0.85 | 0 of 1 | 1 | 1 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the tables lack %q", want)
		}
	}
}

// What cannot show in the evidence is not asked for, but nothing may be said for sure, and no verdict be false.
func TestHiddenCausesAreNotAskedFor(t *testing.T) {
	top := func(verdict diagnose.Verdict, cause string, confidence float64) *diagnose.Report {
		return &diagnose.Report{Verdict: verdict, Hypotheses: []diagnose.Hypothesis{{Rank: 1, Cause: cause, Confidence: confidence}}}
	}
	for _, tt := range []struct {
		name, planted string
		report        *diagnose.Report // of the log alone; with events the planted cause is found
		want          Showing
	}{
		{"found although it cannot show", "store-eviction", top(diagnose.VerdictLost, "store-eviction", 0.9), Showing{Hidden: 1, Humble: 1}},
		{"another, not sure", "store-eviction", top(diagnose.VerdictLost, "session-store-node-local", 0.7), Showing{Hidden: 1, Humble: 1}},
		{"another, sure", "store-eviction", top(diagnose.VerdictLost, "session-store-node-local", 0.85), Showing{Hidden: 1}},
		{"not proven", "store-eviction", top(diagnose.VerdictNotProven, "session-store-node-local", 0.7), Showing{Hidden: 1, Humble: 1}},
		{"called healthy", "store-eviction", &diagnose.Report{Verdict: diagnose.VerdictHealthy}, Showing{Hidden: 1}},
		{"another for one that shows", "affinity-reset-on-reload", top(diagnose.VerdictLost, "store-eviction", 0.7), Showing{Visible: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			runOf(t, dir, tt.planted+"-7", tt.planted)
			all, err := MeasureAll(dir, func(_ string, ignore func(string) bool) (*diagnose.Report, error) {
				if ignore("events.jsonl") {
					return tt.report, nil
				}
				return top(diagnose.VerdictLost, tt.planted, 0.95), nil
			}, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := all[0].Showing, (Showing{Visible: 1, Found: 1}); got != want {
				t.Errorf("everything: %+v, want %+v", got, want)
			}
			if got := all[len(all)-1].Showing; got != tt.want {
				t.Errorf("log alone: %+v, want %+v", got, tt.want)
			}
		})
	}
}
