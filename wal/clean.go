package wal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// cleanStop is what CLEAN holds: where the log ended and every file of the live
// epoch as Badger left it. With it the next start may let Badger open the epoch
// again; without it Badger would take a missing table for one that never was.
type cleanStop struct {
	Epoch uint32 // the live one, which may have no frames yet
	End   mark
	Files []cleanFile
}

type cleanFile struct {
	Name  string
	Bytes int64
	CRC32 uint32
}

// writeClean is called when the live epoch is closed and everything is synced.
func writeClean(dir string, epoch uint32, end mark) error {
	path := epochDir(dir, epoch)
	files, err := sumFiles(path, true)
	if err != nil {
		return err
	}
	if err := syncDir(path); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, cleanName), func(w io.Writer) error {
		b, err := json.Marshal(cleanStop{Epoch: epoch, End: end, Files: files})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n%08x\n", b, crc32.Checksum(b, castagnoli))
		return err
	}, nil)
}

// readClean is nil when the log was not closed in order.
func readClean(dir string) (*cleanStop, error) {
	b, err := os.ReadFile(filepath.Join(dir, cleanName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how the log was closed: %w", err)
	}
	line, sum, _ := bytes.Cut(b, []byte("\n"))
	var c cleanStop
	// Without a whole marker the start takes the long way, which needs none.
	if string(sum) != fmt.Sprintf("%08x\n", crc32.Checksum(line, castagnoli)) || json.Unmarshal(line, &c) != nil {
		return nil, nil
	}
	return &c, nil
}

// check compares the live epoch with what was left.
func (c *cleanStop) check(dir string) error {
	path := epochDir(dir, c.Epoch)
	have, err := sumFiles(path, false)
	if err != nil {
		return err
	}
	byName := map[string]cleanFile{}
	for _, f := range have {
		byName[f.Name] = f
	}
	for _, want := range c.Files {
		name := filepath.Join(path, want.Name)
		f, ok := byName[want.Name]
		switch {
		case !ok:
			return damaged(name, 0, 0, "it is missing; the log was closed with it")
		case f.Bytes != want.Bytes:
			return damaged(name, min(f.Bytes, want.Bytes), max(f.Bytes, want.Bytes), "it has %d bytes; the log was closed with %d", f.Bytes, want.Bytes)
		case f != want:
			return damaged(name, 0, f.Bytes, "its checksum is %08x; the log was closed with %08x", f.CRC32, want.CRC32)
		}
	}
	return nil
}

// sumFiles sums what lies in a folder. With sync it sees to it first that a
// power cut leaves it so: Badger cuts its value log and does not sync the cut.
func sumFiles(dir string, sync bool) ([]cleanFile, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged(dir, 0, 0, "it is missing; the log was closed with it")
	}
	if err != nil {
		return nil, fmt.Errorf("list the epoch: %w", err)
	}
	files := make([]cleanFile, 0, len(names))
	for _, e := range names {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("sum the epoch: %w", err)
		}
		sum := crc32.New(castagnoli)
		n, err := io.Copy(sum, f)
		if err == nil && sync {
			err = f.Sync()
		}
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("sum the epoch: %w", err)
		}
		files = append(files, cleanFile{Name: e.Name(), Bytes: n, CRC32: sum.Sum32()})
	}
	return files, nil
}
