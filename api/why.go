package api

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// whyNot is the problem that a refusal of the order is shown as: with what a cashier
// can do about it, and the place of what is wrong where a coupon is.
func (s *Server) whyNot(o *order, out *kopilka.Outcome) *problem {
	p := refused(out)
	switch out.Refusal {
	case kopilka.RedeemNotPermitted:
		p.detail = "points and certificates are spent by " + spentBy(s.rules(out.Program)) + ", not by " + o.deed.NamedBy.String()
	case kopilka.ReferralCycle:
		switch o.cmd.(type) {
		case *kopilka.Merge:
			p.detail = "the member of from has invited this one, himself or through others: merge the other way round, this one into that of from"
		case *kopilka.Unmerge:
			p.detail = "by himself again, the part would have invited who invited him: change who invited whom between them first"
		}
	case kopilka.HoldExpired:
		if o.lapses != 0 {
			p.detail = "the hold lapsed at " + o.lapses.Std().In(s.zone()).Format(stamp)
		}
	case kopilka.InstrumentUsed, kopilka.InstrumentExpired, kopilka.InstrumentUnfit, kopilka.NotFound:
		if c, ok := o.cmd.(*kopilka.Receipt); ok && out.Coupon < len(c.Coupons) {
			p.detail = s.notGood(c, out)
			p.faults = append(p.faults, fault{o.couponAt(out.Coupon), p.detail})
		}
	}
	return p
}

// spentBy lists the ways of naming a member by which points are spent.
func spentBy(p *program.Program) string {
	var ways []string
	for by := kopilka.ByCard; by <= kopilka.ByMemberID; by++ {
		if p.RedeemAllowedBy[by] {
			ways = append(ways, by.String())
		}
	}
	if len(ways) == 0 {
		return "nobody"
	}
	return strings.Join(ways, ", ")
}

// couponAt is the place in the request of one of the coupons. What was said as the
// card stands before them.
func (o *order) couponAt(i int) string {
	switch {
	case !o.shown:
		return fmt.Sprintf("/coupons/%d", i)
	case i == 0:
		return "/card"
	}
	return fmt.Sprintf("/coupons/%d", i-1)
}

// notGood says why what a till was shown is not good for the receipt.
func (s *Server) notGood(c *kopilka.Receipt, out *kopilka.Outcome) string {
	said := c.Coupons[out.Coupon]
	if out.Refusal == kopilka.NotFound {
		return "no instrument of the program has this number or code at the time of the receipt"
	}
	p := s.rules(out.Program)
	var n engine.Number
	var rule *program.Instrument
	s.queue.View(func(b *engine.State) { n, rule = b.Shown(out.Program, said) })
	at := func(t kopilka.Time) string { return t.Std().In(s.zone()).Format(stamp) }
	switch out.Unfit {
	case kopilka.UnfitTwice:
		return "the receipt names it twice"
	case kopilka.UnfitValue:
		return "nothing is left of its value, " + written(int64(rule.Value), p)
	case kopilka.UnfitUses:
		return fmt.Sprintf("it was used %d times, of %d", n.Uses, rule.Uses)
	case kopilka.UnfitBudget:
		return "its budget is used up, " + written(int64(rule.Budget), p)
	case kopilka.UnfitMember:
		return fmt.Sprintf("the member has used it as often as one may, %d times", rule.PerMember)
	case kopilka.UnfitDay:
		if c.Day < n.From {
			return "good from " + n.From.String() + " on; the receipt is of " + c.Day.String()
		}
		return "good to " + n.To.String() + "; the receipt is of " + c.Day.String()
	case kopilka.UnfitTime:
		if c.At < rule.StartsAt {
			return "good from " + at(rule.StartsAt) + " on; the receipt is of " + at(c.At)
		}
		return "good before " + at(rule.EndsAt) + "; the receipt is of " + at(c.At)
	case kopilka.UnfitNobody:
		return fmt.Sprintf("for members only, %d times each: name one", rule.PerMember)
	case kopilka.UnfitAmount:
		return "from " + written(int64(rule.MinAmount), p) + "; this is " + written(int64(c.Amount), p)
	case kopilka.UnfitStore:
		return "for the stores " + strings.Join(rule.Stores, ", ")
	case kopilka.UnfitCategory:
		return "for the categories " + strings.Join(rule.Categories, ", ") + ", and no line of them takes it"
	}
	panic(fmt.Sprintf("api: refusal %s of an instrument for the reason %d", out.Refusal, out.Unfit))
}

// written is an amount in major units, as people read it.
func written(amount int64, p *program.Program) string {
	if p.MinorUnits == 0 {
		return fmt.Sprint(amount)
	}
	unit := int64(1)
	for range p.MinorUnits {
		unit *= 10
	}
	return fmt.Sprintf("%d.%0*d", amount/unit, int(p.MinorUnits), amount%unit)
}
