package wal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka"
)

// Restoring makes a log out of the parts of a Copy, in a folder of its own. Every
// frame is held against the one before it as it comes, and every file is read back
// from the disk; what does not fit is ErrDamaged, and the folder is then of no use.
// Only Finish makes a log of it: until then it has no HEAD, and is refused.
type Restoring struct {
	dir   string
	until kopilka.Seq // last position to be taken; 0 = all
	trial bool        // what was proved is let go of
	visit func(*kopilka.Entry) error

	end   mark
	ended bool   // until is reached: what comes is read and left out
	short bool   // the last frame is cut
	epoch uint32 // the last one taken
	tail  bool   // the frames behind the sealed epochs were taken
	snap  snapshot
	buf   []byte
}

// Restore begins a log in a new or empty folder. It will hold all that the parts
// have, or, with until, all up to that position: the frame that it lies in is then
// cut behind it, and is the last. Every entry is shown to visit, when it is set,
// once it was found right.
func Restore(dir string, until kopilka.Seq, visit func(*kopilka.Entry) error) (*Restoring, error) {
	return restore(dir, until, visit, false)
}

// Prove is Restore for the sake of reading: no more than one part of the log lies in
// the folder at a time, and there is nothing to finish.
func Prove(dir string, visit func(*kopilka.Entry) error) (*Restoring, error) {
	return restore(dir, 0, visit, true)
}

func restore(dir string, until kopilka.Seq, visit func(*kopilka.Entry) error, trial bool) (*Restoring, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("restore: %s is not empty: it has %s", dir, names[0].Name())
	}
	return &Restoring{dir: dir, until: until, visit: visit, trial: trial}, nil
}

// End is the last frame taken so far, its digest and the position of its last command.
func (r *Restoring) End() (kopilka.Pos, kopilka.Digest, kopilka.Seq) {
	return r.end.Pos, r.end.Digest, r.end.Seq
}

// Snapshot is the file of the snapshot that was taken, and the digest of the frame that
// it is of; no file when there is none, or, once finished, when it was behind the end.
func (r *Restoring) Snapshot() (file string, at kopilka.Digest) { return r.snap.path, r.snap.at.Digest }

// Take takes the next part and reads it to its end.
func (r *Restoring) Take(name string, part io.Reader) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore %s: %w", name, err)
		}
	}()
	number, isSealed := strings.CutSuffix(strings.TrimPrefix(name, epochPrefix), sealedSuffix)
	switch {
	case name == FramesPart:
		return r.takeFrames(part)
	case isSealed:
		no, err := strconv.ParseUint(number, 10, 32)
		if err != nil || name != filepath.Base(sealedPath(r.dir, uint32(no))) {
			return fmt.Errorf("no epoch has this name: %w", ErrDamaged)
		}
		return r.takeSealed(uint32(no), part)
	case strings.HasPrefix(name, snapPrefix):
		index, err := strconv.ParseUint(name[len(snapPrefix):], 10, 64)
		if err != nil || name != filepath.Base(snapshotPath(r.dir, index)) {
			return fmt.Errorf("no snapshot has this name: %w", ErrDamaged)
		}
		return r.takeSnapshot(index, part)
	}
	return fmt.Errorf("a log has no such part: %w", ErrDamaged)
}

// takeSnapshot comes before all frames, so that the chain can be asked when it is there.
func (r *Restoring) takeSnapshot(index uint64, part io.Reader) error {
	if r.end.Pos.Index > 0 || r.snap.path != "" {
		return fmt.Errorf("a snapshot comes first, and once: %w", ErrDamaged)
	}
	path := snapshotPath(r.dir, index)
	err := writeFile(path, func(w io.Writer) error {
		_, err := io.Copy(w, part)
		return err
	}, func(tmp string) (err error) {
		r.snap, err = readSnapshot(tmp)
		return err
	})
	r.snap.path = path
	if err == nil && r.snap.at.Pos.Index != index {
		err = damaged(path, 0, int64(snapHead), "it is of frame %d", r.snap.at.Pos.Index)
	}
	return err
}

