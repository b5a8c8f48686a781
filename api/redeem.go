package api

import "github.com/kopilka/kopilka"

var redemptionFields = []string{"op", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "points", "amount", "source"}

// decodeRedemption reads points to be spent without a sale. With an amount the
// cap of a receipt of that amount holds.
func (o *order) decodeRedemption(r *reader, fields []string) {
	c := &o.redemption
	*c = kopilka.Redemption{}
	o.begin(c, &c.Head, &c.Deed)
	asked := false
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "points":
			c.Points, asked = r.redeem(1), true
		case "amount":
			c.Amount = kopilka.Money(r.amount(1))
		default:
			o.shared(r, f.name)
		}
	}
	o.named(r)
	if !asked {
		r.failAt("", "points is missing")
	}
	o.print.Redemption(o.who.by, o.who.text, c)
	c.Content = o.print.Sum()
}

// postRedemption spends points without a sale.
func (s *Server) postRedemption(c *call) *problem {
	return c.command(func(r *reader) { c.order.decodeRedemption(r, redemptionFields[1:]) })
}
