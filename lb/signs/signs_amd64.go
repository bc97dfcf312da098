package signs

import (
	"bytes"

	"golang.org/x/sys/cpu"
)

// find fills the words of cuts and marks for b, whose length is a multiple of 64 and at most Size, writes down in ends where lines end, and returns how many.
func find(ends *[Size]uint16, cuts, marks *Bits, b []byte) int {
	if !cpu.X86.HasAVX2 {
		return findGeneric(ends, cuts, marks, b)
	}
	n, crowded := findAVX2(&ends[0], cuts, marks, b)
	if crowded != 0 { // lines shorter than 64 bytes: it noted one for each word
		return listEach(ends, b)
	}
	return n
}

// listEach writes down all lines that end in b.
func listEach(ends *[Size]uint16, b []byte) (count int) {
	for at := 0; ; count++ {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return count
		}
		ends[count] = uint16(at + n)
		at += n + 1
	}
}

//go:noescape
func findAVX2(ends *uint16, cuts, marks *Bits, b []byte) (count int, crowded uint64)
