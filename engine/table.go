package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// table finds members by a hash of 32 bits. It is extendible hashing (Fagin et
// al., 1979) over pages of 2 048 slots with linear probing inside a page: it
// grows by splitting one full page, so no command ever waits for a whole table
// to be hashed again, and a picture of it copies single pages.
//
// Whoever probes compares the stored key, since tags of 32 bits are not unique.
type table struct {
	slots slab.Slab[slot]     // page p is slots p·2048 … p·2048+2047
	heads slab.Slab[pageHead] // of every page
	dir   []uint32            // page of every prefix of depth bits
	depth uint
}

type slot struct {
	tag    uint32
	member uint32 // number + 1; 0 = free
}

type pageHead struct {
	prefix uint32 // the upper bits of every tag in the page
	depth  uint16 // how many they are
	used   uint16
}

const (
	pageSlots = 2048
	pageFull  = pageSlots * 7 / 8
)

func (t *table) init() {
	t.slots.Grow(pageSlots)
	t.heads.Append(pageHead{})
	t.dir = []uint32{0}
}

// restored builds the directory from the pages.
func (t *table) restored() error {
	t.depth = 0
	for p := range t.heads.Len() {
		t.depth = max(t.depth, uint(t.heads.At(p).depth))
	}
	if t.depth > 26 || t.slots.Len() != t.heads.Len()*pageSlots {
		return fmt.Errorf("engine: table of depth %d with %d slots in %d pages", t.depth, t.slots.Len(), t.heads.Len())
	}
	t.dir = make([]uint32, 1<<t.depth)
	for p := range t.heads.Len() {
		t.point(uint32(p))
	}
	return nil
}

// point makes the directory lead to page p.
func (t *table) point(p uint32) {
	h := t.heads.At(int(p))
	spare := t.depth - uint(h.depth)
	from := h.prefix << spare
	for i := from; i < from+1<<spare; i++ {
		t.dir[i] = p
	}
}

func (t *table) page(tag uint32) uint32 {
	return t.dir[uint64(tag)>>(32-t.depth)]
}

// probe walks the members under one tag.
type probe struct {
	t      *table
	page   int // first slot of the page
	at     int // in the page, of the next slot to look at
	tag    uint32
	member kopilka.MemberNo
}

func (t *table) probe(tag uint32) probe {
	return probe{t: t, page: int(t.page(tag)) * pageSlots, at: int(tag) & (pageSlots - 1), tag: tag}
}

func (p *probe) next() bool {
	for {
		s := p.t.slots.At(p.page + p.at)
		if s.member == 0 {
			return false
		}
		p.at = (p.at + 1) & (pageSlots - 1)
		if s.tag == p.tag {
			p.member = kopilka.MemberNo(s.member - 1)
			return true
		}
	}
}

func (t *table) insert(tag uint32, m kopilka.MemberNo) {
	p := t.page(tag)
	for t.heads.At(int(p)).used >= pageFull {
		t.split(p)
		p = t.page(tag)
	}
	t.place(p, slot{tag: tag, member: uint32(m) + 1})
}

func (t *table) place(p uint32, s slot) {
	base, at := int(p)*pageSlots, int(s.tag)&(pageSlots-1)
	for t.slots.At(base+at).member != 0 {
		at = (at + 1) & (pageSlots - 1)
	}
	*t.slots.Mut(base + at) = s
	t.heads.Mut(int(p)).used++
}

// used is the number of slots in use.
func (t *table) used() (n int) {
	for p := range t.heads.Len() {
		n += int(t.heads.At(p).used)
	}
	return n
}

// split shares page p out between itself and a new page by the next bit.
func (t *table) split(p uint32) {
	h := *t.heads.At(int(p))
	if h.depth >= 20 {
		panic(fmt.Sprintf("engine: %d members share the first %d bits of their hash", h.used, h.depth))
	}
	if uint(h.depth) == t.depth {
		dir := make([]uint32, 2*len(t.dir))
		for i, p := range t.dir {
			dir[2*i], dir[2*i+1] = p, p
		}
		t.dir, t.depth = dir, t.depth+1
	}
	var moved [pageSlots]slot
	base := int(p) * pageSlots
	for i := range moved {
		moved[i] = *t.slots.At(base + i)
		*t.slots.Mut(base + i) = slot{}
	}
	*t.heads.Mut(int(p)) = pageHead{prefix: h.prefix << 1, depth: h.depth + 1}
	q := uint32(t.heads.Append(pageHead{prefix: h.prefix<<1 | 1, depth: h.depth + 1}))
	t.slots.Grow(t.slots.Len() + pageSlots)
	t.point(p)
	t.point(q)
	for _, s := range moved {
		if s.member != 0 {
			t.place(t.page(s.tag), s)
		}
	}
}

// remove takes a member out from under a tag, moving back what probing had
// pushed past its place (Knuth, vol. 3, 6.4, algorithm R).
func (t *table) remove(tag uint32, m kopilka.MemberNo) {
	p := t.page(tag)
	base, at := int(p)*pageSlots, int(tag)&(pageSlots-1)
	for {
		s := t.slots.At(base + at)
		if s.member == 0 {
			panic(fmt.Sprintf("engine: member %d is not under tag %08x", m, tag))
		}
		if s.member == uint32(m)+1 && s.tag == tag {
			break
		}
		at = (at + 1) & (pageSlots - 1)
	}
	for hole, i := at, at; ; {
		i = (i + 1) & (pageSlots - 1)
		s := *t.slots.At(base + i)
		if s.member == 0 {
			*t.slots.Mut(base + hole) = slot{}
			break
		}
		home := int(s.tag) & (pageSlots - 1)
		if (i-home)&(pageSlots-1) >= (i-hole)&(pageSlots-1) {
			*t.slots.Mut(base + hole) = s
			hole = i
		}
	}
	t.heads.Mut(int(p)).used--
}
