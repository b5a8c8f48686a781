package wal

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
)

// A snapshot file:
//
//	magic "KPSNAP", format 1, mark of the last frame applied
//	what Snapshot.WriteTo wrote
//	bytes of that (8), SHA-256 of everything before this sum
const (
	snapMagic  = "KPSNAP"
	snapFormat = 1
	snapHead   = len(snapMagic) + 2 + markSize
	snapTail   = 8 + sha256.Size
)

// snapshot is a snapshot file whose checksum was found right.
type snapshot struct {
	path string
	at   mark
	size int64 // of the file
}

// writeSnapshot writes the picture, and reads it back before it counts.
func writeSnapshot(path string, at mark, s Snapshot, room func(io.Writer) io.Writer) (snapshot, error) {
	var size int64
	err := writeFile(path, func(w io.Writer) error {
		sum := sha256.New()
		out := bufio.NewWriterSize(io.MultiWriter(room(w), sum), 256<<10)
		head := binary.LittleEndian.AppendUint16([]byte(snapMagic), snapFormat)
		if _, err := out.Write(at.append(head)); err != nil {
			return err
		}
		n, err := s.WriteTo(out)
		if err != nil {
			return err
		}
		if _, err := out.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		size = int64(snapHead) + n + int64(snapTail)
		_, err = w.Write(sum.Sum(nil))
		return err
	}, func(tmp string) error {
		back, err := readSnapshot(tmp)
		if err == nil && (back.at != at || back.size != size) {
			err = damaged(tmp, 0, back.size, "it has %d bytes at frame %d, not %d at %d", back.size, back.at.Pos.Index, size, at.Pos.Index)
		}
		return err
	})
	return snapshot{path: path, at: at, size: size}, err
}

// readSnapshot reads a whole snapshot file and checks it.
func readSnapshot(path string) (snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return snapshot{}, fmt.Errorf("open snapshot: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return snapshot{}, fmt.Errorf("open snapshot: %w", err)
	}
	size := info.Size()
	if size < int64(snapHead+snapTail) {
		return snapshot{}, damaged(path, 0, size, "it has %d bytes, too few for a snapshot", size)
	}
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, snapHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return snapshot{}, fmt.Errorf("read snapshot: %w", err)
	}
	if string(head[:len(snapMagic)]) != snapMagic {
		return snapshot{}, damaged(path, 0, int64(snapHead), "it does not begin as a snapshot does")
	}
	sum := sha256.New()
	sum.Write(head)
	tail, err := sumRest(r, sum, size-int64(snapHead))
	if err != nil {
		return snapshot{}, fmt.Errorf("read snapshot %s: %w", path, err)
	}
	if string(sum.Sum(nil)) != string(tail[8:]) || binary.LittleEndian.Uint64(tail) != uint64(size)-uint64(snapHead+snapTail) {
		return snapshot{}, damaged(path, 0, size, "its checksum does not match")
	}
	if n := binary.LittleEndian.Uint16(head[len(snapMagic):]); n > snapFormat {
		return snapshot{}, fmt.Errorf("snapshot %s has format %d and this version knows up to %d: %w", path, n, snapFormat, ErrNewer)
	}
	return snapshot{path: path, at: readMark(head[len(snapMagic)+2:]), size: size}, nil
}

// sumRest sums n bytes of r but for the sum at the end, and gives the tail.
func sumRest(r io.Reader, sum hash.Hash, n int64) ([]byte, error) {
	if _, err := io.CopyN(sum, r, n-int64(snapTail)); err != nil {
		return nil, err
	}
	tail := make([]byte, snapTail)
	if _, err := io.ReadFull(r, tail); err != nil {
		return nil, err
	}
	sum.Write(tail[:8])
	return tail, nil
}

// restore fills the machine from a snapshot that was found right.
func (s *snapshot) restore(m Machine) error {
	f, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	r := io.NewSectionReader(f, int64(snapHead), s.size-int64(snapHead+snapTail))
	if err := m.Restore(bufio.NewReaderSize(r, 1<<20)); err != nil {
		return fmt.Errorf("restore %s: %w", s.path, err)
	}
	if pos, digest, seq := m.Applied(); (mark{pos, seq, digest}) != s.at {
		return fmt.Errorf("restore %s: the machine stands at frame %d, position %d; the snapshot is of frame %d, position %d", s.path, pos.Index, seq, s.at.Pos.Index, s.at.Seq)
	}
	return nil
}

// OpenSnapshot begins to read what a machine wrote into a snapshot file that was
// found whole.
func OpenSnapshot(path string) (io.ReadCloser, error) {
	s, err := readSnapshot(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	body := io.NewSectionReader(f, int64(snapHead), s.size-int64(snapHead+snapTail))
	return struct {
		io.Reader
		io.Closer
	}{bufio.NewReaderSize(body, 1<<20), f}, nil
}
