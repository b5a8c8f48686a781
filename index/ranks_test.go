package index

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBins: bins are in the order of their values and cover all of them.
func TestBins(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 15))
	values := []int64{math.MinInt64, -1, 0, 1, math.MaxInt64}
	for range 100_000 {
		v := rnd.Int64() >> rnd.IntN(63)
		values = append(values, v, -v, v-1, v+1, int64(1)<<rnd.IntN(63))
	}
	slices.Sort(values)
	last := 0
	for _, v := range values {
		b := binOf(v)
		if b < last || b >= bins {
			t.Fatalf("bin %d of %d after bin %d, of %d", b, v, last, bins)
		}
		last = b
	}
	if binOf(math.MinInt64) != 0 || binOf(math.MaxInt64) != bins-1 || binOf(2047) == binOf(2046) || binOf(-5) != binOf(-4)-1 {
		t.Fatal("bins have holes")
	}
}

// TestRanks holds ranks, grown and bulk-made, and fifths against a sorted slice.
func TestRanks(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 16))
		var plain []int64
		r := &ranks{}
		for range 400 {
			if len(plain) > 0 && rnd.IntN(3) == 0 {
				i := rnd.IntN(len(plain))
				r.add(plain[i], -1)
				plain = slices.Delete(plain, i, i+1)
				continue
			}
			v := rnd.Int64N(1 << (1 + rnd.IntN(1+int(seed)%40)))
			if rnd.IntN(9) == 0 {
				v = -v
			}
			r.add(v, 1)
			plain = append(plain, v)
		}
		each := func(yield func(int64)) {
			for _, v := range plain {
				yield(v)
			}
		}
		sorted := slices.Sorted(slices.Values(plain))
		n := len(sorted)
		for _, r := range []*ranks{r, ranksOf(each)} {
			for i, v := range sorted {
				if got := r.nth(i + 1); got != v {
					t.Fatalf("seed %d: number %d of %d is %d; want %d", seed, i+1, n, got, v)
				}
				w, _ := slices.BinarySearch(sorted, v)
				if got := r.score(v); got != 1+5*w/n {
					t.Fatalf("seed %d: score of %d is %d; want %d", seed, v, got, 1+5*w/n)
				}
			}
			if r.fifths() != fifths(each) {
				t.Fatalf("seed %d: fifths %v and %v", seed, r.fifths(), fifths(each))
			}
		}
	}
}

func TestAtLeast(t *testing.T) {
	f := func(m, t64 int64, n int32, want bool) {
		t.Helper()
		if got := atLeast(m, t64, n); got != want {
			t.Fatalf("%d ≥ %d × %d: %t", m, t64, n, got)
		}
	}
	f(6, 2, 3, true)
	f(5, 2, 3, false)
	f(-6, -2, 3, true)
	f(-7, -2, 3, false)
	f(0, 0, 7, true)
	f(-1, 0, 7, false)
	f(math.MaxInt64, math.MaxInt64, 1, true)
	f(math.MaxInt64, math.MaxInt64, 2, false)
	f(math.MinInt64, math.MinInt64, 1, true)
	f(math.MinInt64, math.MinInt64, math.MaxInt32, true)
	f(-1, math.MinInt64, math.MaxInt32, true)
	f(1e15, 1e13, 100, true)
	f(1e15-1, 1e13, 100, false)
}
