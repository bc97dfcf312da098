package lab

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"limpet.dev/diagnose"
)

// bundleWith writes a bundle that holds nothing but a truth.
func bundleWith(t *testing.T, truth Truth) string {
	t.Helper()
	truth.Schema = TruthSchema
	text, err := json.Marshal(truth)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, TruthFile), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func twoLost() Truth {
	return Truth{Cause: "deploy-no-session-drain", Visible: true, LB: "haproxy", Storage: "memory", Sessions: map[string]TruthLife{
		"c001#1": {Pseudonyms: []string{"s:a1", "s:a2"}, Lost: true, Kind: "lost", Cause: "deploy-no-session-drain"},
		"c002#1": {Pseudonyms: []string{"s:b1"}, Lost: true, Kind: "lost", Cause: "deploy-no-session-drain"},
		"c003#1": {Pseudonyms: []string{"s:c1"}},
	}}
}

func report(verdict diagnose.Verdict, causes []string, breaks ...diagnose.Break) *diagnose.Report {
	r := &diagnose.Report{Verdict: verdict, Breaks: breaks}
	for i, c := range causes {
		r.Hypotheses = append(r.Hypotheses, diagnose.Hypothesis{Rank: i + 1, Cause: c, Confidence: 0.95})
	}
	return r
}

func TestScoreCountsWhatAgreesAndNamesWhatDoesNot(t *testing.T) {
	const deploy = "deploy-no-session-drain"
	tests := []struct {
		name   string
		truth  Truth
		report *diagnose.Report
		want   Cell
		diffs  []string
	}{
		{
			name: "all right, one life found by its second pseudonym", truth: twoLost(),
			report: report(diagnose.VerdictLost, []string{deploy},
				diagnose.Break{Session: "s:a2", Cause: deploy}, diagnose.Break{Session: "s:b1", Cause: deploy}),
			want: Cell{Top1: 1, Top3: 1, TruthBreaks: 2, ReportBreaks: 2, MatchedBreaks: 2, RightCauses: 2},
		},
		{
			name: "second in the ranking, a wrong cause, one invented, one missed", truth: twoLost(),
			report: report(diagnose.VerdictLost, []string{"affinity-absent", deploy},
				diagnose.Break{Session: "s:a1", Cause: "affinity-absent"}, diagnose.Break{Session: "s:c1", Cause: deploy}),
			want:  Cell{Top3: 1, TruthBreaks: 2, ReportBreaks: 2, MatchedBreaks: 1, ConfidentAndWrong: 1},
			diffs: []string{"c001#1", "c003#1", "c002#1"},
		},
		{
			name: "one life broken twice", truth: twoLost(),
			report: report(diagnose.VerdictLost, []string{deploy},
				diagnose.Break{Session: "s:a1", Cause: deploy}, diagnose.Break{Session: "s:a2", Cause: deploy}, diagnose.Break{Session: "s:b1", Cause: deploy}),
			want:  Cell{Top1: 1, Top3: 1, TruthBreaks: 2, ReportBreaks: 3, MatchedBreaks: 2, RightCauses: 2},
			diffs: []string{"c001#1"},
		},
		{
			name: "lost called healthy", truth: twoLost(), report: report(diagnose.VerdictHealthy, nil),
			want: Cell{TruthBreaks: 2, FalseVerdicts: 1}, diffs: []string{"c001#1", "c002#1"},
		},
		{
			name: "healthy called healthy", truth: Truth{Cause: NoFault}, report: report(diagnose.VerdictHealthy, nil),
			want: Cell{Top1: 1, Top3: 1},
		},
		{
			name: "healthy called lost", truth: Truth{Cause: NoFault}, report: report(diagnose.VerdictLost, []string{deploy}, diagnose.Break{Session: "s:x", Cause: deploy}),
			want: Cell{ReportBreaks: 1, FalseVerdicts: 1, ConfidentAndWrong: 1}, diffs: []string{""},
		},
		{
			name: "not proven", truth: twoLost(), report: report(diagnose.VerdictNotProven, nil),
			want: Cell{TruthBreaks: 2, Undecided: 1}, diffs: []string{"c001#1", "c002#1"},
		},
		{
			name: "an accepted neighbour",
			truth: Truth{Cause: "affinity-absent", Accept: []string{"session-store-node-local"}, Visible: true,
				Sessions: map[string]TruthLife{"c001#1": {Pseudonyms: []string{"s:a"}, Lost: true, Cause: "affinity-absent"}}},
			report: report(diagnose.VerdictLost, []string{"session-store-node-local"}, diagnose.Break{Session: "s:a", Cause: "session-store-node-local"}),
			want:   Cell{Top1: 1, Top3: 1, TruthBreaks: 1, ReportBreaks: 1, MatchedBreaks: 1, RightCauses: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := bundleWith(t, tt.truth)
			table, err := Score([]string{dir}, func(string) (*diagnose.Report, error) { return tt.report, nil })
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Bundles = 1
			tt.want.rates()
			if table.Total != tt.want {
				t.Errorf("got  %+v\nwant %+v", table.Total, tt.want)
			}
			var lives []string
			for _, d := range table.Bundles[0].Differences {
				lives = append(lives, d.Life)
			}
			if strings.Join(lives, " ") != strings.Join(tt.diffs, " ") || len(lives) != len(tt.diffs) {
				t.Errorf("differences about %q, want %q", lives, tt.diffs)
			}
		})
	}
}

func TestScoreTableInText(t *testing.T) {
	dirs := []string{bundleWith(t, twoLost()), bundleWith(t, Truth{Cause: NoFault, LB: "haproxy", Real: true})}
	table, err := Score(dirs, func(dir string) (*diagnose.Report, error) {
		if dir == dirs[1] {
			return report(diagnose.VerdictHealthy, nil), nil
		}
		return report(diagnose.VerdictLost, []string{"deploy-no-session-drain"}, diagnose.Break{Session: "s:a1", Cause: "deploy-no-session-drain"}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var text, js bytes.Buffer
	if err := table.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := table.WriteJSON(&js); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"deploy-no-session-drain | emulated:haproxy | memory", "none | haproxy", "c002#1", "report: no break"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if !json.Valid(js.Bytes()) {
		t.Error("the JSON form is no JSON")
	}
	if table.Total.BreakRecall != 0.5 || table.Total.Top1Rate != 1 {
		t.Errorf("recall %v top-1 %v, want 0.5 and 1", table.Total.BreakRecall, table.Total.Top1Rate)
	}
}

func TestScoreRefusesAForeignTruth(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, TruthFile), []byte(`{"schema":"other/v1"}`), 0o644)
	if _, err := Score([]string{dir}, nil); err == nil || !strings.Contains(err.Error(), "other/v1") {
		t.Errorf("got %v, want an error that names the schema", err)
	}
}
