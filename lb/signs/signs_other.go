//go:build !amd64

package signs

// find fills the words of cuts and marks for b, whose length is a multiple of 64 and at most Size, writes down in ends where lines end, and returns how many.
func find(ends *[Size]uint16, cuts, marks *Bits, b []byte) int {
	return findGeneric(ends, cuts, marks, b)
}
