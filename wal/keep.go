package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// keep does what need not be waited for: sealing epochs that take no more
// frames, snapshots when the tail is long, letting go of what both cover.
func (d *Disk) keep() {
	defer close(d.kept)
	var pause time.Duration // before the next try; 0 when the last one went well
	full := false           // the disk is too full, and that was said
	for {
		wake, again := d.wake, (<-chan time.Time)(nil)
		if pause > 0 {
			// A long tail nudges with every frame, so a failure waits for the clock.
			wake, again = nil, time.After(pause)
		}
		select {
		case <-d.quit:
			return
		case <-wake:
		case <-again:
		}
		err := d.keepUp()
		if errors.Is(err, errClosed) {
			return
		}
		pause = d.pauseAfter(pause, err)
		was := full
		full = errors.Is(err, ErrStorageFull)
		switch {
		case full && was:
			d.log.Debug("wal: behind the writer, still: " + err.Error())
		case full:
			d.log.Warn("wal: behind the writer, sealing and snapshots wait for room: " + err.Error())
		case errors.Is(err, ErrBusy):
			d.log.Debug("wal: behind the writer: " + err.Error())
		case err != nil:
			d.log.Error("wal: behind the writer: " + err.Error())
		case was:
			d.log.Info("wal: behind the writer, sealing and snapshots go on", "dir", d.opts.Dir)
		}
	}
}

const (
	keepPauseMin = time.Second
	keepPauseMax = time.Minute
)

// pauseAfter is how long to wait after a try: longer after every failure.
func (d *Disk) pauseAfter(pause time.Duration, err error) time.Duration {
	if err == nil {
		return 0
	}
	return min(max(2*pause, d.keepPause), keepPauseMax)
}

// keepUp does what there is to do, once.
func (d *Disk) keepUp() error {
	if err := d.sealEnded(); err != nil {
		return err
	}
	if d.tail.Load() >= d.due.Load() {
		return d.Checkpoint()
	}
	return d.letGo()
}

// sealEnded seals every epoch that takes no more frames. Readers see the Badger
// until the sealed file has been read back.
func (d *Disk) sealEnded() error {
	// A checkpoint would take the directory away while Badger is closing it.
	d.keeping.Lock()
	defer d.keeping.Unlock()
	d.mu.RLock()
	ended := d.epochs[:len(d.epochs)-1]
	d.mu.RUnlock()
	for _, e := range ended {
		e.mu.RLock()
		l, ok := e.store.(*live)
		end := e.end
		e.mu.RUnlock()
		if !ok {
			continue
		}
		// Asked before the file is made: a full disk is not the place for halves.
		if err := d.space.above(d.opts.FreeSoft); err != nil {
			return fmt.Errorf("seal epoch %d: %w", e.no, err)
		}
		began := time.Now()
		walk := func(m *mark, f func(*frame) error) error { return l.walk(m, end, f) }
		s, err := writeSealed(sealedPath(d.opts.Dir, e.no), e.no, e.start, walk, d.room)
		if err != nil {
			return fmt.Errorf("seal epoch %d: %w", e.no, err)
		}
		e.mu.Lock()
		e.store = s
		e.mu.Unlock()
		d.log.Info("wal: sealed an epoch", "epoch", e.no, "frames", end.Pos.Index-e.start.Pos.Index, "took", time.Since(began).Round(time.Millisecond))
		if err := l.close(); err != nil {
			return fmt.Errorf("close epoch %d, which is sealed: %w", e.no, err)
		}
	}
	return nil
}

// walk calls f with the frames behind m up to end.
func (l *live) walk(m *mark, end mark, f func(*frame) error) error {
	var chunk []byte
	for *m != end {
		var err error
		if chunk, err = l.behind(*m, scanBytes, chunk[:0]); err != nil {
			return err
		}
		if len(chunk) == 0 {
			return fmt.Errorf("%w: %w", missing(m.Pos.Index+1, end.Pos.Index), ErrDamaged)
		}
		for b := chunk; len(b) > 0; {
			fr, err := readFrame(b)
			if err == nil {
				err = m.follow(&fr)
			}
			if err != nil {
				return fmt.Errorf("behind frame %d: %w: %w", m.Pos.Index, err, ErrDamaged)
			}
			if err := f(&fr); err != nil {
				return err
			}
			b = b[len(fr.raw):]
		}
	}
	return nil
}

