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
	c := d.unmerge(x.s)
	c.Head = x.head()
	switch x.IntN(12) {
	case 0:
		c.Last--
	case 1:
		c.MergeSeq--
	}
	return c
}

// mergesDone are merges that can be taken back.
type mergesDone []mergeDone

// took notes what became of a command; sale is the receipt that a return names.
func (all *mergesDone) took(s *State, c kopilka.Command, o *kopilka.Outcome, sale *done) {
	switch c := c.(type) {
	case *kopilka.Merge:
		d := mergeDone{from: c.From, into: c.Into, id: c.ID, seq: s.Seq(), points: slices.Clone(o.Moved), debt: o.MovedDebt, purchases: slices.Clone(o.Purchases)}
		for _, m := range s.Parts(c.Into) {
			if s.resolveUpTo(m, c.From) == c.From {
				d.parts = append(d.parts, m)
			}
		}
		*all = append(*all, d)
	case *kopilka.Unmerge:
		*all = slices.DeleteFunc(*all, func(d mergeDone) bool { return d.seq == c.MergeSeq })
	case *kopilka.Return:
		if sale == nil || !sale.left.Purchase {
			return
		}
		for i := range *all {
			if d := &(*all)[i]; slices.Contains(d.parts, sale.member) && sale.seq < d.seq {
				d.comesBack(o)
			}
		}
	}
}

// unmerge is the command that takes the merge back.
func (d *mergeDone) unmerge(s *State) *kopilka.Unmerge {
	return &kopilka.Unmerge{From: d.from, Into: d.into, MergeID: d.id, MergeSeq: d.seq, Last: s.Row(d.into, s.Now()).LastEntry,
		Points: slices.Clone(d.points), Debt: d.debt, Purchases: slices.Clone(d.purchases), Reason: "not the same person", Actor: "anna"}
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
