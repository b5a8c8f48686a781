package slab

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
)

type record struct {
	a uint64
	b uint16
	c [6]byte
}

// TestPictureStandsStill writes at random while a picture is read, and holds
// the picture against a plain copy made at its instant.
func TestPictureStandsStill(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var mu sync.RWMutex
		var s Slab[record]
		var u Slab[uint32]
		write := func(n int) {
			for range n {
				if rnd.IntN(4) == 0 {
					s.Append(record{a: rnd.Uint64()})
					u.Append(rnd.Uint32())
				} else if s.Len() > 0 {
					s.Mut(rnd.IntN(s.Len())).b = uint16(rnd.Uint32())
					*u.Mut(rnd.IntN(u.Len())) = rnd.Uint32()
				}
			}
		}
		write(rnd.IntN(400_000))

		var want []record
		var wantU []uint32
		mu.Lock()
		p := Begin(mu.RLocker(), &s, &u)
		for i := range s.Len() {
			want, wantU = append(want, *s.At(i)), append(wantU, *u.At(i))
		}
		mu.Unlock()

		// The writer works between any two chunks that the reader takes.
		var out bytes.Buffer
		if _, err := p.WriteTo(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			write(2000)
			mu.Unlock()
			return out.Write(b)
		})); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		p.Close()
		write(10)
		mu.Unlock()

		var gotS Slab[record]
		var gotU Slab[uint32]
		if err := Restore(&out, &gotS, &gotU); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if gotS.Len() != len(want) || gotU.Len() != len(wantU) {
			t.Fatalf("seed %d: %d and %d records; want %d", seed, gotS.Len(), gotU.Len(), len(want))
		}
		for i := range want {
			if *gotS.At(i) != want[i] || *gotU.At(i) != wantU[i] {
				t.Fatalf("seed %d: record %d: got %v, %d; want %v, %d", seed, i, *gotS.At(i), *gotU.At(i), want[i], wantU[i])
			}
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func BenchmarkMut(b *testing.B) {
	var s Slab[record]
	s.Grow(10_000_000)
	x := uint64(1)
	for b.Loop() {
		x = x*6364136223846793005 + 1442695040888963407
		s.Mut(int(x>>33)%10_000_000).a++
	}
}
