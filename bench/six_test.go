package bench

import (
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/workload"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// TestSegments242339 plays the published base through the engine, day by day,
// and expects the published counts: to the member, on the day, under the
// built-in program.
func TestSegments242339(t *testing.T) {
	if testing.Short() {
		t.Skip("a million commands")
	}
	asOf := kopilka.DayOfDate(2026, time.November, 22)
	calendar := kopilka.Calendar{Zone: workload.Zone}
	b := &books{State: engine.New()}
	p, err := program.Parse(program.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	turnTo := func(day kopilka.Day) {
		for b.Day() < day {
			b.do(&kopilka.Tick{Day: b.Day() + 1})
		}
	}
	var r kopilka.Receipt
	for e := range workload.Segments242339(1, asOf, 1) {
		day := calendar.DayOf(e.Time)
		if b.Seq() == 0 {
			b.do(&kopilka.Genesis{Day: day})
			b.do(&kopilka.SetProgram{Document: p.Document()})
		}
		turnTo(day)
		head := kopilka.Head{ID: e.ID, Looked: b.Seq()}
		if e.Op == workload.Member {
			b.do(&kopilka.PutMember{Head: head, Card: e.Card, Registered: day, Referrer: kopilka.NoMember})
			continue
		}
		m, ok := b.ByCard(e.Card)
		if !ok {
			t.Fatalf("%s: no member has card %s", e.ID, e.Card)
		}
		r = kopilka.Receipt{Head: head, Amount: e.Amount, Deed: kopilka.Deed{Member: m, NamedBy: kopilka.ByCard,
			At: e.Time, Day: day, Store: e.Store, Till: e.Till, Cashier: e.Cashier, ReceiptNo: e.ReceiptNo}}
		b.do(&r)
	}
	turnTo(asOf)

	counts := b.Index().Counts()
	names := p.RFM.Segments.Names
	var sum int64
	for i, want := range workload.LoCards {
		for n := range names {
			if names[n].ID == workload.SegmentIDs[i] {
				sum += counts[n].Members
				if counts[n].Members != int64(want) {
					t.Errorf("%s: %d members; want %d", names[n].ID, counts[n].Members, want)
				}
			}
		}
	}
	if sum != 242_339 || b.Members() != 242_339 {
		t.Errorf("%d members in the six segments of %d; want 242 339", sum, b.Members())
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
}
