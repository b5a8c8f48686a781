package slab

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// Column is a Slab of any record type, as pictures see it.
type Column interface {
	begin()
	next(buf []byte) ([]byte, bool)
	pictured() int
	end()
	recordBytes() int
	restore(n int, fill func([]byte) error) error
	Size() int64
}

// Picture is how some columns stood at one instant.
type Picture struct {
	lock sync.Locker
	cols []Column
}

// chunk is how much is copied under the lock at a time.
const chunk = 512 << 10

// Begin takes a picture of cols. It is called under the write lock; lock is the
// read side of the same lock, which WriteTo and Close take. Every picture is
// closed, and a column is in one picture at a time.
func Begin(lock sync.Locker, cols ...Column) *Picture {
	for _, c := range cols {
		c.begin()
	}
	return &Picture{lock: lock, cols: cols}
}

// WriteTo writes the columns one after another, each as its number of records,
// the size of a record and the records. It holds the lock for half a mebibyte at a time.
func (p *Picture) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	buf := make([]byte, 0, chunk)
	for _, c := range p.cols {
		var head [12]byte
		binary.LittleEndian.PutUint64(head[:], uint64(c.pictured()))
		binary.LittleEndian.PutUint32(head[8:], uint32(c.recordBytes()))
		n, err := w.Write(head[:])
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		for more := true; more; {
			p.lock.Lock()
			buf, more = c.next(buf[:0])
			p.lock.Unlock()
			n, err := w.Write(buf)
			sum += int64(n)
			if err != nil {
				return sum, err
			}
		}
	}
	return sum, nil
}

// Close ends the picture and frees what was set aside for it. The caller holds
// the write lock.
func (p *Picture) Close() {
	for _, c := range p.cols {
		c.end()
	}
}

// Restore fills empty columns from what WriteTo wrote, in the same order. It
// reads no further than that.
func Restore(r io.Reader, cols ...Column) error {
	br, ok := r.(*bufio.Reader)
	if !ok {
		br = bufio.NewReaderSize(r, 1<<20)
	}
	for i, c := range cols {
		var head [12]byte
		if _, err := io.ReadFull(br, head[:]); err != nil {
			return fmt.Errorf("slab: column %d: %w", i, err)
		}
		n, size := binary.LittleEndian.Uint64(head[:]), binary.LittleEndian.Uint32(head[8:])
		if int(size) != c.recordBytes() || n > 1<<40 {
			return fmt.Errorf("slab: column %d has %d records of %d bytes; this version has records of %d bytes", i, n, size, c.recordBytes())
		}
		fill := func(b []byte) error {
			_, err := io.ReadFull(br, b)
			return err
		}
		if err := c.restore(int(n), fill); err != nil {
			return fmt.Errorf("slab: column %d: %w", i, err)
		}
	}
	return nil
}
