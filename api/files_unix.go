//go:build unix

package api

import (
	"errors"
	"syscall"
)

// outOfFiles tells whether a connection was not taken for want of descriptors
// or memory, which passes.
func outOfFiles(err error) bool {
	for _, e := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
