package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// needsPaying tells whether the receipt is to be paid with anything but points and cash, or
// a quote is to tell how much of his certificates the buyer could use.
func (x *sale) needsPaying(c *kopilka.Receipt) bool {
	return c.Certificate != 0 || len(c.Coupons) > 0 || x.quote && x.account != nil && x.account.hasClaims()
}

// pays reckons what certificates and instruments pay for the receipt and take off
// it: the member's certificates, gift certificates, then coupons and discount cards
// in the order in which they were named. Each has a cap of its own, a part of what
// the receipt takes before any of them; together they take no more than that. What
// one pays is spread over the lines at once, so that the next sees what is left.
func (s *State) pays(x *sale, c *kopilka.Receipt, redeemable int64, out *kopilka.Outcome) bool {
	x.paid, x.share = zeros(x.paid, len(x.goods)), zeros(x.share, len(x.goods))
	x.whole = append(x.whole[:0], x.takes...)
	if x.account != nil && s.certify(x, c, redeemable, out) {
		return true
	}
	if s.look(x, c, out) {
		return true
	}
	for i := range x.shown {
		if y := &x.shown[i]; y.rule.Kind == kopilka.UseGift {
			most := int64(min(y.left, capOf(redeemable, y.rule.MaxRedeemBP)))
			x.use(y, nil, c, most, out)
		}
	}
	for i := range x.shown {
		y := &x.shown[i]
		if y.rule.Kind == kopilka.UseGift {
			continue
		}
		off := int64(y.rule.Amount)
		if y.rule.PercentBP > 0 {
			off = kopilka.AtRate(x.inCategories(x.whole, y.rule.Categories, c), y.rule.PercentBP, kopilka.Floor)
		}
		off = min(off, int64(capOf(redeemable, y.rule.MaxRedeemBP)), s.budgetLeft(y.term, int64(y.rule.Budget)))
		x.use(y, y.rule.Categories, c, off, out)
	}
	return false
}

// capOf is the most of a receipt that something may pay.
func capOf(redeemable int64, rate kopilka.BP) kopilka.Points {
	return kopilka.Points(kopilka.AtRate(redeemable, rate, kopilka.Floor))
}

// inCategories adds up the lines of some categories.
func (x *sale) inCategories(of []int64, categories []string, c *kopilka.Receipt) (n int64) {
	for i, v := range of {
		if inCategories(categories, c, i) {
			n += v
		}
	}
	return n
}

// spread takes an amount off what the lines of some categories still take, in
// proportion to it, and tells each line's share.
func (x *sale) spread(amount int64, categories []string, c *kopilka.Receipt) []int64 {
	x.parts = append(x.parts[:0], x.takes...)
	for i := range x.parts {
		if !inCategories(categories, c, i) {
			x.parts[i] = 0
		}
	}
	kopilka.Split(amount, x.parts, x.share)
	for i, n := range x.share {
		x.takes[i] -= n
	}
	return x.share
}

// certify reckons what the member's certificates pay, those whose days end soonest
// first.
func (s *State) certify(x *sale, c *kopilka.Receipt, redeemable int64, out *kopilka.Outcome) bool {
	x.certificates = s.paying(x.member, x.account, x.certificates[:0])
	var caps, most kopilka.Points
	for i := range x.certificates {
		of := &x.certificates[i]
		cap := capOf(redeemable, s.certificate(of.Term).MaxRedeemBP)
		caps += cap
		of.Left = min(of.Left, cap, kopilka.Points(redeemable)-most)
		most += of.Left
	}
	caps = min(caps, kopilka.Points(redeemable))
	allowed := x.version.Program.RedeemAllowedBy[c.NamedBy]
	if allowed {
		out.MaxCertificate = most
	}
	pays := c.Certificate
	switch {
	case pays == kopilka.CertificateMax:
		pays = out.MaxCertificate
	case pays > 0 && !allowed:
		return refuse(out, kopilka.RedeemNotPermitted)
	case pays > caps && len(x.certificates) > 0:
		out.Requested, out.Available = pays, most
		return refuse(out, kopilka.RedeemCapExceeded)
	case pays > most:
		out.Requested, out.Available = pays, most
		return refuse(out, kopilka.InsufficientPoints)
	}
	for i := range x.certificates {
		of := &x.certificates[i]
		n := min(pays, of.Left)
		if n == 0 {
			continue
		}
		pays -= n
		out.CertificateUsed += n
		out.Uses = append(out.Uses, of.use(n))
		x.counted = append(x.counted, false)
		for k, share := range x.spread(int64(n), nil, c) {
			x.paid[k].certificate += share
		}
	}
	return false
}

// look finds what the till was shown, and refuses what is not good for the receipt,
// but for the buyer's own card.
func (s *State) look(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) bool {
	x.shown = x.shown[:0]
	for i, text := range c.Coupons {
		out.Coupon = i
		y, ok := s.show(out.Program, text)
		r := kopilka.NotFound
		if ok {
			r, out.Unfit = s.unfit(x, &y, c)
		}
		switch {
		case r == kopilka.Accepted:
			x.shown = append(x.shown, y)
		case i > 0 || !c.CardCoupon:
			return refuse(out, r)
		}
	}
	out.Coupon, out.Unfit = 0, 0
	return false
}

