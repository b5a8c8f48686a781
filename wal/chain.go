package wal

import (
	"encoding/binary"
	"fmt"

	"github.com/kopilka/kopilka"
)

// mark is a place in the log: a frame, its digest and the position of the last
// command up to it. The zero mark is before the first frame.
type mark struct {
	Pos    kopilka.Pos
	Seq    kopilka.Seq
	Digest kopilka.Digest
}

// follow moves the mark on to f, or says why f is not the next frame.
func (m *mark) follow(f *frame) error {
	switch {
	case f.index != m.Pos.Index+1:
		return missing(m.Pos.Index+1, f.index-1)
	case f.first != m.Seq+1:
		return fmt.Errorf("frame %d begins at position %d; the one before ends at %d", f.index, f.first, m.Seq)
	case f.prev != m.Digest:
		return fmt.Errorf("frame %d does not follow the one before: digest %x, expected %x", f.index, f.prev[:6], m.Digest[:6])
	case f.epoch < m.Pos.Epoch:
		return fmt.Errorf("frame %d is of epoch %d and follows one of epoch %d", f.index, f.epoch, m.Pos.Epoch)
	}
	*m = mark{Pos: kopilka.Pos{Epoch: f.epoch, Index: f.index}, Seq: f.last(), Digest: f.digest()}
	return nil
}

func missing(from, to uint64) error {
	if from == to {
		return fmt.Errorf("frame %d is missing", from)
	}
	return fmt.Errorf("frames %d to %d are missing", from, to)
}

const markSize = 4 + 8 + 8 + 32

func (m *mark) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, m.Pos.Epoch)
	b = le.AppendUint64(b, m.Pos.Index)
	b = le.AppendUint64(b, uint64(m.Seq))
	return append(b, m.Digest[:]...)
}

// readMark reads a mark off the front of b, which has markSize bytes.
func readMark(b []byte) (m mark) {
	le := binary.LittleEndian
	m.Pos.Epoch = le.Uint32(b)
	m.Pos.Index = le.Uint64(b[4:])
	m.Seq = kopilka.Seq(le.Uint64(b[12:]))
	copy(m.Digest[:], b[20:markSize])
	return m
}
