package ingest

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/haproxy"
	"limpet.dev/session"
)

// capturedHeaders is what a line shows of captured request headers.
const capturedHeaders = "{shop.example.com|Mozilla/5.0 (Macintosh; rv:132.0) Gecko/20100101 Firefox/132.0} "

// httplog writes lines of HAProxy's default format with a captured session cookie, of lengths that differ as a real log's do.
func httplog(lines, sessions int, captured string) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	paths := []string{"/", "/basketball", "/account/orders", "/catalogue/outdoor/tents/alpine-expedition-three-person-four-season/4711?colour=forest-green&ref=newsletter",
		"/search?q=waterproof+walking+boots+size+43&category=shoes&in_stock=true&min_rating=4", "/static/build/2026-11-20/assets/application-8f3b6c2d9e41.min.js?version=12"}
	var b []byte
	for i := range lines {
		s, ms, took := rng.IntN(sessions), i%60_000, 2+rng.IntN(60)
		b = fmt.Appendf(b, "Nov 24 10:00:%02d lb1 haproxy[2211]: 10.%d.%d.%d:%d [24/Nov/2026:10:%02d:%02d.%03d] fe_https~ be_app/app%d 0/0/1/%d/%d 200 %d SHOPSESSION=%016x%016x - --VN %d/106/9/2/0 0/0 %s\"GET %s HTTP/1.1\"\n",
			ms/1000, s>>16, s>>8&255, s&255, 20000+rng.IntN(40000), i/60_000%60, ms/1000, ms%1000, s%8, took-1, took, rng.IntN(40000), uint64(s)*0x9e3779b97f4a7c15, uint64(s), 80+rng.IntN(40), captured, paths[rng.IntN(len(paths))])
	}
	return b
}

var testSeed = maphash.MakeSeed()

func parserFor(b *testing.B, log []byte) lb.LineParser {
	b.Helper()
	p, err := haproxy.Product.Parser(lb.LogOptions{Sample: log[:min(len(log), headSize)], SessionCookie: "SHOPSESSION"})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkStages measures each stage of one line's way, on one processor.
func BenchmarkStages(b *testing.B) {
	const lines = 400_000
	log := httplog(lines, 100_000, "")
	newWorker := func() *worker {
		l := &lane{parser: parserFor(b, log), login: func([]byte) bool { return false }}
		p := &pump{vocab: session.NewVocabulary()}
		p.hasher.Seed = testSeed
		w := &worker{pump: p, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}, haul: new(haul)}
		w.piece.lane, w.piece.file = l, &laneFile{}
		return w
	}
	b.Run("parse", func(b *testing.B) {
		p := parserFor(b, log)
		var e session.Event
		var t stopwatch
		var piece []byte
		for b.Loop() {
			for at := 0; at < len(log); at += len(piece) {
				piece = append(piece[:0], log[at:at+wholeLines(log[at:])]...) // as if just read
				t.measure(func() int { return eachLine(piece, func(line []byte) { p.Parse(line, &e) }) })
			}
		}
		t.report(b)
	})
	records := func(b *testing.B, log []byte) {
		w := newWorker()
		var t stopwatch
		b.ReportAllocs()
		for b.Loop() {
			for at := 0; at < len(log); at += len(w.piece.data) {
				w.piece.data = append(w.piece.data[:0], log[at:at+wholeLines(log[at:])]...) // as if just read
				w.batch.reset()
				t.measure(func() int {
					w.parse()
					return len(w.batch.records)
				})
			}
		}
		t.report(b)
	}
	b.Run("records", func(b *testing.B) { records(b, log) })
	b.Run("records-captured", func(b *testing.B) { records(b, httplog(lines/4, 100_000, capturedHeaders)) })
	b.Run("correlate", func(b *testing.B) {
		w := newWorker()
		c := session.NewCorrelator(w.pump.vocab, session.Settings{Advise: largePages})
		var t stopwatch
		var later int64
		for b.Loop() {
			for at := 0; at < len(log); at += len(w.piece.data) {
				w.piece.data = log[at : at+wholeLines(log[at:])]
				w.batch.reset()
				w.parse()
				for i := range w.batch.records {
					w.batch.records[i].Start += later
					w.batch.records[i].End += later
				}
				t.measure(func() int {
					c.AddBatch(w.batch.records, w.piece.data, 0)
					return len(w.batch.records)
				})
			}
			later += int64(time.Hour / 2)
		}
		t.report(b)
	})
}

// wholeLines returns how many bytes a piece at the beginning of log takes.
func wholeLines(log []byte) int {
	if len(log) <= pieceSize {
		return len(log)
	}
	return pieceSize + bytes.IndexByte(log[pieceSize:], '\n') + 1
}

// A stopwatch measures short stretches of work. What they take at best, and in the middle, a busy machine disturbs less than
// a mean.
type stopwatch struct{ took []float64 }

func (t *stopwatch) measure(work func() (lines int)) {
	start := time.Now()
	lines := work()
	t.took = append(t.took, float64(time.Since(start).Nanoseconds())/float64(lines))
}

func (t *stopwatch) report(b *testing.B) {
	slices.Sort(t.took)
	b.ReportMetric(t.took[len(t.took)/20], "ns/line-p5")
	b.ReportMetric(t.took[len(t.took)/2], "ns/line-p50")
	b.ReportMetric(0, "ns/op")
}

func eachLine(data []byte, do func([]byte)) (lines int) {
	for line := range bytes.Lines(data) {
		do(line[:len(line)-1])
		lines++
	}
	return lines
}

// BenchmarkWhole measures the way from file to report.
func BenchmarkWhole(b *testing.B) {
	const lines = 200_000
	path := filepath.Join(b.TempDir(), "haproxy.log")
	if err := os.WriteFile(path, httplog(lines, 50_000, ""), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Diagnose(context.Background(), Options{Paths: []string{path}, Products: []*lb.Product{haproxy.Product}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
}

// A healthy line allocates nothing on its way from the file's bytes into the correlator.
func TestHealthyLineAllocatesNothing(t *testing.T) {
	const lines = 2000
	log := httplog(lines, 300, capturedHeaders)
	p, err := haproxy.Product.Parser(lb.LogOptions{Sample: log, SessionCookie: "SHOPSESSION"})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{pump: &pump{vocab: session.NewVocabulary()}, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}, haul: new(haul)}
	w.pump.hasher.Seed = testSeed
	w.piece.lane, w.piece.file, w.piece.data = &lane{parser: p, login: func([]byte) bool { return false }}, &laneFile{}, log
	c := session.NewCorrelator(w.pump.vocab, session.Settings{})
	way := func() {
		w.batch.reset()
		w.parse()
		c.AddBatch(w.batch.records, log, 0)
	}
	way() // sessions begin, names are learned
	if len(w.batch.records) != lines || c.Sessions != 300 {
		t.Fatalf("%d records, %d sessions, want %d and 300", len(w.batch.records), c.Sessions, lines)
	}
	if n := testing.AllocsPerRun(20, way); n > 0 {
		t.Errorf("%v allocations for %d lines, want none", n, lines)
	}
}
