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

	lines Bits
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
	words := len(m.Text) / 64
	if words > 0 {
		find(&m.lines, &m.Cuts, &m.Marks, m.Text[:words*64])
	}
	if rest := m.Text[words*64:]; len(rest) > 0 {
		var last [64]byte
		copy(last[:], rest)
		var l, c, k Bits
		findGeneric(&l, &c, &k, last[:])
		m.lines[words], m.Cuts[words], m.Marks[words] = l[0], c[0], k[0]
		words++
	}
	m.Cuts[words], m.Marks[words] = 0, 0
	m.listLines(words)
}

// listLines writes down where lines end. A word holds at most one line's end as a rule; that costs no branch.
func (m *Map) listLines(words int) {
	n := 0
	for k, w := range m.lines[:words] {
		m.ends[n&(Size-1)] = uint16(k*64 + bits.TrailingZeros64(w)&63)
		more := w & (w - 1)
		if w != 0 {
			n++
		}
		for ; more != 0; more &= more - 1 {
			m.ends[n&(Size-1)] = uint16(k*64 + bits.TrailingZeros64(more))
			n++
		}
	}
	m.next, m.count = 0, n
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

// findGeneric is find in plain Go; len(b) is a multiple of 64.
func findGeneric(lines, cuts, marks *Bits, b []byte) {
	for k := 0; len(b) >= 64; k, b = k+1, b[64:] {
		var l, c, m uint64
		for i, sign := range b[:64] {
			class := uint64(classes[sign])
			l |= class & 1 << i
			c |= class >> 1 & 1 << i
			m |= class >> 2 << i
		}
		lines[k], cuts[k], marks[k] = l, c, m
	}
}

var classes = [256]uint8{'\n': 1, ' ': 2, '/': 2, '?': 4, '#': 4, '"': 4}
