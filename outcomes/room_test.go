package outcomes

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
)

// TestMergeWaitsForRoom seals on a disk whose free bytes are made up: without
// room the runs stay as they are and answer, nothing half written stays, it is
// said once, and with room again they are merged.
func TestMergeWaitsForRoom(t *testing.T) {
	const floor = 1 << 30
	dir := t.TempDir()
	var said []string
	logger := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		said = append(said, string(b))
		return len(b), nil
	}), nil))
	s, err := open(dir, logger, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	FreeFloor(floor)(s)
	free, asked := int64(0), 0
	s.free = func(string) (int64, error) { asked++; return free, nil }
	twin := newNaive()
	rnd := rand.New(rand.NewPCG(13, 1))
	seal := func(ids kopilka.Seq) {
		t.Helper()
		first := twin.covered + 1
		pairs := draw(rnd, first, first+ids, nil)
		if err := s.Seal(first, first+ids, kopilka.Digest{}, pairs); err != nil {
			t.Fatal(err)
		}
		twin.seal(first+ids, pairs)
		s.merge()
		twin.check(t, s, rnd, 11)
		if left, _ := filepath.Glob(filepath.Join(dir, "*"+tmpSuffix)); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
	runs := func(want int) {
		t.Helper()
		if len(s.runs) != want {
			t.Fatalf("%d runs; want %d", len(s.runs), want)
		}
	}
	merged := func() int64 {
		all := head{}
		for _, r := range s.runs {
			all.count += r.count
		}
		return all.fileBytes()
	}
	for i := range 5 {
		seal(9000)
		runs(i + 1)
	}
	if asked == 0 || len(said) != 1 || !strings.Contains(said[0], "merges wait for room") {
		t.Fatalf("asked %d times, said %q", asked, said)
	}

	// To the byte.
	free = floor + merged() - 1
	s.merge()
	runs(5)
	// And given up half way, when others take the room.
	whole := merged()
	n := 0
	s.free = func(string) (int64, error) {
		if n++; n == 4 {
			return floor, nil
		}
		return floor + whole, nil
	}
	s.merge()
	runs(5)
	if n != 4 || len(said) != 1 {
		t.Fatalf("asked %d times, said %q", n, said)
	}
	seal(1)
	free = floor + merged()
	s.free = func(string) (int64, error) { return free, nil }
	s.merge()
	runs(1)
	if len(said) != 2 || !strings.Contains(said[1], "room again") {
		t.Fatalf("said %q", said)
	}
	twin.check(t, s, rnd, 1)
	if info, err := os.Stat(s.runs[0].path); err != nil || info.Size() != s.runs[0].fileBytes() {
		t.Fatalf("%v, %v", info, err)
	}
}

// TestFreeFloor asks the real disk, which has more than one byte to spare and
// less than all that can be counted.
func TestFreeFloor(t *testing.T) {
	f := func(waits bool, options ...Option) {
		t.Helper()
		said := make(chan string, 100)
		logger := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			said <- string(b)
			return len(b), nil
		}), nil))
		s, err := Open(t.TempDir(), logger, options...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range kopilka.Seq(3) {
			if err := s.Seal(i+1, i+1, kopilka.Digest{}, []Pair{{uint64(i), i + 1}}); err != nil {
				t.Fatal(err)
			}
		}
		want := 1
		if waits {
			want = 3
			if line := <-said; !strings.Contains(line, "merges wait for room") {
				t.Fatalf("said %q", line)
			}
		} else {
			settle(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if names, _ := filepath.Glob(filepath.Join(s.dir, "*.run")); len(names) != want {
			t.Fatalf("%v; want %d runs", names, want)
		}
	}
	f(false)
	f(false, FreeFloor(0))
	f(false, FreeFloor(1))
	f(true, FreeFloor(1<<62))
}
