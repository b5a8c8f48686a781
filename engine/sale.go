package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// sale is the reckoning of one receipt: its lines, what of each may take and
// earn points, and how much it does. The slices are scratch, kept between sales.
type sale struct {
	at      kopilka.Time // the instant of the books
	quote   bool
	version *Version
	member  kopilka.MemberNo // NoMember: anonymous
	account *account         // nil likewise
	tier    int              // whose rates are applied, in the words of the version
	segment uint8            // likewise; noSegment where the version has none of that name

	goods  []int64 // amount of each line
	takes  []int64 // the part of it that may be paid, less what has been
	earns  []int64 // the part of it that earns
	spent  []int64 // points spent on it
	earned []int64 // points earned by it
	share  []int64 // of one instrument
	whole  []int64 // takes, before any
	paid   []paid  // by instruments; in use where there are any

	fits    []bool       // whether a campaign of the version holds for the receipt
	won     []int        // index of the campaign that multiplies the line, or -1
	rates   []kopilka.BP // its multiplier
	weights []uint64     // a line's part of what is earned
	added   []uint64     // a campaign's part of what is added
	parts   []int64      // likewise, in points

	certificates []Certificate // that can pay
	shown        []presented   // what the till named, in its order
	counted      []bool        // uses that count as the member's

	held kopilka.Points // by the hold that the till named
	draw draw           // what is spent of it

	activates, expires kopilka.Day // of what is earned
	legs               []kopilka.Lot
}

// paid is what instruments paid for a line, and took off it.
type paid struct{ certificate, discount int64 }

// begin makes the reckoning ready for a receipt at an instant of the books.
func (x *sale) begin(at kopilka.Time, quote bool) {
	x.at, x.quote = at, quote
	x.member, x.account, x.held, x.draw = kopilka.NoMember, nil, 0, draw{}
	x.counted = x.counted[:0]
}

// open lays out the lines. A till without lines gives one sum, with the parts
// that earn or take nothing named beside it: they are the second and third line.
func (x *sale) open(c *kopilka.Receipt) {
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
	x.spent, x.earned = zeros(x.spent, n), zeros(x.earned, n)
	x.paid = x.paid[:0]
}

// zeros is n zeros in the memory of v.
func zeros[T any](v []T, n int) []T {
	v = slices.Grow(v[:0], n)[:n]
	clear(v)
	return v
}

// meet finds the buyer, and the rules that hold for him.
func (s *State) meet(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) bool {
	x.version = &s.versions[out.Program-1]
	if c.Member == kopilka.NoMember {
		if !c.Imported && (c.Redeem > 0 || c.Certificate > 0 || c.Hold.Seq != 0) {
			return refuse(out, kopilka.MemberNotFound) // "max" of nothing is nothing
		}
		return false
	}
	x.member = s.resolve(c.Member)
	x.account = s.accounts.At(int(x.member))
	if x.account.erased() {
		return refuse(out, kopilka.MemberNotFound)
	}
	if x.account.blocked() && !c.Imported {
		return refuse(out, kopilka.MemberBlocked)
	}
	x.tier = s.tierIn(x.member, x.account, x.version.Program)
	segment := s.index.Segment(x.member)
	x.segment = s.segmentIn(segment, x.version.Program)
	out.TierBefore, out.SegmentBefore = uint8(x.tier), segment
	return false
}

// decide reckons what the receipt uses, spends, earns and brings to others, in
// the order that docs/reference/receipts.md tells. It writes nothing but out and
// the reckoning itself.
func (s *State) decide(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) bool {
	if s.meet(x, c, out) {
		return true
	}
	x.open(c)
	if c.Imported {
		return s.decideImported(x, c, out)
	}
	redeemable := sum(x.takes)
	if x.needsPaying(c) && s.pays(x, c, redeemable, out) {
		return true
	}
	if x.member == kopilka.NoMember {
		x.close(s, c, out)
		return false
	}
	// The member's rows lie far apart in memory; asked for together they arrive
	// together.
	available, _, _ := s.available(x.member, x.account, x.at)
	purchases := s.purchases(x.member)
	if s.spends(x, c, redeemable, available, out) {
		return true
	}
	kopilka.Split(int64(out.Redeemed), x.takes, x.spent)
	s.earn(x, c, out)
	s.date(x, c, out)
	s.planLegs(x, c, out)
	x.close(s, c, out)
	return s.overfull(x.member, x.account, out.Earned+ownLegs(x.member, out), out) || overspent(purchases, c.Amount, out)
}

