package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// What the till sends of holds, certificates and numbers.

// held is a hold that was made, be it over or not.
type held struct {
	kopilka.HoldRef
	member kopilka.MemberNo
	until  kopilka.Time
}

// instruments is the keys of a program for certificates and instruments; some of the
// names go and come back.
func (x *till) instruments() string {
	if x.odds(20) {
		return ""
	}
	doc := fmt.Sprintf(`,"certificates":[{"id":"birthday","on":"birth_date","points":%d,"lead_days":7,"valid_days":22,"max_redeem_bp":%d}`,
		100+x.IntN(3)*100, pick(x, 500, 3333, 10_000))
	if x.odds(70) {
		doc += `,{"id":"sorry","points":50,"valid_days":10,"max_redeem_bp":5000}`
	}
	doc += fmt.Sprintf(`],"instruments":[{"id":"gift","kind":"gift_certificate","value":%d,"prefix":"22","max_redeem_bp":%d}`, pick(x, 100, 1000), pick(x, 3333, 10_000))
	some := func(percent int, key string) string {
		if x.odds(percent) {
			return "," + key
		}
		return ""
	}
	ends := fmt.Sprintf(`"ends_at":%q`, (kopilka.Day(x.now/dayMS) + 2 + kopilka.Day(x.IntN(20))).String())
	if x.odds(80) {
		doc += fmt.Sprintf(`,{"id":"five","kind":"discount_card","percent_bp":%d%s%s%s%s}`, pick(x, 33, 500, 10_000), some(20, `"uses":3`), some(20, `"per_member":2`),
			some(20, `"categories":["boots","coats"]`), some(20, `"max_redeem_bp":2500`))
		doc += fmt.Sprintf(`,{"id":"spring","kind":"coupon",%s,"code":"SPRING"%s%s%s%s%s%s%s}`, pick(x, `"amount":50`, `"amount":500`, `"percent_bp":1000`),
			some(30, `"uses":5`), some(40, `"per_member":1`), some(30, `"budget":120`), some(30, `"min_amount":100`), some(20, `"stores":["s1"]`),
			some(30, `"categories":["boots"]`), some(30, ends))
		doc += fmt.Sprintf(`,{"id":"slip","kind":"coupon","amount":70%s%s%s}`, some(30, `"uses":2`), some(30, `"per_member":1`), some(30, `"max_redeem_bp":3333`))
	}
	return doc + `]`
}

// show is what the buyer shows at the till: certificates, numbers, codes, a hold.
func (x *till) show(c *kopilka.Receipt, redeemable kopilka.Money) {
	if x.odds(40) {
		c.Certificate = pick(x, kopilka.CertificateMax, kopilka.CertificateMax, kopilka.Points(x.IntN(100)), kopilka.Points(redeemable)/3+kopilka.Points(x.IntN(3)))
		if c.Member != kopilka.NoMember {
			for _, of := range x.s.Member(c.Member, x.now).Certificates {
				if x.odds(40) {
					c.Certificate = max(0, of.Left+kopilka.Points(x.IntN(3)-1))
				}
			}
		}
		if c.Member == kopilka.NoMember && x.odds(80) {
			c.Certificate = 0
		}
	}
	for x.odds(40) {
		number := pick(x, "SPRING", "SPRING", "AUTUMN")
		if n := x.s.Numbers(); n > 0 && x.odds(70) {
			number = x.s.NumberAt(uint32(n - x.IntN(min(n, 8)))).Text
		}
		if x.odds(3) {
			number = "2000000000008"
		}
		c.Coupons = append(c.Coupons, number)
		c.CardCoupon = x.odds(20)
	}
	if len(x.holds) > 0 && x.odds(20) {
		h := x.someHold()
		if h.until < x.now && x.odds(90) {
			return
		}
		c.Hold = h.HoldRef
		if !x.odds(5) {
			c.Member = h.member
			c.NamedBy = max(c.NamedBy, kopilka.ByCard)
		}
	}
}

// claim is a command about holds, certificates or numbers, or the time that it
// takes a hold to lapse.
func (x *till) claim() []kopilka.Command {
	switch r := x.IntN(100); {
	case r < 40:
		return one(x.hold())
	case r < 55 && len(x.holds) > 0:
		return one(x.capture())
	case r < 62 && len(x.holds) > 0:
		h := x.someHold()
		return one(&kopilka.Void{Head: x.head(), Deed: x.deedOf(h), Hold: h.HoldRef})
	case r < 80 && len(x.holds) > 0:
		return x.toLapse()
	case r < 93:
		return one(x.issue())
	default:
		return one(x.emit())
	}
}

