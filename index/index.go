package index

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// Index is the standing of all members. New makes one; the zero Index is not ready.
type Index struct {
	day        kopilka.Day
	rule       rule
	tierWindow int // days
	// cuts are the boundaries in force, without those of live quintiles: for
	// these see ranks.
	cuts Boundaries

	members    slab.Slab[member]
	registered slab.Slab[kopilka.Day]
	spend      slab.Slab[kopilka.Money] // in the tier window; in use while that is a window of its own
	purchases  purchases

	// Of these two, the one that the rule asks for is kept.
	labels labels
	ranks  [3]*ranks                     // R, F, M: where quintiles are live
	left   map[kopilka.MemberNo]struct{} // who are gone

	days []stamp // of lastLive, used again
}

// member is what changes with a purchase, in one record because a purchase
// touches all of it: one cache miss instead of six.
type member struct {
	m     kopilka.Money // net amount in the window of RFM
	f     int32         // live receipts in it
	head  uint32        // newest entry in the purchase log, plus one; 0 = none
	count int32         // live receipts in the tier window, while that is a window of its own
	last  uint16        // greatest day of a live receipt ever, plus one; 0 = none
	fm    uint8         // cell of F and M, 0–24; 0 while quintiles are live
	seg   uint8         // segment, 0 while quintiles are live; or gone
}

// values are what the three axes rank members by. A later last day is better
// than an earlier one, as with F and M more is better.
func (r *member) values() [3]int64 { return [3]int64{int64(r.last) - 1, int64(r.f), int64(r.m)} }

// New is an index without members. Until SetRule everybody belongs to segment 0.
func New() *Index {
	x := &Index{}
	x.rule.segments = 1
	x.rebuild()
	return x
}

// Start sets the first day of the books.
func (x *Index) Start(day kopilka.Day) {
	if x.purchases.Len() != 0 {
		panic(fmt.Sprintf("index: books of %d purchases are started again on %s", x.purchases.Len(), day))
	}
	x.day = day
	x.rebuild()
}

// Day is the business day that the index stands at.
func (x *Index) Day() kopilka.Day { return x.day }

// Members is the number of members.
func (x *Index) Members() int { return x.members.Len() }

// Registered is the day on which a member was registered.
func (x *Index) Registered(m kopilka.MemberNo) kopilka.Day { return *x.registered.At(int(m)) }

// Enrol adds the member with the next number, or changes the day on which an
// existing one was registered. That day counts for AsOf only.
func (x *Index) Enrol(m kopilka.MemberNo, registered kopilka.Day) {
	n := x.Members()
	if int(m) < n {
		*x.registered.Mut(int(m)) = registered
		return
	}
	if int(m) > n {
		panic(fmt.Sprintf("index: member %d enrols after %d members", m, n))
	}
	x.members.Append(member{})
	x.registered.Append(registered)
	if !x.shared() {
		x.spend.Grow(n + 1)
	}
	x.labels.enrol(m)
	x.put(m, x.members.Mut(n))
}

// Purchase enters what changed on a day of a member's history: a purchase, or a
// return, which belongs to the day of its receipt. dF is +1 for a new live
// receipt, -1 for one of which nothing is left, else 0; dM is the change of
// the net amount. The day is not after Day, and the live receipts of a day
// never become less than none: both are the caller's word, broken only by a bug.
func (x *Index) Purchase(m kopilka.MemberNo, day kopilka.Day, dF int, dM kopilka.Money) {
	if int(m) >= x.Members() || day > x.day || dF < -1 || dF > 1 {
		panic(fmt.Sprintf("index: purchase of member %d of %d on %s, today %s, receipts %+d, amount %+d", m, x.Members(), day, x.day, dF, dM))
	}
	r := x.members.Mut(int(m))
	x.take(r)
	r.head = x.purchases.add(r.head, m, day, dF, dM)
	if int(day) >= firstDay(x.day, x.rule.window) {
		r.f += int32(dF)
		r.m += dM
	}
	if !x.shared() && int(day) >= firstDay(x.day, x.tierWindow) {
		r.count += int32(dF)
		*x.spend.Mut(int(m)) += dM
	}
	if r.f < 0 || !x.shared() && r.count < 0 {
		panic(fmt.Sprintf("index: member %d has %d live receipts, %d for tiers, after %+d on %s", m, r.f, r.count, dF, day))
	}
	if dF > 0 {
		r.last = max(r.last, uint16(day)+1)
	}
	if dF < 0 && r.last == uint16(day)+1 {
		r.last, x.days = lastLive(&x.purchases, r.head, day, x.days)
	}
	x.put(m, r)
}

// firstDay is the first day of the window that ends with day; 0 days is all time.
func firstDay(day kopilka.Day, window int) int {
	if window == 0 {
		return 0
	}
	return int(day) - window + 1
}

// take removes a member from everything that is counted, as it stands; put
// enters it again after a change, and moves it to the segment it now belongs to.
func (x *Index) take(r *member) {
	if r.seg == gone {
		return
	}
	if x.rule.live() {
		x.rank(r, -1)
		return
	}
	x.labels.count(r, x.recency(r), -1)
}

func (x *Index) put(m kopilka.MemberNo, r *member) {
	if r.seg == gone {
		return
	}
	if x.rule.live() {
		x.rank(r, 1)
		return
	}
	r.fm = x.fm(r)
	x.labels.count(r, x.recency(r), 1)
	x.label(m, r)
}

