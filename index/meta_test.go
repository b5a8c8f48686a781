package index

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// event is something that changes the index on a day.
type event struct {
	member, day, live int
	amount            int64
}

// history is random purchases and returns, in the order of days.
func history(rnd *rand.Rand, members, days, n int) []event {
	var all []event
	for range n {
		e := event{rnd.IntN(members), rnd.IntN(days), 1, 1 + rnd.Int64N(400)}
		all = append(all, e)
		switch rnd.IntN(6) {
		case 0:
			all = append(all, event{e.member, e.day, -1, -e.amount})
		case 1:
			all = append(all, event{e.member, e.day, 0, -e.amount / 3})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.day - b.day })
	return all
}

// fed is an index at a day with the events entered in their order.
func fed(r program.RFM, tier, members, start int, all []event) *Index {
	x := New()
	x.Start(kopilka.Day(start))
	x.SetRule(&r, tier)
	for m := range members {
		x.Enrol(kopilka.MemberNo(m), 0)
	}
	for _, e := range all {
		for int(x.Day()) < e.day {
			x.Tick(nil)
		}
		x.Purchase(kopilka.MemberNo(e.member), kopilka.Day(e.day), e.live, kopilka.Money(e.amount))
	}
	return x
}

// LastPurchase is the greatest day on which the member has a live receipt;
// false when there is none. Outside, only the recency that follows is asked for.
func (x *Index) LastPurchase(m kopilka.MemberNo) (kopilka.Day, bool) {
	last := x.members.At(int(m)).last
	return kopilka.Day(last - 1), last != 0
}

// all is everything that two indexes with the same past must agree on.
func all(x *Index) (out []any) {
	for m := range kopilka.MemberNo(x.Members()) {
		last, ok := x.LastPurchase(m)
		out = append(out, x.Standing(m), x.Segment(m), x.TierSpend(m), x.TierCount(m), last, ok)
	}
	out = append(out, x.Summary(), x.AsOf(x.Day()).Table().Summary)
	for seg := range x.rule.segments {
		out = append(out, x.Bits(uint8(seg)))
	}
	return out
}

func same(t *testing.T, what string, a, b *Index) {
	t.Helper()
	u, v := all(a), all(b)
	for i := range u {
		if !reflect.DeepEqual(u[i], v[i]) {
			t.Fatalf("%s: %+v and %+v", what, u[i], v[i])
		}
	}
}

// TestMetamorphic changes histories in ways that must not show.
func TestMetamorphic(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		const members, days = 25, 60
		r, tier := randomRule(rnd)
		past := history(rnd, members, days, 200)
		what := func(s string) string { return fmt.Sprintf("seed %d: %s", seed, s) }
		end := []event{{0, days, 0, 0}}
		x := fed(r, tier, members, 0, slices.Concat(past, end))

		// A return stands after its purchase, so pairs are shuffled whole:
		// events of one member keep their order.
		shuffled := slices.Clone(past)
		for range 4 * len(past) {
			i := rnd.IntN(len(past) - 1)
			a, b := &shuffled[i], &shuffled[i+1]
			if a.day == b.day && a.member != b.member {
				*a, *b = *b, *a
			}
		}
		y := fed(r, tier, members, 0, slices.Concat(shuffled, end))
		x.Refresh()
		y.Refresh()
		same(t, what("shuffled within a day"), x, y)

		// The same history entered on its last day.
		y = fed(r, tier, members, days, past)
		y.Refresh()
		same(t, what("one jump instead of ticks"), x, y)

		// A history imported by member, not by day.
		byMember := slices.Clone(past)
		slices.SortStableFunc(byMember, func(a, b event) int { return a.member - b.member })
		y = fed(r, tier, members, days, byMember)
		y.Refresh()
		same(t, what("by member"), x, y)

		for range 20 {
			m, day, amount := kopilka.MemberNo(rnd.IntN(members)), kopilka.Day(rnd.IntN(days+1)), kopilka.Money(1+rnd.Int64N(1<<33))
			y.Purchase(m, day, 1, amount)
			y.Purchase(m, day, 0, -amount/2)
			y.Purchase(m, day, -1, amount/2-amount)
			same(t, what("purchase and full return"), x, y)
		}

		// Out of the rule and back into it.
		other, otherTier := randomRule(rnd)
		y.SetRule(&other, otherTier)
		for range 3 {
			x.Tick(nil)
			y.Tick(nil)
		}
		y.SetRule(&r, tier)
		x.Refresh()
		y.Refresh()
		same(t, what("another rule for three days"), x, y)
	}
}

