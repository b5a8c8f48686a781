package wal

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// walkDir reads the frames of a Badger directory from its files alone, which is
// safe whatever state they are in, and calls f with each that follows m. Frames
// up to m are passed over: a memtable that was flushed just before a crash is
// there twice.
//
// Tables first, then memtables, each by number: without compaction that is the
// order in which they were written. A place that cannot be read is excused when
// the chain gets past it by another file, or when nothing that was acknowledged
// can lie behind it; torn is the last place so excused, if any.
func walkDir(dir string, m *mark, f func(*frame) error) (torn *spot, err error) {
	tables, mems, err := badgerFiles(dir)
	if err != nil {
		return nil, err
	}
	var spots []*spot
	read := 0
	accept := func(name string) func(int64, *frame) error {
		return func(off int64, fr *frame) error {
			read++
			if fr.index <= m.Pos.Index {
				return nil
			}
			if err := m.follow(fr); err != nil {
				if n := len(spots); n > 0 {
					return spots[n-1].because(err)
				}
				return damaged(name, off, off+int64(len(fr.raw)), "%v", err)
			}
			return f(fr)
		}
	}
	walk := func(names []string, frames func(string, []byte, func(int64, *frame) error) (*spot, error)) error {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return fmt.Errorf("read the log: %w", err)
			}
			s, err := frames(name, data, accept(name))
			if err != nil {
				return err
			}
			if s != nil {
				spots = append(spots, s)
			}
		}
		return nil
	}
	if err := walk(tables, tableFrames); err != nil {
		return nil, err
	}
	inTables := read
	if err := walk(mems, memFrames); err != nil {
		return nil, err
	}
	for _, s := range spots {
		// A crash leaves half a table only while its memtable is still there.
		if s.blind && read == inTables {
			s.least = math.MaxUint64
		}
		if s.least > m.Pos.Index {
			if s.blind {
				return nil, s.because(errors.New("nothing of the table can be read"))
			}
			return nil, s.because(missing(m.Pos.Index+1, s.least))
		}
		torn = s
	}
	return torn, nil
}

func (s *spot) because(err error) error {
	d := s.Damage
	d.What += ": " + err.Error()
	return &d
}

// badgerFiles lists the tables and memtables of a directory, each by number.
func badgerFiles(dir string) (tables, mems []string, err error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list the epoch: %w", err)
	}
	number := func(path string) uint64 {
		stem, _, _ := strings.Cut(filepath.Base(path), ".")
		n, err := strconv.ParseUint(stem, 10, 64)
		if err != nil {
			return math.MaxUint64
		}
		return n
	}
	for _, e := range names {
		switch filepath.Ext(e.Name()) {
		case ".sst":
			tables = append(tables, filepath.Join(dir, e.Name()))
		case ".mem":
			mems = append(mems, filepath.Join(dir, e.Name()))
		}
	}
	byNumber := func(a, b string) int {
		na, nb := number(a), number(b)
		switch {
		case na < nb:
			return -1
		case na > nb:
			return 1
		}
		return strings.Compare(a, b)
	}
	slices.SortFunc(tables, byNumber)
	slices.SortFunc(mems, byNumber)
	return tables, mems, nil
}
