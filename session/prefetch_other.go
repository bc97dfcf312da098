//go:build !amd64

package session

import "unsafe"

// prefetch touches the cache lines at these places.
func prefetch(places []unsafe.Pointer) {
	var sum byte
	for _, p := range places {
		sum |= *(*byte)(p)
	}
	touched = sum
}

var touched byte // keeps prefetch from being removed by the compiler

// prefetchRange does nothing: the bytes come in order, which processors expect.
func prefetchRange(unsafe.Pointer, int) {}
