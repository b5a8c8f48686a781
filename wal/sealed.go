package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"

	"github.com/kopilka/kopilka"
)

// A sealed epoch is one file that never changes, little-endian:
//
//	head   magic, epoch, mark before the first frame, crc32c
//	block  bytes stored, bytes of frames, crc32c of the two and the block; the block
//	…      frames as they were written, about 128 KiB of them, in zstd where that pays
//	foot   for each block: index and first position of its first frame, offset
//	       number of blocks, mark of the last frame, crc32c; length of the foot; magic
//
// The frames stay byte for byte what they were, so the chain of digests can be
// walked through all epochs. A look-up reads one block.
type sealed struct {
	path       string
	epoch      uint32
	start, end mark
	blocks     []sealedBlock
	foot       int64 // where the foot begins
}

type sealedBlock struct {
	index uint64
	first kopilka.Seq
	at    int64
}

const (
	sealMagic     = "KPSEAL\x00\x01"
	sealHead      = len(sealMagic) + 4 + markSize + 4
	blockHead     = 12
	blockTarget   = 128 << 10
	blockRef      = 24
	sealTail      = 4 + len(sealMagic) // length of the foot, magic
	footRest      = 4 + markSize + 4   // number of blocks, mark, crc32c
	blockBytesMax = blockTarget + frameBytesMax
)

// sealWriter writes a sealed epoch.
type sealWriter struct {
	w      io.Writer
	at     int64
	block  []byte
	packed []byte
	refs   []byte
	blocks uint32
	err    error
}

func (s *sealWriter) write(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
	s.at += int64(len(b))
}

func (s *sealWriter) head(epoch uint32, start mark) {
	b := binary.LittleEndian.AppendUint32([]byte(sealMagic), epoch)
	b = start.append(b)
	s.write(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)))
}

func (s *sealWriter) add(f *frame) error {
	if len(s.block) == 0 {
		le := binary.LittleEndian
		s.refs = le.AppendUint64(s.refs, f.index)
		s.refs = le.AppendUint64(s.refs, uint64(f.first))
		s.refs = le.AppendUint64(s.refs, uint64(s.at))
		s.blocks++
	}
	s.block = append(s.block, f.raw...)
	if len(s.block) >= blockTarget {
		s.flush()
	}
	return s.err
}

func (s *sealWriter) flush() {
	if len(s.block) == 0 {
		return
	}
	stored := s.block
	if s.packed = packer.EncodeAll(s.block, s.packed[:0]); len(s.packed) < len(s.block)-len(s.block)/16 {
		stored = s.packed
	}
	var h [blockHead]byte
	le := binary.LittleEndian
	le.PutUint32(h[:], uint32(len(stored)))
	le.PutUint32(h[4:], uint32(len(s.block)))
	le.PutUint32(h[8:], crc32.Update(crc32.Checksum(h[:8], castagnoli), castagnoli, stored))
	s.write(h[:])
	s.write(stored)
	s.block = s.block[:0]
}

func (s *sealWriter) finish(end mark) error {
	s.flush()
	le := binary.LittleEndian
	b := le.AppendUint32(s.refs, s.blocks)
	b = end.append(b)
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	b = le.AppendUint32(b, uint32(len(b)))
	s.write(append(b, sealMagic...))
	return s.err
}

// openSealed reads head and foot.
func openSealed(path string) (*sealed, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open sealed epoch: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open sealed epoch: %w", err)
	}
	size := info.Size()
	if size < int64(sealHead+footRest+sealTail) {
		return nil, damaged(path, 0, size, "it has %d bytes, too few for a sealed epoch", size)
	}
	le := binary.LittleEndian
	head := make([]byte, sealHead)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("read sealed epoch: %w", err)
	}
	n := len(sealMagic)
	if string(head[:n]) != sealMagic || crc32.Checksum(head[:sealHead-4], castagnoli) != le.Uint32(head[sealHead-4:]) {
		return nil, damaged(path, 0, int64(sealHead), "its head is not whole")
	}
	s := &sealed{path: path, epoch: le.Uint32(head[n:]), start: readMark(head[n+4:])}

	tail := make([]byte, sealTail)
	if _, err := f.ReadAt(tail, size-int64(sealTail)); err != nil {
		return nil, fmt.Errorf("read sealed epoch: %w", err)
	}
	length := int64(le.Uint32(tail))
	s.foot = size - int64(sealTail) - length
	if string(tail[4:]) != sealMagic || length < int64(footRest) || s.foot < int64(sealHead) {
		return nil, damaged(path, size-int64(sealTail), size, "its end is not whole")
	}
	foot := make([]byte, length)
	if _, err := f.ReadAt(foot, s.foot); err != nil {
		return nil, fmt.Errorf("read sealed epoch: %w", err)
	}
	refs := foot[:length-int64(footRest)]
	if crc32.Checksum(foot[:length-4], castagnoli) != le.Uint32(foot[length-4:]) ||
		len(refs) != int(le.Uint32(foot[len(refs):]))*blockRef {
		return nil, damaged(path, s.foot, size, "its foot is not whole")
	}
	s.end = readMark(foot[len(refs)+4:])
	for ; len(refs) > 0; refs = refs[blockRef:] {
		s.blocks = append(s.blocks, sealedBlock{
			index: le.Uint64(refs),
			first: kopilka.Seq(le.Uint64(refs[8:])),
			at:    int64(le.Uint64(refs[16:])),
		})
	}
	return s, nil
}

