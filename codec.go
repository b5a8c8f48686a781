package kopilka

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// The written form of commands and outcomes: unsigned varints, zigzag varints
// for what may be negative, and strings with their length before them. Fields
// stand in the order of the struct; a later version adds fields at the end, and
// what is missing at the end of an older command reads as zero.

var errCut = errors.New("kopilka: the bytes of a command end too soon")

func appendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }
func appendInt(b []byte, v int64) []byte   { return binary.AppendVarint(b, v) }
func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
func appendBytes(b []byte, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// decoder takes values off the front of b. The first fault sticks in err and
// everything after it reads as zero. An end that falls between two fields is
// no fault: see above.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	d.err = errCut
	d.b = nil
}

func (d *decoder) uint() uint64 {
	if len(d.b) == 0 {
		return 0
	}
	if v := d.b[0]; v < 0x80 {
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	if len(d.b) == 0 {
		return 0
	}
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bool() bool { return d.uint() != 0 }

// bytes and string alias the input: whoever keeps them copies them.
func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) string() string {
	s := d.bytes()
	return unsafe.String(unsafe.SliceData(s), len(s))
}

// count is a length of a list, of which every item takes at least one byte.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) fixed(to []byte) {
	if len(d.b) == 0 {
		clear(to)
		return
	}
	if len(d.b) < len(to) {
		d.fail()
		return
	}
	d.b = d.b[copy(to, d.b):]
}
