package outcomes

import (
	"errors"
	"fmt"
	"syscall"
)

// Option changes how a folder is opened.
type Option func(*Runs)

// Waiting leaves a folder as it is until Begin: whoever opens it may have to refuse what
// lies beside it, and a refusal changes nothing.
func Waiting() Option { return func(s *Runs) { s.waiting = true } }

// FreeFloor keeps so many bytes of the disk free of merges: one whose file
// would leave less is not begun, and one under way is given up when others fill
// the disk meanwhile. The runs stand as they were, a look-up asks more of them,
// and the next Seal tries again. 0, the default, sets no floor.
//
// Seal itself is not held up: what it writes is small, and owed.
func FreeFloor(bytes int64) Option { return func(s *Runs) { s.floor = bytes } }

var errNoRoom = errors.New("no room to merge")

// room refuses when writing so many bytes more would leave less than the floor.
func (s *Runs) room(bytes int64) error {
	if s.floor == 0 {
		return nil
	}
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	if free-bytes < s.floor {
		return fmt.Errorf("outcomes: %d bytes to write, %d are free in %s, and %d stay free: %w", bytes, free, s.dir, s.floor, errNoRoom)
	}
	return nil
}

// freeBytes is what an ordinary user may still write.
func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("outcomes: ask for free space in %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
