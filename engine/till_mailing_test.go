package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// What the office and the gateways of channels send of mailings.

// mailings begins a mailing, hands members out, or tells what a gateway has heard.
func (x *till) mailings() kopilka.Command {
	n := len(x.s.mailings)
	if n == 0 || n < 4 && x.odds(20) {
		return x.mailing()
	}
	m := pick(x, x.s.mailings...)
	if x.odds(60) {
		return x.dispatch(m)
	}
	return x.deliver(m)
}

func (x *till) mailing() *kopilka.Mailing {
	c := &kopilka.Mailing{Head: x.head(), Audience: pick(x, x.s.audiences...).Seq, Name: "boots"}
	for _, name := range []string{"push", "mail", "sms"}[:1+x.IntN(3)] {
		c.Channels = append(c.Channels, kopilka.Channel{Name: name, Timeout: 1 + x.IntN(3), Cost: kopilka.Money(x.IntN(400))})
	}
	switch x.IntN(10) {
	case 0:
		c.Audience++
	case 1:
		c.Starts = x.now + 300_000
	case 2:
		c.Ends = x.now + kopilka.Time(x.IntN(600_000))
	}
	return c
}

// dispatch hands out some of those who are due, mostly.
func (x *till) dispatch(m Mailing) *kopilka.Dispatch {
	audience, _ := x.s.Drawn(m.Audience)
	var due [kopilka.ChannelsMax][]kopilka.MemberNo
	for place, no := range x.s.Of(&audience.Audience, 0) {
		if on := x.s.DueOn(&m, &audience, place, no, max(x.now, x.s.Now())); on >= 0 && x.odds(80) {
			due[on] = append(due[on], no)
		}
	}
	c := &kopilka.Dispatch{Head: x.head(), Mailing: m.Seq, Channel: x.IntN(len(m.Channels))}
	for i, who := range due { // the later channels are rare
		if len(who) > 0 && x.odds(80) {
			c.Channel = i
		}
	}
	c.Members = due[c.Channel]
	switch x.IntN(20) {
	case 0:
		slices.Reverse(c.Members)
	case 1:
		c.Members = append(c.Members, kopilka.MemberNo(x.s.Members()-1))
	case 2:
		c.Channel = len(m.Channels)
	case 3:
		c.Mailing++
	case 4:
		c.Channel = x.IntN(len(m.Channels))
	}
	return c
}

// deliver tells of some of those who were handed out, and now and then of others.
func (x *till) deliver(m Mailing) *kopilka.Deliver {
	audience, _ := x.s.Audience(m.Audience)
	c := &kopilka.Deliver{Head: x.head(), Mailing: m.Seq, Channel: x.IntN(len(m.Channels))}
	for _, no := range x.s.Of(&audience, 0) {
		if x.odds(50) && (x.s.Handed(&m, no, c.Channel) || x.odds(1)) {
			c.Results = append(c.Results, kopilka.Delivery{Member: no, Delivered: x.odds(30)})
		}
	}
	switch x.IntN(20) {
	case 0:
		c.Results = append(c.Results, kopilka.Delivery{Member: kopilka.MemberNo(x.s.Members())})
	case 1:
		c.Mailing++
	case 2:
		c.Channel = len(m.Channels)
	}
	return c
}
