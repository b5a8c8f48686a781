package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
)

// HEAD says how far the log was acknowledged. It has two places, written in
// turn, so that a write that a power cut tore leaves the one before it.
//
//	magic "KPH1", mark, crc32c
//
// It is written after the frame is durable and has no sync of its own: after
// a power cut it may be some frames behind the log, and never ahead of it.
const (
	headMagic  = "KPH1"
	headPlace  = 512 // a disk writes at least so much in one piece
	headRecord = len(headMagic) + markSize + 4
	headFile   = 2 * headPlace
)

type headWriter struct {
	f   *os.File
	buf []byte
}

func headBytes(b []byte, m mark) []byte {
	b = append(b, headMagic...)
	b = m.append(b)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// newHead is the HEAD of a log that has no frames.
func newHead() []byte {
	b := make([]byte, headFile)
	copy(b, headBytes(nil, mark{}))
	copy(b[headPlace:], headBytes(nil, mark{}))
	return b
}

func readHead(path string) (mark, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return mark{}, fmt.Errorf("read how far the log was acknowledged: %w", err)
	}
	if len(b) != headFile {
		return mark{}, damaged(path, 0, int64(len(b)), "it has %d bytes, not %d", len(b), headFile)
	}
	var newest mark
	good := 0
	for at := 0; at < headFile; at += headPlace {
		r := b[at : at+headRecord]
		sum := binary.LittleEndian.Uint32(r[headRecord-4:])
		if string(r[:len(headMagic)]) != headMagic || crc32.Checksum(r[:headRecord-4], castagnoli) != sum {
			continue
		}
		good++
		if m := readMark(r[len(headMagic):]); m.Pos.Index >= newest.Pos.Index {
			newest = m
		}
	}
	if good == 0 {
		return mark{}, damaged(path, 0, headFile, "neither of its two records is whole")
	}
	return newest, nil
}

func openHead(path string) (*headWriter, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return &headWriter{f: f}, nil
}

func (h *headWriter) write(m mark) error {
	h.buf = headBytes(h.buf[:0], m)
	_, err := h.f.WriteAt(h.buf, int64(m.Pos.Index&1)*headPlace)
	return err
}

func (h *headWriter) close() error {
	if err := h.f.Sync(); err != nil {
		h.f.Close()
		return fmt.Errorf("sync HEAD: %w", err)
	}
	return h.f.Close()
}
