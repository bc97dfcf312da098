package session

import "unsafe"

// prefetch asks the processor to fetch the cache lines at these places, without waiting for them.
//
//go:noescape
func prefetch(places []unsafe.Pointer)
