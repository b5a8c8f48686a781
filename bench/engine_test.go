package bench

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// balance is a member in the twins: points, and what was bought.
type balance struct {
	points kopilka.Points
	spent  kopilka.Money
}

// BenchmarkApplyAccrual: a sale that earns. Twin: two Go maps, the ids that are
// spent and the members' sums, and nothing of lots, tiers, segments and returns.
func BenchmarkApplyAccrual(b *testing.B) {
	s, ids := opened(), spentIDs()
	var r kopilka.Receipt
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Receipt{Head: s.head(ids), Deed: s.deed(), Amount: kopilka.Money(10_000 + s.draw(100_000))}
		s.do(&r)
	}
	twin := map[uint32]*balance{}
	for m := range uint32(members) {
		twin[m] = &balance{}
	}
	seen, n := map[string]int{}, 0
	beside(b, func() {
		n++ // ids of its own: those of the books come round again, and not too soon
		seen[ids[n%len(ids)]]++
		amount := kopilka.Money(10_000 + s.draw(100_000))
		a := twin[uint32(s.draw(members))]
		a.points += kopilka.Points(amount / 100)
		a.spent += amount
	})
}

// BenchmarkApplyCircles: a sale that earns for the buyer and for three circles above
// him, four members anywhere in the books.
func BenchmarkApplyCircles(b *testing.B) {
	s, ids := opened(), spentIDs()
	var r kopilka.Receipt
	legs := 0
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Receipt{Head: s.head(ids), Deed: s.deedOf(s.draw(members/2)*2 + 1), Amount: kopilka.Money(10_000 + s.draw(100_000))}
		s.do(&r)
		legs += len(s.out.Legs)
	}
	b.ReportMetric(float64(legs)/float64(b.N), "legs/op")
}

// BenchmarkApplyReceipt: three lines, spends what may be spent, earns on the rest.
func BenchmarkApplyReceipt(b *testing.B) {
	s, ids := opened(), spentIDs()
	lines := []kopilka.Line{{SKU: "A1", Category: "bakery", Amount: 4_990}, {SKU: "A2", Category: "dairy", Amount: 12_000},
		{SKU: "A3", Category: "tobacco", Amount: 15_000, NoEarn: true}}
	var r kopilka.Receipt
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Receipt{Head: s.head(ids), Deed: s.deed(), Amount: 31_990, Lines: lines, Redeem: kopilka.RedeemMax}
		s.do(&r)
	}
}

// BenchmarkApplyGrant: points that nothing earned.
func BenchmarkApplyGrant(b *testing.B) {
	s, ids := opened(), spentIDs()
	var g kopilka.Grant
	b.ReportAllocs()
	for b.Loop() {
		g = kopilka.Grant{Head: s.head(ids), Deed: s.deed(), Points: 100, Reason: "sorry"}
		s.do(&g)
	}
}

// BenchmarkApplyRedemption: what there is, at most one point of it.
func BenchmarkApplyRedemption(b *testing.B) {
	s, ids := opened(), spentIDs()
	var r kopilka.Redemption
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Redemption{Head: s.head(ids), Deed: s.deed(), Amount: 1000, Points: kopilka.RedeemMax}
		s.do(&r)
	}
}

// BenchmarkApplyReturn: a receipt and the return of one of its two lines; the
// figure is of both.
func BenchmarkApplyReturn(b *testing.B) {
	s, ids := opened(), spentIDs()
	var r kopilka.Receipt
	var back kopilka.Return
	lines := []kopilka.Line{{SKU: "A1", Amount: 20_000}, {SKU: "A2", Amount: 12_000}}
	gone := []kopilka.ReturnLine{{Line: 1, Amount: 12_000}}
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Receipt{Head: s.head(ids), Deed: s.deed(), Amount: 32_000, Lines: lines}
		s.do(&r)
		left := back.Left
		left.Day, left.Purchase, left.Earned, left.Policy = s.out.Left.Day, true, s.out.Left.Earned, s.out.Left.Policy
		left.Lines = append(left.Lines[:0], s.out.Left.Lines...)
		back = kopilka.Return{Head: s.head(ids), Deed: r.Deed, Receipt: r.ID, ReceiptSeq: s.Seq(), LastReturn: s.Seq(), Left: left, Lines: gone}
		s.do(&back)
	}
}

// BenchmarkApplyMember: a member's profile changes.
func BenchmarkApplyMember(b *testing.B) {
	s, ids := opened(), spentIDs()
	var m kopilka.PutMember
	profile := make([]byte, 180)
	b.ReportAllocs()
	for b.Loop() {
		n := kopilka.MemberNo(s.draw(members))
		row := s.Member(n, s.Now())
		m = kopilka.PutMember{Head: s.head(ids), Card: row.Card, Base: row.ProfileAt, Registered: row.Registered,
			State: kopilka.StateInstalled, PhoneTag: row.PhoneTag, Referrer: kopilka.NoMember, KeySlot: 1, Profile: profile}
		s.do(&m)
	}
}

// BenchmarkByCard: a till's first question. Twin: a Go map of strings.
func BenchmarkByCard(b *testing.B) {
	s := opened()
	cards := make([]string, 1<<16)
	for i := range cards {
		cards[i] = s.shop.Card(s.draw(members))
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.ByCard(cards[i&(len(cards)-1)]); !ok {
			b.Fatal(cards[i&(len(cards)-1)])
		}
		i++
	}
	twin := make(map[string]uint32, members)
	for m := range members {
		twin[s.shop.Card(m)] = uint32(m)
	}
	beside(b, func() {
		if _, ok := twin[cards[i&(len(cards)-1)]]; !ok {
			panic(cards[i&(len(cards)-1)])
		}
		i++
	})
}

// BenchmarkCounts: the six segments with their receipts and turnover. Twin: a
// walk over all members, each asked for the segment.
func BenchmarkCounts(b *testing.B) {
	s := opened()
	var n int64
	b.ReportAllocs()
	for b.Loop() {
		n += s.Index().Counts()[1].Members
	}
	beside(b, func() {
		var counts [256]int64
		for m := range members {
			counts[s.Index().Segment(kopilka.MemberNo(m))]++
		}
		n += counts[1]
	})
}

// BenchmarkStanding: one member's recency, frequency, money and segment.
func BenchmarkStanding(b *testing.B) {
	s := opened()
	b.ReportAllocs()
	for b.Loop() {
		s.Index().Standing(kopilka.MemberNo(s.draw(members)))
	}
}

// BenchmarkQuote: what a receipt would earn and could spend.
func BenchmarkQuote(b *testing.B) {
	s := opened()
	var r kopilka.Receipt
	b.ReportAllocs()
	for b.Loop() {
		r = kopilka.Receipt{Deed: s.deed(), Amount: 31_990, Redeem: kopilka.RedeemMax}
		s.Quote(s.Now(), &r, &s.out)
	}
}
