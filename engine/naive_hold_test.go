package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What the clerk knows of holds, certificates and numbers. A hold is an envelope
// with grains in it; at its instant, and not a millisecond before, the clerk opens
// it, whoever else looks.

type promise struct {
	seq    kopilka.Seq
	until  kopilka.Time
	grains []kopilka.Lot
}

// paper is a certificate. The clerk throws none away.
type paper struct {
	seq      kopilka.Seq
	of       kopilka.MemberNo
	rule     string
	left     kopilka.Points
	from, to kopilka.Day
	year     int
}

// stock is what the clerk has given out.
type stock struct {
	numbers   int
	given     map[string]string // number → instrument
	emissions []Emission
}

// lapse opens the envelopes whose instant has come.
func (b *clerk) lapse() {
	for m, p := range b.people {
		var kept []*promise
		for _, h := range p.holds {
			if h.until <= b.now {
				b.open(b.people[b.resolve(kopilka.MemberNo(m))], h)
			} else {
				kept = append(kept, h)
			}
		}
		p.holds = kept
	}
}

// whole is somebody with all those who became he. What they had beside points
// stays in their own drawers, and is his.
func (b *clerk) whole(p *person) []*person {
	all := []*person{p}
	for _, no := range p.partsNow {
		all = append(all, b.whole(b.people[no])...)
	}
	return all
}

