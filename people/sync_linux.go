package people

import (
	"os"
	"syscall"
)

// syncData makes what was written to a file durable, and of its metadata only
// what is needed to find it.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
