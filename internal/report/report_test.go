package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"limpet.dev/diagnose"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cases are the reports that every format must be able to write.
var cases = []struct {
	name   string
	report func(testing.TB) *diagnose.Report
}{
	{"lost", full},
	{"healthy", healthy},
	{"not-proven", notProven},
	{"empty", func(testing.TB) *diagnose.Report { return &diagnose.Report{} }},
}

// full is a report with something in every list: three causes, three stories, ten health events.
func full(t testing.TB) *diagnose.Report { return load(t, "report.json") }

func load(t testing.TB, name string) *diagnose.Report {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r diagnose.Report
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &r
}

func healthy(t testing.TB) *diagnose.Report {
	r := full(t)
	r.Verdict, r.Summary = diagnose.VerdictHealthy, "No session was lost in 8431 follow-ups; the true rate of losses is below 0.0356 % (95 % sure)."
	r.Hypotheses, r.Breaks, r.Stories, r.Health, r.Changes, r.Findings, r.Moved = nil, nil, nil, nil, nil, nil, nil
	r.BreaksKept, r.MovedKept = diagnose.Kept{}, diagnose.Kept{}
	lost := &r.Totals
	*lost = diagnose.Totals{Requests: 11061, Sessions: 1204, Followups: 8431, FirstSeen: 1180, Held: 7251, Honoured: 8431, Ends: lost.Ends,
		ContinuityRate: 1, SessionsWhole: 1, BreakRateUpper: 3.0 / 8431, AuthRequests: 9121, BadPasswords: 37}
	r.Series.Honoured, r.Series.Breaks = r.Series.Followups, make([]int64, len(r.Series.Followups))
	r.Assessment = r.Assessment[:2]
	r.Affinity = diagnose.AffinityHeld{HeldRate: 1, ByInstance: []diagnose.Share{{Name: "app1", Held: 7251}}}
	r.SessionMap[0].Evidence = r.SessionMap[0].Evidence[:1]
	for i := range r.Tiers[0].Pools[0].Instances {
		in := &r.Tiers[0].Pools[0].Instances[i]
		in.Breaks, in.Downs = 0, 0
	}
	return r
}

func notProven(testing.TB) *diagnose.Report {
	at := time.Date(2026, 3, 14, 9, 40, 0, 0, time.UTC)
	return &diagnose.Report{
		Schema: diagnose.Schema, Verdict: diagnose.VerdictNotProven,
		Summary: "Not proven: 9000 requests, but sessions cannot be told apart: the log shows no session cookie. Add the log line that \"limpet logline haproxy\" prints.",
		Window:  diagnose.Window{From: at, To: at.Add(26 * time.Hour)},
		Inputs:  []diagnose.Input{{Path: "haproxy.log", Kind: "log", Format: "haproxy/httplog", Lines: 9000, Events: 9000}},
		Totals:  diagnose.Totals{Requests: 9000, ContinuityRate: 1, SessionsWhole: 1},
		Assessment: []diagnose.Step{{Step: "Can sessions be told apart?", Answer: "no: nothing in the input names a session", Outcome: "no",
			Evidence: []diagnose.Clue{{Text: "the log shows no session cookie", Source: "add the line that limpet logline haproxy prints"}}}},
		SessionMap:  []diagnose.MapEntry{{Carrier: "not known", Storage: "not known", Tier: "balancer", Affinity: "not known", Status: "observed"}},
		KeyID:       "5e1f0c9a",
		KeyIsRandom: true,
	}
}

func write(t testing.TB, format string, r *diagnose.Report, opt Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, opt); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

var extensions = map[string]string{"text": ".txt", "json": ".json", "markdown": ".md", "html": ".html"}

func TestGolden(t *testing.T) {
	for _, f := range Formats() {
		for _, c := range cases {
			if c.name != "lost" && f == "html" {
				continue // one page is enough; what the others must say is in TestWhatPagesSay
			}
			t.Run(f+" "+c.name, func(t *testing.T) {
				got := write(t, f, c.report(t), Options{})
				file := filepath.Join("testdata", "golden", c.name+extensions[f])
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s differs from what is written; look at it, then run: go test ./internal/report -update\nfirst difference: %s", file, firstDifference(got, string(want)))
				}
			})
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "line " + count(int64(i+1)) + ": " + cut(g[i], 200)
		}
	}
	return "the golden file is longer"
}

func TestWhatPagesSay(t *testing.T) {
	tests := []struct {
		name   string
		report *diagnose.Report
		want   []string
	}{
		{"healthy", healthy(t), []string{"HEALTHY", "true rate", "0.0356 %", "8,431"}},
		{"not proven", notProven(t), []string{"NOT PROVEN", "limpet logline haproxy", "haproxy.log", "2026-03-15"}},
		{"lost", full(t), []string{"SESSIONS LOST", "health-check-too-aggressive", "97 %", "haproxy.cfg:41", "s:75efr6edt4sywb5wkh7dnsipzy", "moved, lost"}},
	}
	for _, tt := range tests {
		for _, f := range []string{"text", "markdown", "html"} {
			got := write(t, f, tt.report, Options{})
			for _, want := range tt.want {
				if !strings.Contains(got, want) && !(f == "markdown" && strings.HasPrefix(want, "2026")) {
					t.Errorf("%s as %s: %q is not said", tt.name, f, want)
				}
			}
		}
	}
}

