package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What the clerk does about certificates, gift certificates, coupons and discount
// cards that a receipt is paid with.

// ticket is an emitted number as its bearer has it.
type ticket struct {
	text, instrument string
	place            uint32
	left             kopilka.Points
	uses             int
	from, to         kopilka.Day
}

// sameTickets notes the numbers of a new emission as the books give them out, and
// compares what is left of those given before.
func (b *clerk) sameTickets(s *State) error {
	for i, n := range b.tickets {
		if got := s.NumberAt(n.place); got.Text != n.text || got.Left != n.left || got.Uses != int64(n.uses) {
			return fmt.Errorf("number %d is %+v; want %+v", i, got, n)
		}
	}
	for place := uint32(len(b.tickets) + 1); int(place) <= s.Numbers(); place++ {
		n := s.NumberAt(place)
		b.tickets = append(b.tickets, &ticket{text: n.Text, instrument: n.Instrument, place: place, left: n.Value, from: n.From, to: n.To})
	}
	return nil
}

// bill is a receipt on the way to being paid.
type bill struct {
	lines      []kopilka.Line
	redeemable int64
	whole      []int64 // what each line takes, before anything paid
	takes      []int64 // and now
	left       *kopilka.Remains
	shown      []item
}

// item is something that a till was shown.
type item struct {
	rule   *program.Instrument
	ticket *ticket // nil: a code
}

func (x *bill) sumOf(of []int64, categories []string) (n int64) {
	for i, l := range x.lines {
		if categories == nil || slices.Contains(categories, l.Category) {
			n += of[i]
		}
	}
	return n
}

// put spreads what something pays over the lines of some categories.
func (x *bill) put(n int64, categories []string, book func(l *kopilka.RemainsLine, n int64)) {
	weights := make([]int64, len(x.takes))
	for i, l := range x.lines {
		if categories == nil || slices.Contains(categories, l.Category) {
			weights[i] = x.takes[i]
		}
	}
	for i, share := range spread(n, weights) {
		x.takes[i] -= share
		book(&x.left.Lines[i], share)
	}
}

func payLine(l *kopilka.RemainsLine, n int64) { l.Certificate += kopilka.Points(n) }
func cutLine(l *kopilka.RemainsLine, n int64) { l.Discount += kopilka.Money(n) }

// ruleOf is a certificate's rule in the newest program that has it.
func (b *clerk) ruleOf(id string) *program.Certificate {
	for i := len(b.programs) - 1; ; i-- {
		for k := range b.programs[i].Certificates {
			if b.programs[i].Certificates[k].ID == id {
				return &b.programs[i].Certificates[k]
			}
		}
	}
}

// instrumentOf is an instrument's rule in the receipt's program, or else the newest.
func (b *clerk) instrumentOf(id string, rules *program.Program) *program.Instrument {
	find := func(p *program.Program) *program.Instrument {
		for i := range p.Instruments {
			if p.Instruments[i].ID == id {
				return &p.Instruments[i]
			}
		}
		return nil
	}
	if r := find(rules); r != nil {
		return r
	}
	for i := len(b.programs) - 1; ; i-- {
		if r := find(b.programs[i].Program); r != nil {
			return r
		}
	}
}

// certify pays with the member's certificates.
func (b *clerk) certify(c *kopilka.Receipt, x *bill, rules *program.Program, o *kopilka.Outcome) {
	var papers []*paper
	for _, q := range b.papers(b.people[c.Member]) {
		if q.from <= b.day && b.day <= q.to && q.left > 0 {
			papers = append(papers, q)
		}
	}
	slices.SortStableFunc(papers, func(a, q *paper) int {
		return cmp.Or(cmp.Compare(a.to, q.to), cmp.Compare(a.from, q.from), cmp.Compare(a.seq, q.seq),
			cmp.Compare(b.name(TermCertificate, a.rule), b.name(TermCertificate, q.rule)), cmp.Compare(a.of, q.of))
	})
	redeemable := kopilka.Points(x.redeemable)
	var caps, most kopilka.Points
	can := make([]kopilka.Points, len(papers))
	for i, q := range papers {
		cap := percent(kopilka.Money(x.redeemable), b.ruleOf(q.rule).MaxRedeemBP, kopilka.Floor)
		caps = min(caps+cap, redeemable)
		can[i] = min(cap, q.left, redeemable-most)
		most += can[i]
	}
	pays := c.Certificate
	if rules.RedeemAllowedBy[c.NamedBy] {
		o.MaxCertificate = most
	}
	switch {
	case pays == kopilka.CertificateMax:
		pays = o.MaxCertificate
	case pays > 0 && !rules.RedeemAllowedBy[c.NamedBy]:
		o.Refusal = kopilka.RedeemNotPermitted
	case len(papers) > 0 && pays > caps:
		o.Refusal = kopilka.RedeemCapExceeded
	case pays > most:
		o.Refusal, o.Requested, o.Available = kopilka.InsufficientPoints, pays, most
	}
	if o.Refusal != kopilka.Accepted {
		return
	}
	for i, q := range papers {
		if n := min(pays, can[i]); n > 0 {
			pays -= n
			o.CertificateUsed += n
			o.Uses = append(o.Uses, kopilka.Use{Kind: kopilka.UseCertificate, Term: b.name(TermCertificate, q.rule), Claim: q.seq,
				Number: uint32(q.of + 1), Points: n})
			x.put(int64(n), nil, payLine)
		}
	}
}