// Checkpoint implements Log.
func (d *Disk) Checkpoint() error {
	d.keeping.Lock()
	defer d.keeping.Unlock()
	ask := make(chan picture, 1)
	if err := d.enqueue(job{picture: ask}); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	p := <-ask
	if p.err != nil {
		return fmt.Errorf("checkpoint: %w", p.err)
	}
	if p.snap == nil {
		return nil
	}
	defer p.snap.Close()
	if err := d.space.above(d.opts.FreeSoft); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	began := time.Now()
	s, err := writeSnapshot(snapshotPath(d.opts.Dir, p.at.Pos.Index), p.at, p.snap, d.room)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	d.log.Info("wal: wrote a snapshot", "seq", uint64(p.at.Seq), "bytes", s.size, "took", time.Since(began).Round(time.Millisecond))
	previous := d.last
	d.last = s
	d.due.Store(max(d.opts.SnapshotEvery, s.size/2))
	if d.tail.Add(-p.tail) >= d.due.Load() {
		d.nudge()
	}
	if err := d.dropSnapshots(s, previous); err != nil {
		return err
	}
	return d.letGoCovered()
}

// dropSnapshots removes all but the two that are known to be whole.
func (d *Disk) dropSnapshots(newest, previous snapshot) error {
	names, err := os.ReadDir(d.opts.Dir)
	if err != nil {
		return fmt.Errorf("list snapshots: %w", err)
	}
	for _, e := range names {
		path := filepath.Join(d.opts.Dir, e.Name())
		number, ok := strings.CutPrefix(e.Name(), snapPrefix)
		if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil || path == newest.path || path == previous.path {
			continue
		}
		if err := remove(path); err != nil {
			return fmt.Errorf("drop an old snapshot: %w", err)
		}
	}
	return nil
}

func (d *Disk) letGo() error {
	d.keeping.Lock()
	defer d.keeping.Unlock()
	return d.letGoCovered()
}

// letGoCovered removes the Badgers of epochs that are sealed, and that the
// newest snapshot covers. The sealed file is walked once more before.
func (d *Disk) letGoCovered() error {
	d.mu.RLock()
	ended := d.epochs[:len(d.epochs)-1]
	d.mu.RUnlock()
	for _, e := range ended {
		e.mu.RLock()
		s, ok := e.store.(*sealed)
		dir := e.dir
		e.mu.RUnlock()
		if !ok || dir == "" || s.end.Pos.Index > d.last.at.Pos.Index {
			continue
		}
		m := e.start
		if err := s.walk(&m, func(*frame) error { return nil }); err != nil {
			return fmt.Errorf("keep %s: %w", dir, err)
		}
		if err := d.dropDir(dir); err != nil {
			return err
		}
		e.mu.Lock()
		e.dir = ""
		e.mu.Unlock()
	}
	for _, dir := range d.leftover {
		if err := d.dropDir(dir); err != nil {
			return err
		}
	}
	d.leftover = nil
	return nil
}

func (d *Disk) dropDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("let go of %s: %w", dir, err)
	}
	return syncDir(d.opts.Dir)
}

// room is a writer for large files behind the writer's back: it stops when the
// disk gets full, since a mapped file cannot, or when the log closes.
func (d *Disk) room(w io.Writer) io.Writer { return &guarded{d: d, w: w, limit: d.opts.FreeSoft} }

type guarded struct {
	d     *Disk
	w     io.Writer
	limit int64
	n     int
}

func (g *guarded) Write(b []byte) (int, error) {
	if g.n -= len(b); g.n <= 0 {
		g.n = spaceBytes
		select {
		case <-g.d.quit:
			return 0, errClosed
		default:
		}
		if err := g.d.space.above(g.limit); err != nil {
			return 0, err
		}
	}
	return g.w.Write(b)
}
