package engine

import (
	"github.com/kopilka/kopilka"
)

// receipt takes a sale: it uses what the till was shown, spends what was asked,
// earns on the rest, thanks whoever brought the buyer, and counts as a purchase.
// Every check comes before the first write: see decide.
func (s *State) receipt(c *kopilka.Receipt, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) || s.known(kopilka.KindReceipt, &c.Deed, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale) // made for a day that the books have not reached
		return
	}
	out.Program = s.versionAt(c.At)
	x := &s.sale
	x.begin(s.now, false)
	if s.decide(x, c, out) {
		return
	}
	s.sold = true
	m := x.member
	if m == kopilka.NoMember {
		s.useUp(x, nil, out)
		s.books.Anonymous++
		return
	}
	a := s.member(m)
	s.settle(m, a, out)
	s.useUp(x, a, out)
	if x.draw.hold != 0 {
		s.drawHold(m, a, x.draw, out)
	}
	out.Left.Spent = s.spend(a, out.Redeemed-x.draw.points, out.Left.Spent)
	if c.Amount > 0 {
		s.index.Purchase(m, c.Day, 1, c.Amount)
		a.setActive(max(a.active(), c.Day))
	}
	s.give(m, a, out.Earned, x.activates, x.expires, out)
	s.countCampaigns(out)
	s.countEarned(x, c, out)
	s.payLegs(m, x.activates, x.expires, out)
	s.raise(m, a, s.Program())
	s.books.Earned += out.Earned
	s.books.Redeemed += out.Redeemed
	s.books.Receipts++
	s.enter(m, a, out)
	s.enterLegs(out)
}

// known tells whether the till has sent this receipt under another id.
func (s *State) known(kind kopilka.Kind, d *kopilka.Deed, out *kopilka.Outcome) bool {
	if !d.HasReceiptNo() {
		return false
	}
	if out.Prior = s.recent.find(kopilka.FingerprintReceiptNo(kind, d.Store, d.Till, d.ReceiptNo, d.Day)); out.Prior != 0 {
		return refuse(out, kopilka.DuplicateReceipt)
	}
	return false
}

// overfull keeps balances inside their bound.
func (s *State) overfull(m kopilka.MemberNo, a *account, more kopilka.Points, out *kopilka.Outcome) bool {
	balance, pending, held := s.available(m, a, s.now)
	if balance+pending+held+more > kopilka.BalanceMax {
		return refuse(out, kopilka.BalanceLimit)
	}
	return false
}

// purchases is the greater of the sums that are kept of a member's purchases.
func (s *State) purchases(m kopilka.MemberNo) kopilka.Money {
	return max(s.index.WindowSpend(m), s.index.TierSpend(m))
}

// overspent keeps the sums over a member's purchases inside their bound.
func overspent(purchases, more kopilka.Money, out *kopilka.Outcome) bool {
	if purchases+more > kopilka.BalanceMax {
		return refuse(out, kopilka.BalanceLimit)
	}
	return false
}

// Quote fills out with what the receipt would be answered at an instant, and changes
// nothing. Refusals come as they would, and MaxRedeem and MaxCertificate say what
// could be spent. Only how the books stand with the members of legs is left out.
func (s *State) Quote(at kopilka.Time, c *kopilka.Receipt, out *kopilka.Outcome) {
	at = max(at, s.now)
	out.Reset()
	out.Time, out.Program = s.now, s.versionAt(c.At)
	var x sale
	x.begin(at, true)
	if s.decide(&x, c, out) || x.member == kopilka.NoMember {
		return
	}
	m, a := x.member, x.account
	out.Member = m
	fromBalance := out.Redeemed - x.draw.points
	balance, pending, held := s.available(m, a, at)
	if x.draw.hold != 0 {
		out.HeldBack = x.held - x.draw.points
		held -= x.held
		balance += s.freedBy(m, a, x.draw)
	}
	points := out.Earned + ownLegs(m, out)
	debt := s.debts[m]
	out.DebtPaid = min(points, debt)
	given := kopilka.Lot{Points: points - out.DebtPaid, Activates: x.activates, Expires: x.expires}
	if x.expires < s.day {
		given.Points = 0
	}
	out.Balance, out.Pending, out.Held, out.Debt = balance-fromBalance, pending, held, debt-out.DebtPaid
	if x.activates > s.day {
		out.Pending += given.Points
	} else {
		out.Balance += given.Points
	}
	active := a.active()
	out.Segment = s.index.Segment(m)
	if c.Amount > 0 {
		active = max(active, c.Day)
		out.Segment = s.index.SegmentAfter(m, c.Day, c.Amount)
	}
	if given.Points > 0 && s.ranOut(active) {
		active = s.day
	}
	out.Tier = s.tierAfter(m, a, c, out.Segment)
	out.NextExpiry = s.nextExpiryAfter(m, a, at, x.draw, active, fromBalance, given)
}
