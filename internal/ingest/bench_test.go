package ingest

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/lb/haproxy"
	"limpet.dev/session"
)

// httplog writes lines of HAProxy's default format with a captured session cookie.
func httplog(lines, sessions int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for i := range lines {
		s := rng.IntN(sessions)
		ms := i % 60_000
		b = fmt.Appendf(b, "Nov 24 10:00:%02d lb1 haproxy[2211]: 10.0.%d.%d:52794 [24/Nov/2026:10:%02d:%02d.%03d] fe_https~ be_app/app%d 0/0/1/55/56 200 %d SHOPSESSION=%016x%016x - --VN 108/106/9/2/0 0/0 {shop.example.com|Mozilla/5.0 (Macintosh; rv:132.0) Gecko/20100101 Firefox/132.0} \"GET /product/%d HTTP/1.1\"\n",
			ms/1000, s>>8&255, s&255, i/60_000%60, ms/1000, ms%1000, s%8, rng.IntN(40000), uint64(s)*0x9e3779b97f4a7c15, uint64(s), rng.IntN(5000))
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
	log := httplog(lines, 100_000)
	newWorker := func() *worker {
		l := &lane{parser: parserFor(b, log), login: func([]byte) bool { return false }}
		p := &pump{vocab: session.NewVocabulary()}
		p.hasher.Seed = testSeed
		w := &worker{pump: p, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}}
		w.piece.lane, w.piece.file = l, &laneFile{}
		return w
	}
	perLine := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	}
	b.Run("parse", func(b *testing.B) {
		p := parserFor(b, log)
		var e session.Event
		b.ReportAllocs()
		for b.Loop() {
			eachLine(log, func(line []byte) { p.Parse(line, &e) })
		}
		perLine(b)
	})
	b.Run("parse+reduce", func(b *testing.B) {
		w := newWorker()
		b.ReportAllocs()
		for b.Loop() {
			for piece := log; len(piece) > 0; {
				n := min(len(piece), pieceSize)
				for n < len(piece) && piece[n-1] != '\n' {
					n++
				}
				w.batch.reset()
				w.piece.data, piece = piece[:n], piece[n:]
				w.parse()
			}
		}
		perLine(b)
	})
	b.Run("correlate", func(b *testing.B) {
		w := newWorker()
		w.piece.data = log
		w.parse()
		c := session.NewCorrelator(w.pump.vocab, session.Settings{Advise: largePages})
		b.ReportAllocs()
		for b.Loop() {
			for i := range w.batch.records { // the next hour
				w.batch.records[i].Start += int64(time.Hour / 2)
				w.batch.records[i].End += int64(time.Hour / 2)
			}
			for r := w.batch.records; len(r) > 0; {
				n := min(len(r), 1700)
				c.AddBatch(r[:n], log)
				r = r[n:]
			}
		}
		perLine(b)
	})
}

func eachLine(data []byte, do func([]byte)) {
	for line := range bytes.Lines(data) {
		do(line[:len(line)-1])
	}
}

// BenchmarkWhole measures the way from file to report.
func BenchmarkWhole(b *testing.B) {
	const lines = 200_000
	path := filepath.Join(b.TempDir(), "haproxy.log")
	if err := os.WriteFile(path, httplog(lines, 50_000), 0o600); err != nil {
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
	log := httplog(lines, 300)
	p, err := haproxy.Product.Parser(lb.LogOptions{Sample: log, SessionCookie: "SHOPSESSION"})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{pump: &pump{vocab: session.NewVocabulary()}, parsers: map[*lane]lb.LineParser{}, reducers: map[*lane]*session.Reducer{}}
	w.pump.hasher.Seed = testSeed
	w.piece.lane, w.piece.file, w.piece.data = &lane{parser: p, login: func([]byte) bool { return false }}, &laneFile{}, log
	c := session.NewCorrelator(w.pump.vocab, session.Settings{})
	way := func() {
		w.batch.reset()
		w.parse()
		c.AddBatch(w.batch.records, log)
	}
	way() // sessions begin, names are learned
	if len(w.batch.records) != lines || c.Sessions != 300 {
		t.Fatalf("%d records, %d sessions, want %d and 300", len(w.batch.records), c.Sessions, lines)
	}
	if n := testing.AllocsPerRun(20, way); n > 0 {
		t.Errorf("%v allocations for %d lines, want none", n, lines)
	}
}
