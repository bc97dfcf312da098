package haproxy

import (
	"bytes"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// bothWays reads data as whoever uses the parser does, and by Parse and Reduce alone, and holds the records against each other. It
// returns how many lines took the short way. lenient: numbers that no record holds may be refused by Parse only.
func bothWays(t *testing.T, opt lb.LogOptions, data []byte, lenient bool) (short int) {
	t.Helper()
	vocab, hasher := session.NewVocabulary(), session.Hasher{Seed: maphash.MakeSeed()}
	quick, slow := mustParser(t, opt), mustParser(t, opt)
	red, other := session.NewReducer(vocab, hasher, nil, nil), session.NewReducer(vocab, hasher, nil, nil)
	like := session.Record{Kind: session.Request, Cart: -1, Input: 3}
	var e session.Event
	out := make([]session.Record, 7) // few, so that it is full often
	for at := 0; at < len(data); {
		n, next := quick.ReadRecords(data, at, red, &like, out)
		short += n
		for i := range n {
			line := data[at : at+bytes.IndexByte(data[at:], '\n')]
			at += len(line) + 1
			if slow.Parse(line, &e) != lb.Read {
				if !lenient {
					t.Fatalf("read by the short way only: %q", line)
				}
				continue
			}
			var want session.Record
			other.Reduce(&e, &want, data)
			want.Input, want.Line = 3, like.Line+uint32(i)+1
			if out[i] != want {
				t.Fatalf("%q:\ngot  %+v\nwant %+v", line, out[i], want)
			}
		}
		if like.Line += uint32(n); at != next {
			t.Fatalf("next line at %d, want %d", next, at)
		}
		if at >= len(data) || n == len(out) {
			continue
		}
		line := data[at : at+bytes.IndexByte(data[at:], '\n')]
		at += len(line) + 1
		like.Line++
		quick.Parse(line, &e)
		slow.Parse(line, &e)
	}
	return short
}

// TestShortWayToRecords: records read without an event in between are what Parse and Reduce make of the same lines.
func TestShortWayToRecords(t *testing.T) {
	opt := lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION", Year: 2026}
	lines := variedLines(3000)
	if n := bothWays(t, opt, append(bytes.Join(lines, []byte("\n")), '\n'), false); n < 2990 {
		t.Errorf("%d of 3000 lines took the short way", n)
	}

	rng := rand.New(rand.NewPCG(21, 22))
	var odd bytes.Buffer
	for range 4000 {
		odd.WriteString(randomHTTPLog(rng) + "\n")
	}
	opt.SessionCookie = "SID"
	opt.Sample = nil
	bothWays(t, opt, odd.Bytes(), false)
}

// TestShortWayDamagedLines: whatever is wrong with a line, the short way makes of it what Parse does, and numbers are all
// that it may let pass.
func TestShortWayDamagedLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	whole := variedLines(500)
	var b bytes.Buffer
	for n := range 40_000 {
		if n%2 == 0 {
			b.Write(whole[n%len(whole)])
		} else {
			b.Write(bytes.ReplaceAll(damaged(rng, whole[n%len(whole)]), []byte("\n"), nil))
		}
		b.WriteByte('\n')
	}
	opt := lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION", Year: 2026}
	n := bothWays(t, opt, b.Bytes(), true)
	t.Logf("%d of 40000 lines took the short way", n)
	if n < 20_000 {
		t.Errorf("%d of 40000 lines took the short way", n)
	}
}

// FuzzShortWay feeds the short way with lines that are nearly usual.
func FuzzShortWay(f *testing.F) {
	f.Add([]byte(benchLine+"\n"), uint16(40), byte(' '))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, sign byte) {
		usual := []byte(benchLine + "\n")
		changed := bytes.Clone(usual)
		changed[int(at)%(len(changed)-1)] = sign
		data = append(append(append(append(usual, data...), '\n'), changed...), usual...)
		bothWays(t, lb.LogOptions{Sample: usual, SessionCookie: "SHOPSESSION", Year: 2026}, data, true)
	})
}
