package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of a book. The zero value of a field asks for its default.
type Options struct {
	// FileMax is after how many bytes a new file is begun. Default 1 MiB: a page
	// of records is read out of whole files.
	FileMax int
	// Files are as many as are kept of each list. Default 64.
	Files int
}

// Book is both lists. It is for many goroutines.
type Book struct {
	dir   string
	opts  Options
	lists [len(names)]list
	stop  chan struct{}
	done  chan struct{}
}

// list is the files of one list, of which the newest is written.
type list struct {
	mu    sync.Mutex
	first []uint64 // number of the first record of each file, the oldest first
	file  *os.File
	size  int
	next  uint64 // number of the next record
	dirty bool   // not synced
	fault error  // of an earlier sync, which Close tells
}

// Open opens the book of a folder, which is made when it is missing. A record that a
// crash has cut short is taken off.
func Open(dir string, o Options) (*Book, error) {
	if o.FileMax == 0 {
		o.FileMax = 1 << 20
	}
	if o.Files == 0 {
		o.Files = 64
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	b := &Book{dir: dir, opts: o, stop: make(chan struct{}), done: make(chan struct{})}
	for i := range b.lists {
		if err := b.open(List(i)); err != nil {
			return nil, fmt.Errorf("audit: %s: %w", List(i), err)
		}
	}
	go b.sync()
	return b, nil
}

func (b *Book) path(l List, first uint64) string {
	return filepath.Join(b.dir, fmt.Sprintf("%s-%012d.ndjson", l, first))
}

func (b *Book) open(l List) error {
	x := &b.lists[l]
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, ok := strings.CutPrefix(e.Name(), l.String()+"-")
		if text, ok = strings.CutSuffix(text, ".ndjson"); !ok {
			continue
		}
		first, err := strconv.ParseUint(text, 10, 64)
		if err != nil || b.path(l, first) != filepath.Join(b.dir, e.Name()) {
			continue // somebody's own file
		}
		x.first = append(x.first, first)
	}
	slices.Sort(x.first)
	if len(x.first) == 0 {
		return b.begin(l, 1)
	}
	newest := x.first[len(x.first)-1]
	text, err := os.ReadFile(b.path(l, newest))
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	x.next, x.size = newest+uint64(bytes.Count(text, []byte{'\n'})), whole
	if x.file, err = os.OpenFile(b.path(l, newest), os.O_WRONLY, 0o600); err != nil {
		return err
	}
	if err := x.file.Truncate(int64(whole)); err != nil {
		return err
	}
	_, err = x.file.Seek(int64(whole), 0)
	return err
}

// begin begins a file, and lets the oldest go.
func (b *Book) begin(l List, first uint64) error {
	x := &b.lists[l]
	if x.file != nil {
		if err := errors.Join(x.file.Sync(), x.file.Close()); err != nil {
			return err
		}
		x.file = nil
	}
	f, err := os.OpenFile(b.path(l, first), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	x.file, x.size, x.next = f, 0, first
	x.first = append(x.first, first)
	for len(x.first) > b.opts.Files {
		if err := os.Remove(b.path(l, x.first[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		x.first = x.first[1:]
	}
	return nil
}

// Add keeps a record, and numbers it.
func (b *Book) Add(l List, r Record) error {
	x := &b.lists[l]
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.file == nil || x.size >= b.opts.FileMax {
		if err := b.begin(l, x.next); err != nil {
			return fmt.Errorf("audit: begin a file of %s: %w", l, err)
		}
	}
	r.No = x.next
	line, err := json.Marshal(&r)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	line = append(line, '\n')
	if n, err := x.file.Write(line); err != nil {
		if n > 0 { // a part of a line would spoil the next
			err = errors.Join(err, x.file.Truncate(int64(x.size)))
			_, seek := x.file.Seek(int64(x.size), 0)
			err = errors.Join(err, seek)
		}
		return fmt.Errorf("audit: write %s: %w", l, err)
	}
	x.size += len(line)
	x.next++
	x.dirty = true
	return nil
}

// Before gives up to limit records of a list, the newest first, with numbers below
// before; more tells whether older ones are kept.
func (b *Book) Before(l List, before uint64, limit int) (page []Record, more bool, err error) {
	x := &b.lists[l]
	x.mu.Lock()
	files, next := slices.Clone(x.first), x.next
	x.mu.Unlock()
	before = min(before, next)
	for i := len(files) - 1; i >= 0; i-- {
		if files[i] >= before {
			continue
		}
		text, err := os.ReadFile(b.path(l, files[i]))
		if errors.Is(err, fs.ErrNotExist) {
			return page, false, nil // it went meanwhile
		}
		if err != nil {
			return nil, false, fmt.Errorf("audit: read %s: %w", l, err)
		}
		lines := bytes.Split(text, []byte{'\n'})
		for k := min(len(lines)-1, int(before-files[i])) - 1; k >= 0; k-- {
			if len(page) == limit {
				return page, true, nil
			}
			var r Record
			if err := json.Unmarshal(lines[k], &r); err != nil {
				return nil, false, fmt.Errorf("audit: %s, line %d: %w", b.path(l, files[i]), k+1, err)
			}
			page = append(page, r)
		}
	}
	return page, false, nil
}

// sync brings what was written to the disk every second.
func (b *Book) sync() {
	defer close(b.done)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-beat.C:
			for i := range b.lists {
				b.lists[i].sync()
			}
		}
	}
}

func (x *list) sync() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dirty && x.file != nil {
		if err := x.file.Sync(); err != nil {
			x.fault = err
		}
		x.dirty = false
	}
}

// Close brings everything to the disk.
func (b *Book) Close() error {
	close(b.stop)
	<-b.done
	var err error
	for i := range b.lists {
		x := &b.lists[i]
		x.sync()
		err = errors.Join(err, x.fault)
		if x.file != nil {
			err = errors.Join(err, x.file.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
