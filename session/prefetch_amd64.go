package session

import "unsafe"

// prefetch asks the processor to fetch the cache lines at these places, without waiting for them.
//
//go:noescape
func prefetch(places []unsafe.Pointer)

// prefetchRange asks the processor to fetch the cache lines of size bytes, without waiting for them.
//
//go:noescape
func prefetchRange(from unsafe.Pointer, size int)
