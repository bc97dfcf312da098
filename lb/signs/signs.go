// Package signs finds the signs that divide log lines, for a whole stretch of a log at once: with vector instructions that
// costs a small part of what looking for one sign after the other does, and finding the next one is counting zero bits, which
// no length of any field makes unpredictable.
package signs

import "math/bits"

// Window is how many positions From returns.
const Window = 64

// Size is how many bytes one Map covers: few enough for text and map to stay in the processor's nearest cache.
const Size = 16 << 10

// A Map says where certain signs stand in a stretch of a log: bit k%64 of word k/64 is the byte k. Each has a word 0 behind its
// last, so that a window may begin anywhere.
type Map struct {
	Text []byte // what is mapped

	Cuts  Bits // blank and slash
	Marks Bits // question mark, number sign, quote

	ends  [Size]uint16 // where lines end, the first `count` of them
	next  int
	count int
}

// Bits is a set of positions in a stretch.
type Bits [Size/64 + 1]uint64

// From returns the 64 positions that begin at i, bit 0 being i itself.
func (b *Bits) From(i int) uint64 {
	k := uint(i) / 64 % (Size / 64)
	return b[k]>>(i&63) | b[k+1]<<1<<(^i&63)
}

// First returns the index of the lowest bit that is set, 64 if none is.
func First(w uint64) int { return bits.TrailingZeros64(w) }

// Read maps the first Size bytes of text.
func (m *Map) Read(text []byte) {
	m.Text = text[:min(len(text), Size)]
	m.next, m.count = 0, 0
	words := len(m.Text) / 64
	if words > 0 {
		m.count = find(&m.ends, &m.Cuts, &m.Marks, m.Text[:words*64])
	}
	if rest := m.Text[words*64:]; len(rest) > 0 {
		var lines uint64
		lines, m.Cuts[words], m.Marks[words] = classify(rest)
		m.count = list(&m.ends, m.count, words, lines)
		words++
	}
	m.Cuts[words], m.Marks[words] = 0, 0
}

// Line returns where the line ends that is next: its line feed's index. ok is false if no more lines end in this stretch.
func (m *Map) Line() (end int, ok bool) {
	if m.next >= m.count {
		return 0, false
	}
	end = int(m.ends[m.next&(Size-1)])
	m.next++
	return end, true
}

// findGeneric is find in plain Go.
func findGeneric(ends *[Size]uint16, cuts, marks *Bits, b []byte) (count int) {
	for k := 0; len(b) >= 64; k, b = k+1, b[64:] {
		var lines uint64
		lines, cuts[k], marks[k] = classify(b[:64])
		count = list(ends, count, k, lines)
	}
	return count
}

// list writes down the lines that end in word k, behind the first n.
func list(ends *[Size]uint16, n, k int, lines uint64) int {
	for ; lines != 0; lines &= lines - 1 {
		ends[n&(Size-1)] = uint16(k*64 + bits.TrailingZeros64(lines))
		n++
	}
	return n
}

// classify returns a word of each map for at most 64 bytes.
func classify(b []byte) (lines, cuts, marks uint64) {
	for i, sign := range b {
		class := uint64(classes[sign])
		lines |= class & 1 << i
		cuts |= class >> 1 & 1 << i
		marks |= class >> 2 << i
	}
	return lines, cuts, marks
}

var classes = [256]uint8{'\n': 1, ' ': 2, '/': 2, '?': 4, '#': 4, '"': 4}
