//go:build !amd64

package signs

// find fills the words of lines, cuts and marks for b, whose length is a multiple of 64.
func find(lines, cuts, marks *Bits, b []byte) { findGeneric(lines, cuts, marks, b) }
