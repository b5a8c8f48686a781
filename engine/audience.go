package engine

import (
	"cmp"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// AudiencesMax bounds the audiences that the books keep: each takes up to a bit a
// member for ever.
const AudiencesMax = 1000

// Audience is members who were frozen at one position. Who has become part of
// another since stands in it under his old number.
type Audience struct {
	Seq     kopilka.Seq
	ID      string
	Name    string
	Expr    string
	AsOf    kopilka.Day
	Time    kopilka.Time // when it was frozen
	Control kopilka.BP
	Members int
	HeldOut int

	Chunks, ChunksEnd int // of audienceSets.chunks
	WordsEnd          int // of audienceSets.words
}

// audienceSets is the members of all audiences, a chunk for every block of numbers
// that has some. What lies behind the end of the last audience is being gathered.
type audienceSets struct {
	chunks slab.Slab[audienceChunk]
	words  slab.Slab[uint64]
}

// audienceChunk is the members of one block: their bits or, where that is shorter, their
// low 16 bits, four to a word.
type audienceChunk struct {
	block  uint32
	count  uint32
	before uint32 // members of the audience in the chunks before
	at     uint32 // first word
}

// listMax is the greatest count that is kept as a list.
const listMax = kopilka.BlockLen/16 - 1

func (c *audienceChunk) listed() bool { return c.count <= listMax }

func (c *audienceChunk) words() int {
	if c.listed() {
		return int(c.count+3) / 4
	}
	return kopilka.BlockLen / 64
}

// gathering is the one set that is being gathered.
type gathering struct {
	Audience string
	Control  kopilka.BP
	Members  int
	HeldOut  int
	Chunks   int // end of its chunks
	Words    int // end of its words
}

// gather takes the members of one block.
func (s *State) gather(c *kopilka.Gather, out *kopilka.Outcome) {
	g := s.gathering
	if c.Start {
		g = gathering{Audience: clone(c.Audience), Control: c.Control}
		if n := len(s.audiences); n > 0 {
			g.Chunks, g.Words = s.audiences[n-1].ChunksEnd, s.audiences[n-1].WordsEnd
		}
	}
	last := int64(-1)
	if g.Members > 0 {
		last = int64(s.sets.chunks.At(g.Chunks - 1).block)
	}
	if g.Audience != c.Audience || g.Control != c.Control || int64(c.Block) <= last {
		refuse(out, kopilka.Stale)
		return
	}
	var set kopilka.Block
	if err := kopilka.ReadBlock(c.Members, &set); err != nil {
		panic(fmt.Sprintf("engine: position %d: %v", s.seq, err))
	}
	chunk := audienceChunk{block: c.Block, before: uint32(g.Members), at: uint32(g.Words)}
	draw := kopilka.NewDraw(s.secret, g.Audience, g.Control)
	for i, w := range set {
		chunk.count += uint32(bits.OnesCount64(w))
		for ; w != 0; w &= w - 1 {
			m := kopilka.MemberNo(int(c.Block)*kopilka.BlockLen + i*64 + bits.TrailingZeros64(w))
			if int(m) >= s.accounts.Len() {
				panic(fmt.Sprintf("engine: position %d names member %d of %d", s.seq, m, s.accounts.Len()))
			}
			if draw.HeldOut(m) {
				g.HeldOut++
			}
		}
	}
	if chunk.count == 0 {
		s.gathering = g
		return
	}
	put(&s.sets.chunks, g.Chunks, chunk)
	if chunk.listed() {
		word, n := uint64(0), 0
		for i, w := range set {
			for ; w != 0; w &= w - 1 {
				word |= uint64(i*64+bits.TrailingZeros64(w)) << (16 * (n % 4))
				if n++; n%4 == 0 || n == int(chunk.count) {
					put(&s.sets.words, g.Words+(n-1)/4, word)
					word = 0
				}
			}
		}
	} else {
		for i, w := range set {
			put(&s.sets.words, g.Words+i, w)
		}
	}
	g.Members += int(chunk.count)
	g.Chunks++
	g.Words += chunk.words()
	s.gathering = g
}

// put writes a record over what an abandoned set has left, or behind everything.
func put[T any](to *slab.Slab[T], i int, r T) {
	if i < to.Len() {
		*to.Mut(i) = r
		return
	}
	to.Append(r)
}

// freeze closes the set that was gathered.
func (s *State) freeze(c *kopilka.Audience, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if len(s.audiences) >= AudiencesMax {
		refuse(out, kopilka.ListFull)
		return
	}
	g := &s.gathering
	if g.Audience != c.ID || g.Control != c.Control || g.Members != c.Members || g.HeldOut != c.HeldOut {
		refuse(out, kopilka.Stale)
		return
	}
	first := 0
	if n := len(s.audiences); n > 0 {
		first = s.audiences[n-1].ChunksEnd
	}
	s.audiences = append(s.audiences, Audience{Seq: s.seq, ID: clone(c.ID), Name: clone(c.Name), Expr: clone(c.Expr), AsOf: c.AsOf,
		Time: s.now, Control: c.Control, Members: g.Members, HeldOut: g.HeldOut, Chunks: first, ChunksEnd: g.Chunks, WordsEnd: g.Words})
	*g = gathering{}
}

// Audiences are all audiences, the oldest first.
func (s *State) Audiences() []Audience { return slices.Clone(s.audiences) }

// Audience is the audience that was frozen at a position.
func (s *State) Audience(at kopilka.Seq) (Audience, bool) {
	i, ok := slices.BinarySearchFunc(s.audiences, at, func(x Audience, at kopilka.Seq) int { return cmp.Compare(x.Seq, at) })
	if !ok {
		return Audience{}, false
	}
	return s.audiences[i], true
}

// Drawn is an audience with who of it is held out.
type Drawn struct {
	Audience
	draw kopilka.Draw
}

// Drawn is the audience that was frozen at a position, with who is held out.
func (s *State) Drawn(at kopilka.Seq) (x Drawn, ok bool) {
	if x.Audience, ok = s.Audience(at); ok {
		x.draw = kopilka.NewDraw(s.secret, x.ID, x.Control)
	}
	return x, ok
}

// Draw is who will be held out of an audience that is to be frozen.
func (s *State) Draw(audience string, control kopilka.BP) kopilka.Draw {
	return kopilka.NewDraw(s.secret, audience, control)
}

// Held tells whether a number of the audience is held out.
func (x *Drawn) Held(m kopilka.MemberNo) bool { return x.Control > 0 && x.draw.HeldOut(m) }

// Of walks over the numbers of an audience, in their order, from a place in it on,
// with their places.
func (s *State) Of(x *Audience, from int) iter.Seq2[int, kopilka.MemberNo] {
	return func(yield func(int, kopilka.MemberNo) bool) {
		for at := x.Chunks; at < x.ChunksEnd; at++ {
			c := s.sets.chunks.At(at)
			if int(c.before+c.count) <= from {
				continue
			}
			place, first := int(c.before), kopilka.MemberNo(c.block)*kopilka.BlockLen
			if c.listed() {
				for i := max(0, from-place); i < int(c.count); i++ {
					if !yield(place+i, first+kopilka.MemberNo(s.listed(c, i))) {
						return
					}
				}
				continue
			}
			for i := range kopilka.BlockLen / 64 {
				w := *s.sets.words.At(int(c.at) + i)
				if n := bits.OnesCount64(w); place+n <= from {
					place += n
					continue
				}
				for ; w != 0; w &= w - 1 {
					if place >= from && !yield(place, first+kopilka.MemberNo(i*64+bits.TrailingZeros64(w))) {
						return
					}
					place++
				}
			}
		}
	}
}

// listed is the low bits of number i of a chunk that is a list.
func (s *State) listed(c *audienceChunk, i int) uint16 {
	return uint16(*s.sets.words.At(int(c.at) + i/4) >> (16 * (i % 4)))
}

// Place is the place of a number in an audience, counted from 0; false when it is
// not part of it.
func (s *State) Place(x *Audience, m kopilka.MemberNo) (int, bool) {
	lo, hi := x.Chunks, x.ChunksEnd
	for lo < hi {
		mid := (lo + hi) / 2
		if s.sets.chunks.At(mid).block < uint32(m/kopilka.BlockLen) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == x.ChunksEnd || s.sets.chunks.At(lo).block != uint32(m/kopilka.BlockLen) {
		return 0, false
	}
	c, low := s.sets.chunks.At(lo), int(m%kopilka.BlockLen)
	if c.listed() {
		lo, hi := 0, int(c.count)
		for lo < hi {
			mid := (lo + hi) / 2
			if int(s.listed(c, mid)) < low {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		return int(c.before) + lo, lo < int(c.count) && int(s.listed(c, lo)) == low
	}
	place := int(c.before)
	for i := range low / 64 {
		place += bits.OnesCount64(*s.sets.words.At(int(c.at) + i))
	}
	w := *s.sets.words.At(int(c.at) + low/64)
	return place + bits.OnesCount64(w&(1<<(low%64)-1)), w>>(low%64)&1 != 0
}

// Stands is the member whom a number of an audience stands for, when it is to be
// done to him what is done to those addressed. It is false of who is held out or was
// forgotten, and of a number whose person was frozen under a lower one too, so that
// he has his turn once. Who has become one with somebody held out is held out.
func (s *State) Stands(x *Drawn, no kopilka.MemberNo) (m kopilka.MemberNo, ok bool) {
	if x.Held(no) {
		return 0, false
	}
	m = s.resolve(no)
	a := s.accounts.At(int(m))
	if a.erased() {
		return m, false
	}
	if !a.hasClaims() {
		return m, true // nobody is part of him
	}
	for _, part := range s.Parts(m) {
		if part == no {
			continue
		}
		if _, in := s.Place(&x.Audience, part); in && (part < no || x.Held(part)) {
			return m, false
		}
	}
	return m, true
}

// Withheld is the member whom a number of an audience stands for, when he is held
// out, be it for a number that has become part of him. It is false where he was frozen
// under a lower number too.
func (s *State) Withheld(x *Drawn, no kopilka.MemberNo) (m kopilka.MemberNo, ok bool) {
	m = s.resolve(no)
	a := s.accounts.At(int(m))
	if a.erased() {
		return m, false
	}
	held := x.Held(no)
	if !a.hasClaims() {
		return m, held
	}
	for _, part := range s.Parts(m) {
		if _, in := s.Place(&x.Audience, part); in {
			if part < no {
				return m, false
			}
			held = held || x.Held(part)
		}
	}
	return m, held
}

// checkAudiences proves that the chunks of every audience go up and add up.
func (s *State) checkAudiences() error {
	chunks, words := 0, 0
	for i := range s.audiences {
		x, err := s.Drawn(s.audiences[i].Seq)
		if !err || x.Chunks != chunks {
			return fmt.Errorf("the chunks of audience %s begin at %d, and those before end at %d", s.audiences[i].ID, x.Chunks, chunks)
		}
		members, block := uint32(0), int64(-1)
		for ; chunks < x.ChunksEnd; chunks++ {
			c := s.sets.chunks.At(chunks)
			if int64(c.block) <= block || c.before != members || int(c.at) != words {
				return fmt.Errorf("chunk %d of audience %s is of block %d after %d, with %d members before it of %d, at %d of %d", chunks, x.ID, c.block, block, c.before, members, c.at, words)
			}
			members += c.count
			words += c.words()
			block = int64(c.block)
		}
		n, held, last := 0, 0, int64(-1)
		for place, m := range s.Of(&x.Audience, 0) {
			if place != n || int64(m) <= last || int(m) >= s.accounts.Len() {
				return fmt.Errorf("audience %s has member %d after %d at place %d of %d", x.ID, m, last, place, n)
			}
			if x.Held(m) {
				held++
			}
			last = int64(m)
			n++
		}
		if n != x.Members || held != x.HeldOut || words != x.WordsEnd {
			return fmt.Errorf("audience %s has %d members, %d of them held out, up to word %d, and says %d, %d, %d", x.ID, n, held, words, x.Members, x.HeldOut, x.WordsEnd)
		}
	}
	return nil
}
