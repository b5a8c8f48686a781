package people

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
)

// The key file: a header, then slots. Slot n, counted from 1, lies at
// headerSize + (n-1) × slotSize.
//
//	header   magic 8 | format u32 | slotSize u32 | check of the master key 16 |
//	         CRC-32C of these u32 | zeros
//	slot     state 1 | zeros 3 | nonce 12 | key 32, sealed | tag 16
//
// A slot lies inside one sector, so a crash leaves it written or not. The file
// grows by steps of zeros, synced before they are used, so that filling a slot
// changes no metadata and the slots in use end less than a step, and what one
// sync carries, before the end of the file.
const (
	// KeysFile is the name of the file in the data folder.
	KeysFile    = "people.keys"
	keyFileName = KeysFile
	keyMagic    = "KOPKEYS\n"
	keyFormat   = 1
	headerSize  = 4096
	slotSize    = 64
	stepSize    = 1 << 20
	keySize     = 32
	checkSize   = 16
)

// States of a slot, more than a flipped bit apart.
const (
	slotFree   = 0x00
	slotUsed   = 'K'
	slotErased = 0xa6
)

var (
	// ErrErased says that a member's key was destroyed.
	ErrErased = errors.New("erased")
	// ErrNoKey wraps the refusal of a slot that no member was given.
	ErrNoKey = errors.New("no such key slot")
	// ErrDamaged wraps what is said of sealed data or keys that are not as
	// they were written.
	ErrDamaged = errors.New("damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// keyFile holds the members' keys.
type keyFile struct {
	path string
	aead cipher.AEAD // under the wrapping key
	f    *os.File
	sync func(*os.File) error

	mu        sync.Mutex
	next      uint32 // slot
	gathering *batch // keys that wait for the disk; nil when none do

	disk   sync.Mutex // one batch is written at a time
	size   int64      // bytes of the file in whole steps
	holes  []uint32   // free slots below next, upwards; nil once known has judged them
	broken error      // the first failure; after it nothing on disk is known
}

// batch is the keys of one write and one sync: slots in a row.
type batch struct {
	first uint32
	slots []byte
	done  chan struct{} // closed when they are on disk, or err is set
	err   error
}

func slotOffset(slot uint32) int64 { return headerSize + int64(slot-1)*slotSize }

// openKeys opens the key file of a folder, every key of it, or makes one.
func openKeys(dir string, m *master) (*keyFile, error) {
	k := &keyFile{path: filepath.Join(dir, keyFileName), aead: m.aead(), sync: syncData}
	check := m.derive("check", checkSize)
	if _, err := os.Stat(k.path); errors.Is(err, fs.ErrNotExist) {
		if err := createKeys(dir, k.path, check); err != nil {
			return nil, fmt.Errorf("create %s: %w", k.path, err)
		}
	}
	var err error
	if k.f, err = os.OpenFile(k.path, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if _, err := k.check(check); err != nil {
		return nil, errors.Join(err, k.f.Close())
	}
	return k, nil
}

func createKeys(dir, path string, check []byte) error {
	file := make([]byte, headerSize+stepSize)
	h := append(file[:0], keyMagic...)
	h = binary.LittleEndian.AppendUint32(h, keyFormat)
	h = binary.LittleEndian.AppendUint32(h, slotSize)
	h = append(h, check...)
	binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	unfinished := path + ".new"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(unfinished, file); err != nil {
		return err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return syncDir(dir)
}

var zeroStep [stepSize]byte

func zeros(b []byte) bool { return bytes.Equal(b, zeroStep[:len(b)]) }

// grow adds a step of zeros to the file, durably.
func (k *keyFile) grow() error {
	if _, err := k.f.WriteAt(zeroStep[:], k.size); err != nil {
		return fmt.Errorf("grow %s past %d: %w", k.path, k.size, err)
	}
	if err := k.sync(k.f); err != nil {
		return fmt.Errorf("grow %s past %d: %w", k.path, k.size, err)
	}
	k.size += stepSize
	return nil
}

// add puts keys into new slots, in a row from first, and returns when they are
// durable. Whoever begins a batch writes it as soon as the one before is
// written; whoever comes meanwhile joins it.
func (k *keyFile) add(keys [][keySize]byte) (first uint32, err error) {
	k.mu.Lock()
	if uint64(k.next)+uint64(len(keys)) > math.MaxUint32 {
		k.mu.Unlock()
		return 0, fmt.Errorf("%s: all %d slots are taken", k.path, k.next-1)
	}
	first = k.next
	k.next += uint32(len(keys))
	b := k.gathering
	begins := b == nil
	if begins {
		b = &batch{first: first, done: make(chan struct{})}
		k.gathering = b
	}
	for i := range keys {
		b.slots = append(b.slots, slotUsed, 0, 0, 0)
		b.slots = k.aead.Seal(b.slots, nil, keys[i][:], slotData(first+uint32(i)))
	}
	k.mu.Unlock()

	if begins {
		k.flush()
	}
	<-b.done
	return first, b.err
}

func (k *keyFile) flush() {
	k.disk.Lock()
	defer k.disk.Unlock()
	k.mu.Lock()
	b := k.gathering
	k.gathering = nil
	k.mu.Unlock()

	end := slotOffset(b.first) + int64(len(b.slots))
	for k.broken == nil && k.size < end {
		k.broken = k.grow()
	}
	k.write(b.slots, slotOffset(b.first))
	b.err = k.broken
	close(b.done)
}

// write puts bytes on the disk, unless the file is broken, or breaks it.
func (k *keyFile) write(p []byte, at int64) {
	if k.broken != nil {
		return
	}
	_, err := k.f.WriteAt(p, at)
	if err == nil {
		err = k.sync(k.f)
	}
	if err != nil {
		k.broken = fmt.Errorf("write %s at %d: %w", k.path, at, err)
	}
}

// key is the key in a slot.
func (k *keyFile) key(slot uint32) (key [keySize]byte, err error) {
	s, err := k.slot(slot)
	if err != nil {
		return key, err
	}
	state, err := k.state(slot, &s)
	if err != nil {
		return key, err
	}
	switch state {
	case slotErased:
		return key, ErrErased
	case slotFree:
		return key, fmt.Errorf("%w: %s has nothing in slot %d", ErrNoKey, k.path, slot)
	}
	return k.unwrap(slot, &s)
}

// state is the state of a slot, whose bytes must be those of a slot in it.
func (k *keyFile) state(slot uint32, s *[slotSize]byte) (byte, error) {
	switch {
	case s[0] == slotUsed && zeros(s[1:4]),
		*s == [slotSize]byte{slotErased},
		*s == [slotSize]byte{slotFree}:
		return s[0], nil
	}
	return 0, fmt.Errorf("%s at %d: %w: slot %d is neither used nor erased nor free; it begins with % x", k.path, slotOffset(slot), ErrDamaged, slot, s[:4])
}

// unwrap opens the key in a slot that is used.
func (k *keyFile) unwrap(slot uint32, s *[slotSize]byte) (key [keySize]byte, err error) {
	plain, err := k.aead.Open(key[:0], nil, s[4:], slotData(slot))
	if err != nil || len(plain) != keySize {
		return key, fmt.Errorf("%s at %d: %w: slot %d does not open", k.path, slotOffset(slot), ErrDamaged, slot)
	}
	return key, nil
}

func (k *keyFile) slot(slot uint32) (s [slotSize]byte, err error) {
	if slot == 0 {
		return s, fmt.Errorf("%w: slots are counted from 1", ErrNoKey)
	}
	_, err = k.f.ReadAt(s[:], slotOffset(slot))
	if errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%w: %s ends before slot %d", ErrNoKey, k.path, slot)
	}
	if err != nil {
		return s, fmt.Errorf("read %s at %d: %w", k.path, slotOffset(slot), err)
	}
	return s, nil
}

// eraseAll destroys the keys in slots, durably. The slots stay taken.
func (k *keyFile) eraseAll(slots []uint32) error {
	gone := [slotSize]byte{slotErased}
	k.disk.Lock()
	defer k.disk.Unlock()
	for _, slot := range slots {
		s, err := k.slot(slot)
		if err != nil {
			return err
		}
		switch {
		case s[0] == slotFree:
			return fmt.Errorf("%w: %s has nothing in slot %d", ErrNoKey, k.path, slot)
		case s == gone || k.broken != nil:
			continue
		}
		if _, err := k.f.WriteAt(gone[:], slotOffset(slot)); err != nil {
			k.broken = fmt.Errorf("write %s at %d: %w", k.path, slotOffset(slot), err)
		}
	}
	if k.broken == nil {
		if err := k.sync(k.f); err != nil {
			k.broken = fmt.Errorf("sync %s: %w", k.path, err)
		}
	}
	return k.broken
}

// slotData ties a sealed key to its slot: it opens nowhere else.
func slotData(slot uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("slot"), slot)
}
