package wal

import (
	"fmt"
	"os"
	"slices"

	"github.com/kopilka/kopilka"
)

// survey reads the log in a folder from its first frame to its last, without
// changing anything: starts, verify and inspect all read so.
type survey struct {
	dir string
	contents

	// skip lets sealed epochs be passed over that end at or before this frame.
	skip uint64
	// spare is how many bytes of them are read all the same.
	spare int64

	// Each witness knows the digest of one frame; the log must reach it and agree.
	witnesses []witness

	// visit is called with every frame and its digest.
	visit func(*frame, kopilka.Digest) error

	// read is called when an epoch has been read; it may be nil.
	read func(*found)
}

type witness struct {
	name string
	at   mark
}

// found is an epoch in a folder.
type found struct {
	no         uint32
	start, end mark
	sealed     *sealed // nil when it lies in a Badger only
	dir        string  // its Badger, when it has one
	torn       *spot   // unacknowledged bytes at its end
	bytes      int64
}

func (s *survey) run() (epochs []*found, end mark, err error) {
	numbers := slices.Concat(s.dirs, s.sealed)
	slices.Sort(numbers)
	for _, no := range slices.Compact(numbers) {
		e := &found{no: no, start: end}
		if slices.Contains(s.dirs, no) {
			e.dir = epochDir(s.dir, no)
		}
		if slices.Contains(s.contents.sealed, no) {
			err = s.walkSealed(e, &end)
		} else {
			e.torn, err = walkDir(e.dir, &end, func(f *frame) error {
				e.bytes += int64(len(f.raw))
				return s.frame(f, end)
			})
		}
		if err != nil {
			return epochs, end, err
		}
		e.end = end
		epochs = append(epochs, e)
		if s.read != nil {
			s.read(e)
		}
	}
	for _, w := range s.witnesses {
		if w.at.Pos.Index <= end.Pos.Index {
			continue
		}
		why := fmt.Errorf("%w, and %s knows them", missing(end.Pos.Index+1, w.at.Pos.Index), w.name)
		for _, e := range slices.Backward(epochs) {
			if e.torn != nil {
				return epochs, end, e.torn.because(why)
			}
			if e.dir != "" {
				return epochs, end, damaged(e.dir, 0, 0, "%v", why)
			}
		}
		return epochs, end, damaged(s.dir, 0, 0, "%v", why)
	}
	return epochs, end, nil
}

func (s *survey) walkSealed(e *found, end *mark) (err error) {
	path := sealedPath(s.dir, e.no)
	if e.sealed, err = openSealed(path); err != nil {
		return err
	}
	if e.sealed.epoch != e.no {
		return damaged(path, 0, int64(sealHead), "it is epoch %d", e.sealed.epoch)
	}
	if info, err := os.Stat(path); err == nil {
		e.bytes = info.Size()
	}
	if e.sealed.start == *end && e.sealed.end.Pos.Index <= s.skip {
		if s.spare -= e.bytes; s.spare < 0 {
			*end = e.sealed.end
			return s.agree(*end)
		}
	}
	return e.sealed.walk(end, func(f *frame) error { return s.frame(f, *end) })
}

func (s *survey) frame(f *frame, at mark) error {
	if err := s.agree(at); err != nil {
		return err
	}
	return s.visit(f, at.Digest)
}

func (s *survey) agree(at mark) error {
	for i := range s.witnesses {
		if w := &s.witnesses[i]; w.at.Pos.Index == at.Pos.Index && w.at != at {
			return damaged(s.dir, 0, 0, "frame %d has digest %x; %s knows %x", at.Pos.Index, at.Digest[:6], w.name, w.at.Digest[:6])
		}
	}
	return nil
}
