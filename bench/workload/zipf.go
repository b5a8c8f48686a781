package workload

import (
	"math/bits"
	"math/rand/v2"
)

// favourites draws ranks so that rank r comes about as often as 1/(r + head):
// Zipf's law with Mandelbrot's shift, which keeps the first few from buying
// half of the shop. The law says that every octave of r + head is equally
// likely, and so it is drawn: an octave, then a place in it. That is integers
// only, where math/rand/v2.Zipf takes logarithms, whose last bit depends on the
// machine.
type favourites struct {
	n       uint64
	octaves uint64
}

// head is where the first octave begins: a power of two.
const head = 256

func newFavourites(n int) favourites {
	return favourites{n: uint64(n), octaves: uint64(bits.Len64((uint64(n)-1)/head + 1))}
}

func (f favourites) draw(rnd *rand.Rand) uint64 {
	for {
		from := uint64(head) << rnd.Uint64N(f.octaves)
		if r := from - head + rnd.Uint64N(from); r < f.n {
			return r
		}
	}
}
