package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"limpet.dev/diagnose"
	"limpet.dev/lb"
	"limpet.dev/session"
)

// plainProduct reads lines "plain <ms> <instance> <session or -> <path> <status>".
var plainProduct = &lb.Product{
	Name: "plain",
	SniffLog: func(head []byte) float64 {
		if bytes.HasPrefix(head, []byte("plain ")) {
			return 1
		}
		return 0
	},
	Parser: func(lb.LogOptions) (lb.LineParser, error) { return plainParser{}, nil },
}

type plainParser struct{}

func (plainParser) Format() string       { return "plain" }
func (plainParser) Clone() lb.LineParser { return plainParser{} }

func (plainParser) Parse(line []byte, e *session.Event) lb.Skip {
	e.Reset()
	f := bytes.Fields(line)
	if len(f) == 0 {
		return lb.SkipEmpty
	}
	if len(f) != 6 || string(f[0]) != "plain" {
		return lb.SkipForeign
	}
	var ms, status int
	if _, err := fmt.Sscan(string(f[1]), &ms); err != nil {
		return lb.SkipTime
	}
	fmt.Sscan(string(f[5]), &status)
	e.Kind = session.Request
	e.Start = int64(1e18) + int64(ms)*1e6
	e.End = e.Start + 1e6
	e.Instance, e.Target, e.Status = f[2], f[4], uint16(status)
	if string(f[3]) != "-" {
		e.Session.Raw = f[3]
	}
	e.Has = session.HasSession | session.HasStatus | session.HasInstance | session.HasSetSession
	return lb.Read
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func diagnoseFiles(t *testing.T, opt Options) *diagnose.Report {
	t.Helper()
	opt.Products = []*lb.Product{plainProduct}
	r, err := Diagnose(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range r.Inputs {
		if in.Lines != in.Events+in.Skipped {
			t.Errorf("%s: %d lines, %d events, %d skipped: the account does not balance", in.Path, in.Lines, in.Events, in.Skipped)
		}
	}
	return r
}

// traffic returns lines of sessions that stay where they are, but for a few moves.
func traffic(lines int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	home := map[int]int{}
	var b bytes.Buffer
	for i := range lines {
		s := rng.IntN(500)
		if _, ok := home[s]; !ok || rng.IntN(300) == 0 {
			home[s] = rng.IntN(4)
		}
		fmt.Fprintf(&b, "plain %d app%d SID%032d /page/%d 200\n", i, home[s], s, rng.IntN(50))
	}
	return b.Bytes()
}

// Reading in parallel gives what one worker gives, whatever the file's form.
func TestSameReportForAnyFormAndAnyNumberOfWorkers(t *testing.T) {
	dir := t.TempDir()
	log := traffic(60_000, 3)
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(log)
	w.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write(log)
	z.Close()
	var first string
	for _, tt := range []struct {
		name    string
		data    []byte
		workers int
	}{{"one.log", log, 1}, {"three.log", log, 3}, {"packed.log.gz", gz.Bytes(), 2}, {"packed.log.zst", zs.Bytes(), 2}} {
		path := write(t, dir, tt.name, tt.data)
		r := diagnoseFiles(t, Options{Paths: []string{path}, Workers: tt.workers})
		got := fmt.Sprintf("%+v %+v %d", r.Totals, r.Affinity, r.MovedKept.Total)
		if first == "" {
			first = got
			if r.Totals.Requests != 60_000 || r.Totals.Moved == 0 {
				t.Fatalf("totals = %+v, want 60,000 requests and some moves", r.Totals)
			}
		}
		if got != first {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, first)
		}
	}
}

// Every line is an event or a counted skip, whatever is in the file.
func TestHostileLinesAreCounted(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	for _, tt := range []struct {
		name, data string
		lines      int64
		events     int64
	}{
		{"empty", "", 0, 0},
		{"last line without end", "plain 1 app1 A /x 200\nplain 2 app1 A /x 200", 2, 2},
		{"nul bytes", "plain 1 app1 A /x 200\n\x00\x00\x00\nplain 2 app1 A /x 200\n", 3, 2},
		{"a line of 10 MB", "plain 1 app1 A /x 200\n" + long + "\nplain 2 app1 A /x 200\n", 3, 2},
		{"a line of 10 MB at the end", "plain 1 app1 A /x 200\n" + long, 2, 1},
		{"another format", "plain 1 app1 A /x 200\nwhat is this?\n\n", 3, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "x.log", []byte(tt.data))
			var gz bytes.Buffer
			w := gzip.NewWriter(&gz)
			w.Write([]byte(tt.data))
			w.Close()
			write(t, dir, "y.log.gz", gz.Bytes())
			for _, name := range []string{"x.log", "y.log.gz"} {
				r := diagnoseFiles(t, Options{Paths: []string{filepath.Join(dir, name)}})
				if len(r.Inputs) != 1 || r.Inputs[0].Lines != tt.lines || r.Inputs[0].Events != tt.events {
					t.Errorf("%s: %+v, want %d lines, %d events", name, r.Inputs, tt.lines, tt.events)
				}
			}
		})
	}
}

