package session

import (
	"testing"
	"unsafe"
)

// A healthy active session has a budget of 1 KiB.
func TestLifeFitsItsBudget(t *testing.T) {
	if n := unsafe.Sizeof(life{}) + unsafe.Sizeof(rest{}); n > 1024 {
		t.Errorf("a session takes %d bytes, want at most 1024", n)
	}
	if n := unsafe.Sizeof(state{}); n != 64 || unsafe.Sizeof(life{})%64 != 0 {
		t.Errorf("a life's state takes %d bytes, want one cache line", n)
	}
	t.Logf("life %d, rest %d, visit %d, record %d bytes", unsafe.Sizeof(life{}), unsafe.Sizeof(rest{}), unsafe.Sizeof(Visit{}), unsafe.Sizeof(Record{}))
}
