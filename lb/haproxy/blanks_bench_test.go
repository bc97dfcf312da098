package haproxy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// variedLines writes default httplog lines of which each number, name and path has another length than in the line
// before, as in a real log: a loop over bytes is mispredicted in nearly each of them.
func variedLines(n int) [][]byte {
	rng := rand.New(rand.NewPCG(3, 4))
	paths := []string{"/", "/cart", "/checkout/address", "/account/orders", "/catalogue/tents/alpine-expedition-three-person-four-season/4711?colour=forest-green&ref=newsletter-november-2026",
		"/search?q=waterproof+walking+boots+size+43&category=shoes&in_stock=true&min_rating=4&sort=relevance&page=1&per_page=48"}
	var b []byte
	ends := []int{0}
	for i := range n {
		took, conns := 2+rng.IntN(60), 80+rng.IntN(40)
		b = fmt.Appendf(b, "Nov 24 10:00:00 lb1 haproxy[2211]: 10.0.%d.%d:%d [24/Nov/2026:10:00:%02d.%03d] fe_https~ be_app/app%d 0/0/1/%d/%d 200 %d SHOPSESSION=%016x%016x - --VN %d/%d/9/2/0 0/0 \"GET %s HTTP/1.1\"",
			rng.IntN(256), rng.IntN(256), 20000+rng.IntN(40000), i/1000%60, i%1000, 1+rng.IntN(8), took-1, took, 900+rng.IntN(40000), rng.Uint64(), rng.Uint64(), conns, conns-2, paths[rng.IntN(len(paths))])
		ends = append(ends, len(b))
	}
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = b[ends[i]:ends[i+1]:ends[i+1]]
	}
	return lines
}

// BenchmarkParserVaried reports the least time per line over batches of 500 lines that all differ.
func BenchmarkParserVaried(b *testing.B) {
	lines := variedLines(20_000)
	p := mustParser(b, lb.LogOptions{Sample: []byte(strings.Join([]string{string(lines[0]), string(lines[1]), ""}, "\n")), SessionCookie: "SHOPSESSION"})
	var e session.Event
	best, at := time.Hour, 0
	for b.Loop() {
		batch := lines[at : at+500]
		at = (at + 500) % len(lines)
		start := time.Now()
		for _, line := range batch {
			if p.Parse(line, &e) != lb.Read {
				b.Fatal("not read")
			}
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(best.Nanoseconds())/500, "best-ns/line")
}
