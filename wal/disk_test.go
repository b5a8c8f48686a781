package wal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

func TestRoundTrip(t *testing.T) {
	const seed = 1
	o := in(t.TempDir())
	d, m := begin(t, o)
	w := newDay(seed)
	var proposals []Proposal
	for range 300 {
		p := w.mixed()
		proposals = append(proposals, p)
		propose(t, d, p)
	}
	fence(t, d)
	check := func(d *Disk) {
		t.Helper()
		i, seq := 0, kopilka.Seq(1)
		err := d.Scan(1, func(e *kopilka.Entry) error {
			p := proposals[i]
			if e.Pos.Index != uint64(i+1) || e.First != seq || e.Count != p.Count || e.Time != p.Time ||
				!bytes.Equal(e.Body, p.Body) || !bytes.Equal(e.Kept, p.Kept) {
				t.Fatalf("seed %d: scan: entry %d at %d is not what was proposed", seed, e.Pos.Index, e.First)
			}
			for n := range p.Count {
				if n > 2 && n < p.Count-2 {
					continue
				}
				got, err := d.Frame(seq + kopilka.Seq(n))
				if err != nil {
					t.Fatal(err)
				}
				if got.Pos != e.Pos || got.Digest != e.Digest || !bytes.Equal(got.Body, p.Body) {
					t.Fatalf("seed %d: position %d: frame %d; want %d", seed, seq, got.Pos.Index, e.Pos.Index)
				}
			}
			i++
			seq += kopilka.Seq(p.Count)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if kopilka.Seq(d.seq.Load())+1 != seq {
			t.Fatalf("seed %d: scan ended at %d; want %d", seed, seq, d.seq.Load()+1)
		}
		for _, no := range []kopilka.Seq{0, seq, seq + 100} {
			if _, err := d.Frame(no); !errors.Is(err, ErrNotFound) {
				t.Fatalf("frame of position %d: %v; want ErrNotFound", no, err)
			}
		}
	}
	check(d)
	if head, err := readHead(filepath.Join(o.Dir, headName)); err != nil || head != d.end {
		t.Fatalf("HEAD says frame %d, %v; the log ends at %d", head.Pos.Index, err, d.end.Pos.Index)
	}
	end(t, d)

	d, again := begin(t, o)
	again.same(t, m)
	check(d)
	end(t, d)
}

func TestRestart(t *testing.T) {
	t.Parallel()
	f := func(seed uint64, epochMax, snapshotEvery int64) {
		t.Helper()
		o := in(t.TempDir())
		o.EpochMax, o.SnapshotEvery = epochMax, snapshotEvery
		want := new(toy)
		w := newDay(seed)
		for round := range 8 {
			d, m := begin(t, o)
			if round > 0 {
				m.same(t, want)
			}
			for range 40 {
				propose(t, d, w.mixed())
			}
			fence(t, d)
			if round%3 == 1 {
				if err := d.Checkpoint(); err != nil {
					t.Fatal(err)
				}
			}
			want = m
			if round%2 == 0 {
				end(t, d)
			} else {
				abandon(t, d)
			}
			s, err := Verify(o.Dir, nil)
			if err != nil || s.Seq != m.seq || s.Digest != m.digest {
				t.Fatalf("seed %d round %d: verify: %+v, %v", seed, round, s, err)
			}
		}
		// The whole log alone gives the same as snapshot and tail did.
		whole := new(toy)
		if err := Each(o.Dir, func(e *kopilka.Entry) error { whole.Apply(e); return nil }); err != nil {
			t.Fatal(err)
		}
		whole.same(t, want)
	}
	f(1, 1<<30, 1<<30)
	f(2, epochMin, 1<<30)
	f(3, 1<<30, 50_000)
	f(4, 300_000, 200_000)
}

func TestReadsBesideTheWriter(t *testing.T) {
	t.Parallel()
	const seed = 3
	o := in(t.TempDir())
	o.EpochMax, o.SnapshotEvery = 300_000, 200_000
	d, m := begin(t, o)
	stop, done := make(chan struct{}), make(chan error, 3)
	loop := func(f func() error) {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := f(); err != nil {
				done <- err
				return
			}
		}
	}
	go loop(func() error {
		seq := d.seq.Load()
		if seq == 0 {
			return nil
		}
		_, err := d.Frame(kopilka.Seq(1 + seq*7919%seq))
		return err
	})
	go loop(func() error {
		seen := kopilka.Seq(0)
		err := d.Scan(1, func(e *kopilka.Entry) error { seen = e.First + kopilka.Seq(e.Count) - 1; return nil })
		if err == nil && uint64(seen) > d.seq.Load() {
			return errors.New("scan saw what is not durable")
		}
		return err
	})
	go loop(d.Checkpoint)
	w := newDay(seed)
	for range 400 {
		propose(t, d, w.mixed())
	}
	fence(t, d)
	close(stop)
	for range 3 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	end(t, d)
	d, again := begin(t, o)
	again.same(t, m)
	end(t, d)
}

// With no compactors and no limit on tables, many memtables come and go and
// nothing is lost.
func TestManyMemtables(t *testing.T) {
	t.Parallel()
	const seed = 5
	o := in(t.TempDir())
	o.EpochMax, o.SnapshotEvery = 1<<30, 1<<30
	d, m := begin(t, o)
	w := newDay(seed)
	p := w.noise(250_000)
	for i := range 160 { // 40 MB: five memtables
		p.Body[i]++
		propose(t, d, p)
	}
	fence(t, d)
	abandon(t, d)
	flushed(t, o.Dir)
	d, again := begin(t, o)
	again.same(t, m)
	end(t, d)
}

// flushed waits until an abandoned log, whose Badger lives on in this process as
// it would not after a kill, has turned all memtables but the last into tables.
func flushed(t testing.TB, dir string) {
	t.Helper()
	for range 1000 {
		if all, _ := filepath.Glob(filepath.Join(dir, "epoch-*", "*.mem")); len(all) <= 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("memtables are still being flushed")
}

func TestRefusals(t *testing.T) {
	o := in(t.TempDir())
	o.FrameMax = 1000
	poisoned := 0
	o.OnPoison = func(error) { poisoned++ }
	d, m := begin(t, o)
	f := func(p Proposal, free int64, want error) {
		t.Helper()
		d.space.free = func(string) (int64, error) { return free, nil }
		d.space.frames = spaceFrames
		err := d.Propose(p)
		if want == nil && err != nil || !errors.Is(err, want) {
			t.Fatalf("got %v; want %v", err, want)
		}
		if err != nil && !errors.Is(err, ErrNotLogged) {
			t.Fatalf("%v is not ErrNotLogged", err)
		}
	}
	d.space.floor, d.space.soft = 100, 200
	w := newDay(1)
	f(w.proposal(1, 60), 100, nil)
	f(w.proposal(1, 60), 99, ErrStorageFull)
	f(w.proposal(1, 1000), 1000, nil)
	f(w.proposal(1, 1001), 1000, ErrNotLogged)
	f(Proposal{Kept: make([]byte, FrameLimit+1)}, 1000, ErrNotLogged)
	f(Proposal{Kept: make([]byte, FrameLimit)}, 1000, nil)
	both := w.noise(1000)
	both.Kept = make([]byte, FrameLimit-1000+1)
	f(both, 1000, ErrNotLogged)
	both.Kept = w.noise(FrameLimit - 1000).Body // bytes that do not pack
	f(both, 1000, nil)
	fence(t, d)
	if raw, err := d.live().store.find(d.end.Seq); err != nil || len(raw) != 512<<10-1 {
		t.Fatalf("the largest frame has %d bytes, %v", len(raw), err)
	}
	if m.pos.Index != 4 || d.Role() != Leader || poisoned != 0 {
		t.Fatalf("%d frames, role %d, poisoned %d times", m.pos.Index, d.Role(), poisoned)
	}
	end(t, d)
	if err := d.Propose(w.proposal(1, 60)); !errors.Is(err, ErrNotLogged) {
		t.Fatalf("after close: %v", err)
	}
	if err := d.Fence(); err == nil {
		t.Fatal("fence after close")
	}
	if _, err := d.Frame(1); !errors.Is(err, errClosed) {
		t.Fatalf("frame after close: %v", err)
	}
}

func TestFailedSyncPoisons(t *testing.T) {
	o := in(t.TempDir())
	poisoned := make(chan error, 10)
	o.OnPoison = func(err error) { poisoned <- err }
	d, m := begin(t, o)
	w := newDay(1)
	propose(t, d, w.proposal(1, 60))
	fence(t, d)
	broken := errors.New("input/output error")
	good := d.commit
	d.commit = func(l *live, first kopilka.Seq, index uint64, raw []byte) error {
		// As Badger does: the frame may be there, or not.
		if err := good(l, first, index, raw); err != nil {
			return err
		}
		return broken
	}
	err := d.Propose(w.proposal(1, 60))
	if !errors.Is(err, broken) || errors.Is(err, ErrNotLogged) {
		t.Fatalf("got %v", err)
	}
	d.commit = good
	if err := d.Propose(w.proposal(1, 60)); !errors.Is(err, broken) || !errors.Is(err, ErrNotLogged) {
		t.Fatalf("after the failure: %v", err)
	}
	if d.Role() != Poisoned || len(poisoned) != 1 || !errors.Is(<-poisoned, broken) {
		t.Fatal("not poisoned, or not once")
	}
	if err := d.Fence(); !errors.Is(err, broken) {
		t.Fatalf("fence: %v", err)
	}
	if m.pos.Index != 1 {
		t.Fatalf("applied %d frames, of which one was acknowledged", m.pos.Index)
	}
	if _, err := d.Frame(1); err != nil {
		t.Fatalf("reads go on: %v", err)
	}
	if err := d.Close(); !errors.Is(err, broken) {
		t.Fatalf("close: %v", err)
	}
	d, m = begin(t, in(o.Dir))
	if m.pos.Index != 2 {
		t.Fatalf("%d frames after the restart; the second one was in the log", m.pos.Index)
	}
	end(t, d)
}

// An error of Propose may be ErrNotLogged and the end of the log at once; Role
// tells.
func TestPoisonShowsInRole(t *testing.T) {
	poisoned := 0
	f := func(spoil func(*Disk), logged bool, want string) {
		t.Helper()
		poisoned = 0
		o := in(t.TempDir())
		o.OnPoison = func(error) { poisoned++ }
		d, _ := begin(t, o)
		w := newDay(1)
		propose(t, d, w.proposal(1, 60))
		if err := d.Propose(w.noise(FrameLimit + 1)); !errors.Is(err, ErrNotLogged) || d.Role() != Leader {
			t.Fatalf("a frame too large: %v, role %d", err, d.Role())
		}
		spoil(d)
		err := d.Propose(w.proposal(1, 60))
		if err == nil || errors.Is(err, ErrNotLogged) == logged || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v; want %s", err, want)
		}
		if d.Role() != Poisoned || poisoned != 1 {
			t.Fatalf("after %v: role %d, poisoned %d times", err, d.Role(), poisoned)
		}
		if err := d.Propose(w.proposal(1, 60)); !errors.Is(err, ErrNotLogged) || !strings.Contains(err.Error(), want) || poisoned != 1 {
			t.Fatalf("then: %v, poisoned %d times", err, poisoned)
		}
		if err := d.Close(); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("close: %v", err)
		}
	}
	complain := func(d *Disk) { d.live().store.(*live).db.Opts().Logger.Errorf("sync of %s", "a file") }

	f(func(d *Disk) {
		d.size = d.opts.EpochMax
		if err := os.WriteFile(epochDir(d.opts.Dir, 2), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}, false, "begin epoch 2")
	f(complain, false, "badger: sync of a file")
	f(func(d *Disk) {
		good := d.commit
		d.commit = func(l *live, first kopilka.Seq, index uint64, raw []byte) error {
			defer complain(d) // and the commit says that all is well
			return good(l, first, index, raw)
		}
	}, true, "badger: sync of a file")
}

// watched tells how large the buffers are that are read into.
type watched struct {
	store
	caps []int
}

func (s *watched) behind(at mark, limit int, buf []byte) ([]byte, error) {
	s.caps = append(s.caps, cap(buf))
	return s.store.behind(at, limit, buf)
}

// A scan reads all its chunks into one buffer.
func TestScanUsesItsBufferAgain(t *testing.T) {
	d, m := begin(t, in(t.TempDir()))
	w := newDay(7)
	for range 30 {
		propose(t, d, w.noise(200_000))
	}
	fence(t, d)
	e := d.live()
	s := &watched{store: e.store}
	e.store = s
	again := new(toy)
	if err := d.Scan(1, func(e *kopilka.Entry) error { again.Apply(e); return nil }); err != nil {
		t.Fatal(err)
	}
	e.store = s.store
	again.same(t, m)
	if len(s.caps) < 4 {
		t.Fatalf("6 MB in %d chunks", len(s.caps))
	}
	for _, c := range s.caps[1:] {
		if c < scanBytes {
			t.Fatalf("room in the buffers that were read into: %v; want at least %d from the second on", s.caps, scanBytes)
		}
	}
	end(t, d)
}

func TestFollow(t *testing.T) {
	at := mark{Pos: kopilka.Pos{Epoch: 2, Index: 7}, Seq: 30, Digest: kopilka.Digest{1, 2, 3}}
	f := func(epoch uint32, behind mark, want bool) {
		t.Helper()
		var s slot
		s.fill(newDay(1).proposal(3, 60), epoch, behind)
		fr, err := readFrame(s.packed)
		if err != nil {
			t.Fatal(err)
		}
		m := at
		if err := m.follow(&fr); (err == nil) != want {
			t.Fatalf("got %v; want ok=%v", err, want)
		}
		if want && m != (mark{Pos: kopilka.Pos{Epoch: epoch, Index: 8}, Seq: 33, Digest: s.entry.Digest}) {
			t.Fatalf("then at %+v", m)
		}
	}
	change := func(f func(*mark)) mark {
		m := at
		f(&m)
		return m
	}
	f(2, at, true)
	f(3, at, true)
	f(1, at, false)
	f(2, change(func(m *mark) { m.Pos.Index++ }), false)
	f(2, change(func(m *mark) { m.Pos.Index-- }), false)
	f(2, change(func(m *mark) { m.Seq++ }), false)
	f(2, change(func(m *mark) { m.Digest[31]++ }), false)
}

// Badgers of old epochs go once they are sealed and covered, sealed epochs
// stay, and so do two snapshots.
func TestLettingGo(t *testing.T) {
	o := in(t.TempDir())
	o.EpochMax = epochMin
	d, _ := begin(t, o)
	w := newDay(41)
	for range 5 {
		for d.size < epochMin {
			propose(t, d, w.noise(10_000))
		}
		propose(t, d, w.noise(10_000))
		if err := d.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	for range 500 {
		d.nudge()
		c, err := list(o.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.dirs) == 1 && len(c.sealed) == 5 && len(c.snapshots) == 2 {
			end(t, d)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c, _ := list(o.Dir)
	t.Fatalf("%+v", c)
}