func TestTextSaysBothSums(t *testing.T) {
	r := full(t)
	got := strings.Join(strings.Fields(write(t, "text", r, Options{Width: 200})), " ")
	for _, want := range []string{
		"8,431 follow-ups = 8,360 honoured + 63 lost + 0 incomplete + 4 withheld + 0 unserved + 4 unknown",
		"8,431 follow-ups = 1,180 first seen + 7,137 held + 110 moved + 0 unserved + 4 withheld",
		"46 breaks = 40 health-check-too-aggressive + 4 samesite-cross-site-post + 2 unexplained",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("text lacks %q", want)
		}
	}
	for _, sum := range [][]term{outcomes(&r.Totals), routings(&r.Totals)} {
		n := int64(0)
		for _, x := range sum {
			n += x.n
		}
		if n != r.Totals.Followups {
			t.Errorf("the recorded report's sum is %d, its follow-ups are %d", n, r.Totals.Followups)
		}
	}
}

func TestTextKeepsItsWidth(t *testing.T) {
	for _, width := range []int{80, 100, 160} {
		text := write(t, "text", full(t), Options{Width: width})
		inPicture := false
		for line := range strings.SplitSeq(text, "\n") {
			if strings.HasPrefix(line, "THE WORST") || strings.HasPrefix(line, "BROKEN SESSIONS") {
				inPicture = line[0] == 'T'
			}
			if n := len([]rune(line)); n > width && !inPicture && len(strings.Fields(line)) > 1 {
				t.Errorf("width %d: line of %d columns: %s", width, n, line)
			}
		}
	}
}

func TestColourOnlyWhenAsked(t *testing.T) {
	if got := write(t, "text", full(t), Options{}); strings.Contains(got, "\x1b") {
		t.Error("an escape sequence without Color")
	}
	got := write(t, "text", full(t), Options{Color: true})
	if !strings.HasPrefix(got, "\x1b[1;31mSESSIONS LOST\x1b[0m") {
		t.Errorf("the verdict is not coloured: %q", cut(got, 60))
	}
	bare := stripStyles(got)
	if bare != write(t, "text", full(t), Options{}) {
		t.Error("with its colours removed, the coloured text is another text")
	}
}

func stripStyles(s string) string {
	for _, st := range []style{bold, dim, bad, good, warn, link} {
		s = strings.ReplaceAll(s, "\x1b["+string(st)+"m", "")
	}
	return strings.ReplaceAll(s, "\x1b[0m", "")
}

func TestUnknownFormat(t *testing.T) {
	err := Write(io.Discard, "yaml", full(t), Options{})
	if err == nil || !strings.Contains(err.Error(), "known: text, json, markdown, html") {
		t.Errorf("got %v, want an error that names the known formats", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteErrorsAreReturned(t *testing.T) {
	for _, f := range Formats() {
		if err := Write(brokenPipe{}, f, full(t), Options{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got error %v, want that of the writer", f, err)
		}
	}
	if err := Story(brokenPipe{}, full(t).Stories[0], Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("story: got error %v, want that of the writer", err)
	}
}

func TestWritingLeavesTheReportAlone(t *testing.T) {
	r := notProven(t)
	before, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		write(t, f, r, Options{})
	}
	after, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("writing changed the report")
	}
}

func TestCostliest(t *testing.T) {
	at := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	var breaks []diagnose.Break
	for i := range 500 {
		breaks = append(breaks, diagnose.Break{Weight: float64(i * 7919 % 13), At: at.Add(time.Duration(i*104729%500) * time.Second)})
	}
	sorted := slices.Clone(breaks)
	slices.SortFunc(sorted, func(a, b diagnose.Break) int {
		if costlier(&a, &b) {
			return -1
		}
		return 1
	})
	for _, n := range []int{1, 10, 499, 500, 600} {
		got := costliest(breaks, n)
		if len(got) != min(n, 500) {
			t.Fatalf("costliest %d of 500: got %d", n, len(got))
		}
		for i := range got {
			if got[i].Weight != sorted[i].Weight || !got[i].At.Equal(sorted[i].At) {
				t.Fatalf("costliest %d: entry %d is %v at %v, want %v at %v", n, i, got[i].Weight, got[i].At, sorted[i].Weight, sorted[i].At)
			}
		}
	}
}

// big is a report with 10,000 breaks.
func big(t testing.TB) *diagnose.Report {
	r := full(t)
	for len(r.Breaks) < 10_000 {
		r.Breaks = append(r.Breaks, r.Breaks[:min(len(r.Breaks), 10_000-len(r.Breaks))]...)
	}
	return r
}

func TestBigPagesAreCutAndSaySo(t *testing.T) {
	r := big(t)
	r.BreaksKept = diagnose.Kept{Shown: 10_000, Total: 25_000}
	page := write(t, "html", r, Options{})
	if n := len(page); n > 1_000_000 {
		t.Errorf("a page of %d bytes for 10,000 breaks", n)
	}
	for _, want := range []string{"the 200 that cost most are shown", "10,000 of 25,000 breaks"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	r := big(b)
	for _, f := range Formats() {
		b.Run(f, func(b *testing.B) {
			for b.Loop() {
				if err := Write(io.Discard, f, r, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
