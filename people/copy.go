package people

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CopyTo writes the key file as it stands, while keys go on to be added. Whoever asks
// for the greatest slot of the books first has every key up to it. A key that is
// destroyed meanwhile may be in the copy, or not.
func (v *Vault) CopyTo(w io.Writer) error {
	k := v.keys
	k.disk.Lock()
	size := k.size
	k.disk.Unlock()
	b := make([]byte, stepSize)
	for at := int64(0); at < size; {
		b := b[:min(stepSize, size-at)]
		// Whole slots: nothing of the piece is being written.
		k.disk.Lock()
		_, err := k.f.ReadAt(b, at)
		k.disk.Unlock()
		if err != nil {
			return fmt.Errorf("people: copy %s at %d: %w", k.path, at, err)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		at += int64(len(b))
	}
	return nil
}

// Copy writes the key file of a folder that nobody has open.
func Copy(dir string, w io.Writer) error {
	f, err := os.Open(filepath.Join(dir, keyFileName))
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// Check tells whether a copy of a key file is whole, as far as can be told without the
// master key.
func Check(file string) error {
	k := &keyFile{path: file}
	var err error
	if k.f, err = os.Open(file); err == nil {
		_, err = k.check(nil)
		k.f.Close()
	}
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}

// Unite makes the key file of a folder that nobody has open know what another copy of
// it knows: keys that either has, and destroyed where either has destroyed them. So it
// does not matter which of the two is the newer one. It tells how many keys of the
// folder's file it destroyed. Copies of different files are ErrDamaged.
func Unite(dir, other string) (destroyed int, err error) {
	path := filepath.Join(dir, keyFileName)
	destroyed, err = unite(path, other)
	if err != nil {
		return 0, fmt.Errorf("people: take over %s: %w", other, err)
	}
	return destroyed, nil
}

func unite(path, other string) (destroyed int, err error) {
	from := &keyFile{path: other}
	if from.f, err = os.Open(other); err != nil {
		return 0, err
	}
	defer from.f.Close()
	if _, err := from.check(nil); err != nil {
		return 0, err
	}
	to := &keyFile{path: path}
	if to.f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.f.Close()) }()
	if _, err := to.check(nil); err != nil {
		return 0, err
	}
	if err := sameHeader(to, from); err != nil {
		return 0, err
	}
	to.sync = func(*os.File) error { return nil } // once, at the end
	for to.size < from.size {
		if err := to.grow(); err != nil {
			return 0, err
		}
	}
	theirs, ours := make([]byte, stepSize), make([]byte, stepSize)
	for at := int64(headerSize); at < from.size; at += stepSize {
		for _, x := range []struct {
			k *keyFile
			b []byte
		}{{from, theirs}, {to, ours}} {
			if _, err := x.k.f.ReadAt(x.b, at); err != nil {
				return 0, fmt.Errorf("read %s at %d: %w", x.k.path, at, err)
			}
		}
		for i := 0; i < stepSize; i += slotSize {
			gone, err := uniteSlot((*[slotSize]byte)(ours[i:]), (*[slotSize]byte)(theirs[i:]))
			if err != nil {
				return 0, fmt.Errorf("%s at %d: %w: %w %s", other, at+int64(i), ErrDamaged, err, path)
			}
			if gone {
				destroyed++
			}
		}
		if _, err := to.f.WriteAt(ours, at); err != nil {
			return 0, err
		}
	}
	return destroyed, to.f.Sync()
}

// uniteSlot makes a slot know what another copy of it knows, and tells whether that
// destroyed its key.
func uniteSlot(ours, theirs *[slotSize]byte) (destroyed bool, err error) {
	switch {
	case *ours == *theirs, theirs[0] == slotFree, ours[0] == slotErased:
		return false, nil
	case theirs[0] == slotErased:
		destroyed = ours[0] == slotUsed
	case ours[0] == slotUsed:
		return false, errors.New("the slot holds another key than in")
	}
	*ours = *theirs
	return destroyed, nil
}

// sameHeader tells whether two files are under one master key.
func sameHeader(a, b *keyFile) error {
	var heads [2][headerSize]byte
	for i, k := range []*keyFile{a, b} {
		if _, err := k.f.ReadAt(heads[i][:], 0); err != nil {
			return fmt.Errorf("read the header of %s: %w", k.path, err)
		}
	}
	if heads[0] != heads[1] {
		return fmt.Errorf("%s and %s: %w: they are under different master keys", a.path, b.path, ErrWrongMaster)
	}
	return nil
}
