package engine

import (
	"strconv"
	"strings"

	"github.com/kopilka/kopilka"
)

// instruments is the command of a line about certificates and numbers; nil when it
// is none.
func (p *play) instruments() kopilka.Command {
	switch p.d.Cmd {
	case "issue":
		return &kopilka.Issue{Reason: "r", Actor: "a", Due: []kopilka.CertificateDue{{Member: p.who(0), Rule: p.word(1),
			From: p.s.Day(), To: p.s.Day() + 21}}}
	case "emit":
		n, err := strconv.Atoi(p.word(1))
		if err != nil {
			p.d.Fatalf(p.t, "%v", err)
		}
		return &kopilka.Emit{Instrument: p.word(0), Prefix: "22", Count: n, To: kopilka.DayNever}
	}
	return nil
}

// coupons are the codes of coupon=, and the numbers that no1, no2, … stand for.
func (p *play) coupons() (all []string) {
	a, ok := p.d.Arg("coupon")
	if !ok {
		return nil
	}
	for _, text := range a.Vals {
		if n, err := strconv.Atoi(strings.TrimPrefix(text, "no")); err == nil && strings.HasPrefix(text, "no") {
			text = p.s.NumberAt(uint32(n)).Text
		}
		all = append(all, text)
	}
	return all
}
