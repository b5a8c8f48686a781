package wal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Begun tells whether a folder holds a log with frames in it, or one that cannot
// tell; only Open and Start judge it.
func Begun(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, formatName)); err != nil {
		return false
	}
	head, err := readHead(filepath.Join(dir, headName))
	return err != nil || head.Pos.Index > 0
}

const (
	formatNumber = 1
	formatName   = "FORMAT"
	formatWord   = "kopilka-log"
	lockName     = "LOCK"
	headName     = "HEAD"
	cleanName    = "CLEAN"
	epochPrefix  = "epoch-"
	sealedSuffix = ".sealed"
	snapPrefix   = "snapshot-"
	tmpSuffix    = ".tmp"
)

func epochDir(dir string, epoch uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%s%06d", epochPrefix, epoch))
}

func sealedPath(dir string, epoch uint32) string { return epochDir(dir, epoch) + sealedSuffix }

func snapshotPath(dir string, index uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%020d", snapPrefix, index))
}

// contents is what of ours lies in a folder.
type contents struct {
	format, head, clean bool
	dirs                []uint32 // epochs in a Badger, in order
	sealed              []uint32 // sealed epochs, in order
	snapshots           []uint64 // by index, newest first
	tmp                 []string // left behind by a crash
}

func (c *contents) empty() bool {
	return !c.format && !c.head && !c.clean && len(c.dirs)+len(c.sealed)+len(c.snapshots) == 0
}

func list(dir string) (contents, error) {
	var c contents
	names, err := os.ReadDir(dir)
	if err != nil {
		return c, fmt.Errorf("list the log: %w", err)
	}
	for _, e := range names {
		name := e.Name()
		switch {
		case name == formatName:
			c.format = true
		case name == headName:
			c.head = true
		case name == cleanName:
			c.clean = true
		case strings.HasSuffix(name, tmpSuffix):
			c.tmp = append(c.tmp, filepath.Join(dir, name))
		case strings.HasPrefix(name, snapPrefix):
			if n, err := strconv.ParseUint(name[len(snapPrefix):], 10, 64); err == nil {
				c.snapshots = append(c.snapshots, n)
			}
		case strings.HasPrefix(name, epochPrefix):
			number, isSealed := strings.CutSuffix(name[len(epochPrefix):], sealedSuffix)
			n, err := strconv.ParseUint(number, 10, 32)
			switch {
			case err != nil:
			case isSealed:
				c.sealed = append(c.sealed, uint32(n))
			case e.IsDir():
				c.dirs = append(c.dirs, uint32(n))
			}
		}
	}
	sort.Slice(c.dirs, func(i, j int) bool { return c.dirs[i] < c.dirs[j] })
	sort.Slice(c.sealed, func(i, j int) bool { return c.sealed[i] < c.sealed[j] })
	sort.Slice(c.snapshots, func(i, j int) bool { return c.snapshots[i] > c.snapshots[j] })
	return c, nil
}

// checkFormat refuses folders that this version does not know.
func checkFormat(dir string) error {
	path := filepath.Join(dir, formatName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(path, 0, 0, "it is missing and the folder holds a log")
	}
	if err != nil {
		return fmt.Errorf("read the log's format: %w", err)
	}
	word, number, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	n, err := strconv.Atoi(number)
	if word != formatWord || err != nil || n < 1 {
		return damaged(path, 0, int64(len(b)), "it holds %.40q, not %q and a number", b, formatWord)
	}
	if n > formatNumber {
		return fmt.Errorf("log %s has format %d and this version knows up to %d: %w", dir, n, formatNumber, ErrNewer)
	}
	return nil
}

// folderLock keeps other processes out of a folder.
type folderLock struct{ f *os.File }

// release lets others in. It unlocks before it closes: a child of this process that
// has not yet become another program has the file open too, and would keep the lock.
func (l folderLock) release() error {
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_UN)
	if e := l.f.Close(); err == nil {
		err = e
	}
	return err
}

// lockFolder takes the folder for this process. A reader shares the lock with other
// readers and writes nothing; where there is nothing to share its lock is nil.
func lockFolder(dir string, reader bool) (*folderLock, error) {
	path := filepath.Join(dir, lockName)
	flags, how := os.O_RDWR|os.O_CREATE, unix.LOCK_EX
	if reader {
		flags, how = os.O_RDONLY, unix.LOCK_SH
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if reader && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock the log: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("log %s is open in process %s: %w", dir, strings.TrimSpace(string(who)), ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !reader {
		err := f.Truncate(0)
		if err == nil {
			_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
	}
	return &folderLock{f}, nil
}

// writeFile makes a file appear whole or not at all: written beside, synced,
// read back by check (when there is one), renamed, the folder synced.
func writeFile(path string, write func(io.Writer) error, check func(tmp string) error) (err error) {
	tmp := path + tmpSuffix
	f, err := os.Create(tmp)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(tmp)
		}
	}()
	w := bufio.NewWriterSize(&steady{f: f}, 256<<10)
	if err := write(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	// What is read back should come from the disk, not from memory.
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	if err := f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", path, err)
	}
	if check != nil {
		if err := check(tmp); err != nil {
			return fmt.Errorf("read back %s: %w", path, err)
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// steady has the system write as the file grows, so that the sync at the end is
// short: the log's own syncs wait behind it.
type steady struct {
	f      *os.File
	at, up int64
}

const steadyBytes = 8 << 20

func (s *steady) Write(b []byte) (int, error) {
	n, err := s.f.Write(b)
	s.at += int64(n)
	if s.at-s.up >= steadyBytes {
		// A hint: whether it is taken shows at the sync.
		_ = unix.SyncFileRange(int(s.f.Fd()), s.up, s.at-s.up, unix.SYNC_FILE_RANGE_WRITE)
		s.up = s.at
	}
	return n, err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// initFolder makes an empty log. FORMAT comes first and HEAD second, so that a
// crash between the two leaves a folder that is plainly still empty.
func initFolder(dir string) error {
	err := writeFile(filepath.Join(dir, formatName), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %d\n", formatWord, formatNumber)
		return err
	}, nil)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, headName), func(w io.Writer) error {
		_, err := w.Write(newHead())
		return err
	}, nil)
}