// TestCopies replays a history in copies of its members: counts are as many
// times as large, with thresholds and with quintiles.
func TestCopies(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 12))
		const members, days, copies = 40, 60, 7
		r, tier := randomRule(rnd)
		past := history(rnd, members, days, 300)
		var more []event
		for _, e := range past {
			for c := range copies {
				e := e
				e.member += c * members
				more = append(more, e)
			}
		}
		x := fed(r, tier, members, days, past)
		y := fed(r, tier, members*copies, days, more)
		x.Refresh()
		y.Refresh()
		a, b := x.Summary(), y.Summary()
		for _, c := range a.tallies() {
			*c = Tally{c.Members * copies, c.Receipts * copies, c.Amount * copies}
		}
		a.Members *= copies
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: %+v; want %+v", seed, b, a)
		}
	}
}

func (s *Summary) tallies() (all []*Tally) {
	all = append(all, &s.None)
	for i := range s.Cells {
		all = append(all, &s.Cells[i])
	}
	for i := range s.Segments {
		all = append(all, &s.Segments[i])
	}
	return all
}

// TestOverBlocks has more members and entries than a block and a chunk hold.
func TestOverBlocks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 13))
	const members, days = 70_000, 120
	r := defaultRule()
	r.WindowDays = 60
	r.R.Thresholds = [4]int64{5, 20, 40, 60}
	r.M.Thresholds = [4]int64{100, 300, 500, 900}
	x := fed(r, 30, members, 0, history(rnd, members, days, 200_000))
	late := history(rnd, members, days, 20_000)
	for _, e := range late {
		x.Purchase(kopilka.MemberNo(e.member), kopilka.Day(e.day), e.live, kopilka.Money(e.amount))
	}
	f := func(what string) {
		t.Helper()
		for m := range kopilka.MemberNo(members) {
			if err := x.Check(m); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		table := x.AsOf(x.Day()).Table()
		if got := x.Summary(); !reflect.DeepEqual(got, table.Summary) {
			t.Fatalf("%s: %+v; want %+v", what, got, table.Summary)
		}
		for seg := range x.rule.segments {
			if !slices.Equal(x.Bits(uint8(seg)), table.Bits(uint8(seg))) {
				t.Fatalf("%s: the members of segment %d differ", what, seg)
			}
		}
		for m, at := range table.All() {
			if x.Standing(m) != at {
				t.Fatalf("%s: member %d: %+v; want %+v", what, m, x.Standing(m), at)
			}
		}
	}
	f("after the history")
	for range 45 {
		x.Tick(nil)
	}
	f("45 days later")
	// A past day is what it was, also from a view that is folded later.
	before := x.AsOf(100)
	want := before.Table()
	for range 3 {
		x.Tick(nil)
		for m := range kopilka.MemberNo(1000) {
			x.Purchase(m, x.Day(), 1, 700)
		}
	}
	if got := before.Table(); !reflect.DeepEqual(got, want) {
		t.Fatalf("a view changed: %+v; want %+v", got.Summary, want.Summary)
	}
	r.R, r.F, r.M = program.Axis{Quintiles: true}, program.Axis{Quintiles: true}, program.Axis{Quintiles: true}
	x.SetRule(&r, 60)
	f("with live quintiles")
	for m := range kopilka.MemberNo(1000) {
		x.Purchase(m*70, x.Day()-kopilka.Day(m%90), 1, kopilka.Money(m)<<24)
	}
	x.Tick(nil)
	f("with live quintiles, a day later")
}

// TestManyOnOneDay has a card that lies at the till: more receipts in a day
// than 16 bits count.
func TestManyOnOneDay(t *testing.T) {
	r := defaultRule()
	x := fed(r, 365, 1, 10, nil)
	x.Purchase(0, 3, 1, 100)
	const n = 70_000
	f := func(day kopilka.Day) {
		t.Helper()
		last, _ := x.LastPurchase(0)
		at, _ := x.AsOf(10).Table().Standing(0)
		if last != day || at != x.Standing(0) {
			t.Fatalf("last purchase on %d, in the table %+v; want day %d, %+v", last, at, day, x.Standing(0))
		}
	}
	for range n {
		x.Purchase(0, 7, 1, 1)
	}
	f(7)
	x.days = nil
	for i := range n {
		// Only the last return takes the day away; a walk along the chain
		// at each of them would be slow here, so all but some few are entered
		// behind the chain's back.
		if i == n-4 || i == n-1 {
			f(7)
		}
		r := x.members.Mut(0)
		if i < n-4 {
			x.take(r)
			r.head = x.purchases.add(r.head, 0, 7, -1, -1)
			r.f--
			r.m--
			x.put(0, r)
			continue
		}
		x.Purchase(0, 7, -1, -1)
	}
	f(3)
}

