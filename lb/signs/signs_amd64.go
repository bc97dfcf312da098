package signs

import "golang.org/x/sys/cpu"

// find fills the words of lines, cuts and marks for b, whose length is a multiple of 64.
func find(lines, cuts, marks *Bits, b []byte) {
	if cpu.X86.HasAVX2 {
		findAVX2(lines, cuts, marks, b)
		return
	}
	findGeneric(lines, cuts, marks, b)
}

//go:noescape
func findAVX2(lines, cuts, marks *Bits, b []byte)
