package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// reader reads the form of a backup and believes nothing of it. What is wrong is said
// with the byte of the stream and the section.
type reader struct {
	r        *bufio.Reader
	at       int64
	sum      hash.Hash
	sections uint32
	bytes    uint64

	name   string // of the section
	open   bool   // its end has not been read
	part   hash.Hash
	size   uint64
	stored []byte
	raw    []byte // of the chunk
	rest   []byte // of raw
}

func newReader(r io.Reader) (*reader, error) {
	x := &reader{r: bufio.NewReaderSize(r, chunkMax), sum: sha256.New(), part: sha256.New()}
	b := make([]byte, len(magic))
	if err := x.get(b); err != nil {
		return nil, err
	}
	if same := len(magic) - 1; string(b[:same]) != magic[:same] {
		return nil, fmt.Errorf("it does not begin as a backup does: %w", ErrDamaged)
	}
	if b[len(magic)-1] != magic[len(magic)-1] {
		return nil, fmt.Errorf("its form has number %d and this version knows %d: %w", b[len(magic)-1], magic[len(magic)-1], ErrNewer)
	}
	return x, nil
}

func (x *reader) damaged(format string, args ...any) error {
	where := ""
	if x.name != "" {
		where = " of section " + x.name
	}
	return fmt.Errorf("at byte %d%s: %s: %w", x.at, where, fmt.Sprintf(format, args...), ErrDamaged)
}

// get reads the next bytes of the stream.
func (x *reader) get(b []byte) error {
	n, err := io.ReadFull(x.r, b)
	x.sum.Write(b[:n])
	x.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return x.damaged("it ends here: it was cut")
	}
	return err
}

// next goes on to the next section and gives its name; it is empty when the backup
// was closed, and all of it was right.
func (x *reader) next() (name string, err error) {
	if x.open {
		panic("backup: a section was left before its end")
	}
	x.name = ""
	var mark [1]byte
	if err := x.get(mark[:]); err != nil {
		return "", err
	}
	switch mark[0] {
	case markSection:
	case markClose:
		return "", x.closed()
	default:
		return "", x.damaged("neither a section nor the close begins here")
	}
	var n [2]byte
	if err := x.get(n[:]); err != nil {
		return "", err
	}
	size := binary.LittleEndian.Uint16(n[:])
	if size == 0 || size > nameMax {
		return "", x.damaged("a name of %d bytes", size)
	}
	b := make([]byte, size)
	if err := x.get(b); err != nil {
		return "", err
	}
	if i := bytes.IndexFunc(b, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }); i >= 0 {
		return "", x.damaged("a name of other than plain letters: %q", b)
	}
	x.name, x.open, x.size, x.rest = string(b), true, 0, nil
	x.part.Reset()
	return x.name, nil
}

func (x *reader) closed() error {
	b := make([]byte, closeHead-1)
	if err := x.get(b); err != nil {
		return err
	}
	if n := binary.LittleEndian.Uint32(b); n != x.sections {
		return x.damaged("it was closed with %d sections, and %d came", n, x.sections)
	}
	if n := binary.LittleEndian.Uint64(b[4:]); n != x.bytes {
		return x.damaged("it was closed with %d bytes, and %d came", n, x.bytes)
	}
	want, have := x.sum.Sum(nil), make([]byte, sha256.Size)
	if err := x.get(have); err != nil {
		return err
	}
	if !bytes.Equal(want, have) {
		return x.damaged("it was closed with another digest: it is not one backup as it was written")
	}
	if _, err := x.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return x.damaged("something follows its close")
	}
	return nil
}

// Read reads the section that next has gone to. At its end it is proved.
func (x *reader) Read(b []byte) (int, error) {
	for len(x.rest) == 0 {
		if !x.open {
			return 0, io.EOF
		}
		if err := x.chunk(); err != nil {
			return 0, err
		}
	}
	n := copy(b, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

func (x *reader) chunk() error {
	var mark [1]byte
	if err := x.get(mark[:]); err != nil {
		return err
	}
	switch mark[0] {
	case markChunk:
	case markEnd:
		return x.end()
	default:
		return x.damaged("neither a chunk nor the section's end begins here")
	}
	var head [chunkHead - 1]byte
	if err := x.get(head[:]); err != nil {
		return err
	}
	le := binary.LittleEndian
	stored, raw := le.Uint32(head[:]), le.Uint32(head[4:])
	if raw == 0 || raw > chunkMax || stored == 0 || stored > raw {
		return x.damaged("a chunk of %d bytes in %d", raw, stored)
	}
	x.stored = append(x.stored[:0], make([]byte, stored)...)
	if err := x.get(x.stored); err != nil {
		return err
	}
	if crc32.Update(crc32.Checksum(head[:8], castagnoli), castagnoli, x.stored) != le.Uint32(head[8:]) {
		return x.damaged("the checksum of the chunk before does not match")
	}
	x.rest = x.stored
	if stored < raw {
		var err error
		if x.raw, err = unpacker.DecodeAll(x.stored, x.raw[:0]); err != nil || len(x.raw) != int(raw) {
			return x.damaged("the chunk before does not unpack: %v", err)
		}
		x.rest = x.raw
	}
	x.part.Write(x.rest)
	x.size += uint64(raw)
	return nil
}

func (x *reader) end() error {
	b := make([]byte, endSize-1)
	if err := x.get(b); err != nil {
		return err
	}
	if n := binary.LittleEndian.Uint64(b); n != x.size {
		return x.damaged("the section has %d bytes and ends with %d", x.size, n)
	}
	if !bytes.Equal(x.part.Sum(nil), b[8:]) {
		return x.damaged("the section has another digest")
	}
	x.open = false
	x.sections++
	x.bytes += x.size
	return nil
}
