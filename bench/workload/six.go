package workload

import (
	"cmp"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// Counts are members by segment, in the order core, loyal, whales, new,
// sleeping, lost.
type Counts [6]int

// SegmentIDs are the segments of Counts.
var SegmentIDs = [6]string{"core", "loyal", "whales", "new", "sleeping", "lost"}

// LoCards are the counts of a published base of 242 339 buyers.
var LoCards = Counts{45_489, 63_578, 18_322, 14_803, 30_936, 69_211}

// shape is one way of being in a segment under the default thresholds: the age
// of the last purchase in days, and receipts and money of the last 365 days.
type shape struct {
	age [2]int
	f   [2]int
	m   [2]int64
}

// The edges of the default rule: R up to 180 days scores 3 and up to 365 scores
// 2; three receipts score 3 on F; five million score 4 on M. A purchase 365
// days old scores 2 on R and is outside the window, so its F and M are nothing.
var (
	few, often   = [2]int{1, 2}, [2]int{3, 9}
	little, much = [2]int64{100, 4_999_999}, [2]int64{5_000_000, 40_000_000}
	fresh, stale = [2]int{0, 180}, [2]int{181, 364}

	shapes = [6][]shape{
		{{fresh, often, much}},
		{{fresh, often, little}},
		{{fresh, few, much}},
		{{fresh, few, little}},
		{{stale, often, much}, {stale, often, little}, {stale, few, much}},
		{{stale, few, little}, {age: [2]int{365, 365}}, {age: [2]int{366, 1500}}},
	}
)

// purchase is a receipt of Segments before it has become an event.
type purchase struct {
	day    kopilka.Day
	member uint32
	amount kopilka.Money
}

// Segments242339 is a chain of the size and the segments of LoCards, copies
// times over: see Segments.
func Segments242339(seed uint64, asOf kopilka.Day, copies int) iter.Seq[*Event] {
	counts := LoCards
	for i := range counts {
		counts[i] *= copies
	}
	return Segments(seed, asOf, counts)
}

// Segments are the enrolments and receipts of members who, at the end of the
// day asOf and under the default thresholds, stand in the six segments in
// exactly the given numbers. A quarter of the members stands on an edge of its
// segment. Events come in order of time, a member's enrolment before the first
// purchase; an event is good until the next one. asOf lies after 1976.
func Segments(seed uint64, asOf kopilka.Day, counts Counts) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		shop := &Shop{Seed: seed, Prefix: "six-", Stores: 40}
		all := purchases(seed, asOf, counts)
		members := 0
		for _, n := range counts {
			members += n
		}
		enrolled := make([]bool, members)
		for i, p := range all {
			y, m, d := p.day.Date()
			at := kopilka.TimeOf(time.Date(y, m, d, opens, 0, 0, 0, Zone))
			n := int(p.member)
			if !enrolled[n] {
				enrolled[n] = true
				if !yield(shop.enrolment(n, at)) {
					return
				}
			}
			id := strconv.Itoa(i + 1)
			if !yield(&Event{Op: Receipt, Time: at, Occurred: at, Buyer: n, ID: shop.Prefix + id, Card: card(n),
				Store: storeID(shop.home(n)), Till: "T1", Cashier: "C1", ReceiptNo: id, Amount: p.amount}) {
				return
			}
		}
	}
}

// purchases are the receipts of Segments in order of day.
func purchases(seed uint64, asOf kopilka.Day, counts Counts) []purchase {
	rnd := rand.New(rand.NewPCG(seed, 242339))
	var all []purchase
	member := uint32(0)
	for segment, count := range counts {
		for i := range count {
			s := shapes[segment][i%len(shapes[segment])]
			age := within(rnd, s.age)
			buy := func(age int, amount int64) {
				all = append(all, purchase{asOf - kopilka.Day(age), member, kopilka.Money(amount)})
			}
			if f := within(rnd, s.f); f > 0 {
				left := within(rnd, s.m)
				for k := f; k > 0; k-- {
					// Every receipt has an amount, the last one what is left.
					part := left
					if k > 1 {
						part = 1 + rnd.Int64N(max(1, min(2*left/int64(k), left-int64(k)+1)))
					}
					left -= part
					at := age
					if k > 1 {
						at += rnd.IntN(365 - age)
					}
					buy(at, part)
				}
			} else {
				buy(age, 1+rnd.Int64N(10_000_000))
			}
			// What was bought before the window counts for nothing.
			if rnd.IntN(3) == 0 {
				for range 1 + rnd.IntN(4) {
					buy(max(age, 365)+rnd.IntN(700), 1+rnd.Int64N(10_000_000))
				}
			}
			member++
		}
	}
	slices.SortFunc(all, func(a, b purchase) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.member, b.member), cmp.Compare(a.amount, b.amount))
	})
	return all
}

// within draws from lo to hi: each edge one time in eight, and all between
// them otherwise.
func within[T int | int64](rnd *rand.Rand, edges [2]T) T {
	switch rnd.IntN(8) {
	case 0:
		return edges[0]
	case 1:
		return edges[1]
	}
	return edges[0] + T(rnd.Int64N(int64(edges[1]-edges[0])+1))
}
