package people

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka"
)

// Vault seals profiles and opens them. Its methods may be called from many
// goroutines at once.
type Vault struct {
	keys  *keyFile
	phone []byte // key of PhoneTag

	content kopilka.ContentSecret
	nobodys [keySize]byte // key of the words of nobody known
	cursor  []byte        // key of CursorMark
}

// sealedFormat is the first byte of a sealed profile.
const sealedFormat = 1

// Open opens the vault of a data folder with the master key in a file outside
// of it. On a folder that has no keys yet, a master key that is not there is
// made; on one that has, its absence is ErrNoMaster, and another one
// ErrWrongMaster. It opens every key: one that is not as it was written is
// ErrDamaged, with file and offset.
func Open(dir, masterKeyFile string) (*Vault, error) {
	in, err := inside(dir, masterKeyFile)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	if in {
		return nil, fmt.Errorf("people: the master key file %s lies in the data folder %s, whose copies it must not go with", masterKeyFile, dir)
	}
	_, err = os.Stat(filepath.Join(dir, keyFileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("people: %w", err)
	}
	m, err := openMaster(masterKeyFile, err == nil)
	if err != nil {
		return nil, fmt.Errorf("people: open the master key: %w", err)
	}
	keys, err := openKeys(dir, &m)
	if err != nil {
		return nil, fmt.Errorf("people: open the keys with %s: %w", masterKeyFile, err)
	}
	return newVault(keys, &m), nil
}

func newVault(keys *keyFile, m *master) *Vault {
	return &Vault{keys: keys, phone: m.derive("phone", sha256.Size),
		content: kopilka.ContentSecret(m.derive("content", sha256.Size)), nobodys: [keySize]byte(m.derive("nobodys words", keySize)),
		cursor: m.derive("cursor", sha256.Size)}
}

// Close closes the key file. Whoever is in Seal or Erase gets an error.
func (v *Vault) Close() error { return v.keys.f.Close() }

// Known tells, by ErrDamaged, when the key file does not reach up to a slot
// that the books know, or has an empty one before it: then it is not the newest,
// and would give that slot to another member, or a key is gone. Slots above that
// a power cut left empty are taken out of use. Ask it once, with the greatest
// slot of the books, before sealing.
func (v *Vault) Known(slot uint32) error {
	if err := v.keys.known(slot); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}

// Seal seals a profile under the key in a slot, or, with slot 0, under a new
// key, which is durable in a slot of its own when Seal returns. The slot of a
// new key that the books do not take up is lost, 64 bytes.
func (v *Vault) Seal(slot uint32, p *Profile) (newSlot uint32, sealed []byte, err error) {
	if slot == 0 {
		slot, all, err := v.SealAll([]*Profile{p})
		if err != nil {
			return 0, nil, err
		}
		return slot, all[0], nil
	}
	key, err := v.keys.key(slot)
	if err != nil {
		return 0, nil, fmt.Errorf("people: seal a profile: %w", err)
	}
	defer clear(key[:])
	return slot, seal(slot, &key, p), nil
}

// SealAll seals the profiles of new members under new keys, with one sync for
// all. The profile i has the slot first + i.
func (v *Vault) SealAll(ps []*Profile) (first uint32, sealed [][]byte, err error) {
	keys := make([][keySize]byte, len(ps))
	for i := range keys {
		rand.Read(keys[i][:]) // ends the process rather than fail
	}
	defer clear(keys)
	first, err = v.keys.add(keys)
	if err != nil {
		return 0, nil, fmt.Errorf("people: keep the keys of %d members: %w", len(ps), err)
	}
	sealed = make([][]byte, len(ps))
	for i, p := range ps {
		sealed[i] = seal(first+uint32(i), &keys[i], p)
	}
	return first, sealed, nil
}

// Open opens a profile that was sealed under the key in a slot. It fails with
// ErrErased when that was destroyed, with ErrDamaged when slot and bytes do not
// belong together or are not as they were written.
func (v *Vault) Open(slot uint32, sealed []byte) (*Profile, error) {
	key, err := v.keys.key(slot)
	if err != nil {
		return nil, fmt.Errorf("people: open a profile: %w", err)
	}
	defer clear(key[:])
	p, err := unseal(slot, &key, sealed)
	if err != nil {
		return nil, fmt.Errorf("people: open a profile of slot %d: %w", slot, err)
	}
	return p, nil
}

// Erase destroys the key in a slot, durably: what was sealed under it can never
// be opened again, wherever it lies. To erase twice is no error.
func (v *Vault) Erase(slot uint32) error {
	return v.EraseAll([]uint32{slot})
}

// EraseAll destroys the keys in slots, durably, with one sync for all. Those that
// are destroyed already are only synced: the process that wrote them may have ended
// before it could.
func (v *Vault) EraseAll(slots []uint32) error {
	if len(slots) == 0 {
		return nil
	}
	if err := v.keys.eraseAll(slots); err != nil {
		return fmt.Errorf("people: erase: %w", err)
	}
	return nil
}

// Erased tells whether the key in a slot was destroyed.
func (v *Vault) Erased(slot uint32) bool {
	s, err := v.keys.slot(slot)
	return err == nil && s[0] == slotErased
}

// PhoneTag is the fingerprint by which the books know a phone, as NormalizePhone
// writes it: the first 8 bytes of HMAC-SHA256 under a key of its own. It is
// never 0.
func (v *Vault) PhoneTag(e164 string) uint64 {
	h := hmac.New(sha256.New, v.phone)
	h.Write([]byte(e164))
	return max(1, binary.LittleEndian.Uint64(h.Sum(nil)))
}

// ContentSecret is what the fingerprints of the contents of commands are made under:
// it lies with the master key and in no log.
func (v *Vault) ContentSecret() kopilka.ContentSecret { return v.content }

// CursorMark is what a server signs the places in its lists with: the first 8 bytes of
// HMAC-SHA256 under a key of its own.
func (v *Vault) CursorMark(place []byte) [8]byte {
	h := hmac.New(sha256.New, v.cursor)
	h.Write(place)
	return [8]byte(h.Sum(nil))
}

// seal writes format, nonce, sealed profile and tag.
func seal(slot uint32, key *[keySize]byte, p *Profile) []byte {
	plain := p.encode()
	aead := randomNonceAEAD(key[:])
	sealed := make([]byte, 1, 1+len(plain)+aead.Overhead())
	sealed[0] = sealedFormat
	return aead.Seal(sealed, nil, plain, profileData(slot))
}

func unseal(slot uint32, key *[keySize]byte, sealed []byte) (*Profile, error) {
	if len(sealed) == 0 {
		return nil, fmt.Errorf("%w: no bytes", ErrDamaged)
	}
	if sealed[0] != sealedFormat {
		return nil, fmt.Errorf("%w: has the format %d; this version knows %d", ErrDamaged, sealed[0], sealedFormat)
	}
	plain, err := randomNonceAEAD(key[:]).Open(nil, nil, sealed[1:], profileData(slot))
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes do not open", ErrDamaged, len(sealed))
	}
	return decodeProfile(plain)
}

func randomNonceAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("people: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("people: " + err.Error())
	}
	return aead
}

// profileData ties a sealed profile to its slot.
func profileData(slot uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("profile"), slot)
}
