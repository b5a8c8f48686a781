package outcomes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/kopilka/kopilka"
)

// run is one immutable file, with its filter and fences in memory.
type run struct {
	head
	path   string
	file   *os.File
	crc    uint32 // where the checksums of its pages begin
	filter filter
	fences []uint64
}

// openRun checks the head, the foot and the length of a run and loads its
// filter and fences. The pages of pairs are checked as they are read.
func openRun(dir string, want head) (*run, error) {
	path := filepath.Join(dir, runName(want.first, want.last))
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("outcomes: open a run: %w", err)
	}
	r := &run{head: want, path: path, file: f, crc: want.seed()}
	if err := r.load(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

func (r *run) load() error {
	var p page
	info, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("outcomes: stat %s: %w", r.path, err)
	}
	if err := r.read(0, &p); err != nil {
		return err
	}
	h, v, err := p.readHead(headMagic)
	if err != nil {
		return damaged(r.path, 0, err.Error())
	}
	if v == 1 {
		return fmt.Errorf("outcomes: %s: %w", r.path, errOld)
	}
	if v != version {
		return fmt.Errorf("outcomes: %s has format %d and this version reads %d: written by a newer version", r.path, v, version)
	}
	if h.first != r.first || h.last != r.last {
		return damaged(r.path, 0, fmt.Sprintf("covers %d..%d", h.first, h.last))
	}
	r.count, r.at = h.count, h.at
	if h.count < 0 || h.count > 1<<40 || info.Size() != h.fileBytes() {
		return damaged(r.path, 0, fmt.Sprintf("%d pairs do not make a file of %d bytes", h.count, info.Size()))
	}
	if err := r.read(h.footAt(), &p); err != nil {
		return err
	}
	if foot, _, err := p.readHead(footMagic); err != nil || foot != h {
		return damaged(r.path, h.footAt(), "the foot does not agree with the head")
	}
	if r.filter, err = r.words(r.filterAt(), filterWords(r.count)); err != nil {
		return err
	}
	r.fences, err = r.words(r.fencesAt(), r.pairPages())
	return err
}

// read fills p with page no and checks it.
func (r *run) read(no int, p *page) error {
	n, err := r.file.ReadAt(p[:], int64(no)*pageBytes)
	if n < pageBytes {
		if errors.Is(err, io.EOF) {
			return damaged(r.path, no, "the file ends")
		}
		return fmt.Errorf("outcomes: read %s at %d: %w", r.path, int64(no)*pageBytes, err)
	}
	if !p.sealed(no, r.crc) {
		return damaged(r.path, no, "checksum does not match")
	}
	return nil
}

// words reads n integers of 64 bits that begin at page no.
func (r *run) words(no, n int) ([]uint64, error) {
	words := make([]uint64, 0, n)
	var p page
	for ; len(words) < n; no++ {
		if err := r.read(no, &p); err != nil {
			return nil, err
		}
		for i := 0; i < bodyBytes && len(words) < n; i += 8 {
			words = append(words, binary.LittleEndian.Uint64(p[i:]))
		}
	}
	return words, nil
}

// find appends the positions of a key, the newest first. It uses p to read.
func (r *run) find(key uint64, p *page, to []kopilka.Seq) ([]kopilka.Seq, error) {
	// The last page that begins at or before the key has the newest pair of it;
	// the pages before may have more.
	for no := sort.Search(len(r.fences), func(i int) bool { return r.fences[i] > key }) - 1; no >= 0; no-- {
		if err := r.read(1+no, p); err != nil {
			return to, err
		}
		i := sort.Search(r.pairsIn(no), func(i int) bool { return p.key(i) > key })
		for i > 0 && p.key(i-1) == key {
			i--
			to = append(to, p.seq(i))
		}
		if i > 0 {
			break
		}
	}
	return to, nil
}

func (r *run) remove() error {
	r.file.Close()
	if err := os.Remove(r.path); err != nil {
		return fmt.Errorf("outcomes: remove a merged run: %w", err)
	}
	return nil
}

// cursor walks the pairs of a run in order.
type cursor struct {
	run  *run
	page page
	no   int // pages read
	at   int // pairs of the page taken
	pair Pair
}

// next steps to the next pair; false at the end of the run.
func (c *cursor) next() (bool, error) {
	if c.no == 0 || c.at == c.run.pairsIn(c.no-1) {
		if c.no == c.run.pairPages() {
			return false, nil
		}
		c.no++
		c.at = 0
		if err := c.run.read(c.no, &c.page); err != nil {
			return false, err
		}
	}
	c.pair = Pair{Key: c.page.key(c.at), Seq: c.page.seq(c.at)}
	c.at++
	return true, nil
}
