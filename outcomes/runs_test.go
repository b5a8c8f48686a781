package outcomes

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// TestAgainstNaive seals ranges of random length, seals old ones again, and
// reopens, and holds every answer against the map.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			dir := t.TempDir()
			s := mustOpen(t, dir)
			twin := newNaive()
			var again []uint64
			for step := range 60 {
				first := twin.covered + 1
				last := first + kopilka.Seq(rnd.IntN(1+rnd.IntN(1500)))
				pairs := draw(rnd, first, last, again)
				before := slices.Clone(pairs)
				if err := s.Seal(first, last, kopilka.Digest{}, pairs); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(before, pairs) {
					t.Fatal("Seal changed the caller's pairs")
				}
				twin.seal(last, pairs)
				for _, p := range pairs {
					if rnd.IntN(10) == 0 {
						again = append(again, p.Key)
					}
				}
				if err := s.Seal(first, last, kopilka.Digest{}, nil); err != nil {
					t.Fatalf("seal %d..%d again: %v", first, last, err)
				}
				if rnd.IntN(8) == 0 {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = mustOpen(t, dir)
				}
				twin.check(t, s, rnd, 1+len(twin.seqs)/200)
				if step == 59 {
					twin.check(t, s, rnd, 1)
				}
			}
			s.Close()
			if err := Verify(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOneKeyOverManyPages has more pairs of one key than a page holds, at the
// first and the last key there is and between others.
func TestOneKeyOverManyPages(t *testing.T) {
	for _, key := range []uint64{0, 1 << 63, math.MaxUint64} {
		dir := t.TempDir()
		s := mustOpen(t, dir)
		twin := newNaive()
		for range 3 {
			first := twin.covered + 1
			var pairs []Pair
			for i := range kopilka.Seq(3 * pairsPerPage) {
				pairs = append(pairs, Pair{key, first + i}, Pair{uint64(i) << 53, first + i})
			}
			last := first + 3*pairsPerPage
			if err := s.Seal(first, last, kopilka.Digest{}, pairs); err != nil {
				t.Fatal(err)
			}
			twin.seal(last, pairs)
		}
		twin.check(t, s, rand.New(rand.NewPCG(1, 1)), 1)
		n := 0
		if err := s.Find(key, func(kopilka.Seq) bool { n++; return n < 5 }); err != nil || n != 5 {
			t.Fatalf("key %x: found was called %d times, %v; want 5", key, n, err)
		}
	}
}

// TestFarPositions stands at positions that need all six bytes.
func TestFarPositions(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	far := []kopilka.Seq{1, 1<<32 - 1, 1 << 32, 0x0123_4567_89ab, SeqMax}
	var pairs []Pair
	for i, seq := range far {
		pairs = append(pairs, Pair{uint64(i), seq})
	}
	if err := s.Seal(1, SeqMax, kopilka.Digest{}, pairs); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpen(t, dir)
	for i, seq := range far {
		if got := findAll(t, s, uint64(i)); !slices.Equal(got, []kopilka.Seq{seq}) {
			t.Fatalf("key %d stands at %d; want %d", i, got, seq)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	f := func(first, last kopilka.Seq, pairs []Pair, want string) {
		t.Helper()
		err := s.Seal(first, last, kopilka.Digest{}, pairs)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("seal %d..%d: %v; want %q", first, last, err, want)
		}
	}
	f(2, 5, nil, "the next position to cover is 1")
	f(1, 5, []Pair{{1, 6}}, "a pair stands at 6")
	f(1, 5, []Pair{{1, 0}}, "a pair stands at 0")
	f(1, SeqMax+1, nil, "the next position to cover is 1")
	f(1, 5, nil, "")
	f(1, 5, []Pair{{1, 1}}, "")
	f(3, 7, nil, "the next position to cover is 6")
	f(6, 6, []Pair{{9, 6}}, "")
	f(1, 3, nil, "")
	if got := findAll(t, s, 1); got != nil {
		t.Fatalf("a range that was covered got a pair at %d", got)
	}
	s.Close()
	f(7, 8, nil, "closed")
	if err := s.Find(9, nil); err == nil {
		t.Fatal("a closed folder answered")
	}
}

// TestMergeKeepsFewRuns seals many equal runs and bounds what is left of them.
func TestMergeKeepsFewRuns(t *testing.T) {
	f := func(counts []int, want int) {
		t.Helper()
		var runs []*run
		for _, n := range counts {
			runs = append(runs, &run{head: head{count: n}})
		}
		if got := mergeFrom(runs); got != want {
			t.Fatalf("%v merge from %d; want %d", counts, got, want)
		}
	}
	f(nil, -1)
	f([]int{1}, -1)
	f([]int{1, 1}, -1)
	f([]int{1, 1, 1}, 0)
	f([]int{3, 1, 1, 1}, 1)
	f([]int{3, 3, 1, 1, 1}, 0)
	f([]int{9, 3, 1, 1, 1}, 2)
	f([]int{3, 3, 3, 1, 1}, 0)
	f([]int{3, 3, 2, 2}, 0)
	f([]int{9, 0, 0}, 1)
	f([]int{9, 0}, -1)

	var runs []*run
	written := 0
	const seals = 100_000
	for range seals {
		runs = append(runs, &run{head: head{count: 1}})
		for from := mergeFrom(runs); from >= 0; from = mergeFrom(runs) {
			sum := 0
			for _, r := range runs[from:] {
				sum += r.count
			}
			runs = append(runs[:from], &run{head: head{count: sum}})
			written += sum
		}
		if bound := math.Log(seals)/math.Log(1.5) + 2; float64(len(runs)) > bound {
			t.Fatalf("%d runs; want at most %.0f", len(runs), bound)
		}
	}
	if times := float64(written) / seals; times > math.Log(seals)/math.Log(3)+1 {
		t.Fatalf("a pair was written again %.1f times", times)
	}
}

// TestCrashPoints copies the folder at every step of seals and merges, as a
// crash would leave it, and opens each copy.
func TestCrashPoints(t *testing.T) {
	dir, copies := t.TempDir(), t.TempDir()
	type crash struct {
		step    string
		dir     string
		covered kopilka.Seq // acknowledged by Seal
	}
	var crashes []crash
	var s *Runs
	s, err := open(dir, quiet(), func(step string) {
		to := filepath.Join(copies, fmt.Sprint(len(crashes)))
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		crashes = append(crashes, crash{step, to, s.Covered()})
	})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	twin := newNaive()
	for range 13 {
		first := twin.covered + 1
		last := first + 400
		pairs := draw(rnd, first, last, nil)
		if err := s.Seal(first, last, kopilka.Digest{}, pairs); err != nil {
			t.Fatal(err)
		}
		twin.seal(last, pairs)
		s.merge()
	}
	s.Close()

	steps := map[string]int{}
	for i, c := range crashes {
		steps[c.step]++
		got, err := Open(c.dir, quiet())
		if err != nil {
			t.Fatalf("crash %d after %q: %v", i, c.step, err)
		}
		covered := got.Covered()
		if covered < c.covered {
			t.Fatalf("crash %d after %q: covered %d; %d was acknowledged", i, c.step, covered, c.covered)
		}
		then := newNaive()
		then.covered = covered
		for key, seqs := range twin.seqs {
			if seqs[0] <= covered {
				then.seqs[key] = seqs
			}
		}
		then.check(t, got, rnd, 7)
		got.Close()
		if err := Verify(c.dir); err != nil {
			t.Fatalf("crash %d after %q: %v", i, c.step, err)
		}
		tmp, _ := filepath.Glob(filepath.Join(c.dir, "*"+tmpSuffix))
		if len(tmp) > 0 {
			t.Fatalf("crash %d after %q: left over %v", i, c.step, tmp)
		}
	}
	for _, want := range []string{"created", "written", "renamed", "removed"} {
		if steps[want] < 4 {
			t.Fatalf("the crashes were %v; want several of each kind", steps)
		}
	}
}

// settle waits until there is nothing to merge.
func settle(t testing.TB, s *Runs) {
	t.Helper()
	for range 20_000 {
		s.mu.RLock()
		from := mergeFrom(s.runs)
		files := len(s.runs)
		s.mu.RUnlock()
		names, _ := filepath.Glob(filepath.Join(s.dir, "*.run*"))
		if from < 0 && len(names) == files {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("merging does not come to an end")
}

// TestFlippedBytes flips each byte of some and some bytes of every page, and
// wants an error that names file and page, or the right answer.
func TestFlippedBytes(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	rnd := rand.New(rand.NewPCG(5, 5))
	twin := newNaive()
	pairs := draw(rnd, 1, 900, nil)
	if err := s.Seal(1, 900, kopilka.Digest{}, pairs); err != nil {
		t.Fatal(err)
	}
	twin.seal(900, pairs)
	s.Close()
	path := filepath.Join(dir, runName(1, 900))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for pageNo := range len(whole) / pageBytes {
		for range 40 {
			at := pageNo*pageBytes + rnd.IntN(pageBytes)
			bad := bytes.Clone(whole)
			bad[at] ^= 1 << rnd.IntN(8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			named := func(err error) {
				t.Helper()
				want := fmt.Sprintf("%s: page at offset %d:", runName(1, 900), pageNo*pageBytes)
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want) {
					t.Fatalf("byte %d flipped: %v; want it to say %q", at, err, want)
				}
			}
			named(Verify(dir))
			s, err := Open(dir, quiet())
			if err != nil {
				named(err)
				continue
			}
			failed := false
			for key, want := range twin.seqs {
				var got []kopilka.Seq
				if err := s.Find(key, func(seq kopilka.Seq) bool { got = append(got, seq); return true }); err != nil {
					named(err)
					failed = true
					continue
				}
				slices.Reverse(got)
				if !slices.Equal(got, want) {
					t.Fatalf("byte %d flipped: key %x stands at %d; want %d", at, key, got, want)
				}
			}
			if !failed {
				t.Fatalf("byte %d flipped: nobody noticed", at)
			}
			s.Close()
		}
	}

	f := func(bad []byte, want string) {
		t.Helper()
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, quiet())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v; want it to say %q", err, want)
		}
	}
	f(nil, "the file ends")
	f(whole[:len(whole)-1], "do not make a file of")
	f(append(bytes.Clone(whole), 0), "do not make a file of")
	// Two whole pages that changed places.
	swapped := bytes.Clone(whole)
	copy(swapped[pageBytes:], whole[2*pageBytes:3*pageBytes])
	copy(swapped[2*pageBytes:], whole[pageBytes:2*pageBytes])
	if err := os.WriteFile(path, swapped, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "offset 4096: checksum") {
		t.Fatalf("pages out of place: %v", err)
	}
	// A head that a newer version wrote.
	newer := bytes.Clone(whole)
	newer[len(headMagic)]++
	var p page
	copy(p[:], newer)
	p.seal(0, (&head{first: 1, last: 900}).seed())
	copy(newer, p[:])
	f(newer, "newer version")
}

// TestVerifyReadsContent makes runs whose checksums hold and whose content is wrong.
func TestVerifyReadsContent(t *testing.T) {
	f := func(spoil func(w *writer), want string) {
		t.Helper()
		dir := t.TempDir()
		w, err := newWriter(dir, head{first: 1, last: 10, count: 3})
		if err != nil {
			t.Fatal(err)
		}
		spoil(w)
		if _, err := w.finish(func(string) {}); err != nil {
			t.Fatal(err)
		}
		err = Verify(dir)
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want)) {
			t.Fatalf("%v; want %q", err, want)
		}
	}
	add := func(w *writer, pairs ...Pair) {
		for _, p := range pairs {
			w.add(p)
		}
	}
	f(func(w *writer) { add(w, Pair{1, 3}, Pair{1, 4}, Pair{2, 1}) }, "")
	f(func(w *writer) { add(w, Pair{1, 4}, Pair{1, 3}, Pair{2, 1}) }, "pair 1 is out of order")
	f(func(w *writer) { add(w, Pair{1, 4}, Pair{3, 3}, Pair{2, 1}) }, "pair 2 is out of order")
	f(func(w *writer) { add(w, Pair{1, 4}, Pair{2, 11}, Pair{3, 1}) }, "pair 1 stands at 11")
	f(func(w *writer) { add(w, Pair{1, 4}, Pair{2, 2}, Pair{3, 1}); w.filter[0] ^= 1 << 60 }, "filter")
	f(func(w *writer) { add(w, Pair{1, 4}, Pair{2, 2}, Pair{3, 1}); w.fences[0]++ }, "fence")
}

