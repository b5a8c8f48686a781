package api

import "github.com/kopilka/kopilka"

var accrualFields = []string{"op", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "amount", "lines", "no_earn_amount", "no_redeem_amount", "points", "reason", "source"}

// decodeAccrual reads points to be earned. With an amount it is a purchase in
// full, which spends nothing; with points it is a grant, which is no purchase.
func (o *order) decodeAccrual(r *reader, fields []string) {
	c := &o.receipt
	*c = kopilka.Receipt{Lines: c.Lines[:0], Imported: o.past, Earn: o.earns}
	o.begin(c, &c.Head, &c.Deed)
	var points kopilka.Points
	var reason string
	priced, granted, lined := false, false, false
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "amount":
			c.Amount, priced = kopilka.Money(r.amount(0)), true
		case "lines":
			o.decodeLines(r)
			lined = true
		case "no_earn_amount":
			c.NoEarn = kopilka.Money(r.amount(0))
		case "no_redeem_amount":
			c.NoRedeem = kopilka.Money(r.amount(0))
		case "points":
			points, granted = kopilka.Points(r.amount(1)), true
		case "reason":
			reason = r.text(reasonMax)
		default:
			o.shared(r, f.name)
		}
	}
	o.named(r)
	if priced == granted {
		r.failAt("", "exactly one of amount, for a purchase, and points, for a grant, is needed")
	}
	if priced {
		if reason != "" {
			r.failAt("/reason", "goes with points, not with amount")
		}
		o.checkSums(r, lined)
		o.print.Accrual(o.who.by, o.who.text, c)
		c.Content = o.print.Sum()
		return
	}
	if reason == "" {
		r.failAt("", "reason is missing, which points without a purchase need")
	}
	if lined || c.NoEarn != 0 || c.NoRedeem != 0 {
		r.failAt("/points", "a grant has no lines and no amounts")
	}
	g := &o.grant
	*g = kopilka.Grant{Head: c.Head, Deed: c.Deed, Points: points, Reason: reason}
	o.cmd, o.head, o.deed = g, &g.Head, &g.Deed
	o.print.Grant(o.who.by, o.who.text, g)
	g.Content = o.print.Sum()
}

// postAccrual gives points: for a purchase, or, to an admin, without one.
func (s *Server) postAccrual(c *call) *problem {
	return c.command(func(r *reader) { c.order.decodeAccrual(r, accrualFields[1:]) })
}