// read gives the frames of block i.
func (s *sealed) read(f *os.File, i int) ([]byte, error) {
	from, to := s.blocks[i].at, s.foot
	if i+1 < len(s.blocks) {
		to = s.blocks[i+1].at
	}
	if from < int64(sealHead) || to-from < blockHead || to-from > blockHead+blockBytesMax {
		return nil, damaged(s.path, s.foot, s.foot+int64(footRest), "block %d lies at %d..%d", i, from, to)
	}
	b := make([]byte, to-from)
	if _, err := f.ReadAt(b, from); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, damaged(s.path, from, to, "the file ends before block %d", i)
		}
		return nil, fmt.Errorf("read sealed epoch: %w", err)
	}
	le := binary.LittleEndian
	stored, raw := b[blockHead:], le.Uint32(b[4:])
	if int(le.Uint32(b)) != len(stored) || crc32.Update(crc32.Checksum(b[:8], castagnoli), castagnoli, stored) != le.Uint32(b[8:]) {
		return nil, damaged(s.path, from, to, "the checksum of block %d does not match", i)
	}
	if int(raw) == len(stored) {
		return stored, nil
	}
	out, err := unpacker.DecodeAll(stored, nil)
	if err != nil || len(out) != int(raw) {
		return nil, damaged(s.path, from, to, "block %d does not unpack: %v", i, err)
	}
	return out, nil
}

// from gives the frames of the block that the search finds: the last one for
// which after says no.
func (s *sealed) from(after func(sealedBlock) bool) ([]byte, error) {
	i := sort.Search(len(s.blocks), func(i int) bool { return after(s.blocks[i]) }) - 1
	if i < 0 {
		return nil, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("read sealed epoch: %w", err)
	}
	defer f.Close()
	return s.read(f, i)
}

func (s *sealed) find(seq kopilka.Seq) ([]byte, error) {
	b, err := s.from(func(b sealedBlock) bool { return b.first > seq })
	var found []byte
	for err == nil && len(b) > 0 {
		var fr frame
		if fr, err = readFrame(b); err != nil || fr.first > seq {
			break
		}
		found, b = fr.raw, b[len(fr.raw):]
	}
	return found, err
}

func (s *sealed) behind(at mark, _ int, buf []byte) ([]byte, error) {
	b, err := s.from(func(b sealedBlock) bool { return b.index > at.Pos.Index+1 })
	for err == nil && len(b) > 0 {
		var fr frame
		if fr, err = readFrame(b); err != nil || fr.index > at.Pos.Index {
			break
		}
		b = b[len(fr.raw):]
	}
	return append(buf, b...), err
}

// walk calls f with every frame, and checks each against the one before and the
// last against the foot.
func (s *sealed) walk(m *mark, f func(*frame) error) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("read sealed epoch: %w", err)
	}
	defer file.Close()
	if *m != s.start {
		return damaged(s.path, 0, int64(sealHead), "it begins after frame %d; the log before it ends at frame %d", s.start.Pos.Index, m.Pos.Index)
	}
	for i := range s.blocks {
		b, err := s.read(file, i)
		if err != nil {
			return err
		}
		for len(b) > 0 {
			fr, err := readFrame(b)
			if err == nil {
				err = m.follow(&fr)
			}
			if err != nil {
				return damaged(s.path, s.blocks[i].at, s.blocks[i].at+blockHead, "block %d: %v", i, err)
			}
			if err := f(&fr); err != nil {
				return err
			}
			b = b[len(fr.raw):]
		}
	}
	if *m != s.end {
		return damaged(s.path, s.foot, s.foot+int64(footRest), "it ends at frame %d; its foot says %d", m.Pos.Index, s.end.Pos.Index)
	}
	return nil
}

func (s *sealed) close() error { return nil }

// writeSealed writes the epoch whose frames walk gives, reads it back and
// walks it before it counts.
func writeSealed(path string, epoch uint32, start mark, walk func(*mark, func(*frame) error) error, room func(io.Writer) io.Writer) (*sealed, error) {
	end := start
	err := writeFile(path, func(w io.Writer) error {
		s := &sealWriter{w: room(w)}
		s.head(epoch, start)
		if err := walk(&end, s.add); err != nil {
			return err
		}
		return s.finish(end)
	}, func(tmp string) error {
		s, err := openSealed(tmp)
		if err != nil {
			return err
		}
		m := start
		if err := s.walk(&m, func(*frame) error { return nil }); err != nil {
			return err
		}
		if m != end {
			return damaged(tmp, 0, 0, "it ends at frame %d; the epoch ended at %d", m.Pos.Index, end.Pos.Index)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return openSealed(path)
}
