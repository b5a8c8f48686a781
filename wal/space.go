package wal

import (
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"
)

// space watches how much of the disk is free. Asking costs a microsecond, so
// it is asked every 64 frames, 8 MiB or 100 milliseconds, whichever is first.
type space struct {
	dir         string
	soft, floor int64
	log         *slog.Logger
	free        func(dir string) (int64, error)

	asked  time.Time
	frames int
	bytes  int
	err    error
	warned bool
}

const (
	spaceFrames = 64
	spaceBytes  = 8 << 20
	spacePause  = 100 * time.Millisecond
)

// freeBytes is what an ordinary user may still write.
func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("ask for free space in %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// take counts n bytes that are about to be written, or refuses them.
func (s *space) take(n int) error {
	s.frames++
	s.bytes += n
	if s.frames < spaceFrames && s.bytes < spaceBytes && time.Since(s.asked) < spacePause {
		return s.err
	}
	s.asked, s.frames, s.bytes = time.Now(), 0, 0
	free, err := s.free(s.dir)
	if err != nil {
		s.err = err
		return err
	}
	if low := free < s.soft; low != s.warned {
		s.warned = low
		if low {
			s.log.Warn("wal: the disk is filling up", "dir", s.dir, "free", free, "soft", s.soft, "floor", s.floor)
		} else {
			s.log.Info("wal: the disk has room again", "dir", s.dir, "free", free)
		}
	}
	s.err = s.enough(free, s.floor)
	return s.err
}

// above refuses when less than limit is free. Unlike take it may be called by
// many at once.
func (s *space) above(limit int64) error {
	free, err := s.free(s.dir)
	if err != nil {
		return err
	}
	return s.enough(free, limit)
}

func (s *space) enough(free, limit int64) error {
	if free < limit {
		return fmt.Errorf("%d bytes are free in %s, below %d: %w", free, s.dir, limit, ErrStorageFull)
	}
	return nil
}
