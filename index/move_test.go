package index

import (
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// Hundreds of receipts of one day, and sums beyond 32 bits, move as what they are,
// there and back, and a view that was taken before stays as it was.
func TestMove(t *testing.T) {
	x := New()
	x.Start(100)
	rule := defaultRule()
	x.SetRule(&rule, 30)
	x.Enrol(0, 10)
	x.Enrol(1, 10)
	const many = 300
	for range many {
		x.Purchase(0, 90, 1, 20_000_000)
	}
	x.Purchase(0, 95, 1, 700)
	x.Purchase(0, 95, -1, -700)
	x.Purchase(0, 80, 0, -5)
	x.Purchase(1, 90, 1, 1)
	x.Tick(nil)
	before := x.AsOf(95)
	want := []kopilka.Purchase{{Day: 80, Amount: -5}, {Day: 90, Live: many, Amount: many * 20_000_000}}

	f := func(from, to kopilka.MemberNo, live0, live1 uint32, last int) {
		t.Helper()
		days := x.Bought(from, nil)
		if from == 1 {
			days = want
		} else if !slices.Equal(days, want) {
			t.Fatalf("member %d has bought %v; want %v", from, days, want)
		}
		x.Move(from, to, days)
		for m := range kopilka.MemberNo(2) {
			if err := x.Check(m); err != nil {
				t.Fatal(err)
			}
		}
		if got := x.Standing(0); got.Frequency != live0 || x.TierCount(0) != live0 || int(got.RecencyDays) != last {
			t.Fatalf("member 0 is %+v, with %d for tiers", got, x.TierCount(0))
		}
		if got := x.Standing(1); got.Frequency != live1 || got.RecencyDays != 11 {
			t.Fatalf("member 1 is %+v", got)
		}
		for day, live := range map[kopilka.Day]uint32{89: 0, 90: live0, 101: live0} {
			if got, _ := x.AsOf(day).Table().Standing(0); got.Frequency != live {
				t.Fatalf("as of %d member 0 is %+v", day, got)
			}
		}
	}
	f(0, 1, 0, many+1, -1)
	f(1, 0, many, 1, 11)
	f(0, 1, 0, many+1, -1)
	if got, _ := before.Table().Standing(0); got.Frequency != many {
		t.Fatalf("in the view from before the move member 0 is %+v", got)
	}
}

// Purchases that are not there to be moved are a bug of the caller's.
func TestMovePanics(t *testing.T) {
	f := func(what string, from, to kopilka.MemberNo, day kopilka.Day) {
		t.Helper()
		x := New()
		x.Start(5)
		x.Enrol(0, 5)
		x.Enrol(1, 5)
		x.Purchase(0, 5, 1, 100)
		defer func() {
			if recover() == nil {
				t.Fatalf("%s: no panic", what)
			}
		}()
		x.Move(from, to, []kopilka.Purchase{{Day: day, Live: 1, Amount: 100}})
	}
	f("to himself", 0, 0, 5)
	f("to nobody", 0, 2, 5)
	f("of a day that has not come", 0, 1, 6)
	f("of what was not bought", 1, 0, 5)
}
