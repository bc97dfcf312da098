package session

import "unsafe"

// largePage is what the memory of sessions is aligned to: the processor's large page on amd64 and arm64.
const largePage = 2 << 20

// aligned returns room for n values of T, which must hold no pointers, that begins at the beginning of a large page, so that
// the system can back it with few of them. advise, if there, is told of it before it is used.
func aligned[T any](n int, advise func([]byte)) []T {
	var t T
	size := n * int(unsafe.Sizeof(t))
	b := make([]byte, size+largePage)
	b = b[-int(uintptr(unsafe.Pointer(unsafe.SliceData(b))))&(largePage-1):]
	if advise != nil {
		advise(b[:size])
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// offsetIn returns where part starts inside whole. Both must be slices of one array;
// ok is false if they are not.
func offsetIn(whole, part []byte) (uint32, bool) {
	if len(part) == 0 || len(whole) == 0 {
		return 0, false
	}
	w, p := uintptr(unsafe.Pointer(unsafe.SliceData(whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	if p < w || p+uintptr(len(part)) > w+uintptr(len(whole)) {
		return 0, false
	}
	return uint32(p - w), true
}
