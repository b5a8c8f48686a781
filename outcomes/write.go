package outcomes

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

const tmpSuffix = ".tmp"

// writer writes a run beside its name. The caller adds exactly as many pairs as
// the head says, in order, and then either finishes or abandons it.
type writer struct {
	run
	buf  *bufio.Writer
	page page
	no   int // of the page being filled
	n    int // pairs in it
}

func newWriter(dir string, h head) (*writer, error) {
	w := &writer{no: 1}
	w.head, w.crc = h, h.seed()
	w.path = filepath.Join(dir, runName(h.first, h.last))
	f, err := os.OpenFile(w.path+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("outcomes: make a run: %w", err)
	}
	w.file = f
	w.buf = bufio.NewWriterSize(f, 256<<10)
	w.filter = make(filter, filterWords(h.count))
	w.fences = make([]uint64, 0, h.pairPages())
	w.page.putHead(headMagic, &w.head)
	w.page.seal(0, w.crc)
	w.buf.Write(w.page[:]) // its error sticks in buf until Flush
	clear(w.page[:])
	return w, nil
}

func (w *writer) add(p Pair) {
	if w.n == 0 {
		w.fences = append(w.fences, p.Key)
	}
	w.filter.add(p.Key)
	w.page.putPair(w.n, p)
	w.n++
	if w.n == pairsPerPage {
		w.flushPage()
	}
}

func (w *writer) flushPage() {
	w.page.seal(w.no, w.crc)
	w.buf.Write(w.page[:])
	clear(w.page[:])
	w.no++
	w.n = 0
}

func (w *writer) words(words []uint64) {
	for len(words) > 0 {
		n := min(len(words), bodyBytes/8)
		for i, x := range words[:n] {
			binary.LittleEndian.PutUint64(w.page[i*8:], x)
		}
		words = words[n:]
		w.flushPage()
	}
}

// finish makes the run durable under its name. step is called after the file is
// synced and after it is renamed; tests stand there.
func (w *writer) finish(step func(string)) (*run, error) {
	if w.n > 0 {
		w.flushPage()
	}
	w.words(w.filter)
	w.words(w.fences)
	if w.no != w.footAt() {
		panic(fmt.Sprintf("outcomes: run of %d pairs has its foot on page %d, not %d", w.count, w.no, w.footAt()))
	}
	w.page.putHead(footMagic, &w.head)
	w.flushPage()
	err := w.buf.Flush()
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.abandon()
		return nil, fmt.Errorf("outcomes: write %s: %w", w.path, err)
	}
	step("written")
	if err := os.Rename(w.path+tmpSuffix, w.path); err != nil {
		w.abandon()
		return nil, fmt.Errorf("outcomes: put a run in place: %w", err)
	}
	step("renamed")
	if err := syncDir(filepath.Dir(w.path)); err != nil {
		w.file.Close()
		return nil, err
	}
	r := w.run // lets go of the writer's buffers
	return &r, nil
}

func (w *writer) abandon() {
	w.file.Close()
	os.Remove(w.path + tmpSuffix) // Open removes what stays
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("outcomes: sync: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("outcomes: sync %s: %w", dir, err)
	}
	return nil
}
