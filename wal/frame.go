package wal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"github.com/kopilka/kopilka"
)

// A frame on disk, little-endian:
//
//	 0  magic and version   "KPF" 1
//	 4  crc32c              of everything behind it
//	 8  size                of the frame, header and all
//	12  epoch
//	16  index
//	24  first               position of the first command
//	32  time                milliseconds
//	40  count               commands in the body
//	44  body                bytes, before compression
//	48  kept                bytes, before compression
//	52  flags               1: body and kept are one zstd frame
//	56  prev                digest of the frame before
//	88  body, kept
//
// Its digest is the SHA-256 of these bytes, which hold the digest before.
const (
	frameMagic = "KPF\x01"
	headerSize = 88

	// frameBytesMax is the most that a frame has, compressed or not.
	frameBytesMax = 512<<10 - 1

	flagZstd = 1

	// compressMin is where compression starts to pay: below it packing takes
	// longer than the disk does for the bytes it saves, and sealing packs small
	// frames together anyway.
	compressMin = 16 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a frame as it lies on disk: raw is all of it.
type frame struct {
	epoch   uint32
	index   uint64
	first   kopilka.Seq
	time    kopilka.Time
	count   uint32
	body    uint32
	kept    uint32
	flags   uint32
	prev    kopilka.Digest
	raw     []byte
	payload []byte
}

var (
	errNoFrame   = errors.New("no frame here")
	errFrameCut  = errors.New("the frame ends too soon")
	errFrameSum  = errors.New("the frame's checksum does not match")
	errFrameSize = errors.New("the frame's lengths make no sense")
)

// readFrame reads the frame at the front of b. It aliases b.
func readFrame(b []byte) (frame, error) {
	if len(b) < headerSize {
		return frame{}, errFrameCut
	}
	if !bytes.HasPrefix(b, []byte(frameMagic)) {
		return frame{}, errNoFrame
	}
	le := binary.LittleEndian
	size := le.Uint32(b[8:])
	if size < headerSize || size > frameBytesMax {
		return frame{}, errFrameSize
	}
	if int(size) > len(b) {
		return frame{}, errFrameCut
	}
	b = b[:size:size]
	if crc32.Checksum(b[8:], castagnoli) != le.Uint32(b[4:]) {
		return frame{}, errFrameSum
	}
	f := frame{
		epoch:   le.Uint32(b[12:]),
		index:   le.Uint64(b[16:]),
		first:   kopilka.Seq(le.Uint64(b[24:])),
		time:    kopilka.Time(le.Uint64(b[32:])),
		count:   le.Uint32(b[40:]),
		body:    le.Uint32(b[44:]),
		kept:    le.Uint32(b[48:]),
		flags:   le.Uint32(b[52:]),
		raw:     b,
		payload: b[headerSize:],
	}
	copy(f.prev[:], b[56:])
	if uint64(f.body)+uint64(f.kept) > FrameLimit || f.flags > flagZstd {
		return frame{}, errFrameSize
	}
	return f, nil
}

// digest is what the next frame names as the one before it.
func (f *frame) digest() kopilka.Digest { return sha256.Sum256(f.raw) }

// last is the position of the last command, or of the one before when the
// frame has none.
func (f *frame) last() kopilka.Seq { return f.first + kopilka.Seq(f.count) - 1 }

// entry is the frame with its body unpacked. Body and Kept lie in buf, which is
// grown and given back, or in the frame.
func (f *frame) entry(buf []byte, d kopilka.Digest) (kopilka.Entry, []byte, error) {
	raw := f.payload
	if f.flags&flagZstd != 0 {
		var err error
		if buf, err = unpacker.DecodeAll(f.payload, buf[:0]); err != nil {
			return kopilka.Entry{}, buf, fmt.Errorf("unpack frame %d: %w", f.index, err)
		}
		raw = buf
	}
	if len(raw) != int(f.body+f.kept) {
		return kopilka.Entry{}, buf, fmt.Errorf("frame %d unpacks to %d bytes; its header says %d: %w", f.index, len(raw), f.body+f.kept, ErrDamaged)
	}
	return kopilka.Entry{
		Pos:    kopilka.Pos{Epoch: f.epoch, Index: f.index},
		Digest: d,
		Time:   f.time,
		First:  f.first,
		Count:  int(f.count),
		Body:   raw[:f.body:f.body],
		Kept:   raw[f.body:len(raw):len(raw)],
	}, buf, nil
}

// slot is a frame on its way through the log: raw is what Apply sees, packed is
// what the disk gets. Slots are used again, so that a frame allocates nothing
// here.
type slot struct {
	raw    []byte
	packed []byte
	entry  kopilka.Entry
}

// fill writes the proposal as the frame behind end.
func (s *slot) fill(p Proposal, epoch uint32, end mark) {
	s.raw = append(append(s.raw[:0], p.Body...), p.Kept...)
	if cap(s.packed) < headerSize {
		s.packed = make([]byte, headerSize, 4<<10)
	}
	b, flags := s.packed[:headerSize], uint32(0)
	if len(s.raw) > compressMin {
		b = packer.EncodeAll(s.raw, b)
		if n := len(b) - headerSize; n < len(s.raw)-len(s.raw)/16 {
			flags = flagZstd
		}
	}
	if flags == 0 {
		b = append(b[:headerSize], s.raw...)
	}

	le := binary.LittleEndian
	copy(b, frameMagic)
	le.PutUint32(b[8:], uint32(len(b)))
	le.PutUint32(b[12:], epoch)
	le.PutUint64(b[16:], end.Pos.Index+1)
	le.PutUint64(b[24:], uint64(end.Seq)+1)
	le.PutUint64(b[32:], uint64(p.Time))
	le.PutUint32(b[40:], uint32(p.Count))
	le.PutUint32(b[44:], uint32(len(p.Body)))
	le.PutUint32(b[48:], uint32(len(p.Kept)))
	le.PutUint32(b[52:], flags)
	copy(b[56:], end.Digest[:])
	le.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	s.packed = b

	n := len(p.Body)
	s.entry = kopilka.Entry{
		Pos:    kopilka.Pos{Epoch: epoch, Index: end.Pos.Index + 1},
		Digest: sha256.Sum256(b),
		Time:   p.Time,
		First:  end.Seq + 1,
		Count:  p.Count,
		Body:   s.raw[:n:n],
		Kept:   s.raw[n:len(s.raw):len(s.raw)],
	}
}

// packer and unpacker are shared: EncodeAll and DecodeAll may be called by many
// at once. The fastest level, since a till waits for it; no checksum of their
// own, since the frame has one.
var (
	packer   = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(512<<10), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(2*frameBytesMax)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("wal: " + err.Error())
	}
	return v
}
