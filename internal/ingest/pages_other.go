//go:build !linux

package ingest

// largePages does nothing where the system is not told.
func largePages([]byte) {}
