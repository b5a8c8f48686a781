package wal

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// heard is a logger that keeps what was said, at every level.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) Enabled(context.Context, slog.Level) bool { return true }
func (h *heard) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *heard) WithGroup(string) slog.Handler            { return h }
func (h *heard) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, r.Level.String()+" "+r.Message)
	return nil
}

// behind are the lines of the keeper.
func (h *heard) behind() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.lines), func(l string) bool { return !strings.Contains(l, "behind the writer") })
}

// until waits for something that the keeper does.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("waited in vain: %s", what)
}

// Below FreeSoft the log takes frames; sealing and snapshots wait. The keeper
// says so once, does not try again with every frame, and goes on when there is
// room.
func TestKeeperWaitsForRoom(t *testing.T) {
	t.Parallel()
	f := func(pause time.Duration, frames int) (*Disk, *toy, *heard, *atomic.Int64) {
		t.Helper()
		o := in(t.TempDir())
		o.EpochMax, o.SnapshotEvery, o.FreeSoft, o.FreeFloor = epochMin, 20_000, 200, 100
		said := new(heard)
		o.Logger = slog.New(said)
		d, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		free := new(atomic.Int64)
		free.Store(150)
		d.space.free = func(string) (int64, error) { return free.Load(), nil }
		d.keepPause = pause
		m := new(toy)
		if err := d.Start(m); err != nil {
			t.Fatal(err)
		}
		w := newDay(51)
		for range frames {
			propose(t, d, w.noise(1000))
		}
		fence(t, d)
		until(t, "the keeper to say that it waits", func() bool { return len(said.behind()) > 0 })
		if left, _ := filepath.Glob(filepath.Join(o.Dir, "*"+tmpSuffix)); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
		return d, m, said, free
	}

	// A try is a line, even if only of the level of debugging.
	d, _, said, _ := f(time.Hour, 500)
	if got := said.behind(); len(got) != 1 || !strings.HasPrefix(got[0], "WARN ") {
		t.Fatalf("500 frames on a disk that fills up gave %d tries, the first of them %q", len(got), got[0])
	}
	end(t, d)

	d, m, said, free := f(time.Millisecond, 200)
	until(t, "more tries", func() bool { return len(said.behind()) > 3 })
	free.Store(1000)
	until(t, "snapshot and sealed epochs", func() bool {
		c, err := list(d.opts.Dir)
		return err == nil && len(c.snapshots) > 0 && len(c.sealed) > 0 && len(c.dirs) == 1 && len(c.tmp) == 0
	})
	until(t, "the keeper to say that it goes on", func() bool {
		got := said.behind()
		return strings.HasPrefix(got[len(got)-1], "INFO ")
	})
	for i, line := range said.behind() {
		if want := "WARN "; (i == 0) != strings.HasPrefix(line, want) || strings.HasPrefix(line, "ERROR") {
			t.Fatalf("line %d of the keeper is %q", i, line)
		}
	}
	end(t, d)
	o := in(d.opts.Dir)
	d, again := begin(t, o)
	again.same(t, m)
	end(t, d)
}

// What is not a full disk is said at each try, and the tries are far apart.
func TestKeeperPauses(t *testing.T) {
	d := &Disk{keepPause: keepPauseMin}
	broken := errors.New("input/output error")
	f := func(pause time.Duration, err error, want time.Duration) {
		t.Helper()
		if got := d.pauseAfter(pause, err); got != want {
			t.Fatalf("after %s: %s; want %s", pause, got, want)
		}
	}
	f(0, nil, 0)
	f(0, broken, time.Second)
	f(time.Second, broken, 2*time.Second)
	f(40*time.Second, broken, time.Minute)
	f(time.Minute, broken, time.Minute)
	f(time.Minute, nil, 0)
}

// A file that cannot be finished is not left there half written.
func TestWriteFileLeavesNoHalves(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("input/output error")
	f := func(write func(io.Writer) error, check func(string) error) {
		t.Helper()
		if err := writeFile(filepath.Join(dir, "x"), write, check); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			t.Fatalf("left behind: %v, %v", names, err)
		}
	}
	f(func(w io.Writer) error { w.Write([]byte("half")); return broken }, nil)
	f(func(w io.Writer) error { return nil }, func(string) error { return broken })
}
