package whatif

import "github.com/kopilka/kopilka"

// What a shop does with audiences.

func (x *life) reachOut() {
	audiences, mailings := x.s.Audiences(), x.s.Mailings()
	switch {
	case len(audiences) == 0 || x.odds(15):
		x.freeze()
	case x.odds(35):
		to := audiences[x.IntN(len(audiences))]
		x.do(&kopilka.AudienceGrant{Head: x.head(), Audience: to.Seq, Points: kopilka.Points(1 + x.IntN(200)), Reason: "r", Actor: "a"})
	case len(mailings) == 0 || x.odds(15):
		to := audiences[x.IntN(len(audiences))]
		x.do(&kopilka.Mailing{Head: x.head(), Audience: to.Seq, Name: "spring", Starts: x.now - dayMS, Ends: x.now + 40*dayMS,
			Channels: []kopilka.Channel{{Name: "push", Timeout: 60}, {Name: "sms", Timeout: 1440, Cost: 350}}})
	case x.odds(60):
		x.dispatch()
	default:
		x.deliver()
	}
}

func (x *life) freeze() {
	control := []kopilka.BP{0, 2500, 9000}[x.IntN(3)]
	c := &kopilka.Audience{Head: x.head(), Name: "spring", Expr: "core", AsOf: x.s.Day(), Control: control}
	draw := x.s.Draw(c.ID, control)
	var set kopilka.Block
	for m := range kopilka.MemberNo(x.s.Members()) {
		if x.odds(70) {
			set[m/64] |= 1 << (m % 64)
			c.Members++
			if draw.HeldOut(m) {
				c.HeldOut++
			}
		}
	}
	x.do(&kopilka.Gather{Audience: c.ID, Control: control, Start: true, Members: kopilka.AppendBlock(nil, &set)})
	if x.odds(90) { // or nobody closes it
		x.do(c)
	}
}

// dispatch hands out who is due on a channel of a mailing and, now and then, who is not.
func (x *life) dispatch() {
	mailings := x.s.Mailings()
	m := mailings[x.IntN(len(mailings))]
	of, _ := x.s.Drawn(m.Audience)
	c := &kopilka.Dispatch{Head: x.head(), Mailing: m.Seq, Channel: x.IntN(len(m.Channels))}
	for place, no := range x.s.Of(&of.Audience, 0) {
		if x.s.DueOn(&m, &of, place, no, x.now+1000) == c.Channel && x.odds(70) || x.odds(1) {
			c.Members = append(c.Members, no)
		}
	}
	if len(c.Members) > 0 {
		x.do(c)
	}
}

func (x *life) deliver() {
	mailings := x.s.Mailings()
	m := mailings[x.IntN(len(mailings))]
	of, _ := x.s.Audience(m.Audience)
	c := &kopilka.Deliver{Head: x.head(), Mailing: m.Seq, Channel: x.IntN(len(m.Channels))}
	for _, no := range x.s.Of(&of, 0) {
		if x.s.Handed(&m, no, c.Channel) && x.odds(60) {
			c.Results = append(c.Results, kopilka.Delivery{Member: no, Delivered: x.odds(50)})
		}
	}
	if len(c.Results) > 0 {
		x.do(c)
	}
}