// promises are the envelopes of somebody, the oldest first.
func (b *clerk) promises(p *person) (all []*promise) {
	if p.merged() {
		return nil
	}
	for _, q := range b.whole(p) {
		all = append(all, q.holds...)
	}
	slices.SortFunc(all, func(a, b *promise) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

// open puts the grains of an envelope back; what ran out in it has run out.
func (b *clerk) open(p *person, h *promise) {
	for _, g := range h.grains {
		if g.Expires < b.day {
			p.untold = append(p.untold, g)
		} else {
			p.grains = append(p.grains, g)
		}
	}
}

// strikeHolds: who was away too long has lost what is held too; its last day is
// written on it.
func (b *clerk) strikeHolds(p *person, last kopilka.Day) {
	for _, h := range b.promises(p) {
		for i := range h.grains {
			h.grains[i].Expires = min(h.grains[i].Expires, last)
		}
	}
}

func (b *clerk) held(p *person) (points kopilka.Points) {
	for _, h := range b.promises(p) {
		points += total(h.grains)
	}
	return points
}

func (b *clerk) holdsOf(p *person) (all []HeldFor) {
	for _, h := range b.promises(p) {
		all = append(all, HeldFor{Seq: h.seq, Points: total(h.grains), Until: h.until})
	}
	return all
}

// envelope is a hold of the member's; nil when it is over.
func (b *clerk) envelope(p *person, seq kopilka.Seq) *promise {
	for _, h := range b.promises(p) {
		if h.seq == seq {
			return h
		}
	}
	return nil
}

func (b *clerk) hold(c *kopilka.Hold, o *kopilka.Outcome) {
	p := b.people[c.Member]
	available, _ := b.balance(p)
	o.Program = b.programAt(c.At)
	switch {
	case c.Day > b.day:
		o.Refusal = kopilka.Stale
	case p.blocked:
		o.Refusal = kopilka.MemberBlocked
	case !b.programs[o.Program-1].RedeemAllowedBy[c.NamedBy]:
		o.Refusal = kopilka.RedeemNotPermitted
	case c.Points > available:
		o.Refusal, o.Requested, o.Available = kopilka.InsufficientPoints, c.Points, available
	default:
		b.settle(p, o)
		h := &promise{seq: b.seq, until: c.Until, grains: b.spend(p, c.Points)}
		if c.Until <= b.now {
			b.open(p, h) // it was over before it began
		} else {
			p.holds = append(p.holds, h)
		}
		o.HeldBack = c.Points
		b.enter(c.Member, o)
	}
}

func (b *clerk) capture(c *kopilka.Capture, o *kopilka.Outcome) {
	p := b.people[c.Member]
	h := b.envelope(p, c.Hold.Seq)
	o.Program = b.programAt(c.At)
	rules := b.programs[o.Program-1].Program
	switch {
	case c.Day > b.day:
		o.Refusal = kopilka.Stale
	case p.blocked:
		o.Refusal = kopilka.MemberBlocked
	case h == nil:
		o.Refusal = kopilka.HoldExpired
	}
	if o.Refusal != kopilka.Accepted {
		return
	}
	held := total(h.grains)
	cap := held + max(c.Points, 0) // none
	if c.Amount > 0 {
		cap = percent(c.Amount, rules.Tiers[b.tierIn(b.tierNow(p, b.before[c.Member]), rules)].MaxRedeemBP, kopilka.Floor)
	}
	o.MaxRedeem = min(held, cap)
	points := c.Points
	if points == kopilka.RedeemMax {
		points = o.MaxRedeem
	}
	switch {
	case points > cap:
		o.Refusal = kopilka.RedeemCapExceeded
		return
	case points > held:
		o.Refusal, o.Requested, o.Available = kopilka.InsufficientPoints, points, held
		return
	}
	b.settle(p, o)
	goods := c.Amount
	if goods == 0 {
		goods = kopilka.Money(points)
	}
	o.Redeemed, o.CashDue = points, goods-kopilka.Money(points)
	o.Left = kopilka.Remains{Day: c.Day, Made: b.day, Policy: rules.Returns, Spent: b.endHold(p, h, points, o),
		Lines: []kopilka.RemainsLine{{Goods: goods, Spent: points}}}
	b.books.Redeemed += points
	b.slip(c.ID, "", c.Member, o.Left)
	b.enter(c.Member, o)
}

func (b *clerk) void(c *kopilka.Void, o *kopilka.Outcome) {
	p := b.people[c.Member]
	h := b.envelope(p, c.Hold.Seq)
	switch {
	case c.Day > b.day:
		o.Refusal = kopilka.Stale
	case h == nil:
		o.Refusal = kopilka.HoldExpired
	default:
		b.settle(p, o)
		b.endHold(p, h, 0, o)
		b.enter(c.Member, o)
	}
}

// endHold spends points out of an envelope, soonest to run out first, and opens it.
func (b *clerk) endHold(p *person, h *promise, points kopilka.Points, o *kopilka.Outcome) (spent []kopilka.Lot) {
	grains := alike(h.grains)
	for i := range grains {
		n := min(points, grains[i].Points)
		points -= n
		grains[i].Points -= n
		if n > 0 {
			spent = append(spent, kopilka.Lot{Points: n, Expires: grains[i].Expires})
		}
	}
	h.grains = slices.DeleteFunc(grains, func(g kopilka.Lot) bool { return g.Points == 0 })
	o.HeldBack = total(h.grains)
	for _, q := range b.whole(p) {
		q.holds = slices.DeleteFunc(q.holds, func(x *promise) bool { return x == h })
	}
	b.open(p, h)
	b.settle(p, o)
	return spent
}

func (b *clerk) issue(c *kopilka.Issue, o *kopilka.Outcome) {
	for _, due := range c.Due {
		if due.Year == 0 && b.certificate(due.Rule) == nil {
			o.Refusal = kopilka.NotFound
			return
		}
	}
	for i := range c.Due {
		m, due := b.resolve(c.Due[i].Member), &c.Due[i]
		if value := b.award(m, due); value > 0 && due.Year == 0 {
			b.flagByHand(b.people[m], c.Actor, value, o)
		}
	}
	if len(c.Due) == 1 {
		b.answer(b.resolve(c.Due[0].Member), o)
	}
}

func (b *clerk) certificate(id string) *program.Certificate {
	for i, c := range b.program().Certificates {
		if c.ID == id {
			return &b.program().Certificates[i]
		}
	}
	return nil
}

// award: one of a rule and a year, of years that follow each other, and one of a
// rule by one command.
func (b *clerk) award(m kopilka.MemberNo, due *kopilka.CertificateDue) kopilka.Points {
	p, rule := b.people[m], b.certificate(due.Rule)
	if rule == nil || p.erased {
		return 0
	}
	for _, x := range b.papers(p) {
		if x.rule == due.Rule && (x.seq == b.seq || due.Year != 0 && x.year >= int(due.Year)) {
			return 0
		}
	}
	x := &paper{seq: b.seq, of: m, rule: due.Rule, left: due.Points, from: due.From, to: due.To, year: int(due.Year)}
	if x.left == 0 {
		x.left = rule.Points
	}
	p.papers = append(p.papers, x)
	t := b.sum(b.name(TermCertificate, due.Rule))
	t.Count++
	t.Used += int64(x.left)
	return x.left
}

// papers are the certificates of somebody.
func (b *clerk) papers(p *person) (all []*paper) {
	if p.merged() {
		return nil
	}
	for _, q := range b.whole(p) {
		all = append(all, q.papers...)
	}
	return all
}

// certificatesOf is what of the member's papers is not over; s gives them numbers.
func (b *clerk) certificatesOf(s *State, p *person) (all []Certificate) {
	for _, x := range b.papers(p) {
		if x.to >= b.day {
			all = append(all, Certificate{Seq: x.seq, Term: s.findTerm(TermCertificate, x.rule), Rule: x.rule,
				Left: x.left, From: x.from, To: x.to, Year: x.year, Member: x.of})
		}
	}
	slices.SortFunc(all, func(a, b Certificate) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Seq, b.Seq),
			cmp.Compare(a.Term, b.Term), cmp.Compare(a.Member, b.Member))
	})
	return all
}

