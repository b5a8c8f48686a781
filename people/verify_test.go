package people

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// lived makes a key file with used slots 1, 2 and 4 and the erased slot 3.
func lived(t *testing.T) (h house, file []byte) {
	t.Helper()
	h = newHouse(t)
	v := h.open(t)
	if _, _, err := v.SealAll(make([]*Profile, 4)); err != nil {
		t.Fatal(err)
	}
	if err := v.Erase(3); err != nil {
		t.Fatal(err)
	}
	v.Close()
	file, err := os.ReadFile(h.keys())
	if err != nil {
		t.Fatal(err)
	}
	return h, file
}

func (h house) write(t *testing.T, file []byte) {
	t.Helper()
	if err := os.WriteFile(h.keys(), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// start opens a house as a server does, with the greatest slot of its books.
func (h house) start(greatest uint32) error {
	v, err := Open(h.dir, h.master)
	if err != nil {
		return err
	}
	return errors.Join(v.Known(greatest), v.Close())
}

// refusedAt wants start and Verify alike to refuse a house, by file and offset.
func (h house) refusedAt(t *testing.T, greatest uint32, offset int64, is error) {
	t.Helper()
	_, verified := Verify(h.dir, h.master, greatest)
	for _, err := range []error{verified, h.start(greatest)} {
		if err == nil || is != nil && !errors.Is(err, is) {
			t.Fatalf("got %v; want %v", err, is)
		}
		if at := fmt.Sprintf("%s at %d: ", h.keys(), offset); !strings.Contains(err.Error(), at) {
			t.Fatalf("got %v; want it to say %q", err, at)
		}
	}
}

func TestVerify(t *testing.T) {
	h, file := lived(t)
	if keys, err := Verify(h.dir, h.master, 4); keys != 3 || err != nil {
		t.Fatalf("got %d keys, %v; want 3", keys, err)
	}
	h.refusedAt(t, 5, slotOffset(5), ErrDamaged)
	// Growing was cut short: whole, and Verify leaves it as it is.
	short := append(bytes.Clone(file), make([]byte, 5000)...)
	h.write(t, short)
	if keys, err := Verify(h.dir, h.master, 4); keys != 3 || err != nil {
		t.Fatalf("got %d keys, %v; want 3", keys, err)
	}
	if after, err := os.ReadFile(h.keys()); err != nil || !bytes.Equal(after, short) {
		t.Fatalf("Verify wrote to the file, or %v", err)
	}
	if err := os.Remove(h.keys()); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(h.dir, h.master, 0); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no file: got %v", err)
	}
}

// Whatever byte flips, of the header, of a used slot, of an erased one or of one
// that is free, a start and Verify refuse the file and say where.
func TestVerifyFlippedByte(t *testing.T) {
	h, file := lived(t)
	f, err := os.OpenFile(h.keys(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put := func(i int, b byte) {
		t.Helper()
		if _, err := f.WriteAt([]byte{b}, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(i int, mask byte, offset int64, is error) {
		t.Helper()
		put(i, file[i]^mask)
		h.refusedAt(t, 4, offset, is)
		put(i, file[i])
	}
	for i := range headerSize {
		mask := byte(1) << (i % 8)
		switch {
		case i >= 36:
			flip(i, mask, int64(i), ErrDamaged)
		case i >= 8 && i < 12:
			flip(i, 0x80, 8, nil) // perhaps a newer version wrote it
		default:
			flip(i, mask, 0, ErrDamaged)
		}
	}
	for slot := uint32(1); slot <= 5; slot++ {
		for i := range slotSize {
			flip(int(slotOffset(slot))+i, 1<<(i%8), slotOffset(slot), ErrDamaged)
			flip(int(slotOffset(slot))+i, 0xff, slotOffset(slot), ErrDamaged)
		}
	}
}

// An empty slot is damage when the books know a later one, and what a power cut
// left when they do not; then it is never given to a member, nor damage later.
func TestEmptySlot(t *testing.T) {
	h, file := lived(t)
	clear(file[slotOffset(2):slotOffset(4)])
	h.write(t, file)
	h.refusedAt(t, 4, slotOffset(2), ErrDamaged)
	h.refusedAt(t, 2, slotOffset(2), ErrDamaged)
	if after, err := os.ReadFile(h.keys()); err != nil || !bytes.Equal(after, file) {
		t.Fatalf("a refusal wrote to the file, or %v", err)
	}
	for _, greatest := range []uint32{1, 1, 4} {
		if err := h.start(greatest); err != nil {
			t.Fatal(err)
		}
		if keys, err := Verify(h.dir, h.master, greatest); keys != 2 || err != nil {
			t.Fatalf("got %d keys, %v; want 2", keys, err)
		}
	}
	v := h.open(t)
	if slot, _ := sealOne(t, v, 0, full()); slot != 5 {
		t.Fatalf("got slot %d; want 5", slot)
	}
}

// Without the master key, all but what only it can tell is still checked.
func TestVerifyWithoutMaster(t *testing.T) {
	h, file := lived(t)
	if err := os.Rename(h.master, h.master+".away"); err != nil {
		t.Fatal(err)
	}
	f := func(i int, is error) {
		t.Helper()
		bad := bytes.Clone(file)
		if i >= 0 {
			bad[i] ^= 0x10
		}
		h.write(t, bad)
		keys, err := Verify(h.dir, h.master, 4)
		wantError(t, err, is)
		if errors.Is(err, ErrNoMaster) != (is == ErrNoMaster) || is == ErrNoMaster && keys != 3 {
			t.Fatalf("byte %d: got %d keys, %v", i, keys, err)
		}
	}
	f(-1, ErrNoMaster)
	f(0, ErrDamaged)
	f(20, ErrDamaged)
	f(headerSize-1, ErrDamaged)
	f(int(slotOffset(1)), ErrDamaged)
	f(int(slotOffset(1))+2, ErrDamaged)
	f(int(slotOffset(1))+9, ErrNoMaster)
	f(int(slotOffset(3))+9, ErrDamaged)
	h.write(t, file)
	_, err := Verify(h.dir, h.master, 5)
	wantError(t, err, ErrDamaged)
	if _, err := os.Stat(h.master); err == nil {
		t.Fatal("Verify made a master key")
	}

	if _, err := createMaster(h.master); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(h.dir, h.master, 4)
	wantError(t, err, ErrWrongMaster)
}

// Of many damaged slots the first is named, whichever core finds one first.
func TestVerifyNamesTheFirst(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	const slots = 5 * stepSize / slotSize
	if _, _, err := v.SealAll(make([]*Profile, slots)); err != nil {
		t.Fatal(err)
	}
	v.Close()
	file, err := os.ReadFile(h.keys())
	if err != nil {
		t.Fatal(err)
	}
	for slot := uint32(slots / 4); slot <= slots; slot += 1000 {
		file[slotOffset(slot)+30] ^= 1
	}
	h.write(t, file)
	h.refusedAt(t, slots, slotOffset(slots/4), ErrDamaged)
}
