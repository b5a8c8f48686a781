package wal

import (
	"fmt"
	"sort"

	"github.com/kopilka/kopilka"
)

// scanBytes is how much of an epoch is copied at a time: readers hold an epoch
// only while they copy, so that it can be sealed while a scan stands still.
const scanBytes = 1 << 20

// Frame implements Log.
func (d *Disk) Frame(seq kopilka.Seq) (kopilka.Entry, error) {
	f, _, err := d.find(seq)
	if err != nil {
		return kopilka.Entry{}, err
	}
	e, _, err := f.entry(nil, f.digest())
	return e, err
}

// find gives the frame that holds seq, as a copy.
func (d *Disk) find(seq kopilka.Seq) (frame, *epoch, error) {
	if seq == 0 || uint64(seq) > d.seq.Load() {
		return frame{}, nil, fmt.Errorf("position %d of %d: %w", seq, d.seq.Load(), ErrNotFound)
	}
	e := d.epoch(func(start mark) bool { return start.Seq >= seq })
	raw, err := e.take(func(s store) ([]byte, error) { return s.find(seq) })
	if err != nil {
		return frame{}, nil, fmt.Errorf("look up position %d: %w", seq, err)
	}
	f, err := readFrame(raw)
	if err == nil && (f.first > seq || f.last() < seq) {
		err = fmt.Errorf("found positions %d to %d instead", f.first, f.last())
	}
	if err != nil {
		return frame{}, nil, damaged(e.name(), 0, 0, "look up position %d: %v", seq, err)
	}
	return f, e, nil
}

// Scan implements Log.
func (d *Disk) Scan(from kopilka.Seq, f func(*kopilka.Entry) error) error {
	from = max(from, 1)
	if uint64(from) > d.seq.Load() {
		return nil
	}
	first, e, err := d.find(from)
	if err != nil {
		return err
	}
	at := mark{Pos: kopilka.Pos{Index: first.index - 1}, Seq: first.first - 1, Digest: first.prev}
	var unpacked []byte
	chunk := first.raw
	for {
		for rest := chunk; len(rest) > 0; {
			fr, err := readFrame(rest)
			if err == nil && fr.index > d.durable.Load() {
				return nil
			}
			if err == nil {
				err = at.follow(&fr)
			}
			if err != nil {
				return damaged(e.name(), 0, 0, "behind frame %d: %v", at.Pos.Index, err)
			}
			var entry kopilka.Entry
			if entry, unpacked, err = fr.entry(unpacked, at.Digest); err != nil {
				return err
			}
			if err := f(&entry); err != nil {
				return err
			}
			rest = rest[len(fr.raw):]
		}
		durable := d.durable.Load()
		if at.Pos.Index >= durable {
			return nil
		}
		e = d.epoch(func(start mark) bool { return start.Pos.Index > at.Pos.Index })
		chunk, err = e.take(func(s store) ([]byte, error) { return s.behind(at, scanBytes, chunk[:0]) })
		if err != nil {
			return fmt.Errorf("scan behind frame %d: %w", at.Pos.Index, err)
		}
		if len(chunk) == 0 {
			return damaged(e.name(), 0, 0, "%v", missing(at.Pos.Index+1, durable))
		}
	}
}

// epoch is the last one whose start is not past what is looked for.
func (d *Disk) epoch(past func(start mark) bool) *epoch {
	d.mu.RLock()
	defer d.mu.RUnlock()
	i := sort.Search(len(d.epochs), func(i int) bool { return past(d.epochs[i].start) })
	return d.epochs[i-1]
}

func (e *epoch) take(read func(store) ([]byte, error)) ([]byte, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.store == nil {
		return nil, errClosed
	}
	return read(e.store)
}

// name is the file or folder to look at.
func (e *epoch) name() string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if s, ok := e.store.(*sealed); ok {
		return s.path
	}
	return e.dir
}
