package people

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Verify proves that the key file of a folder is whole: its header, every slot
// of it, and that no slot is missing up to the greatest one that the books
// know. It counts the keys that are not erased. It takes no lock and writes
// nothing. When the master key file is not there, ErrNoMaster says that all
// this holds, but that no key was opened.
func Verify(dir, masterKeyFile string, greatest uint32) (keys int, err error) {
	m, noMaster := readMaster(masterKeyFile)
	if noMaster != nil && !errors.Is(noMaster, fs.ErrNotExist) {
		return 0, fmt.Errorf("people: open the master key: %w", noMaster)
	}
	k := &keyFile{path: filepath.Join(dir, keyFileName)}
	var check []byte
	if noMaster == nil {
		k.aead, check = m.aead(), m.derive("check", checkSize)
	}
	if k.f, err = os.Open(k.path); err != nil {
		return 0, fmt.Errorf("people: %w", err)
	}
	defer k.f.Close()
	if keys, err = k.check(check); err == nil {
		err = k.reaches(greatest)
	}
	switch {
	case err != nil:
		return keys, fmt.Errorf("people: verify the keys with %s: %w", masterKeyFile, err)
	case noMaster != nil:
		return keys, fmt.Errorf("people: %w: %s", ErrNoMaster, masterKeyFile)
	}
	return keys, nil
}

// Look opens the vault of a folder for reading alone: it makes nothing, and what would
// be sealed or erased in it fails. Without the master key file it is ErrNoMaster.
func Look(dir, masterKeyFile string) (*Vault, error) {
	m, err := readMaster(masterKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("people: %w: %s", ErrNoMaster, masterKeyFile)
	}
	if err != nil {
		return nil, fmt.Errorf("people: open the master key: %w", err)
	}
	k := &keyFile{path: filepath.Join(dir, keyFileName), aead: m.aead(), sync: syncData}
	if k.f, err = os.Open(k.path); err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	if err := k.readHeader(m.derive("check", checkSize)); err != nil {
		k.f.Close()
		return nil, fmt.Errorf("people: open the keys with %s: %w", masterKeyFile, err)
	}
	return newVault(k, &m), nil
}

// check reads the whole file and counts its keys. It finds its end and its
// holes, and refuses what is not as it was written. Without a check of the
// master key, it has none and opens no key.
func (k *keyFile) check(check []byte) (keys int, err error) {
	if err := k.readHeader(check); err != nil {
		return 0, err
	}
	if err := k.findEnd(); err != nil {
		return 0, err
	}
	return k.checkSlots()
}

// readHeader reads the header; without a check it believes any master key.
func (k *keyFile) readHeader(check []byte) error {
	page := make([]byte, headerSize)
	if _, err := k.f.ReadAt(page, 0); err != nil {
		return fmt.Errorf("read the header of %s: %w: %w", k.path, ErrDamaged, err)
	}
	h := page[:len(keyMagic)+8+checkSize+4]
	if string(h[:8]) != keyMagic {
		return fmt.Errorf("%s at 0: %w: not a key file", k.path, ErrDamaged)
	}
	if format := binary.LittleEndian.Uint32(h[8:]); format > keyFormat {
		return fmt.Errorf("%s at 8: has the format %d, which a newer version wrote; this one knows up to %d", k.path, format, keyFormat)
	}
	if sum := h[len(h)-4:]; binary.LittleEndian.Uint32(sum) != crc32.Checksum(h[:len(h)-4], castagnoli) {
		return fmt.Errorf("%s at 0: %w: the header's checksum does not fit", k.path, ErrDamaged)
	}
	if rest := page[len(h):]; !zeros(rest) {
		return fmt.Errorf("%s at %d: %w: the header ends in zeros, and here it does not", k.path, len(h)+firstSet(rest), ErrDamaged)
	}
	if check != nil && subtle.ConstantTimeCompare(h[16:16+checkSize], check) != 1 {
		return fmt.Errorf("%s: %w", k.path, ErrWrongMaster)
	}
	return nil
}

