package commit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/wal"
)

// refusing is a real log on a disk that is too full now and then.
type refusing struct {
	wal.Log
	full func() bool
}

func (r *refusing) Propose(p wal.Proposal) error {
	if r.full() {
		return fmt.Errorf("%w: %w", wal.ErrNotLogged, wal.ErrStorageFull)
	}
	return r.Log.Propose(p)
}

func openRefusing(t *testing.T, dir string, full func() bool) *Queue {
	t.Helper()
	return openOn(t, dir, wal.Options{}, Options{TestClock: testStart}, func(l wal.Log) wal.Log { return &refusing{l, full} })
}

const dayMS = 24 * 60 * 60 * 1000

// TestFullDiskAtMidnight: ticks that the log did not take are offered again, so
// that no day is missing, and the folder opens.
func TestFullDiskAtMidnight(t *testing.T) {
	var full atomic.Bool
	dir := t.TempDir()
	q := openRefusing(t, dir, full.Load)
	m := enrol(t, q, "card-1")
	for day := range kopilka.Time(400) {
		full.Store(day%3 == 0)
		err := q.SetClock(testStart + (day+1)*dayMS)
		if full.Load() != errors.Is(err, wal.ErrStorageFull) {
			t.Fatalf("day %d, full %t: %v", day, full.Load(), err)
		}
		full.Store(false)
		must(t, q, receipt(q, fmt.Sprintf("r%d", day), m, 1000))
	}
	want := hashOf(t, q)
	shut(t, q)
	q = openAt(t, dir, testStart+400*dayMS)
	defer shut(t, q)
	if hashOf(t, q) != want {
		t.Fatal("the books came back different")
	}
}

// TestPartOfABatch: when a frame of a batch was refused, the rest of the batch is
// not logged either, and is not said to be.
func TestPartOfABatch(t *testing.T) {
	var from, to, n atomic.Int64
	from.Store(1 << 60)
	q := openRefusing(t, t.TempDir(), func() bool { k := n.Add(1); return from.Load() <= k && k < to.Load() })
	defer shut(t, q)
	m := enrol(t, q, "card-1")
	cs := make([]kopilka.Command, 20_000)
	for i := range cs {
		cs[i] = receipt(q, fmt.Sprintf("b%d", i), m, 1000)
	}
	from.Store(n.Load() + 3)
	to.Store(from.Load() + 1)
	answers, err := q.SubmitAll(cs)
	if !errors.Is(err, wal.ErrStorageFull) || len(answers) == 0 || len(answers) == len(cs) {
		t.Fatalf("%d of %d answered, %v", len(answers), len(cs), err)
	}
	if got, want := balance(q, m), kopilka.Points(50*len(answers)); got != want {
		t.Fatalf("%d commands were answered, which earn %d; the balance is %d", len(answers), want, got)
	}
}

// TestFrameMaxAtItsEdge fills frames to the largest size that is allowed.
func TestFrameMaxAtItsEdge(t *testing.T) {
	for _, size := range []int{1 << 10, frameBytes - frameRoom} {
		q := openOn(t, t.TempDir(), wal.Options{FrameMax: size}, Options{TestClock: testStart, FrameMax: size}, func(l wal.Log) wal.Log { return l })
		m := enrol(t, q, "card-1")
		for round := range 3 {
			cs := make([]kopilka.Command, 20_000)
			for i := range cs {
				// The smallest commands have the largest outcomes beside them.
				g := &kopilka.Grant{Points: 1, Reason: "x"}
				g.Looked, g.Member, g.Day = q.Seq(), m, q.Calendar().DayOf(q.Now())
				g.ID = fmt.Sprintf("%d.%d", round, i)
				cs[i] = g
			}
			if _, err := q.SubmitAll(cs); err != nil {
				t.Fatal(err)
			}
			if err := q.SetClock(q.Now() + dayMS); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(q.machine.kept.bytes()); n > 2*keptMany {
			t.Errorf("frames of %d: %d bytes of outcomes wait", size, n)
		}
		shut(t, q)
	}
	if _, err := (Options{FrameMax: frameBytes - frameRoom + 1}).withDefaults(); err == nil {
		t.Error("frames without room for outcomes are allowed")
	}
}

// TestIDsAreMadeAgain: with the runs gone after a kill, everything that was
// ever acknowledged is still found.
func TestIDsAreMadeAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("spends 300 000 ids")
	}
	dir := t.TempDir()
	q := openAt(t, dir, testStart)
	m := enrol(t, q, "card-1")
	const n, step = 300_000, 10_000
	for i := 0; i < n; i += step {
		cs := make([]kopilka.Command, step)
		for k := range cs {
			cs[k] = receipt(q, fmt.Sprintf("r%d", i+k), m, 1000)
		}
		if _, err := q.SubmitAll(cs); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	must(t, q, receipt(q, "after", m, 1000))
	// What a kill leaves: the files as they are now.
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(killed, "ids")); err != nil {
		t.Fatal(err)
	}
	shut(t, q)
	q = openAt(t, killed, testStart)
	defer shut(t, q)
	for _, id := range []string{"r0", "r1", "r100000", "r200000", "r299999", "after"} {
		f, err := q.FindID(id)
		if err != nil || f.Seq == 0 {
			var r engine.Recent
			q.View(func(s *engine.State) { r = s.Recent() })
			t.Fatalf("%s is found at %d, %v (the books remember from %d)", id, f.Seq, err, r.Base)
		}
	}
}
