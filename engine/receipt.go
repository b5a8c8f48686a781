package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// receipt takes a sale: it spends what was asked, earns on the rest, and counts
// as a purchase. Every check comes before the first write.
func (s *State) receipt(c *kopilka.Receipt, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) || s.known(kopilka.KindReceipt, &c.Deed, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale) // made for a day that the books have not reached
		return
	}
	out.Program = s.versionAt(c.At)
	p := s.versions[out.Program-1].Program
	s.sale.day = s.day
	if c.Member == kopilka.NoMember {
		if refuseAnonymous(c, out) {
			return
		}
		out.CashDue = c.Amount
		s.sale.open(c, p)
		s.sale.left(c, &out.Left)
		s.sold = true
		s.books.Anonymous++
		return
	}
	// The member's rows lie far apart in memory; asked for together they arrive
	// together.
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	purchases := s.purchases(m)
	available, _, _ := s.available(m, a, s.now)
	if s.sale.decide(c, p, s.tierOf(a, p), a.blocked(), available, out) {
		return
	}
	if s.overfull(m, a, out.Earned, out) || overspent(purchases, c.Amount, out) {
		return
	}

	s.settle(m, a, out)
	out.Left.Spent = s.spend(a, out.Redeemed, out.Left.Spent)
	if c.Amount > 0 {
		s.index.Purchase(m, c.Day, 1, c.Amount)
		a.setActive(max(a.active(), c.Day))
	}
	activates, expires := lifetime(p, c.Day, p.PendingDays)
	s.give(m, a, out.Earned, activates, expires, out)
	out.Left.Earned = kopilka.Lot{Points: out.Earned, Activates: activates, Expires: expires}
	s.raise(m, a, s.Program())
	s.books.Earned += out.Earned
	s.books.Redeemed += out.Redeemed
	s.books.Receipts++
	s.sold = true
	s.enter(m, a, out)
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

