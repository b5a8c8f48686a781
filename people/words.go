package people

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// SealWords seals what was written by or about a member under the key in his slot
// or, with slot 0, under a new key, as Seal does a profile.
func (v *Vault) SealWords(slot uint32, words string) (newSlot uint32, sealed []byte, err error) {
	var key [keySize]byte
	defer clear(key[:])
	if slot == 0 {
		rand.Read(key[:]) // ends the process rather than fail
		slot, err = v.keys.add([][keySize]byte{key})
	} else {
		key, err = v.keys.key(slot)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("people: seal words: %w", err)
	}
	return slot, sealWords(slot, &key, words), nil
}

// SealNobodys seals what somebody wrote of whom nothing is known: under one key for
// all such words, which follows from the master key and which no erasure destroys. They
// open with slot 0.
func (v *Vault) SealNobodys(words string) []byte { return sealWords(0, &v.nobodys, words) }

func sealWords(slot uint32, key *[keySize]byte, words string) []byte {
	aead := randomNonceAEAD(key[:])
	sealed := make([]byte, 1, 1+len(words)+aead.Overhead())
	sealed[0] = sealedFormat
	return aead.Seal(sealed, nil, []byte(words), wordsData(slot))
}

// OpenWords opens words that were sealed under the key in a slot. It fails as
// Open does.
func (v *Vault) OpenWords(slot uint32, sealed []byte) (string, error) {
	key, err := v.nobodys, error(nil)
	if slot != 0 {
		key, err = v.keys.key(slot)
	}
	if err != nil {
		return "", fmt.Errorf("people: open words: %w", err)
	}
	defer clear(key[:])
	if len(sealed) == 0 || sealed[0] != sealedFormat {
		return "", fmt.Errorf("people: open words of slot %d: %w: they do not begin with the format %d", slot, ErrDamaged, sealedFormat)
	}
	plain, err := randomNonceAEAD(key[:]).Open(nil, nil, sealed[1:], wordsData(slot))
	if err != nil {
		return "", fmt.Errorf("people: open words of slot %d: %w: %d bytes do not open", slot, ErrDamaged, len(sealed))
	}
	return string(plain), nil
}

// wordsData ties sealed words to their slot, and keeps them from being taken for a
// profile.
func wordsData(slot uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("words"), slot)
}