// label moves the member to the segment of its cell.
func (x *Index) label(m kopilka.MemberNo, r *member) {
	if seg := x.segment(r); seg != r.seg {
		x.labels.bits[r.seg].clear(m)
		x.labels.bits[seg].set(m)
		r.seg = seg
	}
}

// fm and segment are the cell of F and M, and the segment of a member whose fm
// is right, by the boundaries in force.
func (x *Index) fm(r *member) uint8 {
	f, m := x.rule.scoreFM(&x.cuts, r.f, r.m)
	return uint8((f-1)*5 + m - 1)
}

func (x *Index) segment(r *member) uint8 {
	if r.last == 0 {
		return program.SegmentNone
	}
	return x.rule.cells[(x.recency(r)-1)*25+int(r.fm)]
}

// recency is the score of R by the boundaries in force.
func (x *Index) recency(r *member) int {
	return x.cuts.r(int(x.day) - int(r.last) + 1)
}

// rank enters the member's values into the ranks that the rule asks for, or
// takes them out. The population is everyone with a live receipt ever.
func (x *Index) rank(r *member, n int) {
	if r.last == 0 {
		return
	}
	for i, v := range r.values() {
		if x.ranks[i] != nil {
			x.ranks[i].add(v, n)
		}
	}
}

// Refresh sets frozen boundaries anew, from the members as they stand.
func (x *Index) Refresh() {
	if x.rule.frozen() {
		x.freeze()
		x.rebuild()
	}
}

// SetRule puts a rule in force, with the days of the tier window. Everybody is
// labelled anew. Frozen boundaries are set anew only where the rule of RFM
// differs from the one before, so that a change elsewhere in the program does
// not move anybody.
func (x *Index) SetRule(p *program.RFM, tierWindowDays int) {
	was, wasTier, wasShared := x.rule, x.tierWindow, x.shared()
	x.rule, x.tierWindow = ruleOf(p), tierWindowDays
	x.refold(x.rule.window != was.window, !x.shared() && (wasShared || x.tierWindow != wasTier))
	if x.rule != was {
		x.freeze()
		x.rebuild()
	}
}

// shared tells whether tiers and RFM look at the same window, which is then
// kept once.
func (x *Index) shared() bool { return x.tierWindow == x.rule.window }

// refold adds up the purchase log for windows that have changed.
func (x *Index) refold(rfm, tier bool) {
	if !rfm && !tier {
		return
	}
	if tier {
		x.spend.Grow(x.Members())
	}
	for i := range x.Members() {
		r := x.members.Mut(i)
		if rfm {
			r.f, r.m = 0, 0
		}
		if tier {
			r.count, *x.spend.Mut(i) = 0, 0
		}
	}
	first, tierFirst := firstDay(x.day, x.rule.window), firstDay(x.day, x.tierWindow)
	for i := range x.purchases.Len() {
		e := x.purchases.At(i)
		r := x.members.Mut(int(e.member))
		if rfm && int(e.day) >= first {
			r.f += int32(e.live)
			r.m += e.amount()
		}
		if tier && int(e.day) >= tierFirst {
			r.count += int32(e.live)
			*x.spend.Mut(int(e.member)) += e.amount()
		}
	}
}

// freeze sets the boundaries in force: thresholds as the rule has them, and
// quintiles, where they are frozen, as the members have them now.
func (x *Index) freeze() {
	x.cuts = x.rule.thresholds
	if x.rule.frozen() {
		x.cuts = x.rule.boundaries(x.day, x.values)
	}
}

// values gives the values of one axis of everyone with a live receipt ever.
func (x *Index) values(axis int, yield func(int64)) {
	for i := range x.Members() {
		if r := x.members.At(i); r.last != 0 && r.seg != gone {
			yield(r.values()[axis])
		}
	}
}

// rebuild makes what is derived from the members' columns: counts and bitsets,
// or ranks.
func (x *Index) rebuild() {
	x.labels, x.ranks, x.left = labels{}, [3]*ranks{}, map[kopilka.MemberNo]struct{}{}
	live := x.rule.live()
	if live {
		for axis, asked := range x.rule.quintiles {
			if asked {
				x.ranks[axis] = ranksOf(func(yield func(int64)) { x.values(axis, yield) })
			}
		}
	} else {
		x.labels.bits = make([]bitset, x.rule.segments)
		if n := x.Members(); n > 0 {
			x.labels.grow(kopilka.MemberNo(n - 1))
		}
	}
	for i := range x.members.Blocks() {
		block := x.members.Block(i)
		for j := range block[:min(slab.BlockLen, x.Members()-i*slab.BlockLen)] {
			r, no := block[j], i*slab.BlockLen+j
			if r.seg == gone {
				x.left[kopilka.MemberNo(no)] = struct{}{}
				continue
			}
			r.fm, r.seg = 0, 0
			if !live {
				r.fm = x.fm(&r)
				r.seg = x.segment(&r)
				x.labels.count(&r, x.recency(&r), 1)
				x.labels.bits[r.seg].set(kopilka.MemberNo(no))
			}
			// A record that stays the same is not touched: while a snapshot
			// is written, a touch sets its page aside.
			if r != block[j] {
				*x.members.Mut(no) = r
			}
		}
	}
}
