package api

import "github.com/kopilka/kopilka"

// reasonMax and actorMax bound why a balance was changed and who did it, in bytes.
const (
	reasonMax = 200
	actorMax  = 64
)

var adjustmentFields = []string{"op", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "points", "reason", "actor", "source"}

// decodeAdjustment reads a correction by staff, up or down.
func (o *order) decodeAdjustment(r *reader, fields []string) {
	c := &o.adjustment
	*c = kopilka.Adjustment{}
	o.begin(c, &c.Head, &c.Deed)
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "points":
			c.Points = kopilka.Points(r.amount(-kopilka.AmountMax))
			if c.Points == 0 {
				r.fail("must not be 0")
			}
		case "reason":
			c.Reason = r.text(reasonMax)
		case "actor":
			c.Actor = r.text(actorMax)
		default:
			o.shared(r, f.name)
		}
	}
	o.named(r)
	switch {
	case c.Points == 0:
		r.failAt("", "points is missing")
	case c.Reason == "":
		r.failAt("", "reason is missing: say why")
	case c.Actor == "":
		r.failAt("", "actor is missing: say who")
	}
	o.print.Adjustment(o.who.by, o.who.text, c)
	c.Content = o.print.Sum()
}

// postAdjustment corrects a balance.
func (s *Server) postAdjustment(c *call) *problem {
	return c.command(func(r *reader) { c.order.decodeAdjustment(r, adjustmentFields[1:]) })
}
