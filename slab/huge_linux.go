package slab

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page of memory on the machines that have them.
const hugePage = 2 << 20

// large asks the kernel for large pages under a block. Members are touched in no
// order, so with pages of 4 KiB most touches miss the processor's table of pages as
// well as its caches. The range is widened to whole large pages: what lies there
// beside the block is the heap's too. A kernel that has none says no, which is fine.
func large(block []byte) {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(block))) &^ (hugePage - 1)
	to := (uintptr(unsafe.Pointer(unsafe.SliceData(block))) + uintptr(len(block)) + hugePage - 1) &^ (hugePage - 1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_HUGEPAGE)
}
