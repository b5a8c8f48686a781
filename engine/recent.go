package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// recent remembers under which fingerprints the newest commands stand in the
// log, in two generations. When the young one is full the old one is forgotten
// and they change places; by then the old one lies in a run on disk, which the
// maker of a command searches before the command is queued. What a command has
// not been searched for, because the books have moved on since, makes it stale.
type recent struct {
	generations [2]generation
	young       int         // which of them is
	base        kopilka.Seq // last position that neither generation remembers
	youngFrom   kopilka.Seq // last position before the young generation
	retired     int         // generations forgotten so far
}

// generationLen is the number of fingerprints in a generation. Two generations
// are the newest 130 000 commands at least: some tenths of a second under full
// load, and the searching takes microseconds.
const generationLen = 1 << 17

const generationSlots = 2 * generationLen

type generation struct {
	slots slab.Slab[mark]
	used  int
}

// mark is a fingerprint with the position it stands at; position 0 = free.
type mark struct {
	key uint64
	seq kopilka.Seq
}

func (r *recent) init() {
	r.generations[0].slots.Grow(generationSlots)
	r.generations[1].slots.Grow(generationSlots)
}

func (r *recent) old() *generation { return &r.generations[1-r.young] }

// find gives the newest position under a fingerprint, or 0.
func (r *recent) find(key uint64) kopilka.Seq {
	if seq := r.generations[r.young].find(key); seq != 0 {
		return seq
	}
	return r.old().find(key)
}

// home spreads the fingerprints, which arrive as hashes, over the slots.
func home(key uint64) int { return int(key >> 32 & (generationSlots - 1)) }

func (g *generation) find(key uint64) kopilka.Seq {
	for i := home(key); ; i = (i + 1) & (generationSlots - 1) {
		m := g.slots.At(i)
		if m.seq == 0 {
			return 0
		}
		if m.key == key {
			return m.seq
		}
	}
}

// set puts a fingerprint at a position, in place of an older position.
func (g *generation) set(key uint64, seq kopilka.Seq) {
	for i := home(key); ; i = (i + 1) & (generationSlots - 1) {
		m := g.slots.At(i)
		if m.seq == 0 {
			g.used++
		} else if m.key != key {
			continue
		}
		*g.slots.Mut(i) = mark{key, seq}
		return
	}
}

// add remembers a fingerprint. Fingerprints of one command stay in one generation.
func (r *recent) add(key uint64, seq kopilka.Seq) { r.generations[r.young].set(key, seq) }

// turn forgets the old generation when the young one is full, after the command
// at seq.
func (r *recent) turn(seq kopilka.Seq) {
	if r.generations[r.young].used < generationLen-4 {
		return
	}
	old := r.old()
	for i := range generationSlots {
		if old.slots.At(i).seq != 0 {
			*old.slots.Mut(i) = mark{}
		}
	}
	old.used = 0
	r.young = 1 - r.young
	r.base, r.youngFrom = r.youngFrom, seq
	r.retired++
}

// Recent is what the books themselves remember of fingerprints.
type Recent struct {
	// Base is the last position they do not remember: up to it, the runs are to
	// be searched.
	Base kopilka.Seq
	// Full is the last position of the old generation, and Generations how many
	// were ever full: when it has gone up, OldMarks is due to become a run.
	Full        kopilka.Seq
	Generations int
}

// Recent tells what the books remember.
func (s *State) Recent() Recent {
	return Recent{Base: s.recent.base, Full: s.recent.youngFrom, Generations: s.recent.retired}
}

// FindRecent gives the newest position above Recent().Base under a fingerprint, or 0.
func (s *State) FindRecent(key uint64) kopilka.Seq { return s.recent.find(key) }

// OldMarks calls f for every fingerprint of the old generation, in no useful order.
func (s *State) OldMarks(f func(key uint64, seq kopilka.Seq)) {
	for i := range generationSlots {
		if m := s.recent.old().slots.At(i); m.seq != 0 {
			f(m.key, m.seq)
		}
	}
}
