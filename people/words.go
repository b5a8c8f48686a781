package people

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// SealWords seals what somebody wrote, such as the words of a rating or a note,
// under the key in a slot or, with slot 0, under a new key, which is durable in a
// slot of its own when SealWords returns.
func (v *Vault) SealWords(slot uint32, words string) (newSlot uint32, sealed []byte, err error) {
	var key [keySize]byte
	defer clear(key[:])
	if slot == 0 {
		rand.Read(key[:]) // ends the process rather than fail
		if slot, err = v.keys.add([][keySize]byte{key}); err != nil {
			return 0, nil, fmt.Errorf("people: keep the key of some words: %w", err)
		}
	} else if key, err = v.keys.key(slot); err != nil {
		return 0, nil, fmt.Errorf("people: seal words: %w", err)
	}
	aead := randomNonceAEAD(key[:])
	sealed = make([]byte, 1, 1+len(words)+aead.Overhead())
	sealed[0] = sealedFormat
	return slot, aead.Seal(sealed, nil, []byte(words), wordsData(slot)), nil
}

// OpenWords opens what SealWords sealed. It fails with ErrErased when the key was
// destroyed, with ErrDamaged when slot and bytes do not belong together.
func (v *Vault) OpenWords(slot uint32, sealed []byte) (string, error) {
	key, err := v.keys.key(slot)
	if err != nil {
		return "", fmt.Errorf("people: open words: %w", err)
	}
	defer clear(key[:])
	if len(sealed) == 0 || sealed[0] != sealedFormat {
		return "", fmt.Errorf("people: open words of slot %d: %w: %d bytes that are not sealed", slot, ErrDamaged, len(sealed))
	}
	plain, err := randomNonceAEAD(key[:]).Open(nil, nil, sealed[1:], wordsData(slot))
	if err != nil {
		return "", fmt.Errorf("people: open words of slot %d: %w: %d bytes do not open", slot, ErrDamaged, len(sealed))
	}
	return string(plain), nil
}

// wordsData ties sealed words to their slot, and sets them apart from profiles.
func wordsData(slot uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte("words"), slot)
}
