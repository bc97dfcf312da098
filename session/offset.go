package session

import "unsafe"

// bytesOf returns the memory that a slice lies in.
func bytesOf[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
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
