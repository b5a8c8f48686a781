package outcomes

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// naive is the twin of Runs: every position of every key, in a map.
type naive struct {
	seqs    map[uint64][]kopilka.Seq // oldest first
	covered kopilka.Seq
}

func newNaive() *naive { return &naive{seqs: map[uint64][]kopilka.Seq{}} }

func (n *naive) seal(last kopilka.Seq, pairs []Pair) {
	for _, p := range pairs {
		n.seqs[p.Key] = append(n.seqs[p.Key], p.Seq)
	}
	n.covered = last
}

// draw makes the pairs of a range as the books would: most positions have one,
// some have none, and a key may come again.
func draw(rnd *rand.Rand, first, last kopilka.Seq, again []uint64) []Pair {
	var pairs []Pair
	for seq := first; seq <= last; seq++ {
		switch rnd.IntN(20) {
		case 0: // a tick
		case 1, 2:
			if len(again) > 0 {
				pairs = append(pairs, Pair{again[rnd.IntN(len(again))], seq})
			}
		case 3: // a second key
			pairs = append(pairs, Pair{rnd.Uint64(), seq}, Pair{rnd.Uint64(), seq})
		default:
			pairs = append(pairs, Pair{rnd.Uint64(), seq})
		}
	}
	rnd.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	slices.SortStableFunc(pairs, func(a, b Pair) int { return int(a.Seq) - int(b.Seq) })
	return pairs
}

// check holds s against n: every key of n, and as many fresh ones.
func (n *naive) check(t *testing.T, s *Runs, rnd *rand.Rand, every int) {
	t.Helper()
	if got := s.Covered(); got != n.covered {
		t.Fatalf("covered %d; want %d", got, n.covered)
	}
	i := 0
	for key, want := range n.seqs {
		if i++; i%every != 0 {
			continue
		}
		got := findAll(t, s, key)
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Fatalf("key %x stands at %d; want %d", key, got, want)
		}
		fresh := rnd.Uint64()
		if got := findAll(t, s, fresh); len(got) != len(n.seqs[fresh]) {
			t.Fatalf("fresh key %x stands at %d", fresh, got)
		}
	}
}

func findAll(t *testing.T, s *Runs, key uint64) []kopilka.Seq {
	t.Helper()
	var got []kopilka.Seq
	if err := s.Find(key, func(seq kopilka.Seq) bool { got = append(got, seq); return true }); err != nil {
		t.Fatalf("find %x: %v", key, err)
	}
	return got
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func mustOpen(t testing.TB, dir string) *Runs {
	t.Helper()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
