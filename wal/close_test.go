package wal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/kopilka/kopilka"
	"golang.org/x/sys/unix"
)

// lame is a machine that cannot be restored.
type lame struct{ toy }

var errLame = errors.New("cannot be restored")

func (*lame) Restore(io.Reader) error { return errLame }

// A log whose start failed, wherever it did, answers and can be closed, and the
// folder is then free and has all it had.
func TestCloseAfterFailedStart(t *testing.T) {
	t.Parallel()
	f := func(name string, stop func(testing.TB, *Disk), m Machine, spoil func(dir string, d *Disk) (mend func() error)) {
		t.Helper()
		o, want := busyLog(t, 61, stop)
		d, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		mend := spoil(o.Dir, d)
		if err := d.Start(m); err == nil {
			t.Fatalf("%s: it started", name)
		}
		if err := d.Start(new(toy)); err == nil {
			t.Fatalf("%s: it started at the second try, on a machine half filled", name)
		}
		if err := d.Propose(newDay(1).proposal(1, 60)); !errors.Is(err, ErrNotLogged) {
			t.Fatalf("%s: propose: %v", name, err)
		}
		if _, err := d.Frame(1); err == nil {
			t.Fatalf("%s: a frame of a log that did not start", name)
		}
		if err := d.Scan(1, func(*kopilka.Entry) error { return nil }); err != nil {
			t.Fatalf("%s: scan: %v", name, err)
		}
		if d.Fence() == nil || d.Checkpoint() == nil {
			t.Fatalf("%s: fence or checkpoint of a log that did not start", name)
		}
		for range 2 {
			if err := d.Close(); err != nil {
				t.Fatalf("%s: close: %v", name, err)
			}
		}
		if err := d.Start(new(toy)); !errors.Is(err, errClosed) {
			t.Fatalf("%s: start after close: %v", name, err)
		}
		if err := mend(); err != nil {
			t.Fatal(err)
		}
		d, again := begin(t, o)
		again.same(t, want)
		end(t, d)
	}
	nothing := func() error { return nil }

	f("no room", abandon, new(toy), func(_ string, d *Disk) func() error {
		d.space.free = func(string) (int64, error) { return 0, nil }
		return nothing
	})
	f("no HEAD", end, new(toy), func(dir string, _ *Disk) func() error {
		head := filepath.Join(dir, headName)
		if err := os.Rename(head, head+"-away"); err != nil {
			t.Fatal(err)
		}
		return func() error { return os.Rename(head+"-away", head) }
	})
	f("a machine that cannot be restored", end, new(lame), func(string, *Disk) func() error { return nothing })
	f("the disk is full when an epoch is sealed", abandon, new(toy), func(_ string, d *Disk) func() error {
		asked := 0
		d.space.free = func(string) (int64, error) { asked++; return int64(2 - asked), nil }
		return nothing
	})
	f("the next epoch cannot be begun", abandon, new(toy), func(dir string, _ *Disk) func() error {
		c, err := list(dir)
		if err != nil {
			t.Fatal(err)
		}
		path := epochDir(dir, c.dirs[len(c.dirs)-1]+1)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return func() error { return os.Remove(path) }
	})
	f("Badger does not open", end, new(toy), func(dir string, _ *Disk) func() error {
		c, err := list(dir)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(epochDir(dir, c.dirs[len(c.dirs)-1]), "09999.mem")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return func() error { return remove(path) }
	})
}

func TestCloseWithoutStart(t *testing.T) {
	o := in(t.TempDir())
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	end(t, d)
	end(t, d)
	d, _ = begin(t, o)
	end(t, d)
}

// A child between fork and exec has the lock's file open too; who opens the folder
// next must not hear that it is in use.
func TestLockIsReleasedDespiteAChild(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockFolder(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(lock.f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if _, err := lockFolder(dir, false); !errors.Is(err, ErrInUse) {
		t.Fatalf("locked twice: %v", err)
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = lockFolder(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
}
