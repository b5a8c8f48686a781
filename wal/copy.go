package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka"
	"golang.org/x/sys/unix"
)

// Copy is the log from its first frame to one position, to be read while the log
// goes on: sealed epochs never change, frames that are durable do not either, and
// the snapshot is held open, so that it may be let go of meanwhile.
type Copy struct {
	end    mark
	sealed []*sealed
	snap   *os.File // nil when there is none
	behind mark     // where the sealed epochs end
	frames func(m *mark, f func(*frame) error) error
	unlock func()
}

// FramesPart is the name of the part that has the frames of epochs which are not
// sealed, one behind another as they were written.
const FramesPart = "frames"

// Copy implements Log.
func (d *Disk) Copy() (*Copy, error) {
	// No frame is on its way while the end is noted. Nobody waits longer than for
	// the frame that is being written.
	d.proposing.Lock()
	d.life.RLock()
	err := d.running()
	c := &Copy{end: d.end, unlock: func() {}}
	d.life.RUnlock()
	d.proposing.Unlock()
	if err != nil {
		return nil, fmt.Errorf("copy the log: %w", err)
	}
	d.mu.RLock()
	for _, e := range d.epochs {
		e.mu.RLock()
		s, ok := e.store.(*sealed)
		e.mu.RUnlock()
		if !ok {
			break
		}
		c.sealed = append(c.sealed, s)
	}
	d.mu.RUnlock()
	c.cut()
	c.frames = func(m *mark, f func(*frame) error) error { return d.walk(m, c.end, f) }
	return c, c.picture(d.opts.Dir)
}

// CopyOf is a copy of the log in a folder that nobody has open; until it is closed
// nobody can open the folder.
func CopyOf(dir string) (*Copy, error) {
	s, unlock, err := offline(dir)
	if err != nil {
		return nil, err
	}
	c := &Copy{unlock: unlock}
	if err := c.of(&s); err != nil {
		unlock()
		return nil, err
	}
	return c, nil
}

func (c *Copy) of(s *survey) error {
	clean, err := readClean(s.dir)
	if err != nil {
		return err
	}
	if clean != nil {
		if err := clean.check(s.dir); err != nil {
			return err
		}
		s.witnesses = append(s.witnesses, witness{"the marker of the clean stop", clean.End})
	}
	// Whoever reads the copy proves the sealed epochs; here their ends will do.
	s.skip = s.witnesses[0].at.Pos.Index
	s.visit = func(*frame, kopilka.Digest) error { return nil }
	epochs, end, err := s.run()
	if err != nil {
		return err
	}
	var open []*found
	for _, e := range epochs {
		switch {
		case e.sealed == nil:
			open = append(open, e)
		case len(open) == 0:
			c.sealed = append(c.sealed, e.sealed)
		default:
			return damaged(e.sealed.path, 0, 0, "it is sealed, and epoch %d before it is not", open[0].no)
		}
	}
	c.end = end
	c.cut()
	c.frames = func(m *mark, f func(*frame) error) error {
		for _, e := range open {
			if _, err := walkDir(e.dir, m, f); err != nil {
				return err
			}
		}
		return nil
	}
	return c.picture(s.dir)
}

// cut notes where the sealed epochs end.
func (c *Copy) cut() {
	if n := len(c.sealed); n > 0 {
		c.behind = c.sealed[n-1].end
	}
}

// picture holds the newest whole snapshot that is not behind the copy's end.
func (c *Copy) picture(dir string) error {
	in, err := list(dir)
	if err != nil {
		return err
	}
	for _, index := range in.snapshots {
		if index > c.end.Pos.Index {
			continue
		}
		path := snapshotPath(dir, index)
		if c.snap, err = os.Open(path); err == nil {
			if _, err = readSnapshot(path); err == nil {
				return nil
			}
			c.snap.Close()
			c.snap = nil
		}
		// The keeper may just have let go of it, and a damaged one is as good as none.
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	return nil
}

// End is the last frame of the copy, its digest and the position of its last command.
func (c *Copy) End() (kopilka.Pos, kopilka.Digest, kopilka.Seq) {
	return c.end.Pos, c.end.Digest, c.end.Seq
}

// Each calls f with every part of the copy, in the order in which Restoring takes
// them: the snapshot, the sealed epochs, the frames behind those.
func (c *Copy) Each(f func(name string, part io.WriterTo) error) error {
	if c.snap != nil {
		if err := f(filepath.Base(c.snap.Name()), filePart{c.snap}); err != nil {
			return err
		}
	}
	for _, s := range c.sealed {
		if err := c.sealedPart(s, f); err != nil {
			return err
		}
	}
	if c.behind == c.end {
		return nil
	}
	return f(FramesPart, framesPart{c})
}

func (c *Copy) sealedPart(s *sealed, f func(string, io.WriterTo) error) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("copy a sealed epoch: %w", err)
	}
	defer file.Close()
	return f(filepath.Base(s.path), filePart{file})
}

// Close lets go of what the copy holds.
func (c *Copy) Close() error {
	defer c.unlock()
	if c.snap != nil {
		return c.snap.Close()
	}
	return nil
}

// filePart is a whole file.
type filePart struct{ f *os.File }

// copyBytes is how much of a file is read at a time.
const copyBytes = 1 << 20

func (p filePart) WriteTo(w io.Writer) (n int64, err error) {
	// All of history is read once; what tills use is to stay in memory. A hint.
	_ = unix.Fadvise(int(p.f.Fd()), 0, 0, unix.FADV_NOREUSE)
	b := make([]byte, copyBytes)
	for {
		k, err := p.f.ReadAt(b, n)
		if k > 0 {
			if _, err := w.Write(b[:k]); err != nil {
				return n, err
			}
			n += int64(k)
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("copy %s: %w", p.f.Name(), err)
		}
	}
}

// framesPart is the frames behind the sealed epochs.
type framesPart struct{ c *Copy }

func (p framesPart) WriteTo(w io.Writer) (n int64, err error) {
	m := p.c.behind
	err = p.c.frames(&m, func(f *frame) error {
		k, err := w.Write(f.raw)
		n += int64(k)
		return err
	})
	if err == nil && m != p.c.end {
		err = fmt.Errorf("copy the log: it ends at frame %d; it ended at %d: %w", m.Pos.Index, p.c.end.Pos.Index, ErrDamaged)
	}
	return n, err
}

// walk calls f with the frames behind m up to end, from any epoch. An epoch is held
// only while a piece of it is copied.
func (d *Disk) walk(m *mark, end mark, f func(*frame) error) error {
	var chunk []byte
	for m.Pos.Index < end.Pos.Index {
		e := d.epoch(func(start mark) bool { return start.Pos.Index > m.Pos.Index })
		var err error
		chunk, err = e.take(func(s store) ([]byte, error) { return s.behind(*m, scanBytes, chunk[:0]) })
		if err != nil {
			return fmt.Errorf("copy the log behind frame %d: %w", m.Pos.Index, err)
		}
		if len(chunk) == 0 {
			return damaged(e.name(), 0, 0, "%v", missing(m.Pos.Index+1, end.Pos.Index))
		}
		for b := chunk; len(b) > 0 && m.Pos.Index < end.Pos.Index; {
			fr, err := readFrame(b)
			if err == nil {
				err = m.follow(&fr)
			}
			if err != nil {
				return damaged(e.name(), 0, 0, "behind frame %d: %v", m.Pos.Index, err)
			}
			if err := f(&fr); err != nil {
				return err
			}
			b = b[len(fr.raw):]
		}
	}
	return nil
}