// decideImported is decide for a receipt of a shop's history. It spends nothing and
// brings nothing to others, and earns where the file is to.
func (s *State) decideImported(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) bool {
	if x.member == kopilka.NoMember {
		x.close(s, c, out)
		return false
	}
	if c.Earn {
		s.earn(x, c, out)
	}
	s.date(x, c, out)
	x.close(s, c, out)
	return s.overfull(x.member, x.account, out.Earned, out) || overspent(s.purchases(x.member), c.Amount, out)
}

// spends judges how many points the receipt spends: of the hold that it names first,
// then of the balance. Whoever made the hold was allowed to spend; for the rest
// the member must be named in a way that may.
func (s *State) spends(x *sale, c *kopilka.Receipt, redeemable int64, available kopilka.Points, out *kopilka.Outcome) bool {
	p := x.version.Program
	cap := kopilka.Points(kopilka.AtRate(redeemable, p.Tiers[x.tier].MaxRedeemBP, kopilka.Floor))
	if len(x.paid) > 0 {
		cap = min(cap, kopilka.Points(sum(x.takes)))
	}
	allowed := p.RedeemAllowedBy[c.NamedBy]
	if c.Hold.Seq == 0 {
		return redeem(c.Redeem, 0, cap, available, allowed, out)
	}
	var ok bool
	if x.held, ok = s.held(x.member, x.account, c.Hold.Seq, x.at); !ok {
		return refuse(out, kopilka.HoldExpired)
	}
	asked := c.Redeem
	if asked == 0 {
		asked = min(x.held, cap)
	}
	if redeem(asked, x.held, cap, available, allowed, out) {
		return true
	}
	x.draw = draw{hold: c.Hold.Seq, points: min(x.held, out.Redeemed)}
	return false
}

// redeem judges how many points are spent: of those asked for, within the cap and
// what there is, held or else of the balance, which only may be spent where that is
// allowed. "max" takes what it gets and is never refused.
func redeem(asked, held, cap, available kopilka.Points, allowed bool, out *kopilka.Outcome) bool {
	out.MaxRedeem = min(cap, held)
	if allowed {
		out.MaxRedeem = min(cap, held+available)
	}
	switch {
	case asked == kopilka.RedeemMax:
		out.Redeemed = out.MaxRedeem
		return false
	case asked > held && !allowed:
		return refuse(out, kopilka.RedeemNotPermitted)
	case asked > cap:
		out.Requested, out.Available = asked, held+available
		return refuse(out, kopilka.RedeemCapExceeded)
	case asked > held+available:
		out.Requested, out.Available = asked, held+available
		return refuse(out, kopilka.InsufficientPoints)
	}
	out.Redeemed = asked
	return false
}

// date sets the days of what is earned. Points of a member who earns more often
// than buyers do may wait until somebody has looked.
func (s *State) date(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) {
	p := x.version.Program
	pending := p.PendingDays
	if out.Earned > 0 && !c.Imported && s.earnsOften(x.member, c.Day) {
		out.Flags |= kopilka.FlagEarnsOften
		if hold := s.Program().Fraud.HoldDays; hold > 0 {
			out.Flags |= kopilka.FlagSet
			pending += hold
		}
	}
	x.activates, x.expires = lifetime(p, c.Day, pending)
}

// close tells what is due in cash, and what of the receipt can come back: all of it.
func (x *sale) close(s *State, c *kopilka.Receipt, out *kopilka.Outcome) {
	out.CashDue = c.Amount - kopilka.Money(out.CertificateUsed) - out.Discount - kopilka.Money(out.Redeemed)
	r, p := &out.Left, x.version.Program
	r.Day, r.Made, r.Purchase, r.Policy, r.Takes = c.Day, s.day, true, p.Returns, p.Takes
	for i, v := range x.goods {
		r.Lines = append(r.Lines, kopilka.RemainsLine{Goods: kopilka.Money(v), Base: kopilka.Money(x.earns[i]),
			Spent: kopilka.Points(x.spent[i]), Earned: kopilka.Points(x.earned[i])})
	}
	for i, n := range x.paid {
		r.Lines[i].Certificate, r.Lines[i].Discount = kopilka.Points(n.certificate), kopilka.Money(n.discount)
	}
	if x.member == kopilka.NoMember {
		return
	}
	r.Earned = kopilka.Lot{Points: out.Earned, Activates: x.activates, Expires: x.expires}
	for i := range out.Legs {
		l := &out.Legs[i]
		l.Activates, l.Expires = x.activates, x.expires
		r.Legs = append(r.Legs, kopilka.RemainsLeg{Member: l.Member, Kind: l.Kind, Points: l.Points,
			Activates: l.Activates, Expires: l.Expires})
	}
}

func sum(v []int64) (n int64) {
	for _, x := range v {
		n += x
	}
	return n
}
