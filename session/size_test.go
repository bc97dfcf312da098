package session

import (
	"testing"
	"unsafe"
)

// A healthy active session has a budget of 1 KiB.
func TestLifeFitsItsBudget(t *testing.T) {
	if n := unsafe.Sizeof(life{}); n > 1024 {
		t.Errorf("a life takes %d bytes, want at most 1024", n)
	}
	t.Logf("life %d, visit %d, record %d bytes", unsafe.Sizeof(life{}), unsafe.Sizeof(Visit{}), unsafe.Sizeof(Record{}))
}