func (r *Restoring) takeSealed(no uint32, part io.Reader) error {
	if r.tail || no <= r.epoch {
		return fmt.Errorf("it is not behind epoch %d: %w", r.epoch, ErrDamaged)
	}
	if r.ended {
		_, err := io.Copy(io.Discard, part)
		return err
	}
	r.epoch = no
	start, path := r.end, sealedPath(r.dir, no)
	err := writeFile(path, func(w io.Writer) error {
		_, err := io.Copy(w, part)
		return err
	}, nil)
	if err != nil {
		return err
	}
	s, err := openSealed(path)
	if err != nil {
		return err
	}
	if s.epoch != no {
		return damaged(path, 0, int64(sealHead), "it is epoch %d", s.epoch)
	}
	if r.until != 0 && s.end.Seq > r.until && s.start == start {
		return r.shorten(s, start)
	}
	if err := s.walk(&r.end, r.frame); err != nil {
		return err
	}
	r.ended = r.until != 0 && r.end.Seq == r.until
	if r.trial {
		return remove(path)
	}
	return nil
}

// shorten writes the sealed epoch that holds the last position once more, up to it.
// All of it is read: what is left out is to be whole, too.
func (r *Restoring) shorten(s *sealed, start mark) error {
	whole := s.path + ".whole"
	if err := os.Rename(s.path, whole); err != nil {
		return err
	}
	s.path = whole
	at := start
	_, err := writeSealed(sealedPath(r.dir, s.epoch), s.epoch, start, func(m *mark, f func(*frame) error) error {
		err := s.walk(&at, func(fr *frame) error { return r.shortened(m, fr, f) })
		r.end = *m
		return err
	}, room)
	if err != nil {
		return err
	}
	return remove(whole)
}

// room is no bound: nothing else is being written here.
func room(w io.Writer) io.Writer { return w }

