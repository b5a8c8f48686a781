package wal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/kopilka/kopilka"
)

// progressEvery is how often a long replay says where it is.
const progressEvery = 3 * time.Second

// sealedCheck is how many bytes of sealed epochs every start reads although a
// snapshot covers them: old answers are read from there, and damage is better
// named at a start than met by a till. It takes about a second; a longer history
// is read by Verify, and every block of it is checked when it is used.
const sealedCheck = 256 << 20

// Start implements Log. Up to the point where the whole log has been read and
// found right nothing on disk is changed. After an error only Close is left.
func (d *Disk) Start(m Machine) error {
	d.proposing.Lock()
	defer d.proposing.Unlock()
	d.life.Lock()
	defer d.life.Unlock()
	switch d.state {
	case started, failed:
		return errors.New("wal: started before")
	case closed:
		return fmt.Errorf("wal: start: %w", errClosed)
	}
	d.state = failed
	if err := d.start(m); err != nil {
		return err
	}
	d.state = started
	go d.run()
	go d.keep()
	d.nudge()
	return nil
}

func (d *Disk) start(m Machine) error {
	if err := d.space.above(d.opts.FreeFloor); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	began := time.Now()
	dir := d.opts.Dir
	c, err := list(dir)
	if err != nil {
		return err
	}
	head, err := readHead(filepath.Join(dir, headName))
	if err != nil {
		return err
	}
	clean, err := readClean(dir)
	if err != nil {
		return err
	}
	witnesses := []witness{{"HEAD", head}}
	if clean != nil {
		if err := clean.check(dir); err != nil {
			return err
		}
		witnesses = append(witnesses, witness{"the marker of the clean stop", clean.End})
	}
	snap, err := d.restore(c.snapshots, m)
	if err != nil {
		return err
	}
	witnesses = append(witnesses, witness{snap.path, snap.at})

	r := replay{d: d, m: m, from: snap.at.Pos.Index, to: max(head.Pos.Index, snap.at.Pos.Index), said: began}
	s := survey{dir: dir, contents: c, skip: r.from, spare: sealedCheck, witnesses: witnesses, visit: r.visit}
	epochs, end, err := s.run()
	if err != nil {
		return err
	}
	if clean != nil && (end != clean.End || len(epochs) == 0 || epochs[len(epochs)-1].no != clean.Epoch) {
		return damaged(dir, 0, 0, "it ends at frame %d; it was closed at frame %d of epoch %d", end.Pos.Index, clean.End.Pos.Index, clean.Epoch)
	}

	if j, is := m.(Judge); is {
		err := j.Judge(func(seq kopilka.Seq) (kopilka.Entry, error) { return peek(epochs, seq) })
		if err != nil {
			return err
		}
	}

	d.machine, d.end, d.last = m, end, snap
	d.tail.Store(r.bytes)
	d.due.Store(max(d.opts.SnapshotEvery, snap.size/2))
	if err := d.settle(c, epochs, clean); err != nil {
		return err
	}
	// Readers look for nothing before this.
	d.durable.Store(end.Pos.Index)
	d.seq.Store(uint64(end.Seq))
	if end.Seq == 0 && clean == nil {
		return nil // a folder that was just made: nothing to tell
	}
	d.log.Info("wal: replayed", "frames", r.frames, "commands", r.commands, "bytes", r.bytes,
		"from", uint64(snap.at.Seq), "to", uint64(end.Seq), "clean", clean != nil, "took", time.Since(began).Round(time.Millisecond),
		"digest", fmt.Sprintf("%x", end.Digest[:6]))
	if clean == nil && r.frames > 0 {
		d.due.Store(0) // a snapshot now, so that the old files may go
	}
	return nil
}

// restore fills the machine from the newest snapshot that is whole; the log
// holds everything since the first frame, so an older one, or none, will do.
func (d *Disk) restore(indexes []uint64, m Machine) (snapshot, error) {
	for _, index := range indexes {
		path := snapshotPath(d.opts.Dir, index)
		s, err := readSnapshot(path)
		if err == nil && s.at.Pos.Index != index {
			err = damaged(path, 0, int64(snapHead), "it is of frame %d", s.at.Pos.Index)
		}
		switch {
		case errors.Is(err, ErrDamaged):
			d.log.Warn("wal: passing over a snapshot: " + err.Error())
		case err != nil:
			return snapshot{}, err
		default:
			return s, s.restore(m)
		}
	}
	return snapshot{}, nil
}

// replay gives the machine what lies behind the snapshot.
type replay struct {
	d        *Disk
	m        Machine
	from, to uint64
	buf      []byte
	said     time.Time

	frames, commands uint64
	bytes            int64
}

