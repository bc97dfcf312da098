package ingest

import (
	"syscall"
	"unsafe"
)

const adviseHuge = 14 // MADV_HUGEPAGE

// largePages asks the kernel to back memory with large pages, so that a hundred thousand sessions need few entries of
// the processor's address table. A kernel that cannot is no worse off; nothing depends on it.
func largePages(memory []byte) {
	const page = 4096
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (page - 1)
	if len(memory) > skip+page {
		whole := memory[skip:]
		_ = syscall.Madvise(whole[:len(whole)&^(page-1)], adviseHuge)
	}
}
