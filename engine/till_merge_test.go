package engine

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// What a till's random day knows of people who turn out to be others.

// mergeDone is a merge with what an API would look up to take it back.
type mergeDone struct {
	from, into kopilka.MemberNo
	parts      []kopilka.MemberNo // whose receipts came over
	id         string
	seq        kopilka.Seq
	points     []kopilka.Lot
	debt       kopilka.Points
	purchases  []kopilka.Purchase
}

// identities is a command about who is who.
func (x *till) identities() kopilka.Command {
	switch r := x.IntN(100); {
	case r < 35:
		return x.putCard()
	case r < 65 || len(x.merges) == 0:
		return &kopilka.Merge{Head: x.head(), From: x.anyone(), Into: x.anyone(), Reason: "the same person", Actor: "anna"}
	case r < 93:
		return x.unmerge()
	default:
		return &kopilka.Erase{Head: x.head(), Member: x.anyone(), Reason: "asked to be forgotten", Actor: "anna"}
	}
}

func (x *till) putCard() *kopilka.PutCard {
	c := &kopilka.PutCard{Head: x.head(), Member: x.anyone(), Blocked: x.odds(30), Carrier: pick(x, "", "", "plastic", "app", "wallet")}
	c.Card = fmt.Sprintf(pick(x, "77%d", "app-%d", "a-card-of-many-letters-%d"), x.IntN(4))
	if cards := x.s.Cards(x.anyone()); len(cards) > 0 && x.odds(40) {
		c.Card = pick(x, cards...).Number
	}
	return c
}

func (x *till) unmerge() *kopilka.Unmerge {
	d := pick(x, x.merges...)
	c := &kopilka.Unmerge{Head: x.head(), From: d.from, Into: d.into, MergeID: d.id, MergeSeq: d.seq, Last: x.s.Row(d.into, x.now).LastEntry,
		Points: slices.Clone(d.points), Debt: d.debt, Purchases: slices.Clone(d.purchases), Reason: "not the same person", Actor: "anna"}
	switch x.IntN(12) {
	case 0:
		c.Last--
	case 1:
		c.MergeSeq--
	}
	return c
}

// tookIdentity notes what became of a command, for the merges to be taken back.
func (x *till) tookIdentity(c kopilka.Command, o *kopilka.Outcome) {
	switch c := c.(type) {
	case *kopilka.Merge:
		x.merges = append(x.merges, mergeDone{from: c.From, into: c.Into, parts: slices.DeleteFunc(x.s.Parts(c.From), func(m kopilka.MemberNo) bool {
			return !x.partBefore(m, c.From)
		}), id: c.ID, seq: x.s.Seq(), points: slices.Clone(o.Moved), debt: o.MovedDebt, purchases: slices.Clone(o.Purchases)})
	case *kopilka.Unmerge:
		x.merges = slices.DeleteFunc(x.merges, func(d mergeDone) bool { return d.seq == c.MergeSeq })
	case *kopilka.Return:
		i := slices.IndexFunc(x.done, func(d done) bool { return d.id == c.Receipt })
		if i < 0 || !x.done[i].left.Purchase {
			return
		}
		for j := range x.merges {
			if d := &x.merges[j]; slices.Contains(d.parts, x.done[i].member) && x.done[i].seq < d.seq {
				d.comesBack(o)
			}
		}
	}
}

// partBefore tells whether m stands for from, or through others for him.
func (x *till) partBefore(m, from kopilka.MemberNo) bool {
	for m != from {
		up, merged := x.s.merged[m]
		if !merged {
			return false
		}
		m = up
	}
	return true
}

// comesBack takes a return off what an unmerge would give back.
func (d *mergeDone) comesBack(o *kopilka.Outcome) {
	i := slices.IndexFunc(d.purchases, func(p kopilka.Purchase) bool { return p.Day == o.Left.Day })
	if i < 0 {
		d.purchases = append(d.purchases, kopilka.Purchase{Day: o.Left.Day})
		i = len(d.purchases) - 1
	}
	p := &d.purchases[i]
	p.Amount -= o.Goods
	if o.Left.Goods() == 0 {
		p.Live--
	}
	if *p == (kopilka.Purchase{Day: p.Day}) {
		d.purchases = slices.Delete(d.purchases, i, i+1)
	}
}
