package wal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// An .sst file of Badger (table/builder.go): blocks, an index (flatbuffer) of
// where they begin, and at the end
//
//	index │ its length │ its checksum (protobuf) │ that one's length
//
// A block is entries (overlap with the first key, rest of the key, value), the
// offsets of the entries, their number, a checksum of all that, its length.
// Lengths are big-endian, entry offsets as the machine has them.
//
// Badger's own reader ends the process where a length is wrong, so this one is
// ours; it is used before Badger is, and instead of it after a crash.

var errBlock = errors.New("unreadable block")

// tableFrames calls f with every frame of a table and its offset in the file,
// up to the first block that cannot be read.
func tableFrames(path string, data []byte, f func(off int64, fr *frame) error) (*spot, error) {
	index, err := tableIndex(data)
	if err != nil {
		return &spot{Damage: *damaged(path, 0, int64(len(data)), "%v", err), blind: true}, nil
	}
	var o fb.BlockOffset
	// A table is one memtable, so its frames are dense: the first key and their
	// number tell how far it reaches.
	var least uint64
	if index.Offsets(&o, 0) && len(o.KeyBytes()) == keySize+stampSize {
		least = binary.BigEndian.Uint64(o.KeyBytes()[8:]) + uint64(index.KeyCount()) - 1
	}
	for i := range index.OffsetsLength() {
		if !index.Offsets(&o, i) || uint64(o.Offset())+uint64(o.Len()) > uint64(len(data)) {
			return &spot{Damage: *damaged(path, 0, int64(len(data)), "block %d of %d lies outside the file", i, index.OffsetsLength()), least: least}, nil
		}
		from, to := int64(o.Offset()), int64(o.Offset()+o.Len())
		var failed error
		err := blockEntries(data[from:to], func(off int, value []byte) bool {
			fr, err := readFrame(value)
			if err == nil {
				err = f(from+int64(off), &fr)
			} else {
				err = fmt.Errorf("%w: %w", errBlock, err)
			}
			failed = err
			return err == nil
		})
		if err == nil {
			err = failed
		}
		if errors.Is(err, errBlock) {
			return &spot{Damage: *damaged(path, from, to, "%v", err), least: least}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// takeSum cuts a checksum and its length off the end of b.
func takeSum(b []byte) (rest []byte, sum *pb.Checksum, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: too short", errBlock)
	}
	n := binary.BigEndian.Uint32(b[len(b)-4:])
	b = b[:len(b)-4]
	if uint64(n) > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: the checksum has no sensible length", errBlock)
	}
	sum = new(pb.Checksum)
	if err := proto.Unmarshal(b[len(b)-int(n):], sum); err != nil || sum.Algo != pb.Checksum_CRC32C {
		return nil, nil, fmt.Errorf("%w: the checksum is not one", errBlock)
	}
	return b[:len(b)-int(n)], sum, nil
}

func tableIndex(data []byte) (*fb.TableIndex, error) {
	rest, sum, err := takeSum(data)
	if err != nil {
		return nil, err
	}
	if len(rest) < 4 {
		return nil, fmt.Errorf("%w: no index", errBlock)
	}
	n := binary.BigEndian.Uint32(rest[len(rest)-4:])
	rest = rest[:len(rest)-4]
	if n < 8 || uint64(n) > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: the index has no sensible length", errBlock)
	}
	index := rest[len(rest)-int(n):]
	if err := y.VerifyChecksum(index, sum); err != nil {
		return nil, fmt.Errorf("%w: index: %w", errBlock, err)
	}
	return fb.GetRootAsTableIndex(index, 0), nil
}

// blockEntries calls f with the values of a block and their offsets in it.
func blockEntries(b []byte, f func(off int, value []byte) bool) error {
	b, sum, err := takeSum(b)
	if err != nil {
		return err
	}
	if err := y.VerifyChecksum(b, sum); err != nil {
		return fmt.Errorf("%w: %w", errBlock, err)
	}
	if len(b) < 4 {
		return fmt.Errorf("%w: no entries", errBlock)
	}
	n := int(binary.BigEndian.Uint32(b[len(b)-4:]))
	b = b[:len(b)-4]
	if n > len(b)/4 {
		return fmt.Errorf("%w: %d entries do not fit", errBlock, n)
	}
	offsets := b[len(b)-4*n:]
	b = b[:len(b)-4*n]
	for i := range n {
		from, to := int(binary.NativeEndian.Uint32(offsets[4*i:])), len(b)
		if i+1 < n {
			to = int(binary.NativeEndian.Uint32(offsets[4*i+4:]))
		}
		if from < 0 || from+4 > to || to > len(b) {
			return fmt.Errorf("%w: entry %d lies outside its block", errBlock, i)
		}
		e := b[from:to]
		at := 4 + int(binary.NativeEndian.Uint16(e[2:])) + 2 // lengths, rest of the key, meta, user meta
		if at > len(e) {
			return fmt.Errorf("%w: the key of entry %d lies outside its block", errBlock, i)
		}
		_, size := binary.Uvarint(e[at:]) // expiry
		if size <= 0 {
			return fmt.Errorf("%w: entry %d has no value", errBlock, i)
		}
		if !f(from+at+size, e[at+size:]) {
			return nil
		}
	}
	return nil
}