// unfit tells what is wrong with something that a till was shown.
func (b *clerk) unfit(c *kopilka.Receipt, x *bill, text string, rules *program.Program) (y item, r kopilka.Refusal) {
	i := slices.IndexFunc(b.tickets, func(n *ticket) bool { return n.text == text })
	if i >= 0 {
		y.ticket = b.tickets[i]
		y.rule = b.instrumentOf(y.ticket.instrument, rules)
	}
	for k := range rules.Instruments {
		if y.rule == nil && text != "" && rules.Instruments[k].Code == text {
			y.rule = &rules.Instruments[k]
		}
	}
	if y.rule == nil {
		return y, kopilka.NotFound
	}
	sums := b.sum(b.name(TermInstrument, y.rule.ID))
	uses := int(sums.Count)
	if n := y.ticket; n != nil {
		uses = n.uses
		if c.Day < n.from || c.Day > n.to {
			return y, kopilka.InstrumentExpired
		}
	}
	if c.At < y.rule.StartsAt || y.rule.EndsAt > 0 && c.At >= y.rule.EndsAt {
		return y, kopilka.InstrumentExpired
	}
	for _, z := range x.shown {
		if z.ticket == y.ticket && z.rule.ID == y.rule.ID {
			return y, kopilka.InstrumentUsed
		}
	}
	if y.rule.Kind == kopilka.UseGift && y.ticket.left == 0 || y.rule.Uses > 0 && uses >= y.rule.Uses ||
		y.rule.Budget > 0 && sums.Used >= int64(y.rule.Budget) {
		return y, kopilka.InstrumentUsed
	}
	if y.rule.PerMember > 0 && c.Member != kopilka.NoMember && b.usesBy(c.Member, y.rule.ID) >= y.rule.PerMember {
		return y, kopilka.InstrumentUsed
	}
	if c.Member == kopilka.NoMember && y.rule.PerMember > 0 || c.Amount < y.rule.MinAmount ||
		y.rule.Stores != nil && !slices.Contains(y.rule.Stores, c.Store) ||
		y.rule.Categories != nil && x.sumOf(x.whole, y.rule.Categories) == 0 {
		return y, kopilka.InstrumentUnfit
	}
	return y, kopilka.Accepted
}

// payBill uses what the till was shown: certificates, gift certificates, and what takes
// something off, in this order.
func (b *clerk) payBill(c *kopilka.Receipt, x *bill, rules *program.Program, o *kopilka.Outcome) {
	if c.Member != kopilka.NoMember {
		if b.certify(c, x, rules, o); o.Refusal != kopilka.Accepted {
			return
		}
	}
	for i, text := range c.Coupons {
		y, r := b.unfit(c, x, text, rules)
		if r != kopilka.Accepted && i == 0 && c.CardCoupon {
			continue
		}
		if r != kopilka.Accepted {
			o.Refusal, o.Coupon = r, i
			return
		}
		x.shown = append(x.shown, y)
	}
	for _, gifts := range []bool{true, false} {
		for _, y := range x.shown {
			if (y.rule.Kind == kopilka.UseGift) != gifts {
				continue
			}
			n := int64(y.rule.Amount)
			if y.rule.PercentBP > 0 {
				n = int64(percent(kopilka.Money(x.sumOf(x.whole, y.rule.Categories)), y.rule.PercentBP, kopilka.Floor))
			}
			if gifts {
				n = int64(y.ticket.left)
			}
			n = min(n, int64(percent(kopilka.Money(x.redeemable), y.rule.MaxRedeemBP, kopilka.Floor)), x.sumOf(x.takes, y.rule.Categories))
			if y.rule.Budget > 0 {
				n = min(n, int64(y.rule.Budget)-b.sum(b.name(TermInstrument, y.rule.ID)).Used)
			}
			if n == 0 {
				continue
			}
			u := kopilka.Use{Kind: y.rule.Kind, Term: b.name(TermInstrument, y.rule.ID), Points: kopilka.Points(n)}
			if y.ticket != nil {
				u.Number = y.ticket.place
			}
			if gifts {
				o.CertificateUsed += kopilka.Points(n)
				x.put(n, nil, payLine)
			} else {
				o.Discount += kopilka.Money(n)
				x.put(n, y.rule.Categories, cutLine)
			}
			if y.rule.PerMember > 0 {
				u.Claim = b.seq // or where the member's first use stands: see useUp
			}
			o.Uses = append(o.Uses, u)
		}
	}
}

