package haproxy

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"limpet.dev/lb"
	"limpet.dev/session"
)

// TestSeparators: both ways to make the map give the same one, and it says where blanks and slashes are and
// nothing else, for each length, at each alignment, and up to a slice's last byte.
func TestSeparators(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const signs = " /!.\x20\x2f\xa0\xaf\x00\xff\x1f\x21\x2e\x30"
	for length := window; length < 600; length++ {
		for range 20 {
			around := make([]byte, length+64)
			for i := range around {
				around[i] = signs[rng.IntN(len(signs))]
			}
			at := rng.IntN(32)
			b := around[at : at+length]
			fast, plain := [5]uint64{1, 2, 3, 4, 5}, [5]uint64{6, 7, 8, 9, 10}
			separate(&fast, b)
			separateGeneric(&plain, b)
			var want [5]uint64
			for i := range min(length, mapped) {
				if b[i] == ' ' || b[i] == '/' {
					want[i/64] |= 1 << (i % 64)
				}
			}
			if fast != want {
				t.Fatalf("separate(%q):\ngot  %x\nwant %x", b, fast, want)
			}
			if plain != want {
				t.Fatalf("separateGeneric(%q):\ngot  %x\nwant %x", b, plain, want)
			}
		}
	}
}

// TestSeparatorWindows: a window shows the same as the bytes, wherever the map was made to begin.
func TestSeparatorWindows(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		b := make([]byte, window+rng.IntN(700))
		for i := range b {
			b[i] = " /abcdef"[rng.IntN(8)]
		}
		var s separators
		s.read(b, rng.IntN(len(b)))
		for i := s.base; i < len(b); i += 1 + rng.IntN(40) {
			if !s.reaches(i) {
				s.read(b, i)
			}
			want := bytes.IndexAny(b[i:min(i+window, len(b))], " /")
			if got := firstBit(s.from(i)); got != want && (got != window || want >= 0) {
				t.Fatalf("first separator from %d in %q: %d, want %d", i, b, got, want)
			}
		}
	}
}

// damaged returns line with up to three bytes changed, lost or added, a part lost, or the end cut off.
func damaged(rng *rand.Rand, line []byte) []byte {
	const signs = " /:-+[]<>{}\"#~0129.Cc\x00\xff"
	line = bytes.Clone(line)
	for range rng.IntN(4) {
		k, sign := rng.IntN(len(line)), signs[rng.IntN(len(signs))]
		switch rng.IntN(12) {
		case 0:
			line = slices.Delete(line, k, min(len(line), k+rng.IntN(100)))
		case 1:
			line = line[:k]
		case 2, 3, 4:
			line = slices.Insert(line, k, sign)
		case 5, 6, 7:
			line = slices.Delete(line, k, k+1)
		default:
			line[k] = sign
		}
		if len(line) == 0 {
			break
		}
	}
	return slices.Clip(line)
}

// TestFastPathDamagedLines: whatever is wrong with a line, the fast path reads nothing behind its end, and
// gives the event that the format's own steps give. It does not look at numbers which no event holds, so that
// those steps may refuse what it reads.
func TestFastPathDamagedLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	whole := variedLines(500)
	p := mustParser(t, lb.LogOptions{Sample: []byte(benchLine + "\n"), SessionCookie: "SHOPSESSION", Year: 2026})
	both, refused := 0, 0
	for n := range 60_000 {
		line := whole[n%len(whole)]
		if n%3 == 0 {
			line = []byte(randomHTTPLog(rng))
		}
		line = damaged(rng, line)
		var a, b session.Event
		if !p.fast(p.variants[0], line, syslog.Header(line).Msg, &a) {
			continue
		}
		if p.slow(line, &b) != lb.Read {
			refused++
			continue
		}
		both++
		sameEvent(t, string(line), copyEvent(&a), copyEvent(&b))
	}
	t.Logf("%d lines read alike, %d only by position", both, refused)
	if both < 1000 || refused > both/10 {
		t.Errorf("%d lines read alike and %d only by position", both, refused)
	}
}
