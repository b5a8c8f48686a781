package index

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// TestGoldenSegments has the members of the published case of LoCards, by
// segment; the percentages that were published with it are truncated and one is
// wrong, so the counts are what is tested.
func TestGoldenSegments(t *testing.T) {
	const today = 1000
	x := New()
	x.Start(today)
	r := defaultRule()
	x.SetRule(&r, 365)
	// Of every segment in the order of its number: how long ago the last purchase
	// was, how many there were, and what they came to, at the edge of its cells.
	golden := []struct {
		age, f  int
		m       int64
		members int64
	}{
		{180, 3, 5_000_000, 45_489}, // core
		{180, 3, 4_999_999, 63_578}, // loyal
		{180, 2, 5_000_000, 18_322}, // whales
		{180, 2, 4_999_999, 14_803}, // new
		{364, 3, 4_999_999, 30_936}, // sleeping
		{365, 3, 4_999_999, 69_211}, // lost: nothing in the window
	}
	m := kopilka.MemberNo(0)
	total := int64(0)
	for _, g := range golden {
		for range g.members {
			x.Enrol(m, today)
			day := kopilka.Day(today - g.age)
			x.Purchase(m, day, 1, kopilka.Money(g.m-int64(g.f)+1))
			for range g.f - 1 {
				x.Purchase(m, day, 1, 1)
			}
			m++
		}
		total += g.members
	}
	if total != 242_339 {
		t.Fatalf("%d members", total)
	}
	f := func(what string, segments []Tally) {
		t.Helper()
		for i, g := range golden {
			want := Tally{Members: g.members, Receipts: g.members * int64(g.f), Amount: kopilka.Money(g.members * g.m)}
			if g.age == 365 {
				want.Receipts, want.Amount = 0, 0
			}
			if segments[i+1] != want {
				t.Fatalf("%s: segment %d: %+v; want %+v", what, i+1, segments[i+1], want)
			}
		}
		if segments[0] != (Tally{}) {
			t.Fatalf("%s: without purchases: %+v", what, segments[0])
		}
	}
	f("counts", x.Counts())
	f("table", x.AsOf(today).Table().Segments)
}