func (x *till) hold() *kopilka.Hold {
	c := &kopilka.Hold{Head: x.head(), Deed: x.deed()}
	balance := x.s.Member(c.Member, x.now).Balance
	c.Points = max(1, pick(x, balance, balance/2, balance/2, balance/3, balance+kopilka.Points(x.IntN(3)-1)))
	c.Until = x.now + kopilka.Time(pick(x, 1, 1, 1000+x.IntN(60_000), 3_600_000, x.IntN(3*dayMS), x.IntN(40*dayMS)))
	if x.odds(3) {
		c.Until = x.now - kopilka.Time(x.IntN(2))
	}
	return c
}

func (x *till) someHold() held {
	if x.odds(70) {
		return x.holds[len(x.holds)-1-x.IntN(min(3, len(x.holds)))]
	}
	return pick(x, x.holds...)
}

// deedOf is of the member whose hold it is; now and then another names it.
func (x *till) deedOf(h held) kopilka.Deed {
	d := x.deed()
	if !x.odds(5) {
		d.Member = h.member
	}
	d.Store = ""
	return d
}

func (x *till) capture() *kopilka.Capture {
	h := x.someHold()
	c := &kopilka.Capture{Head: x.head(), Deed: x.deedOf(h), Hold: h.HoldRef, Points: kopilka.RedeemMax}
	var points kopilka.Points
	for _, v := range x.s.Member(h.member, x.now).Holds {
		if v.Seq == h.Seq {
			points = v.Points
		}
	}
	if x.odds(60) {
		c.Points = max(1, pick(x, points, points/2, points/3, points+kopilka.Points(x.IntN(3)-1)))
	}
	if x.odds(40) {
		c.Amount = max(1, pick(x, kopilka.Money(points), 2*kopilka.Money(points), x.amount(h.member)))
	}
	return c
}

// toLapse lets time pass up to a hold's instant, the millisecond before it or the
// one after, over midnights if need be.
func (x *till) toLapse() (ticks []kopilka.Command) {
	h := x.someHold()
	at := h.until + kopilka.Time(x.IntN(3)-1)
	if at <= x.now || int(at/dayMS)-int(x.s.Day()) > 45 {
		return x.days()
	}
	x.now = at
	for day := x.s.Day() + 1; day <= kopilka.Day(at/dayMS); day++ {
		ticks = append(ticks, &kopilka.Tick{Day: day})
	}
	if len(ticks) == 0 || x.odds(50) {
		ticks = append(ticks, pick[kopilka.Command](x, x.grant(), x.hold(), x.capture(), x.receipt(), x.redemption()))
	}
	return ticks
}

func (x *till) due() kopilka.CertificateDue {
	d := kopilka.CertificateDue{Member: x.anyone(), Rule: pick(x, "birthday", "birthday", "sorry", "unheard-of"), From: x.s.Day() + kopilka.Day(x.IntN(3))}
	d.To = d.From + kopilka.Day(x.IntN(20))
	if x.odds(70) {
		d.Year = uint16(2027 + x.IntN(3))
	}
	if x.odds(30) {
		d.Points = kopilka.Points(1 + x.IntN(500))
	}
	return d
}

func (x *till) issue() *kopilka.Issue {
	c := &kopilka.Issue{Head: x.head(), Reason: "a broken heel", Actor: "anna"}
	for range 1 + x.IntN(3) {
		c.Due = append(c.Due, x.due())
	}
	return c
}

// emit makes a few numbers, under prefixes that begin with each other.
func (x *till) emit() *kopilka.Emit {
	c := &kopilka.Emit{Head: x.head(), Instrument: pick(x, "gift", "gift", "five", "slip", "slip", "spring", "unheard-of"),
		Prefix: pick(x, "22", "22", "229", "21", "229000", "9", "90"), Count: 1 + x.IntN(5), From: x.s.Day(), To: kopilka.DayNever}
	if x.odds(50) {
		c.To = c.From + kopilka.Day(x.IntN(30))
	}
	return c
}
