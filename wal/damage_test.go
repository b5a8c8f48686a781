package wal

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// files sums every file of a folder but LOCK, which says who looked last.
func files(t testing.TB, dir string) map[string]uint32 {
	t.Helper()
	sums := map[string]uint32{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == lockName {
			return err
		}
		b, err := os.ReadFile(path)
		sums[path] = crc32.Checksum(b, castagnoli)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// copyDir copies a folder, and leaves holes where there are zeros.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out, err := os.Create(filepath.Join(to, rel))
		if err != nil {
			return err
		}
		defer out.Close()
		if _, err := out.Write(trimZeros(b)); err != nil {
			return err
		}
		return out.Truncate(int64(len(b)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// trial spoils copies of a log, one after another, and starts each.
type trial struct {
	t      *testing.T
	o      Options
	whole  string
	want   *toy
	copy   string
	opened int
	denied int
}

func newTrial(t *testing.T, o Options, want *toy) *trial {
	return &trial{t: t, o: o, whole: o.Dir, want: want}
}

// with spoils one file and starts the log. Either it is refused by name with
// nothing changed, or everything acknowledged is there.
func (x *trial) with(name, what string, spoil func(path string) error) {
	x.t.Helper()
	if x.copy == "" {
		x.copy = x.t.TempDir()
		copyDir(x.t, x.whole, x.copy)
	}
	path := filepath.Join(x.copy, name)
	b, err := os.ReadFile(path)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := spoil(path); err != nil {
		x.t.Fatal(err)
	}
	before := files(x.t, x.copy)
	o := x.o
	o.Dir = x.copy
	d, m, err := try(o)
	if err != nil {
		x.denied++
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), x.copy) {
			x.t.Fatalf("%s, %s: refused with %v", name, what, err)
		}
		after := files(x.t, x.copy)
		for f, sum := range before {
			if after[f] != sum {
				x.t.Fatalf("%s, %s: refused with %v, and %s was changed", name, what, err, f)
			}
		}
		if len(after) != len(before) {
			x.t.Fatalf("%s, %s: refused with %v, and files came or went", name, what, err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			x.t.Fatal(err)
		}
		return
	}
	x.opened++
	m.same(x.t, x.want)
	// What cannot be read any more is said so, not left out.
	all := new(toy)
	if err := d.Scan(1, func(e *kopilka.Entry) error { all.Apply(e); return nil }); err != nil {
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
			x.t.Fatalf("%s, %s: scan: %v", name, what, err)
		}
	} else if all.sum != x.want.sum {
		x.t.Fatalf("%s, %s: scan gives another history", name, what)
	}
	end(x.t, d)
	x.copy = ""
}

func (x *trial) flip(name string, at int64, bit byte) {
	x.t.Helper()
	x.with(name, "a flipped bit", func(path string) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, at); err != nil {
			return err
		}
		b[0] ^= bit
		_, err = f.WriteAt(b, at)
		return err
	})
}

// names lists the files of the log, without LOCK.
func (x *trial) names() (names []string) {
	for path := range files(x.t, x.whole) {
		rel, _ := filepath.Rel(x.whole, path)
		names = append(names, rel)
	}
	return names
}

// used is how many bytes a file has before the zeros at its end.
func (x *trial) used(name string) int64 {
	b, err := os.ReadFile(filepath.Join(x.whole, name))
	if err != nil {
		x.t.Fatal(err)
	}
	return int64(len(trimZeros(b)))
}

