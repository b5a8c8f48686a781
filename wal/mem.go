package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// spot is a place in a Badger file that could not be read. A crash leaves such
// places too: a frame half written, a table half flushed. It is excused when
// the log, read from the other places, reaches frame least.
type spot struct {
	Damage
	least uint64
	// blind is set when nothing of a table could be read, so that least is not known.
	blind bool
}

// A .mem file of Badger (memtable.go, structs.go): 20 bytes of key id and
// initialisation vector, then entries of
//
//	meta, user meta, varints of key length, value length, expiry; key; value; crc32c of it all, big-endian
//
// and zeros up to twice the size of a memtable. A transaction is its entries
// and one that ends it, which has bitFinTxn set.
const (
	memHeader = 20
	bitFinTxn = 1 << 7
	keySize   = 16 // see frameKey
	stampSize = 8  // Badger's version behind every key
)

// memFrames calls f with every whole frame of a .mem file and its offset, up to
// the first place that is neither an entry nor the zeros at the end.
func memFrames(path string, data []byte, f func(off int64, fr *frame) error) (*spot, error) {
	if len(data) < memHeader {
		// Created and not yet made large: a crash leaves these, and they hold nothing.
		return nil, nil
	}
	for off := memHeader; off < len(data); {
		key, value, meta, size := readEntry(data[off:])
		if size == 0 {
			return memSpot(path, data, off, "no entry here"), nil
		}
		if meta&bitFinTxn == 0 {
			fr, err := readFrame(value)
			if err != nil {
				return memSpot(path, data, off, err.Error()), nil
			}
			if len(key) != keySize+stampSize || !bytes.Equal(key[:keySize], frameKey(fr.first, fr.index)) {
				return memSpot(path, data, off, "a frame under another frame's key"), nil
			}
			if err := f(int64(off), &fr); err != nil {
				return nil, err
			}
		}
		off += size
	}
	return nil, nil
}

// readEntry reads the entry at the front of b; size is 0 when there is none.
func readEntry(b []byte) (key, value []byte, meta byte, size int) {
	if len(b) < 2 {
		return nil, nil, 0, 0
	}
	at := 2
	var lengths [3]uint64 // key, value, expiry
	for i := range lengths {
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return nil, nil, 0, 0
		}
		lengths[i] = v
		at += n
	}
	klen, vlen := lengths[0], lengths[1]
	if klen == 0 || klen > uint64(len(b)) || vlen > uint64(len(b)) || uint64(at)+klen+vlen+4 > uint64(len(b)) {
		return nil, nil, 0, 0
	}
	end := at + int(klen+vlen)
	if crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return nil, nil, 0, 0
	}
	k := at + int(klen)
	return b[at:k], b[k:end], b[0], end + 4
}

// memSpot describes the place at off, or is nil when only zeros follow.
//
// Whole frames behind it tell damage from a torn tail. Only one frame is ever
// being written, so a crash can leave one frame incomplete, and of that one the
// later pages may be there and the earlier not. Hence a frame two or more
// behind the last good one was once acknowledged, and what lay before it is lost.
func memSpot(path string, data []byte, off int, what string) *spot {
	rest := trimZeros(data[off:])
	if len(rest) == 0 {
		return nil
	}
	s := &spot{Damage: *damaged(path, int64(off), int64(off+len(rest)), "%s", what)}
	for at := 0; ; {
		n := bytes.Index(rest[at:], []byte(frameMagic))
		if n < 0 {
			return s
		}
		at += n
		// The frame may end in zeros, which were trimmed.
		fr, err := readFrame(data[off+at:])
		if err != nil {
			at++
			continue
		}
		if s.least == 0 {
			s.To = int64(off + at)
		}
		s.least = max(s.least, fr.index-1)
		at = min(at+len(fr.raw), len(rest))
	}
}

var zeroBlock [4 << 10]byte

// trimZeros cuts the zeros off the end of b, whole blocks first: nearly all of
// a young .mem file is zeros.
func trimZeros(b []byte) []byte {
	for len(b) >= len(zeroBlock) && bytes.Equal(b[len(b)-len(zeroBlock):], zeroBlock[:]) {
		b = b[:len(b)-len(zeroBlock)]
	}
	return bytes.TrimRight(b, "\x00")
}