func (r *replay) visit(f *frame, digest kopilka.Digest) (err error) {
	if f.index <= r.from {
		return nil
	}
	var e kopilka.Entry
	if e, r.buf, err = f.entry(r.buf, digest); err != nil {
		return err
	}
	r.m.Apply(&e)
	r.frames++
	r.commands += uint64(e.Count)
	r.bytes += int64(len(e.Body) + len(e.Kept))
	if r.frames%256 == 0 && time.Since(r.said) >= progressEvery {
		r.said = time.Now()
		r.d.log.Info("wal: replaying", "frame", f.index, "of", max(r.to, f.index), "commands", r.commands)
	}
	return nil
}

// peek reads the entry that holds a position, of epochs that are not open yet.
func peek(epochs []*found, seq kopilka.Seq) (kopilka.Entry, error) {
	for _, e := range epochs {
		if seq > e.end.Seq || e.end.Seq == e.start.Seq {
			continue
		}
		var raw []byte
		var err error
		if e.sealed != nil {
			raw, err = e.sealed.find(seq)
		} else {
			at := e.start
			_, err = walkDir(e.dir, &at, func(f *frame) error {
				if f.first <= seq && seq <= f.last() {
					raw = append(raw[:0], f.raw...)
				}
				return nil
			})
		}
		if err != nil {
			return kopilka.Entry{}, err
		}
		f, err := readFrame(raw)
		if err != nil {
			return kopilka.Entry{}, fmt.Errorf("look up position %d: %w: %w", seq, err, ErrDamaged)
		}
		entry, _, err := f.entry(nil, f.digest())
		return entry, err
	}
	return kopilka.Entry{}, fmt.Errorf("position %d: %w", seq, ErrNotFound)
}

// settle makes the folder ready for the next frame. After a clean stop the live
// epoch is opened again. Otherwise nothing that lies there is written to: each
// epoch that is not sealed is copied into a sealed file, and a new one begins.
func (d *Disk) settle(c contents, epochs []*found, clean *cleanStop) error {
	for _, tmp := range c.tmp {
		if err := remove(tmp); err != nil {
			return fmt.Errorf("remove what a crash left: %w", err)
		}
	}
	next := uint32(1)
	for _, e := range epochs {
		next = e.no + 1
		if clean != nil && e.no == clean.Epoch {
			break
		}
		if e.torn != nil {
			d.log.Warn("wal: a frame that was never acknowledged was cut off", "file", e.torn.File, "from", e.torn.From, "to", e.torn.To)
		}
		if e.sealed == nil && e.start == e.end {
			d.leftover = append(d.leftover, e.dir)
			continue
		}
		if e.sealed == nil {
			walk := func(m *mark, f func(*frame) error) error {
				_, err := walkDir(e.dir, m, f)
				return err
			}
			room := func(w io.Writer) io.Writer { return &guarded{d: d, w: w, limit: d.opts.FreeFloor} }
			s, err := writeSealed(sealedPath(d.opts.Dir, e.no), e.no, e.start, walk, room)
			if err != nil {
				return fmt.Errorf("seal epoch %d: %w", e.no, err)
			}
			e.sealed = s
		}
		d.epochs = append(d.epochs, &epoch{no: e.no, start: e.start, end: e.end, store: e.sealed, dir: e.dir})
	}

	// From here on the marker does not hold.
	if c.clean {
		if err := remove(filepath.Join(d.opts.Dir, cleanName)); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		if err := syncDir(d.opts.Dir); err != nil {
			return err
		}
	}
	var err error
	if d.head, err = openHead(filepath.Join(d.opts.Dir, headName)); err != nil {
		return err
	}
	if err := d.head.write(d.end); err != nil {
		return fmt.Errorf("write HEAD: %w", err)
	}
	if clean == nil {
		return d.begin(next)
	}
	e := epochs[len(epochs)-1]
	return d.reopen(e)
}

// reopen lets Badger have an epoch again, and checks that it sees what we saw.
func (d *Disk) reopen(e *found) error {
	if err := d.open(e.no, e.dir, e.start, e.bytes); err != nil {
		return err
	}
	l := d.live()
	raw, err := l.store.find(d.end.Seq + 1)
	if err != nil {
		return fmt.Errorf("reopen epoch %d: %w", e.no, err)
	}
	last := e.start.Pos.Index
	if len(raw) > 0 {
		f, err := readFrame(raw)
		if err != nil {
			return damaged(e.dir, 0, 0, "%v", err)
		}
		last = f.index
	}
	if last != d.end.Pos.Index {
		return damaged(e.dir, 0, 0, "Badger ends at frame %d; its files end at frame %d", last, d.end.Pos.Index)
	}
	return nil
}
