package index

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// Standing is where a member stands now, exact also with live quintiles.
func (x *Index) Standing(m kopilka.MemberNo) Standing {
	r := x.members.At(int(m))
	if r.seg == gone {
		return x.rule.stand(&x.cuts, x.day, 0, 0, 0)
	}
	if !x.rule.live() || r.last == 0 {
		return x.rule.stand(&x.cuts, x.day, r.last, r.f, r.m)
	}
	age := int(x.day) - int(r.last) + 1
	fs, ms := x.rule.scoreFM(&x.cuts, r.f, r.m)
	scores := [3]int{x.cuts.r(age), fs, ms}
	for axis, v := range r.values() {
		if x.ranks[axis] != nil && (axis == 0 || r.f > 0) {
			scores[axis] = x.ranks[axis].score(v)
		}
	}
	return x.rule.standing(age, r.f, r.m, scores[0], scores[1], scores[2])
}

// Segment is the number of the member's segment now.
func (x *Index) Segment(m kopilka.MemberNo) uint8 {
	if x.rule.live() {
		return x.Standing(m).Segment
	}
	if seg := x.members.At(int(m)).seg; seg != gone {
		return seg
	}
	return program.SegmentNone
}

// SegmentAfter is the segment that the member, who is not gone, would be in after
// a live receipt of an amount above 0 on a day, which is not after Day.
func (x *Index) SegmentAfter(m kopilka.MemberNo, day kopilka.Day, amount kopilka.Money) uint8 {
	now := x.members.At(int(m))
	r := *now
	r.last = max(r.last, uint16(day)+1)
	if int(day) >= firstDay(x.day, x.rule.window) {
		r.f++
		r.m += amount
	}
	if !x.rule.live() {
		return x.rule.stand(&x.cuts, x.day, r.last, r.f, r.m).Segment
	}
	age := int(x.day) - int(r.last) + 1
	fs, ms := x.rule.scoreFM(&x.cuts, r.f, r.m)
	scores := [3]int{x.cuts.r(age), fs, ms}
	before := now.values()
	for axis, v := range r.values() {
		if x.ranks[axis] != nil && (axis == 0 || r.f > 0) {
			scores[axis] = x.ranks[axis].scoreMoved(v, before[axis], now.last != 0)
		}
	}
	return x.rule.standing(age, r.f, r.m, scores[0], scores[1], scores[2]).Segment
}

// Segments calls f for the segments of up to count members from a number on, until
// it says false. With live quintiles the boundaries are reckoned once for all of them.
func (x *Index) Segments(from kopilka.MemberNo, count int, f func(m kopilka.MemberNo, segment uint8) bool) {
	live := x.rule.live()
	var b Boundaries
	if live {
		b = x.Boundaries()
	}
	for m := int(from); m < min(int(from)+count, x.Members()); m++ {
		r := x.members.At(m)
		segment := r.seg
		switch {
		case segment == gone:
			segment = program.SegmentNone
		case live:
			segment = x.rule.stand(&b, x.day, r.last, r.f, r.m).Segment
		}
		if !f(kopilka.MemberNo(m), segment) {
			return
		}
	}
}

// HasBought tells whether the member has a live receipt, of any time.
func (x *Index) HasBought(m kopilka.MemberNo) bool { return x.members.At(int(m)).last != 0 }

// TierSpend is the member's net amount in the tier window.
func (x *Index) TierSpend(m kopilka.MemberNo) kopilka.Money {
	if x.shared() {
		return x.members.At(int(m)).m
	}
	return *x.spend.At(int(m))
}

// TierCount is the member's live receipts in the tier window.
func (x *Index) TierCount(m kopilka.MemberNo) uint32 {
	if x.shared() {
		return uint32(x.members.At(int(m)).f)
	}
	return uint32(x.members.At(int(m)).count)
}

// WindowSpend is the member's net amount in the window of RFM.
func (x *Index) WindowSpend(m kopilka.MemberNo) kopilka.Money { return x.members.At(int(m)).m }

// Boundaries are those of this instant.
func (x *Index) Boundaries() Boundaries {
	b := x.cuts
	for axis, r := range x.ranks {
		if r != nil {
			b.set(axis, x.day, r.fifths())
		}
	}
	return b
}

// Summary is a population by cells and by segments.
type Summary struct {
	Day        kopilka.Day
	Members    int // all who are not gone: the segments add up to this
	Boundaries Boundaries
	Cells      [125]Tally // at program.Cell(r, f, m)
	None       Tally      // without a live receipt ever
	Segments   []Tally    // by number; Amount is the turnover of the window
}

// add counts one member.
func (s *Summary) add(at *Standing) {
	u := Tally{1, int64(at.Frequency), at.Monetary}
	s.Members++
	if at.R == 0 {
		s.None.add(&u, 1)
		return
	}
	s.Cells[program.Cell(int(at.R), int(at.F), int(at.M))].add(&u, 1)
}

// close adds up the cells of every segment.
func (s *Summary) close(r *rule) {
	s.Segments = make([]Tally, r.segments)
	s.Segments[program.SegmentNone] = s.None
	for i := range s.Cells {
		s.Segments[r.cells[i]].add(&s.Cells[i], 1)
	}
}

// Summary is the current day's. It is read off, in a microsecond or two,
// unless quintiles are live: then it is a pass over all members.
func (x *Index) Summary() Summary {
	s := Summary{Day: x.day, Boundaries: x.Boundaries()}
	if x.rule.live() {
		x.each(&s.Boundaries, func(_ kopilka.MemberNo, at *Standing) { s.add(at) })
	} else {
		s.Members, s.None = x.Members()-len(x.left), x.labels.none
		for i := range s.Cells {
			s.Cells[i] = x.labels.totals[i/25][i%25]
		}
	}
	s.close(&x.rule)
	return s
}

// Counts is the segments of Summary.
func (x *Index) Counts() []Tally { return x.Summary().Segments }

// Bits is the members of a segment now, one bit a member, as the caller's own
// copy. With live quintiles it is a pass over all members.
func (x *Index) Bits(segment uint8) []uint64 {
	if !x.rule.live() {
		return x.labels.bits[segment].words(x.Members())
	}
	words := make([]uint64, (x.Members()+63)/64)
	b := x.Boundaries()
	x.each(&b, func(m kopilka.MemberNo, at *Standing) {
		if at.Segment == segment {
			words[m/64] |= 1 << (m % 64)
		}
	})
	return words
}

// each gives the standing of every member, in order, by the given boundaries.
func (x *Index) each(b *Boundaries, f func(kopilka.MemberNo, *Standing)) {
	for i := range x.members.Blocks() {
		block := x.members.Block(i)
		for j := range block[:min(slab.BlockLen, x.Members()-i*slab.BlockLen)] {
			r := &block[j]
			if r.seg == gone {
				continue
			}
			at := x.rule.stand(b, x.day, r.last, r.f, r.m)
			f(kopilka.MemberNo(i*slab.BlockLen+j), &at)
		}
	}
}