// refuseAnonymous: nobody's points cannot be spent. "max" of nothing is nothing.
func refuseAnonymous(c *kopilka.Receipt, out *kopilka.Outcome) bool {
	if c.Redeem > 0 && !c.Imported {
		return refuse(out, kopilka.MemberNotFound)
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
// nothing. Refusals come as they would, and MaxRedeem says what could be spent.
// Only the segment is that before the receipt.
func (s *State) Quote(at kopilka.Time, c *kopilka.Receipt, out *kopilka.Outcome) {
	at = max(at, s.now)
	out.Reset()
	out.Time, out.Program = s.now, s.versionAt(c.At)
	p := s.versions[out.Program-1].Program
	q := sale{day: s.day}
	if c.Member == kopilka.NoMember {
		if !refuseAnonymous(c, out) {
			out.CashDue = c.Amount
		}
		return
	}
	m := s.resolve(c.Member)
	out.Member = m
	a := s.accounts.At(int(m))
	if a.erased() {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	available, pending, held := s.available(m, a, at)
	if q.decide(c, p, s.tierOf(a, p), a.blocked(), available, out) {
		return
	}
	if s.overfull(m, a, out.Earned, out) || overspent(s.purchases(m), c.Amount, out) {
		return
	}
	debt := s.debts[m]
	out.DebtPaid = min(out.Earned, debt)
	activates, expires := lifetime(p, c.Day, p.PendingDays)
	given := kopilka.Lot{Points: out.Earned - out.DebtPaid, Activates: activates, Expires: expires}
	if expires < s.day {
		given.Points = 0
	}
	out.Balance, out.Pending, out.Held, out.Debt = available-out.Redeemed, pending, held, debt-out.DebtPaid
	if activates > s.day {
		out.Pending += given.Points
	} else {
		out.Balance += given.Points
	}
	metric, active := s.tierMetric(m, s.Program()), a.active()
	if c.Amount > 0 {
		metric += s.tierMetricOf(c)
		active = max(active, c.Day)
	}
	if given.Points > 0 && s.ranOut(active) {
		active = s.day
	}
	out.Tier, out.Segment = raised(a.tier, s.Program(), metric), s.index.Segment(m)
	if c.Amount > 0 {
		out.Segment = s.index.SegmentAfter(m, c.Day, c.Amount)
	}
	out.NextExpiry = s.nextExpiryAfter(m, a, at, draw{}, active, out.Redeemed, given)
}

// sale is the reckoning of one receipt: its lines, what of each may take and
// earn points, and how much it does. The slices are scratch, kept between sales.
type sale struct {
	goods  []int64 // amount of each line
	takes  []int64 // the part of it that may be paid with points
	earns  []int64 // the part of it that earns
	spent  []int64 // points spent on it
	earned []int64 // points earned by it
	policy kopilka.ReturnsPolicy
	day    kopilka.Day // of the books
	legs   []kopilka.Lot
}

// open lays out the lines. A till without lines gives one sum, with the parts
// that earn or take nothing named beside it: they are the second and third line.
func (x *sale) open(c *kopilka.Receipt, p *program.Program) {
	x.goods, x.takes, x.earns = x.goods[:0], x.takes[:0], x.earns[:0]
	line := func(amount kopilka.Money, noEarn, noRedeem bool) {
		v := int64(amount)
		takes, earns := v, v
		if noEarn {
			takes, earns = 0, 0
		}
		if noRedeem {
			takes = 0
		}
		x.goods, x.takes, x.earns = append(x.goods, v), append(x.takes, takes), append(x.earns, earns)
	}
	for i := range c.Lines {
		line(c.Lines[i].Amount, c.Lines[i].NoEarn, c.Lines[i].NoRedeem)
	}
	if len(c.Lines) == 0 {
		line(c.Amount-c.NoEarn-c.NoRedeem, false, false)
		if c.NoEarn > 0 {
			line(c.NoEarn, true, false)
		}
		if c.NoRedeem > 0 {
			line(c.NoRedeem, false, true)
		}
	}
	n := len(x.goods)
	x.spent = slices.Grow(x.spent[:0], n)[:n]
	x.earned = slices.Grow(x.earned[:0], n)[:n]
	clear(x.spent)
	clear(x.earned)
	x.policy = p.Returns
}

// decide reckons what the receipt spends and earns, in this order: blocked,
// named in a way that may spend, the cap, the balance; then the points spent are
// spread over the lines that take them, and what the rest earns is rounded
// once for the receipt and spread over the lines that earn. It writes nothing
// but out and itself.
func (x *sale) decide(c *kopilka.Receipt, p *program.Program, tier *program.Tier, blocked bool, available kopilka.Points, out *kopilka.Outcome) bool {
	x.open(c, p)
	spends, earns := !c.Imported, !c.Imported || c.Earn
	if blocked && !c.Imported {
		return refuse(out, kopilka.MemberBlocked)
	}
	if spends {
		cap := kopilka.Points(kopilka.AtRate(sum(x.takes), tier.MaxRedeemBP, kopilka.Floor))
		if x.redeem(c.Redeem, c.NamedBy, cap, available, p, out) {
			return true
		}
		kopilka.Split(int64(out.Redeemed), x.takes, x.spent)
	}
	if earns {
		base := x.earns
		if p.EarnBase == program.Paid {
			for i, n := range x.spent {
				if base[i] > 0 {
					base[i] -= n
				}
			}
		}
		out.Earned = kopilka.Points(kopilka.AtRate(sum(base), tier.EarnBP, p.Rounding))
		kopilka.Split(int64(out.Earned), base, x.earned)
	}
	out.CashDue = c.Amount - kopilka.Money(out.Redeemed)
	x.left(c, &out.Left)
	return false
}

// redeem judges how many points are spent: of those asked for, within the cap
// and the balance. "max" takes what it gets and is never refused.
func (x *sale) redeem(asked kopilka.Points, by kopilka.Naming, cap, available kopilka.Points, p *program.Program, out *kopilka.Outcome) bool {
	allowed := p.RedeemAllowedBy[by]
	out.MaxRedeem = min(cap, available)
	if !allowed {
		out.MaxRedeem = 0
	}
	switch {
	case asked == kopilka.RedeemMax:
		out.Redeemed = out.MaxRedeem
		return false
	case asked == 0:
		return false
	case !allowed:
		return refuse(out, kopilka.RedeemNotPermitted)
	case asked > cap:
		out.Requested, out.Available = asked, available
		return refuse(out, kopilka.RedeemCapExceeded)
	case asked > available:
		out.Requested, out.Available = asked, available
		return refuse(out, kopilka.InsufficientPoints)
	}
	out.Redeemed = asked
	return false
}

// left is what of the receipt can come back: all of it.
func (x *sale) left(c *kopilka.Receipt, r *kopilka.Remains) {
	r.Day, r.Made, r.Purchase, r.Policy = c.Day, x.day, true, x.policy
	for i, v := range x.goods {
		r.Lines = append(r.Lines, kopilka.RemainsLine{Goods: kopilka.Money(v),
			Spent: kopilka.Points(x.spent[i]), Earned: kopilka.Points(x.earned[i])})
	}
}

func sum(v []int64) (n int64) {
	for _, x := range v {
		n += x
	}
	return n
}
