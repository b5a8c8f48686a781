package index

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// History is what is known at one instant about the time up to a day. It
// shares the purchase log with the index, below a length under which nothing
// changes any more, so it is taken under the lock in microseconds and folded
// into a Table without it: no till waits for an analyst.
type History struct {
	day     kopilka.Day
	rule    rule
	cuts    Boundaries
	members int
	// registered is nil when everybody counts, as on the current day; who is gone
	// was never registered.
	registered []kopilka.Day
	log        view
}

// AsOf takes the history up to the end of a day, from what is known now, with
// the rule of now: members registered by that day, purchases and returns of
// that day and before. On the current day everybody is a member who is not gone. For
// a day in the past the days of registration are copied, two bytes a member. The
// day is not after Day.
func (x *Index) AsOf(day kopilka.Day) *History {
	if day > x.day {
		panic(fmt.Sprintf("index: as of %s, today %s", day, x.day))
	}
	h := &History{day: day, rule: x.rule, cuts: x.cuts, members: x.Members(), log: x.purchases.view()}
	if day == x.day && len(x.left) == 0 {
		return h
	}
	h.registered = make([]kopilka.Day, x.members.Blocks()*slab.BlockLen)
	if day < x.day {
		for i := range x.registered.Blocks() {
			copy(h.registered[i*slab.BlockLen:], x.registered.Block(i))
		}
	}
	for m := range x.left {
		h.registered[m] = kopilka.DayNever
	}
	h.registered = h.registered[:h.members]
	return h
}

// Table is the standing of every member on one day. Nobody changes it.
type Table struct {
	Summary
	rule       rule
	registered []kopilka.Day
	rows       []row
}

// row is a member while the log is folded, and afterwards.
type row struct {
	m    kopilka.Money
	f    int32
	last uint16 // as in member
	// n is the live receipts of the last day as far as they are known: never more
	// than there are, since it stops counting at its largest number, and none
	// when only the chain can tell the last day.
	n uint16
}

// Table folds the purchase log: a pass over all entries, in memory of 16 bytes a
// member. It needs no lock.
func (h *History) Table() *Table {
	t := &Table{rule: h.rule, registered: h.registered, rows: make([]row, h.members)}
	t.Day = h.day
	h.fold(t.rows)

	t.Boundaries = h.cuts
	if h.rule.live() {
		t.Boundaries = h.rule.boundaries(h.day, t.values)
	}
	for _, at := range t.All() {
		t.add(&at)
	}
	t.close(&t.rule)
	return t
}

// doubt is a member whose last day a return took away, and the newest entry of
// the chain that will tell.
type doubt struct{ member, head uint32 }

func (h *History) fold(rows []row) {
	first := firstDay(h.day, h.rule.window)
	var doubts []doubt
	for i := range h.log.len {
		e := h.log.At(i)
		if e.day > uint16(h.day) {
			continue
		}
		r := &rows[e.member]
		if int(e.day) >= first {
			r.f += int32(e.live)
			r.m += e.amount()
		}
		if e.live != 0 && r.note(e) {
			doubts = append(doubts, doubt{e.member, uint32(i) + 1})
		}
	}
	// The newest doubt of a member has the whole chain, and settles the others.
	var days []stamp
	for _, d := range slices.Backward(doubts) {
		if r := &rows[d.member]; r.n == 0 {
			r.last, days = lastLive(&h.log, d.head, h.day, days)
			r.n = 1
		}
	}
}

// note takes live receipts, more or less, into account, and tells whether the
// last day is in doubt.
func (r *row) note(e *purchase) bool {
	last := e.day + 1
	switch {
	case e.live > 0 && last > r.last:
		r.last, r.n = last, uint16(e.live)
	case last == r.last:
		r.n = uint16(max(0, min(math.MaxUint16, int(r.n)+int(e.live))))
	}
	return r.n == 0
}

func (t *Table) present(m int) bool { return t.registered == nil || t.registered[m] <= t.Day }

// values gives the values of one axis of everyone with a live receipt: see
// member.values.
func (t *Table) values(axis int, yield func(int64)) {
	for i := range t.rows {
		if r := &t.rows[i]; r.last != 0 && t.present(i) {
			yield([3]int64{int64(r.last) - 1, int64(r.f), int64(r.m)}[axis])
		}
	}
}

// Standing is where a member stood; false for one who was not yet registered.
func (t *Table) Standing(m kopilka.MemberNo) (Standing, bool) {
	if int(m) >= len(t.rows) || !t.present(int(m)) {
		return Standing{}, false
	}
	r := &t.rows[m]
	return t.rule.stand(&t.Boundaries, t.Day, r.last, r.f, r.m), true
}

// All gives every member of that day in the order of their numbers.
func (t *Table) All() iter.Seq2[kopilka.MemberNo, Standing] {
	return func(yield func(kopilka.MemberNo, Standing) bool) {
		for i := range t.rows {
			m := kopilka.MemberNo(i)
			if at, ok := t.Standing(m); ok && !yield(m, at) {
				return
			}
		}
	}
}

// Bits is the members of a segment, one bit a member number.
func (t *Table) Bits(segment uint8) []uint64 {
	words := make([]uint64, (len(t.rows)+63)/64)
	for m, at := range t.All() {
		if at.Segment == segment {
			words[m/64] |= 1 << (m % 64)
		}
	}
	return words
}

// Bitmap is the members of a segment in the form in which they leave the house.
func (t *Table) Bitmap(segment uint8) *roaring.Bitmap { return Bitmap(t.Bits(segment)) }

// Bitmap turns one bit a member into a Roaring bitmap of its own.
func Bitmap(words []uint64) *roaring.Bitmap {
	b := roaring.FromDense(words, true)
	b.RunOptimize()
	return b
}
