package haproxy

import (
	"bytes"
	"math/bits"
)

// A separators is a map of the blanks and slashes in 256 bytes of a line. Finding the next one is then
// counting zero bits, which no length of any field makes unpredictable.
type separators struct {
	bits [5]uint64 // bit k is the byte at base+k; the fifth word is always 0
	base int
}

const (
	mapped = 256 // how many bytes of a line one map covers
	window = 64  // how many bytes from sees
)

// read makes the map that begins at i, or a little in front of it where the line ends soon; b must have 64 bytes.
func (s *separators) read(b []byte, i int) {
	s.base = min(i, len(b)-window)
	separate(&s.bits, b[s.base:])
}

// reaches reports whether the map covers the window at i, which must not be in front of the map.
func (s *separators) reaches(i int) bool { return i-s.base <= mapped-window }

// from returns the map of the window at i, bit 0 being b[i]. The map must reach it.
func (s *separators) from(i int) uint64 {
	i -= s.base
	k := uint(i) >> 6 & 3
	return s.bits[k]>>(i&63) | s.bits[k+1]<<1<<(^i&63)
}

// firstBit returns the index of the lowest bit that is set, 64 if none is.
func firstBit(w uint64) int { return bits.TrailingZeros64(w) }

// seekByte returns the index of the first sign c at or after i, or -1.
func seekByte(b []byte, i int, c byte) int {
	if i >= len(b) {
		return -1
	}
	if n := bytes.IndexByte(b[i:], c); n >= 0 {
		return i + n
	}
	return -1
}

// separateGeneric fills m for the first 256 bytes of b, of which there must be 64; what is behind b is neither
// blank nor slash.
func separateGeneric(m *[5]uint64, b []byte) {
	*m = [5]uint64{}
	b = b[:min(len(b), mapped)]
	k := 0
	for ; k+8 <= len(b); k += 8 {
		m[k>>6] |= separatorsOf(word(b, k)) << (k & 63)
	}
	if k < len(b) { // the rest is in the last eight bytes, behind some that are in the map already
		m[k>>6] |= separatorsOf(word(b, len(b)-8)) >> (8 - (len(b) - k)) << (k & 63)
	}
}

// separatorsOf returns a bit for each byte of x that is a blank or a slash, the lowest first.
func separatorsOf(x uint64) uint64 {
	const low7 = ones * 0x7f
	blank, slash := x^' '*ones, x^'/'*ones
	neither := (blank&low7 + low7 | blank) & (slash&low7 + low7 | slash) // in each byte's high bit, exactly
	return ^neither & highs >> 7 * 0x0102040810204080 >> 56
}

// blank returns the index of the first blank at or after i, or -1.
func (s *separators) blank(b []byte, i int) int {
	if s.reaches(i) {
		for w := s.from(i); w != 0; w &= w - 1 {
			if k := i + firstBit(w); b[k] == ' ' {
				return k
			}
		}
	}
	return seekByte(b, i, ' ')
}
