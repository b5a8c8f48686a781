package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// redemption spends points without a sale. An amount says how much of a receipt
// there is for the cap; without one there is no cap.
func (s *State) redemption(c *kopilka.Redemption, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) || s.known(kopilka.KindRedemption, &c.Deed, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	out.Program = s.versionAt(c.At)
	p := s.versions[out.Program-1].Program
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	if a.blocked() {
		refuse(out, kopilka.MemberBlocked)
		return
	}
	cap := kopilka.Points(kopilka.BalanceMax)
	if c.Amount > 0 {
		cap = kopilka.Points(kopilka.AtRate(int64(c.Amount), p.Tiers[s.tierIn(m, a, p)].MaxRedeemBP, kopilka.Floor))
	}
	available, _, _ := s.available(m, a, s.now)
	if redeem(c.Points, 0, cap, available, p.RedeemAllowedBy[c.NamedBy], out) {
		return
	}

	s.settle(m, a, out)
	out.Left.Spent = s.spend(a, out.Redeemed, out.Left.Spent)
	s.paidWithout(&c.Deed, c.Amount, p, out)
	s.enter(m, a, out)
}

// paidWithout tells what can come back of points that were spent without a sale: the
// goods they paid for in part, or else the points themselves.
func (s *State) paidWithout(d *kopilka.Deed, goods kopilka.Money, p *program.Program, out *kopilka.Outcome) {
	if goods == 0 {
		goods = kopilka.Money(out.Redeemed)
	}
	out.CashDue = goods - kopilka.Money(out.Redeemed)
	out.Left.Day, out.Left.Made, out.Left.Policy = d.Day, s.day, p.Returns
	out.Left.Lines = append(out.Left.Lines, kopilka.RemainsLine{Goods: goods, Spent: out.Redeemed})
	s.books.Redeemed += out.Redeemed
}
