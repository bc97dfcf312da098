package haproxy

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time: finding a sign and reading a number without a branch for each byte. Lines differ
// in the length of every number, so that a loop over digits is mispredicted in nearly each of them.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	zeros = '0' * ones
)

// marks has the high bit set in each byte of x that equals the one which pattern repeats. Bytes
// above the lowest match may be marked wrongly.
func marks(x, pattern uint64) uint64 {
	x ^= pattern
	return (x - ones) &^ x & highs
}

// seek returns the index of the first sign c at or after i, or -1. pattern is c*ones.
func seek(b []byte, i int, pattern uint64) int {
	for ; i+8 <= len(b); i += 8 {
		if m := marks(binary.LittleEndian.Uint64(b[i:]), pattern); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] == byte(pattern) {
			return i
		}
	}
	return -1
}

// seekNth returns the index of the nth sign c at or after i, or -1. n counts from 1.
func seekNth(b []byte, i, n int, pattern uint64) int {
	const low7 = ones * 0x7f
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ pattern
		m := ^((x&low7 + low7) | x | low7) // exact, unlike marks
		if c := bits.OnesCount64(m); c < n {
			n -= c
			continue
		}
		for ; n > 1; n-- {
			m &= m - 1
		}
		return i + bits.TrailingZeros64(m)>>3
	}
	for ; i < len(b); i++ {
		if b[i] == byte(pattern) {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

// threeDigits reads exactly three digits at i.
func threeDigits(b []byte, i int) (int, bool) {
	x, y, z := b[i]-'0', b[i+1]-'0', b[i+2]-'0'
	return int(x)*100 + int(y)*10 + int(z), x <= 9 && y <= 9 && z <= 9
}

// shortNumber reads the 1 to 8 digits b[from:to]; there must be 8 bytes before to.
func shortNumber(b []byte, from, to int) (int, bool) {
	n := uint(to - from)
	if n-1 > 7 || to < 8 {
		return 0, false
	}
	x := binary.LittleEndian.Uint64(b[to-8:])
	cut := 64 - 8*n
	x = x>>cut<<cut | zeros>>(8*n) // what stands before from becomes '0'
	if ((x+0x4646464646464646)|(x-zeros))&highs != 0 {
		return 0, false // no digit
	}
	x -= zeros
	x = x*10 + x>>8
	return int((x&0x000000ff000000ff*0x000f424000000064 + x>>16&0x000000ff000000ff*0x0000271000000001) >> 32), true
}

// counter reads b[from:to] as HAProxy writes counters: an optional '+' (more was to come) or '-', then digits.
func counter(b []byte, from, to int) (int, bool) {
	if from >= to {
		return 0, false
	}
	switch b[from] {
	case '-':
		v, ok := shortNumber(b, from+1, to)
		return -v, ok
	case '+':
		from++
	}
	return shortNumber(b, from, to)
}
