package query

import "math/bits"

// BlockLen is the number of members in a block.
const BlockLen = 1 << 16

// Bits is one bit for every member of a block.
type Bits [BlockLen / 64]uint64

// Set sets the bit of the member at i.
func (b *Bits) Set(i int) { b[i/64] |= 1 << (i % 64) }

// Has tells whether the bit of the member at i is set.
func (b *Bits) Has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

// Each calls f for every bit that is set, in order.
func (b *Bits) Each(f func(i int)) {
	for at, w := range b {
		for ; w != 0; w &= w - 1 {
			f(at*64 + bits.TrailingZeros64(w))
		}
	}
}

func (b *Bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

func (b *Bits) minus(c *Bits) {
	for i := range b {
		b[i] &^= c[i]
	}
}

func (b *Bits) plus(c *Bits) {
	for i := range b {
		b[i] |= c[i]
	}
}

// Facts are what is known of members, whose numbers go from 0 on.
type Facts interface {
	// Members is how many there are.
	Members() int
	// Present sets the bits of those of a block who can be selected at all.
	Present(block int, to *Bits)
	// Column gives the number that a term is about for the members of a block
	// whose bits are set in among; the others may be left as they are.
	Column(t *Term, block int, among *Bits, to []int64)
}

// Select gives one bit for every member whom the expression means.
func (e *Expr) Select(f Facts) []uint64 {
	n := f.Members()
	words := make([]uint64, 0, (n+BlockLen-1)/BlockLen*len(Bits{}))
	s := selection{facts: f}
	for block := 0; block*BlockLen < n; block++ {
		s.block, s.column = block, s.all[:min(BlockLen, n-block*BlockLen)]
		var present Bits
		f.Present(block, &present)
		found := s.among(e.root, &present)
		words = append(words, found[:]...)
	}
	return words[:(n+63)/64]
}

// selection is one block that is being looked at.
type selection struct {
	facts  Facts
	block  int
	column []int64
	all    [BlockLen]int64
}

// among gives those of some members for whom a node holds. Of what is joined by
// &, each part is asked about those whom the parts before it left, of what is
// joined by | about those whom they did not find.
func (s *selection) among(n *node, some *Bits) (found Bits) {
	if some.empty() {
		return found
	}
	switch n.join {
	case leaf:
		s.facts.Column(n.term, s.block, some, s.column)
		some.Each(func(i int) {
			if n.term.Holds(s.column[i]) {
				found.Set(i)
			}
		})
	case not:
		found = *some
		out := s.among(n.parts[0], some)
		found.minus(&out)
	case and:
		found = *some
		for _, p := range n.cheap {
			found = s.among(p, &found)
		}
	case or:
		left := *some
		for _, p := range n.cheap {
			more := s.among(p, &left)
			found.plus(&more)
			left.minus(&more)
		}
	}
	return found
}