// unfit tells why what was shown is not good for the receipt: named already, outside
// its days, used up by all or by the buyer, or not for such a receipt.
func (s *State) unfit(x *sale, y *presented, c *kopilka.Receipt) (kopilka.Refusal, kopilka.Unfit) {
	rule := y.rule
	twice := slices.ContainsFunc(x.shown, func(z presented) bool { return z.number == y.number && z.term == y.term })
	switch {
	case c.Day < y.from || c.Day > y.to:
		return kopilka.InstrumentExpired, kopilka.UnfitDay
	case !rule.Span.Holds(c.At):
		return kopilka.InstrumentExpired, kopilka.UnfitTime
	case twice:
		return kopilka.InstrumentUsed, kopilka.UnfitTwice
	case rule.Kind == kopilka.UseGift && y.left == 0:
		return kopilka.InstrumentUsed, kopilka.UnfitValue
	case rule.Uses > 0 && y.uses >= int64(rule.Uses):
		return kopilka.InstrumentUsed, kopilka.UnfitUses
	case s.budgetLeft(y.term, int64(rule.Budget)) == 0:
		return kopilka.InstrumentUsed, kopilka.UnfitBudget
	case x.account != nil && rule.PerMember > 0 && s.usesOf(x.member, x.account, y.term) >= int64(rule.PerMember):
		return kopilka.InstrumentUsed, kopilka.UnfitMember
	case x.account == nil && rule.PerMember > 0:
		return kopilka.InstrumentUnfit, kopilka.UnfitNobody
	case c.Amount < rule.MinAmount:
		return kopilka.InstrumentUnfit, kopilka.UnfitAmount
	case rule.Stores != nil && !slices.Contains(rule.Stores, c.Store):
		return kopilka.InstrumentUnfit, kopilka.UnfitStore
	case rule.Categories != nil && x.inCategories(x.whole, rule.Categories, c) == 0:
		return kopilka.InstrumentUnfit, kopilka.UnfitCategory
	}
	return kopilka.Accepted, 0
}

// use books in out what an instrument pays for the lines of some categories, or
// takes off them: so much, and no more than is left of them. What it does nothing
// for it is not used for.
func (x *sale) use(y *presented, categories []string, c *kopilka.Receipt, most int64, out *kopilka.Outcome) {
	n := min(most, x.inCategories(x.takes, categories, c))
	if n == 0 {
		return
	}
	out.Uses = append(out.Uses, kopilka.Use{Kind: y.rule.Kind, Term: y.term, Number: y.number, Points: kopilka.Points(n)})
	x.counted = append(x.counted, y.rule.PerMember > 0)
	gift := y.rule.Kind == kopilka.UseGift
	if gift {
		out.CertificateUsed += kopilka.Points(n)
	} else {
		out.Discount += kopilka.Money(n)
	}
	for k, share := range x.spread(n, categories, c) {
		if gift {
			x.paid[k].certificate += share
		} else {
			x.paid[k].discount += share
		}
	}
}

// useUp takes what was used off the certificates and instruments. A nil account is
// nobody's.
func (s *State) useUp(x *sale, a *account, out *kopilka.Outcome) {
	for i := range out.Uses {
		u := &out.Uses[i]
		if u.Kind == kopilka.UseCertificate {
			s.payWith(x.member, a, u)
		} else {
			s.use(x.member, a, u, x.counted[i])
		}
	}
	out.Left.Uses = append(out.Left.Uses, out.Uses...)
}

// giveBackUses puts value back onto the certificates and gift certificates that
// paid, in proportion to what is still out of each. What was used of a coupon or a
// discount card is used until nothing is left of the receipt; then it is free again.
func (s *State) giveBackUses(m kopilka.MemberNo, a *account, left *kopilka.Remains, out *kopilka.Outcome) {
	if len(left.Uses) == 0 {
		return
	}
	x := &s.sale
	all := left.Goods() == 0
	x.takes, x.share = x.takes[:0], zeros(x.share, len(left.Uses))
	for i := range left.Uses {
		n := int64(left.Uses[i].Points)
		if !valued(left.Uses[i].Kind) {
			n = 0
		}
		x.takes = append(x.takes, n)
	}
	kopilka.Split(int64(out.CertificateRestored), x.takes, x.share)
	for i := range left.Uses {
		u, points := &left.Uses[i], kopilka.Points(x.share[i])
		switch {
		case u.Kind == kopilka.UseCertificate:
			out.CertificateLapsed += s.payBack(m, a, u, points)
		case valued(u.Kind):
			out.CertificateLapsed += s.giveUseBack(m, a, u, points, all)
		case all:
			points = u.Points
			s.giveUseBack(m, a, u, points, true)
		}
		u.Points -= points
	}
}

// valued tells whether a kind of use is of value that goes back with goods.
func valued(kind kopilka.UseKind) bool {
	return kind == kopilka.UseCertificate || kind == kopilka.UseGift
}
