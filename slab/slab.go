// Package slab keeps records of one fixed size in blocks of 65 536: nothing in
// them for the garbage collector to scan, no copying as they grow, and a picture
// of many slabs as they stood at one instant, which is read while the writer
// goes on.
//
// One goroutine writes at a time, and not while others read: whoever owns the
// slabs holds a read-write lock around both. A picture begins under the write
// lock; from then on the writer, before it first touches a page of the picture
// that is not yet read, sets a copy of it aside. Pages are small (16 KiB), so
// a touch costs a microsecond or two while a picture is taken and nothing otherwise.
//
// The bytes of a picture are the records as they lie in memory, little-endian;
// on a big-endian machine the package refuses to start.
package slab

import (
	"fmt"
	"unsafe"
)

// BlockLen is the number of records in a block.
const BlockLen = 1 << blockBits

const (
	blockBits = 16
	pageBytes = 16 << 10
)

// Slab is a growing column of records. T has no pointers in it. The zero Slab
// is empty and ready.
type Slab[T any] struct {
	blocks  [][]T
	len     int
	picture *picture
}

func init() {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) != 1 {
		panic("slab: snapshots are little-endian and this machine is not")
	}
}

// Len is the number of records.
func (s *Slab[T]) Len() int { return s.len }

// At is record i, to be read.
func (s *Slab[T]) At(i int) *T { return &s.blocks[i>>blockBits][i&(BlockLen-1)] }

// Mut is record i, to be written.
func (s *Slab[T]) Mut(i int) *T {
	if s.picture != nil {
		s.keep(i)
	}
	return &s.blocks[i>>blockBits][i&(BlockLen-1)]
}

// Block is block b, to be read; only its records below Len are in use.
func (s *Slab[T]) Block(b int) []T { return s.blocks[b] }

// Blocks is the number of blocks.
func (s *Slab[T]) Blocks() int { return len(s.blocks) }

// Grow makes the slab at least n records long; new records are zero.
func (s *Slab[T]) Grow(n int) {
	for len(s.blocks)<<blockBits < n {
		block := make([]T, BlockLen)
		if len(s.blocks) > 0 { // small books keep small pages
			large(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(block))), BlockLen*s.recordBytes()))
		}
		s.blocks = append(s.blocks, block)
	}
	s.len = max(s.len, n)
}

// Append adds a record and gives its number.
func (s *Slab[T]) Append(r T) int {
	i := s.len
	s.Grow(i + 1)
	// A record past the end of a picture is not part of it, but shares a page
	// with records that are, and those bytes do not change.
	s.blocks[i>>blockBits][i&(BlockLen-1)] = r
	return i
}

// Size is the memory the slab holds, in bytes.
func (s *Slab[T]) Size() int64 {
	var t T
	return int64(len(s.blocks)) * BlockLen * int64(unsafe.Sizeof(t))
}

func (s *Slab[T]) recordBytes() int {
	var t T
	return int(unsafe.Sizeof(t))
}

// pageLen is the number of records in a page: a power of two, so that a page
// never crosses a block.
func (s *Slab[T]) pageLen() int {
	n := BlockLen
	for n > 1 && n*s.recordBytes() > pageBytes {
		n >>= 1
	}
	return n
}

// raw is the memory of records [from, to), which lie in one block.
func (s *Slab[T]) raw(from, to int) []byte {
	if from == to {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(s.At(from))), (to-from)*s.recordBytes())
}

// picture is one slab's part of a picture: pages below read are with the
// reader, pages in kept were set aside by the writer.
type picture struct {
	len     int
	pageLen int
	read    int
	kept    map[int][]byte
}

func (s *Slab[T]) keep(i int) {
	p := s.picture
	page := i / p.pageLen
	if page < p.read || i >= p.len && page*p.pageLen >= p.len {
		return
	}
	if _, ok := p.kept[page]; ok {
		return
	}
	from := page * p.pageLen
	p.kept[page] = append([]byte(nil), s.raw(from, min(from+p.pageLen, p.len))...)
}

func (s *Slab[T]) begin() {
	if s.picture != nil {
		panic("slab: a picture of this slab is being taken")
	}
	s.picture = &picture{len: s.len, pageLen: s.pageLen(), kept: map[int][]byte{}}
}

// next appends whole pages of the picture to buf until it has no room for
// another one; false when the last page has been given.
func (s *Slab[T]) next(buf []byte) ([]byte, bool) {
	p := s.picture
	for {
		from := p.read * p.pageLen
		if from >= p.len {
			return buf, false
		}
		to := min(from+p.pageLen, p.len)
		if len(buf)+(to-from)*s.recordBytes() > cap(buf) {
			return buf, true
		}
		if kept, ok := p.kept[p.read]; ok {
			buf = append(buf, kept...)
			delete(p.kept, p.read)
		} else {
			buf = append(buf, s.raw(from, to)...)
		}
		p.read++
	}
}

func (s *Slab[T]) pictured() int { return s.picture.len }

func (s *Slab[T]) end() { s.picture = nil }

func (s *Slab[T]) restore(n int, fill func([]byte) error) error {
	if s.len != 0 {
		return fmt.Errorf("slab: restore into a slab of %d records", s.len)
	}
	for from := 0; from < n; from += BlockLen {
		to := min(from+BlockLen, n)
		s.Grow(to)
		if err := fill(s.raw(from, to)); err != nil {
			return err
		}
	}
	return nil
}