// visit is a member's uses of a coupon of which everybody has so many.
type visit struct {
	seq  kopilka.Seq
	id   string
	uses int
}

// usesBy is how often somebody, and those who became he, have used an instrument.
func (b *clerk) usesBy(m kopilka.MemberNo, id string) (n int) {
	for _, p := range b.whole(b.people[m]) {
		for _, v := range p.visits {
			if v.id == id {
				n += v.uses
			}
		}
	}
	return n
}

// paperOf is the certificate of a use, if it is still good for anything.
func (b *clerk) paperOf(m kopilka.MemberNo, u *kopilka.Use) *paper {
	for _, q := range b.papers(b.people[m]) {
		if q.seq == u.Claim && uint32(q.of+1) == u.Number && b.name(TermCertificate, q.rule) == u.Term && q.to >= b.day {
			return q
		}
	}
	return nil
}

func (b *clerk) useUp(c *kopilka.Receipt, o *kopilka.Outcome) {
	for i := range o.Uses {
		u := &o.Uses[i]
		if u.Kind == kopilka.UseCertificate {
			b.paperOf(c.Member, u).left -= u.Points
			continue
		}
		t := b.sum(u.Term)
		t.Used += int64(u.Points)
		t.Count++
		if u.Number != 0 {
			n := b.tickets[u.Number-1]
			n.uses++
			if u.Kind == kopilka.UseGift {
				n.left -= u.Points
			}
		}
		if u.Claim != 0 {
			p := b.people[c.Member]
			k := slices.IndexFunc(p.visits, func(v *visit) bool { return v.id == t.ID })
			if k < 0 {
				k = len(p.visits)
				p.visits = append(p.visits, &visit{seq: b.seq, id: t.ID})
			}
			p.visits[k].uses++
			u.Claim = p.visits[k].seq
		}
	}
}

// takeUsesBack gives value back to what paid, and the uses when nothing is left.
func (b *clerk) takeUsesBack(m kopilka.MemberNo, r *slip, o *kopilka.Outcome) {
	value := func(u kopilka.Use) bool { return u.Kind == kopilka.UseCertificate || u.Kind == kopilka.UseGift }
	weights := make([]int64, len(r.Uses))
	for i, u := range r.Uses {
		if value(u) {
			weights[i] = int64(u.Points)
		}
	}
	all := r.Goods() == 0
	for i, n := range spread(int64(o.CertificateRestored), weights) {
		u, points := &r.Uses[i], kopilka.Points(n)
		if !value(*u) && all {
			points = u.Points
		}
		u.Points -= points
		if u.Kind == kopilka.UseCertificate {
			if q := b.paperOf(m, u); q != nil {
				q.left += points
			} else {
				o.CertificateLapsed += points
			}
			continue
		}
		t := b.sum(u.Term)
		t.Used -= int64(points)
		if u.Kind == kopilka.UseGift {
			if n := b.tickets[u.Number-1]; n.to < b.day {
				o.CertificateLapsed += points
			} else {
				n.left += points
			}
		}
		if !all {
			continue
		}
		t.Count--
		if u.Number != 0 {
			b.tickets[u.Number-1].uses--
		}
		if u.Claim == 0 {
			continue
		}
		for _, p := range b.whole(b.people[m]) {
			for _, v := range p.visits {
				if v.id == t.ID && v.seq == u.Claim {
					v.uses--
				}
			}
			p.visits = slices.DeleteFunc(p.visits, func(v *visit) bool { return v.uses == 0 })
		}
	}
}
