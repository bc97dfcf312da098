package signs

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// check reads text and holds the map against the bytes, for each position, window and line.
func check(t *testing.T, m *Map, text []byte) {
	t.Helper()
	m.Read(text)
	if want := text[:min(len(text), Size)]; !bytes.Equal(m.Text, want) {
		t.Fatalf("mapped %d bytes, want %d", len(m.Text), len(want))
	}
	for i, c := range m.Text {
		if got := m.Cuts.From(i)&1 == 1; got != (c == ' ' || c == '/') {
			t.Fatalf("cut at %d of %q: %v", i, text, got)
		}
		if got := m.Marks.From(i)&1 == 1; got != (c == '?' || c == '#' || c == '"') {
			t.Fatalf("mark at %d of %q: %v", i, text, got)
		}
		want := bytes.IndexAny(m.Text[i:min(i+64, len(m.Text))], " /")
		if got := First(m.Cuts.From(i)); got != want && (got != 64 || want >= 0) {
			t.Fatalf("first cut from %d of %q: %d, want %d", i, text, got, want)
		}
	}
	for i, c := range m.Text {
		if c != '\n' {
			continue
		}
		if end, ok := m.Line(); !ok || end != i {
			t.Fatalf("line end %d, %v in %q, want %d", end, ok, text, i)
		}
	}
	if end, ok := m.Line(); ok {
		t.Fatalf("a line ends at %d of %q", end, text)
	}
}

// A map shows where signs are, whatever it showed before, for texts of each length and up to the last byte.
func TestMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const letters = " /?#\"\nabc\x00\xff\xa0\xaf\x0b"
	var m Map
	for n := range 1500 {
		text := make([]byte, n%700)
		if n%100 == 0 {
			text = make([]byte, Size-3+rng.IntN(6))
		}
		for i := range text {
			text[i] = letters[rng.IntN(len(letters))]
		}
		check(t, &m, text)
	}
}

// FuzzFind holds the vector instructions against plain Go.
func FuzzFind(f *testing.F) {
	f.Add([]byte("a b/c?d#e\"f\n"), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, times uint8) {
		text = bytes.Repeat(text, 1+int(times))
		text = text[:min(len(text), Size)&^63]
		var l, gl [Size]uint16
		var c, k, gc, gk Bits
		n := find(&l, &c, &k, text)
		if want := findGeneric(&gl, &gc, &gk, text); n != want || !slices.Equal(l[:n], gl[:n]) || c != gc || k != gk {
			t.Errorf("the ways to find signs differ on %q", text)
		}
	})
}