// TestTableBesideWriter folds a view while the writer goes on; the race
// detector watches.
func TestTableBesideWriter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 17))
	x := fed(defaultRule(), 30, 500, 0, history(rnd, 500, 60, 5000))
	for _, day := range []kopilka.Day{x.Day() - 10, x.Day()} {
		h := x.AsOf(day)
		want := h.Table()
		got := make(chan *Table)
		go func() { got <- h.Table() }()
		for i := range 5000 {
			m := kopilka.MemberNo(i % 500)
			x.Purchase(m, x.Day(), 1, 10)
			x.Enrol(m, x.Day())
			if i%1000 == 0 {
				x.Tick(nil)
			}
		}
		for _, got := range []*Table{<-got, h.Table()} {
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("as of %s: %+v; want %+v", day, got.Summary, want.Summary)
			}
		}
	}
}

// TestScenes are scenes from the shop.
func TestScenes(t *testing.T) {
	f := func(what string, want int, wantF uint32, wantM kopilka.Money, events ...event) {
		t.Helper()
		x := fed(defaultRule(), 365, 1, 1000, events)
		last, ok := x.LastPurchase(0)
		if !ok {
			last = 0
		}
		if at := x.Standing(0); int(last) != want || at.Frequency != wantF || at.Monetary != wantM {
			t.Fatalf("%s: last %d, F %d, M %d; want %d, %d, %d", what, last, at.Frequency, at.Monetary, want, wantF, wantM)
		}
	}
	f("a late receipt does not lower the last day", 990, 2, 30, event{0, 990, 1, 10}, event{0, 900, 1, 20})
	f("a return restores the last day", 900, 1, 20, event{0, 900, 1, 20}, event{0, 990, 1, 10}, event{0, 990, -1, -10})
	f("one of two receipts of a day comes back", 990, 1, 20, event{0, 990, 1, 20}, event{0, 990, 1, 10}, event{0, 990, -1, -10})
	f("a partial return changes money only", 990, 1, 7, event{0, 990, 1, 10}, event{0, 990, 0, -3})
	f("everything comes back", 0, 0, 0, event{0, 990, 1, 10}, event{0, 990, -1, -10})
	f("the first day of the window", 636, 1, 10, event{0, 636, 1, 10})
	f("the day before the window", 635, 0, 0, event{0, 635, 1, 10})
	f("refunds alone are no purchase", 0, 0, -5, event{0, 990, 0, -5})
	f("the last day may lie before the window", 100, 0, 0, event{0, 100, 1, 10}, event{0, 990, 1, 1}, event{0, 990, -1, -1})
}

// TestFrozenStays: a change elsewhere in the program keeps frozen boundaries.
func TestFrozenStays(t *testing.T) {
	r := defaultRule()
	r.F, r.Boundaries = program.Axis{Quintiles: true}, program.Frozen
	rnd := rand.New(rand.NewPCG(1, 14))
	x := fed(r, 365, 50, 60, history(rnd, 50, 60, 100))
	if b := x.Boundaries(); b.F[0] != 1<<63-1 {
		t.Fatalf("boundaries of nobody: %v", b.F)
	}
	x.Refresh()
	before := x.Boundaries()
	for m := range kopilka.MemberNo(50) {
		for range 5 {
			x.Purchase(m, 60, 1, 10)
		}
	}
	x.SetRule(&r, 90)
	if got := x.Boundaries(); got != before {
		t.Fatalf("boundaries %v after another tier window; want %v", got, before)
	}
	x.Refresh()
	if got := x.Boundaries(); got == before {
		t.Fatalf("boundaries %v after a refresh; want others", got)
	}
}

func TestHeader(t *testing.T) {
	r := defaultRule()
	x := fed(r, 30, 0, 60, nil)
	b := x.AppendHeader(nil)
	y := New()
	if err := y.ReadHeader(b); err != nil || y.rule != x.rule || y.cuts != x.cuts || y.day != x.day || y.tierWindow != 30 {
		t.Fatalf("%v: %+v; want %+v", err, y, x)
	}
	for n := range b {
		if err := New().ReadHeader(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for a header", n, len(b))
		}
	}
	if err := New().ReadHeader(append(b, 0)); err == nil {
		t.Fatal("a byte too many is taken for a header")
	}
}

func TestPanics(t *testing.T) {
	f := func(what string, do func(x *Index)) {
		t.Helper()
		defer func() {
			t.Helper()
			if recover() == nil {
				t.Fatalf("%s: no panic", what)
			}
		}()
		do(fed(defaultRule(), 30, 2, 60, []event{{0, 60, 1, 10}}))
	}
	f("a purchase tomorrow", func(x *Index) { x.Purchase(0, 61, 1, 1) })
	f("an unknown member", func(x *Index) { x.Purchase(2, 60, 1, 1) })
	f("a number left out", func(x *Index) { x.Enrol(3, 0) })
	f("a return of nothing", func(x *Index) { x.Purchase(1, 60, -1, -1) })
	f("as of tomorrow", func(x *Index) { x.AsOf(61) })
	f("quintiles of an average", func(x *Index) {
		r := defaultRule()
		r.Metric, r.M = program.Avg, program.Axis{Quintiles: true}
		x.SetRule(&r, 30)
	})
}