// shortened gives f what there is of a frame up to the last position, if there is any.
func (r *Restoring) shortened(m *mark, fr *frame, f func(*frame) error) error {
	if r.ended {
		return nil
	}
	next := *fr
	if r.until != 0 && fr.last() > r.until {
		var err error
		r.short = true
		if next, err = cutFrame(fr, r.until); err != nil {
			return err
		}
	}
	if err := m.follow(&next); err != nil {
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	r.ended = r.until != 0 && m.Seq == r.until
	if err := r.show(&next, *m); err != nil {
		return err
	}
	return f(&next)
}

// frame is called with every frame that was found right; r.end is at it.
func (r *Restoring) frame(fr *frame) error { return r.show(fr, r.end) }

// show looks whether the snapshot agrees, and shows the frame.
func (r *Restoring) show(fr *frame, at mark) error {
	if r.snap.path != "" && at.Pos.Index == r.snap.at.Pos.Index && at != r.snap.at && !r.short {
		return damaged(r.snap.path, 0, int64(snapHead), "frame %d has digest %x; the snapshot knows %x", fr.index, at.Digest[:6], r.snap.at.Digest[:6])
	}
	e, buf, err := fr.entry(r.buf, at.Digest)
	r.buf = buf
	if err != nil || r.visit == nil {
		return err
	}
	return r.visit(&e)
}

// takeFrames puts the frames behind the sealed epochs into sealed files of theirs.
func (r *Restoring) takeFrames(part io.Reader) error {
	if r.tail {
		return fmt.Errorf("they come once: %w", ErrDamaged)
	}
	r.tail = true
	in := bufio.NewReaderSize(part, copyBytes)
	fr, err := readNext(in)
	for err == nil && !r.ended {
		no := fr.epoch
		if no <= r.epoch {
			return fmt.Errorf("frame %d is of epoch %d, and epoch %d was before it: %w", fr.index, no, r.epoch, ErrDamaged)
		}
		r.epoch = no
		walk := func(m *mark, f func(*frame) error) error {
			for err == nil && fr.epoch == no {
				if err := r.shortened(m, &fr, f); err != nil {
					return err
				}
				fr, err = readNext(in)
			}
			r.end = *m
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if r.trial {
			at := r.end
			if err := walk(&at, func(*frame) error { return nil }); err != nil {
				return err
			}
			continue
		}
		if _, err := writeSealed(sealedPath(r.dir, no), no, r.end, walk, room); err != nil {
			return err
		}
	}
	// What is left out is to be whole, too.
	for err == nil {
		_, err = readNext(in)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readNext reads a frame; io.EOF when there are no more.
func readNext(in *bufio.Reader) (frame, error) {
	head, err := in.Peek(headerSize)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return frame{}, io.EOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return frame{}, err
	}
	size := 0
	if len(head) == headerSize {
		size = int(binary.LittleEndian.Uint32(head[8:]))
	}
	if size < headerSize || size > frameBytesMax {
		return frame{}, fmt.Errorf("%w: %w", errFrameSize, ErrDamaged)
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(in, raw); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: %w", errFrameCut, ErrDamaged)
		}
		return frame{}, err
	}
	fr, err := readFrame(raw)
	if err != nil {
		err = fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	return fr, err
}

// cutFrame is the frame with its commands up to a position that lies in it, and not
// at its end. Outcomes that ride in it are of commands before it, and stay. It is
// another frame than the one that was acknowledged, so it has another digest.
func cutFrame(f *frame, until kopilka.Seq) (frame, error) {
	e, _, err := f.entry(nil, kopilka.Digest{})
	if err != nil {
		return frame{}, err
	}
	count := int(until - f.first + 1)
	rest := e.Body
	for range count {
		rest = kopilka.SkipCommand(rest)
	}
	if len(rest) == 0 {
		return frame{}, fmt.Errorf("frame %d has fewer commands than its header says: %w", f.index, ErrDamaged)
	}
	var s slot
	end := mark{Pos: kopilka.Pos{Index: f.index - 1}, Seq: f.first - 1, Digest: f.prev}
	s.fill(Proposal{Time: f.time, Count: count, Body: e.Body[:len(e.Body)-len(rest)], Kept: e.Kept}, f.epoch, end)
	return readFrame(s.packed)
}

// Finish makes a log of what was taken. The caller knows where it is to end: at a
// frame, or at the position that was asked for.
func (r *Restoring) Finish(at kopilka.Pos, digest kopilka.Digest, seq kopilka.Seq) error {
	want := mark{at, seq, digest}
	switch {
	case r.until != 0 && r.end.Seq != r.until:
		return fmt.Errorf("restore: it ends at position %d, before %d: %w", r.end.Seq, r.until, ErrDamaged)
	case r.until == 0 && r.end != want:
		return fmt.Errorf("restore: it ends at frame %d with digest %x; %d and %x were announced: %w", r.end.Pos.Index, r.end.Digest[:6], at.Index, digest[:6], ErrDamaged)
	}
	if err := r.judgeSnapshot(); err != nil {
		return err
	}
	if r.trial {
		return nil
	}
	if err := initFolder(r.dir); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return writeFile(filepath.Join(r.dir, headName), func(w io.Writer) error {
		b := make([]byte, headFile)
		copy(b, headBytes(nil, r.end))
		copy(b[headPlace:], headBytes(nil, r.end))
		_, err := w.Write(b)
		return err
	}, nil)
}

// judgeSnapshot lets go of a snapshot that knows more than what was asked for.
func (r *Restoring) judgeSnapshot() error {
	at := r.snap.at
	if r.snap.path == "" || at.Pos.Index < r.end.Pos.Index || at == r.end {
		return nil
	}
	if r.until == 0 {
		return damaged(r.snap.path, 0, 0, "it is of frame %d, and the log ends at %d", at.Pos.Index, r.end.Pos.Index)
	}
	if err := remove(r.snap.path); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	r.snap = snapshot{}
	return nil
}
