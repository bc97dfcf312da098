//go:build !amd64

package haproxy

// separate fills m for the first 256 bytes of b, of which there must be 64.
func separate(m *[5]uint64, b []byte) { separateGeneric(m, b) }
