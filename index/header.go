package index

import (
	"encoding/binary"
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// Columns are what a snapshot holds of the index, beside the header.
func (x *Index) Columns() []slab.Column {
	return []slab.Column{&x.members, &x.registered, &x.spend, &x.purchases.Slab}
}

// AppendHeader writes what is not in columns: the day, the rule in numbers, the
// boundaries in force.
func (x *Index) AppendHeader(b []byte) []byte {
	for _, v := range x.header() {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// ReadHeader takes what AppendHeader wrote into an index without members. After
// it the columns are restored, then comes Restored.
func (x *Index) ReadHeader(b []byte) error {
	v := x.header()
	for i := range v {
		n := 0
		if v[i], n = binary.Varint(b); n <= 0 {
			return fmt.Errorf("index: the header ends at number %d of %d", i, len(v))
		}
		b = b[n:]
	}
	if len(b) != 0 {
		return fmt.Errorf("index: %d bytes after the header", len(b))
	}
	return x.setHeader(v)
}

func (x *Index) header() []int64 {
	r := &x.rule
	v := []int64{int64(x.day), int64(x.tierWindow), int64(r.window), int64(r.segments), truth(r.avg), truth(r.isFrozen),
		truth(r.quintiles[0]), truth(r.quintiles[1]), truth(r.quintiles[2])}
	for _, b := range []*Boundaries{&r.thresholds, &x.cuts} {
		v = append(v, b.R[:]...)
		v = append(v, b.F[:]...)
		v = append(v, b.M[:]...)
	}
	for _, c := range r.cells {
		v = append(v, int64(c))
	}
	return v
}

func (x *Index) setHeader(v []int64) error {
	r := &x.rule
	x.day, x.tierWindow, r.window, r.segments = kopilka.Day(v[0]), int(v[1]), int(v[2]), int(v[3])
	r.avg, r.isFrozen = v[4] != 0, v[5] != 0
	r.quintiles = [3]bool{v[6] != 0, v[7] != 0, v[8] != 0}
	v = v[9:]
	for _, b := range []*Boundaries{&r.thresholds, &x.cuts} {
		copy(b.R[:], v)
		copy(b.F[:], v[4:])
		copy(b.M[:], v[8:])
		v = v[12:]
	}
	for i, c := range v {
		if c < 0 || int(c) >= r.segments {
			return fmt.Errorf("index: the header puts cell %d into segment %d of %d", i, c, r.segments)
		}
		r.cells[i] = uint8(c)
	}
	return nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Restored makes what is derived, after the header and the columns came back.
func (x *Index) Restored() {
	if x.registered.Len() != x.Members() || !x.shared() && x.spend.Len() != x.Members() {
		panic(fmt.Sprintf("index: columns of %d, %d and %d members", x.Members(), x.registered.Len(), x.spend.Len()))
	}
	x.purchases.restored()
	x.rebuild()
}
