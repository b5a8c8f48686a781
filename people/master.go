package people

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrNoMaster wraps the refusal of a folder whose master key file is gone.
	ErrNoMaster = errors.New("the master key file is missing")
	// ErrWrongMaster wraps the refusal of a master key that is not the folder's.
	ErrWrongMaster = errors.New("not the master key of this folder")
)

// masterSize is the length of the master key in bytes.
const masterSize = 32

// master is the key of all keys. It is used only to derive others, one for each
// purpose (HKDF-SHA256, RFC 5869).
type master [masterSize]byte

func (m *master) derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, m[:], nil, "kopilka people "+purpose, size)
	if err != nil {
		panic("people: derive the " + purpose + " key: " + err.Error())
	}
	return key
}

// aead seals and opens the members' keys.
func (m *master) aead() cipher.AEAD {
	return randomNonceAEAD(m.derive("wrap", keySize))
}

// readMaster reads the master key file: 32 bytes in base64, on one line.
func readMaster(path string) (m master, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return m, err
	}
	if mode := stat.Mode().Perm(); mode&0o007 != 0 {
		return m, fmt.Errorf("the mode of %s is %#o, which lets everyone on this machine at it: chmod 600 it", path, mode)
	}
	// One byte more than a key and its line end tells a longer file.
	size := int64(base64.StdEncoding.EncodedLen(masterSize) + len("\r\n"))
	text, err := io.ReadAll(io.LimitReader(f, size+1))
	if err != nil {
		return m, fmt.Errorf("read %s: %w", path, err)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimRight(text, "\r\n")))
	if err != nil || len(key) != masterSize || len(text) > int(size) {
		return m, fmt.Errorf("%s does not hold a key: %d bytes in base64 on one line", path, masterSize)
	}
	return master(key), nil
}

// createMaster makes a master key and its file, and the folder for it. The file
// is there whole or not at all, and never replaces another.
func createMaster(path string) (m master, err error) {
	rand.Read(m[:]) // ends the process rather than fail
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return m, err
	}
	text := append(base64.StdEncoding.AppendEncode(nil, m[:]), '\n')
	unfinished := fmt.Sprintf("%s.%x", path, m.derive("file name", 8))
	if err := writeNew(unfinished, text); err != nil {
		return m, err
	}
	return m, errors.Join(os.Link(unfinished, path), os.Remove(unfinished), syncDir(filepath.Dir(path)))
}

// openMaster reads the master key, or makes one when there is none and nothing
// is sealed under one yet.
func openMaster(path string, sealed bool) (master, error) {
	m, err := readMaster(path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return m, err
	case sealed:
		return m, fmt.Errorf("%w: %s: bring it back from its backup; without it no profile can be read", ErrNoMaster, path)
	}
	return createMaster(path)
}

// inside tells whether a path lies in a folder.
func inside(dir, path string) (bool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return false, err
	}
	return rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// writeNew writes a file that does not exist yet, durably but for its name.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
