package kopilka

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAtRate(t *testing.T) {
	f := func(total int64, rate BP, r Rounding, want int64) {
		t.Helper()
		if got := AtRate(total, rate, r); got != want {
			t.Fatalf("%d at %d bp, rounding %d: %d; want %d", total, rate, r, got, want)
		}
	}
	f(0, 500, Floor, 0)
	f(0, 500, HalfUp, 0)
	f(10, 500, Floor, 0)
	f(10, 500, HalfUp, 1)
	f(9, 500, HalfUp, 0)
	f(19, 500, Floor, 0)
	f(20, 500, Floor, 1)
	f(29, 500, HalfUp, 1)
	f(30, 500, HalfUp, 2)
	f(12990, BPWhole, Floor, 12990)
	f(12990, 0, HalfUp, 0)
	// The most of both, as a program allows it.
	f(AmountMax, 100_000, Floor, 10*AmountMax)
	f(AmountMax, 100_000, HalfUp, 10*AmountMax)
}

func TestPartFloor(t *testing.T) {
	f := func(total, part, whole, want int64) {
		t.Helper()
		if got := PartFloor(total, part, whole); got != want {
			t.Fatalf("%d of %d of %d: %d; want %d", part, whole, total, got, want)
		}
	}
	f(10, 0, 0, 0)
	f(10, 0, 3, 0)
	f(10, 1, 3, 3)
	f(10, 2, 3, 6)
	f(10, 3, 3, 10)
	f(BalanceMax, AmountMax, AmountMax, BalanceMax)
	f(1<<62, 1<<62-1, 1<<62, 1<<62-1)

	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		total, whole := rng.Int64()>>rng.IntN(63), 1+rng.Int64()>>rng.IntN(62)
		if whole <= 0 {
			continue
		}
		part := rng.Int64N(whole + whole&1)
		if part > whole {
			part = whole
		}
		f(total, part, whole, mulDiv(total, part, whole))
	}
}

func mulDiv(total, part, whole int64) int64 {
	p := new(big.Int).Mul(big.NewInt(total), big.NewInt(part))
	return p.Div(p, big.NewInt(whole)).Int64()
}

func TestSplit(t *testing.T) {
	f := func(total int64, weights, want []int64) {
		t.Helper()
		got := make([]int64, len(weights))
		Split(total, weights, got)
		if !slices.Equal(got, want) {
			t.Fatalf("split %d over %v: %v; want %v", total, weights, got, want)
		}
	}
	f(10, []int64{1}, []int64{10})
	f(10, []int64{0}, []int64{0})
	f(10, []int64{}, []int64{})
	f(0, []int64{1, 2}, []int64{0, 0})
	f(10, []int64{0, 0}, []int64{0, 0})
	f(10, []int64{1, 1, 1}, []int64{4, 3, 3})
	f(11, []int64{1, 1, 1}, []int64{4, 4, 3})
	f(1, []int64{1, 2, 1}, []int64{0, 1, 0})
	f(1, []int64{0, 5, 5}, []int64{0, 1, 0})
	f(2, []int64{3, 3, 2}, []int64{1, 1, 0})
	f(7, []int64{AmountMax, AmountMax, 1}, []int64{4, 3, 0})
	f(AmountMax, []int64{AmountMax, 0, AmountMax}, []int64{AmountMax / 2, 0, AmountMax / 2})
}

// The shares add up, none is further than one from its exact value, and those
// that got the odd units had the largest remainders.
func TestSplitProperties(t *testing.T) {
	const seed = 2
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 5000 {
		n := 1 + rng.IntN(40)
		weights, shares := make([]int64, n), make([]int64, n)
		var whole int64
		for i := range weights {
			if rng.IntN(4) > 0 {
				weights[i] = rng.Int64N(AmountMax) >> rng.IntN(44)
			}
			whole += weights[i]
		}
		if whole == 0 {
			continue
		}
		total := rng.Int64N(whole + 1)
		Split(total, weights, shares)

		type share struct{ rem, extra, at int64 }
		var rems []share
		var sum int64
		for i, w := range weights {
			exact := mulDiv(total, w, whole)
			p := new(big.Int).Mul(big.NewInt(total), big.NewInt(w))
			rem := p.Mod(p, big.NewInt(whole)).Int64()
			extra := shares[i] - exact
			if n > 1 && (extra < 0 || extra > 1) || shares[i] > w {
				t.Fatalf("seed %d: split %d over %v: share %d is %d", seed, total, weights, i, shares[i])
			}
			sum += shares[i]
			rems = append(rems, share{rem, extra, int64(i)})
		}
		if sum != total {
			t.Fatalf("seed %d: split %d over %v adds up to %d", seed, total, weights, sum)
		}
		for _, a := range rems {
			for _, b := range rems {
				if a.extra < b.extra && (a.rem > b.rem || a.rem == b.rem && a.at < b.at) {
					t.Fatalf("seed %d: split %d over %v: %d before %d", seed, total, weights, b.at, a.at)
				}
			}
		}
	}
}

// RateSum against fractions of any size, at the ends of what it promises to hold.
func TestRateSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	end := func(most int64) int64 {
		switch rng.IntN(4) {
		case 0:
			return max(0, most-rng.Int64N(2))
		case 1:
			return min(most, rng.Int64N(20))
		}
		return rng.Int64N(most + 1)
	}
	for range 20_000 {
		var got RateSum
		want, left := new(big.Int), int64(AmountMax)
		for range 1 + rng.IntN(4) {
			n := end(left)
			left -= n
			a, b, c := end(100_000), end(1_000_000), end(1_000_000)
			got.Add(n, BP(a), BP(b), BP(c))
			x := big.NewInt(n)
			for _, r := range []int64{a, b, c} {
				x.Mul(x, big.NewInt(r))
			}
			want.Add(want, x)
		}
		whole := big.NewInt(1_000_000_000_000)
		if n := got.Round(Floor); n != new(big.Int).Div(want, whole).Int64() {
			t.Fatalf("%v of %s is %d, rounded down", got, want, n)
		}
		want.Add(want, big.NewInt(500_000_000_000))
		if n := got.Round(HalfUp); n != new(big.Int).Div(want, whole).Int64() {
			t.Fatalf("%v of %s and a half is %d, rounded to the nearest", got, want, n)
		}
	}
}