// findEnd finds the first slot after all that were ever written, reading back
// from the end of the file.
func (k *keyFile) findEnd() error {
	stat, err := k.f.Stat()
	if err != nil {
		return err
	}
	k.size = stat.Size()
	chunk := make([]byte, stepSize)
	if tail := (k.size - headerSize) % stepSize; tail != 0 {
		// A crash while growing leaves a part of a step, of zeros. Keys there
		// mean that the file was cut.
		if _, err := k.f.ReadAt(chunk[:tail], k.size-tail); err != nil {
			return fmt.Errorf("read %s at %d: %w", k.path, k.size-tail, err)
		}
		if !zeros(chunk[:tail]) {
			return fmt.Errorf("%s: %w: was cut at %d, in the midst of keys", k.path, ErrDamaged, k.size)
		}
		k.size -= tail
	}
	for at := k.size - stepSize; at >= headerSize; at -= stepSize {
		if _, err := k.f.ReadAt(chunk, at); err != nil {
			return fmt.Errorf("read %s at %d: %w", k.path, at, err)
		}
		for i := len(chunk) - slotSize; i >= 0; i -= slotSize {
			if !zeros(chunk[i : i+slotSize]) {
				k.next = uint32((at+int64(i)-headerSize)/slotSize) + 2
				return nil
			}
		}
	}
	k.next = 1
	return nil
}

// firstSet is the index of the first byte that is not zero; there is one.
func firstSet(b []byte) int {
	return slices.IndexFunc(b, func(c byte) bool { return c != 0 })
}

// part is what was found in a step of the file.
type part struct {
	keys  int
	holes []uint32
	err   error
}

// checkSlots looks at every slot before next, on all cores, and refuses the
// first one that is not as it was written.
func (k *keyFile) checkSlots() (keys int, err error) {
	const perStep = stepSize / slotSize
	parts := make([]part, (int(k.next-1)+perStep-1)/perStep)
	var taken atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(len(parts), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			step := make([]byte, stepSize)
			// Steps are taken upwards: those below a failed one were taken before it.
			for !failed.Load() {
				i := int(taken.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				first := uint32(i*perStep) + 1
				parts[i] = k.checkStep(first, step[:min(perStep, int(k.next-first))*slotSize])
				if parts[i].err != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range parts {
		if p.err != nil {
			return 0, p.err
		}
		keys += p.keys
		k.holes = append(k.holes, p.holes...)
	}
	return keys, nil
}

// checkStep reads slots, in a row from first, into b and looks at each.
func (k *keyFile) checkStep(first uint32, b []byte) (p part) {
	if _, err := k.f.ReadAt(b, slotOffset(first)); err != nil {
		return part{err: fmt.Errorf("read %s at %d: %w", k.path, slotOffset(first), err)}
	}
	for slot := first; len(b) > 0; slot, b = slot+1, b[slotSize:] {
		s := (*[slotSize]byte)(b)
		state, err := k.state(slot, s)
		if err == nil && state == slotUsed && k.aead != nil {
			_, err = k.unwrap(slot, s)
		}
		if err != nil {
			return part{err: err}
		}
		switch state {
		case slotUsed:
			p.keys++
		case slotFree:
			p.holes = append(p.holes, slot)
		}
	}
	return p
}

// reaches tells whether every slot up to one that the books know was written.
//
// The keys of one sync may span sectors, and a power cut keeps some of them: it
// leaves holes, but above every slot whose key was durable, so above what the
// books know, and known closes them. Any other hole is a key that is gone.
func (k *keyFile) reaches(slot uint32) error {
	if slot >= k.next {
		return fmt.Errorf("%s at %d: %w: ends after slot %d, and the books know slot %d: an old copy?", k.path, slotOffset(k.next), ErrDamaged, k.next-1, slot)
	}
	if len(k.holes) > 0 && k.holes[0] <= slot {
		return fmt.Errorf("%s at %d: %w: slot %d is empty, and the books know slot %d", k.path, slotOffset(k.holes[0]), ErrDamaged, k.holes[0], slot)
	}
	return nil
}

// known tells that all slots up to one were given to members, and closes,
// durably, the holes above it: they look like slots of members erased.
func (k *keyFile) known(slot uint32) error {
	k.disk.Lock()
	defer k.disk.Unlock()
	k.mu.Lock()
	err := k.reaches(slot)
	k.mu.Unlock()
	if err != nil || len(k.holes) == 0 {
		return err
	}
	gone := [slotSize]byte{slotErased}
	for _, hole := range k.holes {
		if _, err := k.f.WriteAt(gone[:], slotOffset(hole)); err != nil {
			return fmt.Errorf("write %s at %d: %w", k.path, slotOffset(hole), err)
		}
	}
	if err := k.sync(k.f); err != nil {
		return fmt.Errorf("write %s at %d: %w", k.path, slotOffset(k.holes[0]), err)
	}
	k.holes = nil
	return nil
}
