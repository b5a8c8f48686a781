package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// writer writes the form of a backup.
type writer struct {
	w        io.Writer
	sum      hash.Hash // of the stream
	sections uint32
	bytes    uint64

	packs bool // chunks are worth a try
	buf   []byte
	out   []byte
	part  hash.Hash // of the section
	size  uint64
}

func newWriter(w io.Writer) (*writer, error) {
	x := &writer{w: w, sum: sha256.New(), part: sha256.New(), buf: make([]byte, 0, chunkMax)}
	return x, x.put([]byte(magic))
}

func (x *writer) put(b []byte) error {
	x.sum.Write(b)
	_, err := x.w.Write(b)
	return err
}

// section writes a section with what write writes.
func (x *writer) section(name string, packs bool, write func(io.Writer) error) error {
	head := binary.LittleEndian.AppendUint16([]byte{markSection}, uint16(len(name)))
	if err := x.put(append(head, name...)); err != nil {
		return err
	}
	x.packs, x.size = packs, 0
	x.part.Reset()
	err := write((*chunks)(x))
	if err == nil {
		err = x.flush()
	}
	if err != nil {
		return fmt.Errorf("section %s: %w", name, err)
	}
	x.sections++
	x.bytes += x.size
	return x.put(x.part.Sum(binary.LittleEndian.AppendUint64([]byte{markEnd}, x.size)))
}

// chunks is a writer of a section's bytes.
type chunks writer

func (c *chunks) Write(b []byte) (n int, err error) {
	x := (*writer)(c)
	for len(b) > 0 {
		k := min(len(b), chunkMax-len(x.buf))
		x.buf = append(x.buf, b[:k]...)
		b, n = b[k:], n+k
		if len(x.buf) == chunkMax {
			if err := x.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (x *writer) flush() error {
	if len(x.buf) == 0 {
		return nil
	}
	x.part.Write(x.buf)
	x.size += uint64(len(x.buf))
	x.out = append(x.out[:0], make([]byte, chunkHead)...)
	if x.packs {
		x.out = packer.EncodeAll(x.buf, x.out)
	}
	if n := len(x.out) - chunkHead; n == 0 || n >= len(x.buf)-len(x.buf)/16 {
		x.out = append(x.out[:chunkHead], x.buf...)
	}
	le := binary.LittleEndian
	x.out[0] = markChunk
	le.PutUint32(x.out[1:], uint32(len(x.out)-chunkHead))
	le.PutUint32(x.out[5:], uint32(len(x.buf)))
	le.PutUint32(x.out[9:], crc32.Update(crc32.Checksum(x.out[1:9], castagnoli), castagnoli, x.out[chunkHead:]))
	x.buf = x.buf[:0]
	return x.put(x.out)
}

func (x *writer) close() error {
	b := binary.LittleEndian.AppendUint32([]byte{markClose}, x.sections)
	if err := x.put(binary.LittleEndian.AppendUint64(b, x.bytes)); err != nil {
		return err
	}
	_, err := x.w.Write(x.sum.Sum(nil))
	return err
}
