package people

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
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
	size   int64      // bytes of the file
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

// openKeys opens the key file of a folder, or makes one.
func openKeys(dir string, m *master) (*keyFile, error) {
	block, err := aes.NewCipher(m.derive("wrap", keySize))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	k := &keyFile{path: filepath.Join(dir, keyFileName), aead: aead, sync: syncData}
	check := m.derive("check", checkSize)
	if _, err := os.Stat(k.path); errors.Is(err, fs.ErrNotExist) {
		if err := createKeys(dir, k.path, check); err != nil {
			return nil, fmt.Errorf("create %s: %w", k.path, err)
		}
	}
	if k.f, err = os.OpenFile(k.path, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if err := k.readHeader(check); err != nil {
		return nil, errors.Join(err, k.f.Close())
	}
	if err := k.findEnd(); err != nil {
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

func (k *keyFile) readHeader(check []byte) error {
	h := make([]byte, len(keyMagic)+8+checkSize+4)
	if _, err := k.f.ReadAt(h, 0); err != nil {
		return fmt.Errorf("read the header of %s: %w: %w", k.path, ErrDamaged, err)
	}
	if string(h[:8]) != keyMagic {
		return fmt.Errorf("%s at 0: %w: not a key file", k.path, ErrDamaged)
	}
	if format := binary.LittleEndian.Uint32(h[8:]); format > keyFormat {
		return fmt.Errorf("%s has the format %d, which a newer version wrote; this one knows up to %d", k.path, format, keyFormat)
	}
	if sum := h[len(h)-4:]; binary.LittleEndian.Uint32(sum) != crc32.Checksum(h[:len(h)-4], castagnoli) {
		return fmt.Errorf("%s at 0: %w: the header's checksum does not fit", k.path, ErrDamaged)
	}
	if subtle.ConstantTimeCompare(h[16:16+checkSize], check) != 1 {
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
	tail := (k.size - headerSize) % stepSize
	if k.size < headerSize {
		return fmt.Errorf("%s: %w: has %d bytes, less than its header", k.path, ErrDamaged, k.size)
	}
	if tail != 0 {
		// A crash while growing leaves a part of a step, of zeros. Keys there
		// mean that the file was cut.
		if _, err := k.f.ReadAt(chunk[:tail], k.size-tail); err != nil {
			return fmt.Errorf("read %s at %d: %w", k.path, k.size-tail, err)
		}
		if !zeros(chunk[:tail]) {
			return fmt.Errorf("%s: %w: was cut at %d, in the midst of keys", k.path, ErrDamaged, k.size)
		}
		k.size -= tail
		if err := k.grow(); err != nil {
			return err
		}
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
	switch s[0] {
	case slotUsed:
	case slotErased:
		return key, ErrErased
	case slotFree:
		return key, fmt.Errorf("%w: %s has nothing in slot %d", ErrNoKey, k.path, slot)
	default:
		return key, fmt.Errorf("%s at %d: %w: slot %d has the state %#x", k.path, slotOffset(slot), ErrDamaged, slot, s[0])
	}
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

// erase destroys the key in a slot, durably. The slot stays taken.
func (k *keyFile) erase(slot uint32) error {
	s, err := k.slot(slot)
	if err != nil {
		return err
	}
	if s[0] == slotFree {
		return fmt.Errorf("%w: %s has nothing in slot %d", ErrNoKey, k.path, slot)
	}
	k.disk.Lock()
	defer k.disk.Unlock()
	gone := [slotSize]byte{slotErased}
	k.write(gone[:], slotOffset(slot))
	return k.broken
}

// known tells that a slot was given to a member.
func (k *keyFile) known(slot uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slot >= k.next {
		return fmt.Errorf("%s: %w: ends after slot %d, and the books know slot %d: an old copy?", k.path, ErrDamaged, k.next-1, slot)
	}
	return nil
}

// slotData ties a sealed key to its slot: it opens nowhere else.
func slotData(slot uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("slot"), slot)
}
