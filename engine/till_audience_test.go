package engine

import (
	"github.com/kopilka/kopilka"
)

// What the office sends of audiences.

// audiences is commands about audiences: one is gathered and closed, mostly as it
// should be, or its members are given points.
func (x *till) audiences() []kopilka.Command {
	if n := len(x.s.audiences); n > 0 && x.odds(75) {
		if x.odds(25) {
			return one(x.grantAudience())
		}
		return one(x.mailings())
	}
	return x.freeze()
}

func (x *till) freeze() []kopilka.Command {
	head := x.head()
	control := pick(x, kopilka.BP(0), 2500, 5000, 9000)
	var set kopilka.Block
	c := &kopilka.Audience{Head: head, Name: "spring", Expr: "core", AsOf: x.s.Day(), Control: control}
	draw := kopilka.NewDraw(x.s.secret, head.ID, control)
	for m := range kopilka.MemberNo(x.s.Members()) {
		if x.odds(70) {
			set[m/64] |= 1 << (m % 64)
			c.Members++
			if draw.HeldOut(m) {
				c.HeldOut++
			}
		}
	}
	g := &kopilka.Gather{Audience: head.ID, Control: control, Start: true, Members: kopilka.AppendBlock(nil, &set)}
	switch x.IntN(20) {
	case 0:
		g.Start = false
	case 1:
		c.Members++
	case 2:
		c.Control++
	case 3:
		return one(g) // never closed
	case 4:
		return one(c) // never gathered
	}
	return []kopilka.Command{g, c}
}

func (x *till) grantAudience() *kopilka.AudienceGrant {
	c := &kopilka.AudienceGrant{Head: x.head(), Audience: pick(x, x.s.audiences...).Seq, Points: kopilka.Points(1 + x.IntN(200)), Reason: "r", Actor: pick(x, "anna", "boris")}
	switch x.IntN(20) {
	case 0:
		c.Audience++
	case 1:
		c.Begun, c.From = x.s.Seq(), 1
	case 2:
		if n := len(x.s.grants); n > 0 { // which is done
			g := x.s.grants[n-1]
			c.Head.ID, c.Begun, c.Audience, c.From = "", g.Seq, g.Audience, g.Next
		}
	}
	return c
}
