package kopilka

import (
	"math/rand/v2"
	"testing"

	"github.com/kopilka/kopilka/seed"
)

// The reference implementation's answer for the key 00 01 … 0f and the message
// 00 01 … 07.
func TestSipHash(t *testing.T) {
	if got := sipHash([2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}, 0x0706050403020100); got != 0x93f5f5799a932462 {
		t.Fatalf("got %x", got)
	}
}

// Every number below the bound comes out once, and the inverse finds it.
func TestPermutation(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 10, 63, 64, 65, 1000, 100_003} {
		p := NewPermutation([16]byte{7}, "test", n)
		seen := make([]bool, n)
		for i := range n {
			x := p.At(i)
			if x >= n || seen[x] {
				t.Fatalf("of %d: %d becomes %d, which is past the bound or comes twice", n, i, x)
			}
			seen[x] = true
			if back := p.Find(x); back != i {
				t.Fatalf("of %d: %d becomes %d, and that %d", n, i, x, back)
			}
		}
	}
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 20_000 {
		n := rng.Uint64N(1<<uint(1+rng.IntN(61))) + 1
		p, i := NewPermutation([16]byte{byte(n)}, "test", n), rng.Uint64N(n)
		if x := p.At(i); x >= n || p.Find(x) != i {
			t.Fatalf("seed %d: of %d: %d becomes %d, and that %d", seed, n, i, x, p.Find(x))
		}
	}
}

// Neighbours lie apart: a hundred thousand numbers in a row fall evenly over the
// bound, and so do the steps between them. 99 degrees of freedom: χ² past 180
// comes once in a million.
func TestPermutationSpreads(t *testing.T) {
	const n, count, cells = 10_000_000_000, 100_000, 100
	for key := range byte(5) {
		p := NewPermutation([16]byte{key}, "test", n)
		var places, steps [cells]float64
		before := p.At(0)
		for i := range uint64(count) {
			x := p.At(i + 1)
			places[x/(n/cells)]++
			steps[(x+n-before)%n/(n/cells)]++
			before = x
		}
		chi := func(seen [cells]float64) (sum float64) {
			for _, k := range seen {
				sum += (k - count/cells) * (k - count/cells) / (count / cells)
			}
			return sum
		}
		if a, b := chi(places), chi(steps); a > 180 || b > 180 {
			t.Fatalf("key %d: χ² of places %.0f, of steps %.0f", key, a, b)
		}
	}
}

// Another secret or purpose is another permutation.
func TestPermutationKeys(t *testing.T) {
	const n = 1 << 40
	p := NewPermutation([16]byte{1}, "one", n)
	for _, other := range []Permutation{NewPermutation([16]byte{2}, "one", n), NewPermutation([16]byte{1}, "two", n)} {
		same := 0
		for i := range uint64(1000) {
			if p.At(i) == other.At(i) {
				same++
			}
		}
		if same > 0 {
			t.Fatalf("%d of 1000 numbers become the same", same)
		}
	}
}

func BenchmarkPermutation(b *testing.B) {
	p := NewPermutation([16]byte{1}, "numbers 22", 10_000_000_000)
	for i := range b.N {
		p.At(uint64(i))
	}
}
