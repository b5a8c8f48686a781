package api

import (
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// How a receipt was paid and what it brought, as answers tell it: what it earned,
// the instruments that paid for it or made it cheaper, the legs of its record.

// receiptAnswer writes what was decided about a sale.
func (s *Server) receiptAnswer(e *jx.Encoder, seq kopilka.Seq, c *kopilka.Receipt, out *kopilka.Outcome) {
	intField(e, "earned", int64(out.Earned))
	intField(e, "redeemed", int64(out.Redeemed))
	intField(e, "certificate_used", int64(out.CertificateUsed))
	intField(e, "discount", int64(out.Discount))
	intField(e, "cash_due", int64(out.CashDue))
	if c.Hold.Seq != 0 {
		strField(e, "hold", c.Hold.ID)
		intField(e, "freed", int64(out.HeldBack))
	}
	s.standing(e, seq, out)
	s.legsField(e, out.Legs)
	s.usesFields(e, out)
	s.campaignsField(e, out.Campaigns)
	if c.Member == kopilka.NoMember {
		e.FieldStart("offer_card")
		e.Bool(offersCard(s.rules(out.Program), c, out))
	}
}

// offersCard tells whether the program asks to offer a card for an anonymous
// receipt. Who has shown a discount card has one.
func offersCard(p *program.Program, c *kopilka.Receipt, out *kopilka.Outcome) bool {
	return p.OfferCard > 0 && c.Amount >= p.OfferCard && !c.Imported &&
		!slices.ContainsFunc(out.Uses, func(u kopilka.Use) bool { return u.Kind == kopilka.UseDiscount })
}

// legsField writes what a command gave to members beside the buyer's own points,
// or took back.
func (s *Server) legsField(e *jx.Encoder, legs []kopilka.Leg) {
	e.FieldStart("legs")
	e.ArrStart()
	for i := range legs {
		l := &legs[i]
		e.ObjStart()
		s.memberIDField(e, l.Member)
		strField(e, "kind", l.Kind.String())
		intField(e, "points", int64(l.Points))
		e.ObjEnd()
	}
	e.ArrEnd()
}

// usesFields writes the member's certificates that paid, and what was said in
// coupons, each with what it paid or took off.
func (s *Server) usesFields(e *jx.Encoder, out *kopilka.Outcome) {
	e.FieldStart("certificates")
	e.ArrStart()
	for i := range out.Uses {
		if u := &out.Uses[i]; u.Kind == kopilka.UseCertificate {
			e.ObjStart()
			strField(e, "id", s.term(u.Term).ID)
			intField(e, "issued_seq", int64(u.Claim))
			intField(e, "points", int64(u.Points))
			e.ObjEnd()
		}
	}
	e.ArrEnd()
	e.FieldStart("coupons")
	e.ArrStart()
	for i := range out.Uses {
		if u := &out.Uses[i]; u.Kind != kopilka.UseCertificate {
			e.ObjStart()
			strField(e, "id", s.term(u.Term).ID)
			strField(e, "kind", u.Kind.String())
			optField(e, "coupon", s.saidOf(out, u))
			intField(e, "points", int64(u.Points))
			e.ObjEnd()
		}
	}
	e.ArrEnd()
}

// saidOf is the number or the code by which a till named what was used. A code is
// looked for in the rules that decided, whatever has become of it since.
func (s *Server) saidOf(out *kopilka.Outcome, u *kopilka.Use) (said string) {
	s.queue.View(func(b *engine.State) {
		if u.Number != 0 {
			said = b.NumberAt(u.Number).Text
			return
		}
		id := b.Term(u.Term).ID
		for i := range b.Versions()[out.Program-1].Program.Instruments {
			if x := &b.Versions()[out.Program-1].Program.Instruments[i]; x.ID == id {
				said = x.Code
			}
		}
	})
	return said
}

// campaignsField writes what each campaign added.
func (s *Server) campaignsField(e *jx.Encoder, all []kopilka.CampaignUse) {
	e.FieldStart("campaigns")
	e.ArrStart()
	for _, u := range all {
		e.ObjStart()
		strField(e, "id", s.term(u.Term).ID)
		intField(e, "points", int64(u.Points))
		e.ObjEnd()
	}
	e.ArrEnd()
}

// watches tells whether whoever asks may hear what looked odd. A till may not: it would
// tell a thief behind it how far he can go.
func (c *call) watches() bool { return c.key.Role != kopilka.RoleTill }

// flagsField writes what looked odd, to those who may hear it.
func flagsField(e *jx.Encoder, flags kopilka.Flags, watched bool) {
	if !watched {
		flags = 0
	}
	e.FieldStart("flags")
	e.ArrStart()
	for _, name := range flags.Names() {
		e.Str(name)
	}
	e.ArrEnd()
}

// term is what the books know of a name of the program.
func (s *Server) term(t kopilka.Term) (v engine.Term) {
	s.queue.View(func(b *engine.State) { v = b.Term(t) })
	return v
}

// rules is the program of a number, counted from 1.
func (s *Server) rules(n int) (p *program.Program) {
	s.queue.View(func(b *engine.State) { p = b.Versions()[n-1].Program })
	return p
}

// capsField shows how a quote came about, in the order in which it is reckoned:
// certificates, coupons, points. Each takes of what those before it have left of
// the part of the receipt that may be paid so.
func (s *Server) capsField(e *jx.Encoder, c *kopilka.Receipt, out *kopilka.Outcome) {
	takes := redeemable(c)
	left := takes
	e.FieldStart("caps")
	e.ObjStart()
	intField(e, "redeemable", int64(takes))
	part := func(name string, of func()) {
		e.FieldStart(name)
		e.ObjStart()
		intField(e, "left", int64(left))
		of()
		e.ObjEnd()
	}
	part("certificate", func() {
		intField(e, "max", int64(out.MaxCertificate))
		intField(e, "used", int64(out.CertificateUsed))
	})
	left -= kopilka.Money(out.CertificateUsed)
	part("coupon", func() { intField(e, "used", int64(out.Discount)) })
	left -= out.Discount
	part("points", func() {
		if out.Member != kopilka.NoMember {
			bp := s.rules(out.Program).Tiers[out.TierBefore].MaxRedeemBP
			intField(e, "max_redeem_bp", int64(bp))
			intField(e, "cap", kopilka.AtRate(int64(takes), bp, kopilka.Floor))
		}
		intField(e, "max", int64(out.MaxRedeem))
		intField(e, "used", int64(out.Redeemed))
	})
	e.ObjEnd()
}

// redeemable is the part of a receipt that may be paid with certificates, coupons
// and points, before any of them.
func redeemable(c *kopilka.Receipt) (m kopilka.Money) {
	if len(c.Lines) == 0 {
		return c.Amount - c.NoEarn - c.NoRedeem
	}
	for i := range c.Lines {
		if l := &c.Lines[i]; !l.NoEarn && !l.NoRedeem {
			m += l.Amount
		}
	}
	return m
}