// A log with everything in it: sealed epochs, two snapshots, a live epoch.
func busyLog(t *testing.T, seed uint64, stop func(testing.TB, *Disk)) (Options, *toy) {
	o := in(t.TempDir())
	o.EpochMax = 400_000
	d, m := begin(t, o)
	w := newDay(seed)
	for i := range 120 {
		propose(t, d, w.mixed())
		if i == 60 || i == 90 {
			if err := d.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.proposing.Lock()
	d.opts.EpochMax = 1 << 30 // so that the live epoch has frames
	d.proposing.Unlock()
	for range 12 {
		propose(t, d, w.proposal(3, 60))
	}
	fence(t, d)
	stop(t, d)
	o.EpochMax = 1 << 30
	return o, m
}

func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	const seed = 21
	f := func(name string, stop func(testing.TB, *Disk), tries int) {
		t.Helper()
		o, want := busyLog(t, seed, stop)
		x := newTrial(t, o, want)
		r := rand.New(rand.NewPCG(seed, 3))
		for _, name := range x.names() {
			n := x.used(name)
			if n == 0 {
				continue
			}
			for range tries {
				x.flip(name, r.Int64N(n), 1<<r.IntN(8))
			}
			x.flip(name, 0, 1)
			x.flip(name, n-1, 0x80)
		}
		t.Logf("seed %d: %s stop: %d refused, %d opened", seed, name, x.denied, x.opened)
	}
	f("unclean", abandon, 2)
	f("clean", end, 2)
}

func TestMissingAndEmptyFiles(t *testing.T) {
	t.Parallel()
	const seed = 22
	f := func(stop func(testing.TB, *Disk)) {
		t.Helper()
		o, want := busyLog(t, seed, stop)
		x := newTrial(t, o, want)
		for _, name := range x.names() {
			x.with(name, "missing", os.Remove)
			x.with(name, "empty", func(path string) error { return os.Truncate(path, 0) })
			x.with(name, "cut in half", func(path string) error { return os.Truncate(path, x.used(name)/2) })
		}
		t.Logf("seed %d: %d refused, %d opened", seed, x.denied, x.opened)
	}
	f(abandon)
	f(end)
}

// Frames in tables and in memtables, left by a crash: no byte of either may be
// lost in silence.
func TestFlippedBytesOfLargeEpoch(t *testing.T) {
	t.Parallel()
	const seed = 23
	o := in(t.TempDir())
	o.EpochMax, o.SnapshotEvery = 1<<30, 1<<30
	d, want := begin(t, o)
	w := newDay(seed)
	for range 45 { // a table and a memtable
		propose(t, d, w.noise(200_000))
	}
	fence(t, d)
	abandon(t, d)
	// Badger is still writing tables; wait until it has done so.
	for mems := 0; mems != 1; time.Sleep(10 * time.Millisecond) {
		_, names, err := badgerFiles(epochDir(o.Dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		mems = len(names)
	}
	x := newTrial(t, o, want)
	r := rand.New(rand.NewPCG(seed, 3))
	for _, name := range x.names() {
		if ext := filepath.Ext(name); ext != ".sst" && ext != ".mem" {
			continue
		}
		n := x.used(name)
		for range 3 {
			x.flip(name, r.Int64N(n), 1)
		}
		x.flip(name, n-2, 1)
		x.with(name, "missing", os.Remove)
	}
	if x.opened > 1 { // a bit in the initialisation vector of a .mem is no matter
		t.Errorf("seed %d: %d of %d opened", seed, x.opened, x.opened+x.denied)
	}
}

// A frame that was being written is cut off, wherever the cut is, and whichever
// of its pages reached the disk; the same cut in a frame that was acknowledged
// is damage.
func TestTornTail(t *testing.T) {
	t.Parallel()
	o := in(t.TempDir())
	d, _ := begin(t, o)
	w := newDay(31)
	for range 5 {
		propose(t, d, w.proposal(2, 60))
	}
	fence(t, d)
	before := d.end
	propose(t, d, w.noise(9000))
	fence(t, d)
	after := d.end
	abandon(t, d)

	mem := filepath.Join(epochDir(o.Dir, 1), "00001.mem")
	data, err := os.ReadFile(mem)
	if err != nil {
		t.Fatal(err)
	}
	from, to := 0, len(trimZeros(data))
	if _, err := memFrames(mem, data, func(off int64, _ *frame) error { from = int(off); return nil }); err != nil {
		t.Fatal(err)
	}
	f := func(spoil func(b []byte), whole bool) {
		t.Helper()
		b := bytes.Clone(data[:to+100])
		spoil(b)
		want := before
		if whole {
			want = after
		}
		if err := os.WriteFile(mem, b, 0o644); err != nil {
			t.Fatal(err)
		}
		var m mark
		if _, err := walkDir(epochDir(o.Dir, 1), &m, func(*frame) error { return nil }); err != nil || m != want {
			t.Fatalf("ends at frame %d, %v; want %d", m.Pos.Index, err, want.Pos.Index)
		}
		if whole {
			return
		}
		s := survey{dir: o.Dir, contents: contents{dirs: []uint32{1}}, witnesses: []witness{{"HEAD", after}}, visit: func(*frame, kopilka.Digest) error { return nil }}
		if _, _, err := s.run(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "frame 6 is missing") {
			t.Fatalf("of an acknowledged frame: %v", err)
		}
	}
	_, _, _, entry := readEntry(data[from:])
	for cut := from; cut <= from+entry; cut += 1 + (cut-from)/60 {
		f(func(b []byte) { clear(b[cut:]) }, cut == from+entry)
		if cut > from {
			f(func(b []byte) { clear(b[from:cut]) }, false)
		}
	}
	// The header of Badger's entry is lost and all of the frame is there.
	f(func(b []byte) { clear(b[from : from+6]) }, false)

	// And once all the way: HEAD as it was before the frame, and a start.
	b := bytes.Clone(data)
	clear(b[from+4000:])
	if err := os.WriteFile(mem, b, 0o644); err != nil {
		t.Fatal(err)
	}
	head := newHead()
	copy(head, headBytes(nil, before))
	if err := os.WriteFile(filepath.Join(o.Dir, headName), head, 0o644); err != nil {
		t.Fatal(err)
	}
	d, m := begin(t, o)
	if m.pos != before.Pos || m.digest != before.Digest {
		t.Fatalf("recovered to frame %d; want %d", m.pos.Index, before.Pos.Index)
	}
	propose(t, d, w.proposal(1, 60))
	end(t, d)
	d, m = begin(t, o)
	if m.pos.Index != before.Pos.Index+1 {
		t.Fatalf("then %d frames; want %d", m.pos.Index, before.Pos.Index+1)
	}
	end(t, d)
}

// A good frame behind a bad one was acknowledged, though HEAD knows nothing of it.
func TestHoleBehindHead(t *testing.T) {
	o := in(t.TempDir())
	d, _ := begin(t, o)
	w := newDay(32)
	for range 5 {
		propose(t, d, w.proposal(2, 60))
	}
	abandon(t, d)
	if err := os.WriteFile(filepath.Join(o.Dir, headName), newHead(), 0o644); err != nil {
		t.Fatal(err)
	}
	x := newTrial(t, o, new(toy))
	mem := filepath.Join(filepath.Base(epochDir(o.Dir, 1)), "00001.mem")
	x.flip(mem, 500, 1)
	if x.denied != 1 {
		t.Fatal("not refused")
	}
}

func TestSecondProcessAndNewerFormat(t *testing.T) {
	o := in(t.TempDir())
	d, _ := begin(t, o)
	if _, err := Open(o); !errors.Is(err, ErrInUse) {
		t.Fatalf("second open: %v", err)
	}
	if _, err := Verify(o.Dir, nil); !errors.Is(err, ErrInUse) {
		t.Fatalf("verify beside a server: %v", err)
	}
	end(t, d)
	if _, err := Verify(o.Dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, formatName), []byte("kopilka-log 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := files(t, o.Dir)
	if _, err := Open(o); !errors.Is(err, ErrNewer) {
		t.Fatalf("newer format: %v", err)
	}
	if _, err := Verify(o.Dir, nil); !errors.Is(err, ErrNewer) {
		t.Fatalf("verify of a newer format: %v", err)
	}
	for f, sum := range files(t, o.Dir) {
		if before[f] != sum {
			t.Fatalf("%s was changed", f)
		}
	}
}

func TestVerifyNamesDamage(t *testing.T) {
	t.Parallel()
	o, want := busyLog(t, 24, end)
	s, err := Verify(o.Dir, nil)
	if err != nil || s.Seq != want.seq || s.Digest != want.digest || s.Snapshots != 2 || s.Epochs < 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	before := files(t, o.Dir)
	f := func(name string, at int64) {
		t.Helper()
		path := filepath.Join(o.Dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b := bytes.Clone(whole)
		b[at] ^= 4
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = Verify(o.Dir, nil)
		var d *Damage
		if !errors.As(err, &d) || !errors.Is(err, ErrDamaged) || d.File != path || d.From > at || d.To <= at {
			t.Fatalf("byte %d of %s: %v", at, name, err)
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for sealed := range before {
		if strings.HasSuffix(sealed, sealedSuffix) {
			f(filepath.Base(sealed), 10)
			f(filepath.Base(sealed), 300)
		}
		if strings.HasPrefix(filepath.Base(sealed), snapPrefix) {
			f(filepath.Base(sealed), 50)
		}
	}
	for file, sum := range files(t, o.Dir) {
		if before[file] != sum {
			t.Fatalf("verify changed %s", file)
		}
	}
}
