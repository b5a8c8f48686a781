package backup

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/kopilka/kopilka"
)

// A backup is a stream of sections, little-endian:
//
//	magic    "KPBACK" 0 1
//	section  'S', length of the name (2), name
//	  chunk  'C', bytes stored (4), bytes (4), crc32c of the two and what is stored; that
//	  …      a mebibyte at most, in zstd where that pays
//	  end    'E', bytes of the section (8), SHA-256 of them
//	…
//	close    'Z', sections (4), bytes of all (8), SHA-256 of the whole stream before this sum
//
// Nothing follows. The first section says what the others are about; then come the
// parts of the log, by the names that package wal gives them, and people.keys.
const (
	magic = "KPBACK\x00\x01"

	markSection = 'S'
	markChunk   = 'C'
	markEnd     = 'E'
	markClose   = 'Z'

	aboutName = "about"
	nameMax   = 64
	chunkMax  = 1 << 20
	chunkHead = 1 + 4 + 4 + 4
	endSize   = 1 + 8 + sha256.Size
	closeHead = 1 + 4 + 8
)

// ErrDamaged wraps what is said of a backup that is cut, altered, or made of two.
var ErrDamaged = errors.New("damaged")

// ErrNewer wraps the refusal of a backup that a newer version made.
var ErrNewer = errors.New("written by a newer version")

// Keys says where the members' keys are.
type Keys string

// A backup has the keys in it, or lies apart from them, or is nothing but them.
const (
	KeysWithin Keys = "within"
	KeysApart  Keys = "apart"
	KeysOnly   Keys = "only"
)

// About is what a backup is of. It stands at its front as JSON, for one's own eyes.
type About struct {
	Format  int         `json:"format"`
	Version string      `json:"version"` // of the server
	Made    time.Time   `json:"made"`
	Seq     kopilka.Seq `json:"position"` // of the last command
	Epoch   uint32      `json:"epoch"`
	Frame   uint64      `json:"frame"`
	Head    string      `json:"head"` // digest of the last frame
	Keys    Keys        `json:"people_keys"`
}

const formatNumber = 1

func (a *About) bytes() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic("backup: " + err.Error()) // plain fields
	}
	return append(b, '\n')
}

func readAbout(b []byte) (a About, err error) {
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: what it is about cannot be read: %w", ErrDamaged, err)
	}
	if a.Format > formatNumber {
		return a, fmt.Errorf("it has format %d and this version knows up to %d: %w", a.Format, formatNumber, ErrNewer)
	}
	if a.Format < 1 || a.Keys != KeysWithin && a.Keys != KeysApart && a.Keys != KeysOnly {
		return a, fmt.Errorf("%w: what it is about makes no sense: %s", ErrDamaged, b)
	}
	return a, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// packer and unpacker are shared: EncodeAll and DecodeAll may be called by many at
// once. The fastest level, since tills want the processor.
var (
	packer   = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(chunkMax), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*chunkMax)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("backup: " + err.Error())
	}
	return v
}