func TestMissingRuns(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i := range kopilka.Seq(2) {
		if err := s.Seal(i*10+1, i*10+10, kopilka.Digest{}, []Pair{{uint64(i), i*10 + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if err := os.Remove(filepath.Join(dir, runName(1, 10))); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{Verify(dir), func() error { _, err := Open(dir, quiet()); return err }()} {
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "no run covers positions 1..10") {
			t.Fatalf("a missing run: %v", err)
		}
	}
	if err := os.Rename(filepath.Join(dir, runName(11, 20)), filepath.Join(dir, runName(1, 20))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, quiet()); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a run under another name: %v", err)
	}
}

// TestFailedMergeServesOn damages an input: the merge fails by name and the
// other runs answer.
func TestFailedMergeServesOn(t *testing.T) {
	dir := t.TempDir()
	said := make(chan string, 100)
	logger := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		said <- string(b)
		return len(b), nil
	}), nil))
	s, err := Open(dir, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range kopilka.Seq(3) {
		if i == 2 {
			f, err := os.OpenFile(filepath.Join(dir, runName(1, 10)), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteAt([]byte{1, 2, 3}, pageBytes+20)
			f.Close()
		}
		if err := s.Seal(i*10+1, i*10+10, kopilka.Digest{}, []Pair{{uint64(i), i*10 + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if line := <-said; !strings.Contains(line, "page at offset 4096") {
		t.Fatalf("the log says %q", line)
	}
	if got := findAll(t, s, 2); !slices.Equal(got, []kopilka.Seq{21}) {
		t.Fatalf("key 2 stands at %d", got)
	}
	if err := s.Find(0, nil); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a damaged page: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestFindBesideSealAndMerge is for the race detector: readers look up while
// runs are sealed and merged, and what was sealed is always found.
func TestFindBesideSealAndMerge(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	key := func(seq kopilka.Seq) uint64 { return uint64(seq) * 0x9e3779b97f4a7c15 }
	var readers sync.WaitGroup
	done := make(chan struct{})
	for i := range uint64(4) {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(i, 9))
			for {
				select {
				case <-done:
					return
				default:
				}
				covered := s.Covered()
				if covered == 0 {
					continue
				}
				want := 1 + kopilka.Seq(rnd.Int64N(int64(covered)))
				got := kopilka.Seq(0)
				if err := s.Find(key(want), func(seq kopilka.Seq) bool { got = seq; return false }); err != nil || got != want {
					t.Errorf("position %d: found %d, %v", want, got, err)
					return
				}
			}
		})
	}
	for i := range kopilka.Seq(80) {
		var pairs []Pair
		for seq := i*500 + 1; seq <= i*500+500; seq++ {
			pairs = append(pairs, Pair{key(seq), seq})
		}
		if err := s.Seal(i*500+1, i*500+500, kopilka.Digest{}, pairs); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, s)
	close(done)
	readers.Wait()
	if n := len(s.runs); n > 10 {
		t.Fatalf("%d runs are left of 80", n)
	}
}

// TestFilterRate measures how often the filter is wrong about a fresh key.
func TestFilterRate(t *testing.T) {
	const n = 1 << 20
	rnd := rand.New(rand.NewPCG(11, 1))
	f := make(filter, filterWords(n))
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = rnd.Uint64()
		f.add(keys[i])
	}
	for _, key := range keys {
		if !f.has(key) {
			t.Fatalf("key %x was added and is not there", key)
		}
	}
	wrong := 0
	for range n {
		if f.has(rnd.Uint64()) {
			wrong++
		}
	}
	t.Logf("wrong about %d of %d fresh keys", wrong, n)
	if wrong > n/60 {
		t.Fatalf("wrong about %d of %d fresh keys", wrong, n)
	}
}

// TestRunsOfEarlierFormat: they are forgotten, and made again by whoever has the log.
func TestRunsOfEarlierFormat(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(1, 900, kopilka.Digest{1}, []Pair{{7, 9}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	h := head{first: 1, last: 900, count: 1}
	path := filepath.Join(dir, runName(1, 900))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []int{0, h.footAt()} {
		p := (*page)(b[no*pageBytes:])
		p[len(headMagic)] = 1
		clear(p[len(headMagic)+28 : len(headMagic)+60])
		p.seal(no, h.seed())
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, nil, Waiting()); err != nil || s.Covered() != 0 {
		t.Fatalf("covered up to %d, %v", s.Covered(), err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("before Begin: %v", err)
	}
	if err := s.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("after Begin: %v", err)
	}
	if err := s.Seal(1, 900, kopilka.Digest{2}, []Pair{{7, 9}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s, err = Look(dir); err != nil {
		t.Fatal(err)
	}
	_ = s.Ends(func(_ string, last kopilka.Seq, at kopilka.Digest) error {
		if last != 900 || at != (kopilka.Digest{2}) {
			t.Fatalf("ends at %d, %x", last, at)
		}
		return nil
	})
	s.Close()
}
