package wal

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/kopilka/kopilka"
)

// Report is one file or epoch that Verify has read.
type Report struct {
	File   string
	Frames uint64
	Bytes  int64
	Note   string // what is odd and no damage
	Err    error  // what is wrong
}

// Summary is what Verify found.
type Summary struct {
	Epochs    int
	Snapshots int
	Frames    uint64
	Seq       kopilka.Seq
	Digest    kopilka.Digest // of the last frame
	Bytes     int64          // of frames and snapshots

	// Pictures are the files of whole snapshots, by the digest of the frame after which
	// each was taken: their books can be held against a replay.
	Pictures map[kopilka.Digest]string
}

// Verify reads a log from its first frame to its last, and its snapshots, and
// writes nothing. It calls report for each as it goes; report may be nil. The
// error joins all that is wrong; each wraps ErrDamaged and names file and
// bytes. A log that is open elsewhere is refused with ErrInUse.
func Verify(dir string, report func(Report)) (Summary, error) {
	if report == nil {
		report = func(Report) {}
	}
	sum := Summary{Pictures: map[kopilka.Digest]string{}}
	var wrong []error
	tell := func(r Report) {
		if r.Err != nil {
			wrong = append(wrong, r.Err)
		}
		report(r)
	}
	s, unlock, err := offline(dir)
	if err != nil {
		return sum, err
	}
	defer unlock()

	for _, index := range s.snapshots {
		path := snapshotPath(dir, index)
		snap, err := readSnapshot(path)
		if err == nil && snap.at.Pos.Index != index {
			err = damaged(path, 0, int64(snapHead), "it is of frame %d", snap.at.Pos.Index)
		}
		if err == nil {
			sum.Snapshots++
			sum.Pictures[snap.at.Digest] = path
			sum.Bytes += snap.size
			s.witnesses = append(s.witnesses, witness{path, snap.at})
		}
		tell(Report{File: path, Bytes: snap.size, Err: err})
	}
	clean, err := readClean(dir)
	if err == nil && clean != nil {
		err = clean.check(dir)
		s.witnesses = append(s.witnesses, witness{"the marker of the clean stop", clean.End})
	}
	if err != nil {
		tell(Report{File: filepath.Join(dir, cleanName), Err: err})
	}
	s.visit = func(f *frame, digest kopilka.Digest) error {
		_, _, err := f.entry(nil, digest)
		return err
	}
	s.read = func(e *found) {
		r := Report{File: e.dir, Frames: e.end.Pos.Index - e.start.Pos.Index, Bytes: e.bytes}
		if e.sealed != nil {
			r.File = e.sealed.path
		}
		if e.torn != nil {
			r.Note = fmt.Sprintf("a frame that was never acknowledged at %s bytes %d..%d", e.torn.File, e.torn.From, e.torn.To)
		}
		sum.Epochs++
		sum.Bytes += e.bytes
		report(r)
	}
	_, end, err := s.run()
	if err != nil {
		tell(Report{File: dir, Err: err})
	}
	sum.Frames, sum.Seq, sum.Digest = end.Pos.Index, end.Seq, end.Digest
	return sum, errors.Join(wrong...)
}

// Each calls f with every frame of a log that nobody has open, in order, until
// f fails. The entry is good until f returns. It writes nothing.
func Each(dir string, f func(*kopilka.Entry) error) error {
	s, unlock, err := offline(dir)
	if err != nil {
		return err
	}
	defer unlock()
	var buf []byte
	s.visit = func(fr *frame, digest kopilka.Digest) (err error) {
		var e kopilka.Entry
		if e, buf, err = fr.entry(buf, digest); err != nil {
			return err
		}
		return f(&e)
	}
	_, _, err = s.run()
	return err
}

// offline looks into a folder that no server has open.
func offline(dir string) (s survey, unlock func(), err error) {
	lock, err := lockFolder(dir, true)
	if err != nil {
		return s, nil, err
	}
	unlock = func() {
		if lock != nil {
			lock.release()
		}
	}
	c, err := list(dir)
	if err == nil {
		err = checkFormat(dir)
	}
	var head mark
	if err == nil {
		head, err = readHead(filepath.Join(dir, headName))
	}
	if err != nil {
		unlock()
		return s, nil, err
	}
	return survey{dir: dir, contents: c, witnesses: []witness{{"HEAD", head}}}, unlock, nil
}