func TestTruncatedArchiveIsSaid(t *testing.T) {
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(traffic(20_000, 5))
	w.Close()
	path := write(t, t.TempDir(), "cut.log.gz", gz.Bytes()[:gz.Len()/2])
	r := diagnoseFiles(t, Options{Paths: []string{path}})
	if r.Inputs[0].Error == "" || r.Inputs[0].Events == 0 {
		t.Errorf("input = %+v, want what could be read and an error", r.Inputs[0])
	}
}

func TestRotatedFilesAreReadInTheOrderOfTheirTimes(t *testing.T) {
	dir := t.TempDir()
	log := traffic(10_000, 8)
	half := bytes.IndexByte(log[len(log)/2:], '\n') + len(log)/2 + 1
	whole := diagnoseFiles(t, Options{Paths: []string{write(t, dir, "whole.log", log)}})
	parts := diagnoseFiles(t, Options{Paths: []string{write(t, dir, "a.log", log[half:]), write(t, dir, "b.log", log[:half])}})
	if parts.Totals != whole.Totals {
		t.Errorf("totals = %+v\nwant %+v", parts.Totals, whole.Totals)
	}
}

// Proves S22.
func TestClockOffsetAndZoneOfTheApplication(t *testing.T) {
	// The plain product logs no request ids; the estimate itself is tested here, the whole way in the lab.
	var c session.Clock
	base := time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC).UnixNano()
	rng := rand.New(rand.NewPCG(4, 4))
	const off = int64(3 * time.Second)
	for i := range 400 {
		start := base + int64(i)*1e8
		took := int64(5+rng.IntN(40)) * 1e6
		at := start + rng.Int64N(took)
		start -= start % 1e6
		c.Add(at+off, start, start+took)
	}
	est := c.Estimate()
	if d := est.Offset - 3*time.Second; d > est.Uncertainty || -d > est.Uncertainty {
		t.Errorf("offset %v ± %v, want 3 s within it", est.Offset, est.Uncertainty)
	}
	if est.Uncertainty > 20*time.Millisecond {
		t.Errorf("uncertainty %v is larger than the evidence allows", est.Uncertainty)
	}
}

func TestMissingFileIsAnError(t *testing.T) {
	_, err := Diagnose(context.Background(), Options{Paths: []string{filepath.Join(t.TempDir(), "none.log")}, Products: []*lb.Product{plainProduct}})
	var missing *MissingError
	if err == nil || !errors.As(err, &missing) {
		t.Errorf("err = %v, want a MissingError", err)
	}
}

// Files of one balancer much shorter than a piece are read, each of them, whatever their order and their number.
func TestManySmallFilesAreAllRead(t *testing.T) {
	dir := t.TempDir()
	log := traffic(900, 5)
	lines := bytes.SplitAfter(log, []byte{'\n'})
	var paths []string
	for i := 8; i >= 0; i-- {
		paths = append(paths, write(t, dir, fmt.Sprintf("plain.log.%d", 8-i), bytes.Join(lines[i*100:(i+1)*100], nil)))
	}
	r := diagnoseFiles(t, Options{Paths: paths})
	if r.Totals.Requests != 900 {
		t.Errorf("%d requests of 900", r.Totals.Requests)
	}
	whole := diagnoseFiles(t, Options{Paths: []string{write(t, dir, "whole.log", log)}})
	if r.Totals != whole.Totals {
		t.Errorf("in parts %+v\nin one %+v", r.Totals, whole.Totals)
	}
	for _, in := range r.Inputs {
		if in.Lines != 100 {
			t.Errorf("%s: %d lines of 100", in.Path, in.Lines)
		}
	}
}
