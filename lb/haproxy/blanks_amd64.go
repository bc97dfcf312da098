package haproxy

// separate fills m for the first 256 bytes of b, of which there must be 64. It is separateGeneric with the
// instructions that each amd64 processor has.
//
//go:noescape
func separate(m *[5]uint64, b []byte)
