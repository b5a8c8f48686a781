package index

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// Tally is how many members there are, and what they bought in the window.
type Tally struct {
	Members  int64
	Receipts int64 // live ones
	Amount   kopilka.Money
}

func (t *Tally) add(u *Tally, sign int64) {
	t.Members += sign * u.Members
	t.Receipts += sign * u.Receipts
	t.Amount += kopilka.Money(sign) * u.Amount
}

// labels count members whose boundaries stand still, with thresholds or frozen
// quintiles. The score of R is kept nowhere: members lie in a row of their last
// day, rows add up to totals by score, and as time goes by a few rows a day
// move from one total to the next.
type labels struct {
	none   Tally        // without a live receipt ever
	rows   []*[25]Tally // by last day; nil for days without members
	totals [5][25]Tally // by score of R
	bits   []bitset     // members of every segment
}

// grow makes room for member m and those before.
func (l *labels) grow(m kopilka.MemberNo) {
	for i := range l.bits {
		l.bits[i].grow(m)
	}
}

// enrol enters a new member into segment 0.
func (l *labels) enrol(m kopilka.MemberNo) {
	if len(l.bits) > 0 {
		l.grow(m)
		l.bits[program.SegmentNone].set(m)
	}
}

// count adds a member with score rs for R, or takes it away.
func (l *labels) count(r *member, rs int, sign int64) {
	u := Tally{1, int64(r.f), r.m}
	if r.last == 0 {
		l.none.add(&u, sign)
		return
	}
	l.row(int(r.last) - 1)[r.fm].add(&u, sign)
	l.totals[rs-1][r.fm].add(&u, sign)
}

func (l *labels) row(day int) *[25]Tally {
	for len(l.rows) <= day {
		l.rows = append(l.rows, nil)
	}
	if l.rows[day] == nil {
		l.rows[day] = new([25]Tally)
	}
	return l.rows[day]
}

// move takes the row of a last day from one score of R to another.
func (l *labels) move(day, from, to int) {
	if day >= len(l.rows) || l.rows[day] == nil {
		return
	}
	for i := range l.rows[day] {
		l.totals[from-1][i].add(&l.rows[day][i], -1)
		l.totals[to-1][i].add(&l.rows[day][i], 1)
	}
}

// bitset is one bit a member, in fixed blocks, so that growth copies nothing.
type bitset struct{ blocks []*[slab.BlockLen / 64]uint64 }

func (b *bitset) grow(m kopilka.MemberNo) {
	for len(b.blocks)*slab.BlockLen <= int(m) {
		b.blocks = append(b.blocks, new([slab.BlockLen / 64]uint64))
	}
}

func (b *bitset) set(m kopilka.MemberNo) {
	b.blocks[m/slab.BlockLen][m%slab.BlockLen/64] |= 1 << (m % 64)
}

func (b *bitset) clear(m kopilka.MemberNo) {
	b.blocks[m/slab.BlockLen][m%slab.BlockLen/64] &^= 1 << (m % 64)
}

func (b *bitset) has(m kopilka.MemberNo) bool {
	return b.blocks[m/slab.BlockLen][m%slab.BlockLen/64]>>(m%64)&1 != 0
}

// words is a copy of the bits of n members.
func (b *bitset) words(n int) []uint64 {
	w := make([]uint64, 0, len(b.blocks)*slab.BlockLen/64)
	for _, block := range b.blocks {
		w = append(w, block[:]...)
	}
	return w[:(n+63)/64]
}
