package haproxy

import "encoding/binary"

// Eight bytes at a time: finding a sign and reading a number without a branch for each byte. Lines differ
// in the length of every number, so that a loop over digits is mispredicted in nearly each of them.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	zeros = '0' * ones
)

// word returns the eight bytes at i as a little-endian number.
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// marks has the high bit set in each byte of x that equals the one which pattern repeats. Bytes
// above the lowest match may be marked wrongly.
func marks(x, pattern uint64) uint64 {
	x ^= pattern
	return (x - ones) &^ x & highs
}

// threeDigits reads exactly three digits at i.
func threeDigits(b []byte, i int) (int, bool) {
	x, y, z := b[i]-'0', b[i+1]-'0', b[i+2]-'0'
	return int(x)*100 + int(y)*10 + int(z), x <= 9 && y <= 9 && z <= 9
}

// digitsOf returns the values of the digits b[from:to], the last one highest, of which there must be 1 to 8, or
// else something that areDigits refuses; there must be 8 bytes before to.
func digitsOf(b []byte, from, to int) uint64 {
	n := uint(to - from)
	if n-1 > 7 {
		return highs
	}
	return (word(b, to-8) ^ zeros) & (^uint64(0) << ((64 - 8*n) & 63)) // what stands before from becomes 0
}

// areDigits reports whether each byte is 0 to 9.
func areDigits(x, y, z uint64) bool {
	const over9 = ones * (0x80 - 10)
	return ((x+over9)|(y+over9)|(z+over9)|x|y|z)&highs == 0
}

// valueOf returns the number that digits make.
func valueOf(x uint64) int {
	x = x*10 + x>>8
	return int((x&0x000000ff000000ff*0x000f424000000064 + x>>16&0x000000ff000000ff*0x0000271000000001) >> 32)
}

// shortNumber reads the 1 to 8 digits b[from:to].
func shortNumber(b []byte, from, to int) (int, bool) {
	if to < 8 {
		return 0, false
	}
	x := digitsOf(b, from, to)
	return valueOf(x), areDigits(x, 0, 0)
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