func (b *clerk) emit(c *kopilka.Emit, o *kopilka.Outcome) {
	i := slices.IndexFunc(b.program().Instruments, func(x program.Instrument) bool { return x.ID == c.Instrument })
	if i < 0 || b.program().Instruments[i].Code != "" {
		o.Refusal = kopilka.NotFound
		return
	}
	for _, e := range b.stock.emissions {
		if n := min(len(e.Prefix), len(c.Prefix)); e.Prefix != c.Prefix && e.Prefix[:n] == c.Prefix[:n] {
			o.Refusal = kopilka.PrefixTaken
			return
		}
	}
	o.First = uint32(b.stock.numbers + 1)
	b.stock.numbers += c.Count
	b.stock.emissions = append(b.stock.emissions, Emission{Seq: b.seq, Instrument: c.Instrument, Prefix: c.Prefix,
		First: o.First, Count: c.Count, From: c.From, To: c.To})
}

// sameNumbers looks at the numbers of the newest emission, the first time it sees
// it: they are bar codes that begin as they should, nobody has had one before,
// and each leads to its place.
func sameNumbers(s *State, b *clerk) error {
	if s.Numbers() != b.stock.numbers || len(s.Emissions()) != len(b.stock.emissions) {
		return fmt.Errorf("%d numbers in %d emissions; want %d in %d", s.Numbers(), len(s.Emissions()), b.stock.numbers, len(b.stock.emissions))
	}
	if len(b.stock.emissions) == 0 || b.stock.emissions[len(b.stock.emissions)-1].Seq != s.Seq() {
		return nil
	}
	if b.stock.given == nil {
		b.stock.given = map[string]string{}
	}
	want := b.stock.emissions[len(b.stock.emissions)-1]
	want.Term = s.findTerm(TermInstrument, want.Instrument)
	if e, ok := s.Emission(s.Seq()); !ok || e != want {
		return fmt.Errorf("emission\n got %+v\nwant %+v", e, want)
	}
	for place := want.First; place < want.First+uint32(want.Count); place++ {
		n := s.NumberAt(place)
		if before, known := b.stock.given[n.Text]; known || !kopilka.ValidEAN13(n.Text) || !strings.HasPrefix(n.Text, want.Prefix) {
			return fmt.Errorf("number %s at %d, which begins with %q, was given for %q before: %t", n.Text, place, want.Prefix, before, known)
		}
		b.stock.given[n.Text] = want.Instrument
		if found, ok := s.FindNumber(n.Text); !ok || found != n || n.Emission != s.Seq() || n.Instrument != want.Instrument || n.Left != n.Value {
			return fmt.Errorf("number %s leads to %+v, %t; want %+v", n.Text, found, ok, n)
		}
	}
	return nil
}
