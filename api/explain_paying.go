package api

import (
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// payingField tells how a receipt was paid, in the order in which it is reckoned:
// certificates, what was named in coupons, points; of each what it could have
// taken, what was left for it, and what kept it from taking more.
func (s *Server) payingField(e *jx.Encoder, x *explained) {
	e.FieldStart("paying")
	if x.receipt == nil {
		s.payingWithout(e, x)
		return
	}
	c := x.receipt
	takes := int64(redeemable(c))
	left := takes
	e.ObjStart()
	intField(e, "redeemable", takes)
	for _, list := range [...]struct {
		name         string
		certificates bool
	}{{"certificates", true}, {"coupons", false}} {
		e.FieldStart(list.name)
		e.ArrStart()
		for i := range x.out.Uses {
			if u := &x.out.Uses[i]; (u.Kind == kopilka.UseCertificate) == list.certificates {
				s.useExplained(e, x, u, takes, left)
				left -= int64(u.Points)
			}
		}
		e.ArrEnd()
	}
	s.certificatesAllowed(e, x)
	e.FieldStart("points")
	s.pointsExplained(e, x, c.Redeem, takes, left)
	intField(e, "cash_due", int64(x.out.CashDue))
	e.ObjEnd()
}

// certificatesAllowed writes how much of his certificates the buyer asked to pay with,
// and whether who is named so may: where not, "max" of them is nothing.
func (s *Server) certificatesAllowed(e *jx.Encoder, x *explained) {
	e.FieldStart("certificate")
	if x.out.Member == kopilka.NoMember || x.receipt.Imported {
		e.Null()
		return
	}
	allowed := x.rules.RedeemAllowedBy[x.deed.NamedBy]
	used := kopilka.Points(0)
	for i := range x.out.Uses {
		if u := &x.out.Uses[i]; u.Kind == kopilka.UseCertificate {
			used += u.Points
		}
	}
	e.ObjStart()
	askedField(e, x.receipt.Certificate)
	e.FieldStart("allowed")
	e.Bool(allowed)
	intField(e, "used", int64(used))
	if x.receipt.Certificate != 0 && !allowed {
		strField(e, "limited_by", "not_permitted")
	}
	e.ObjEnd()
}

// payingWithout is payingField of points that were spent without a sale, which
// have a cap only where an amount was told.
func (s *Server) payingWithout(e *jx.Encoder, x *explained) {
	asked := kopilka.Points(0)
	switch c := x.record.Command.(type) {
	case *kopilka.Redemption:
		asked = c.Points
	case *kopilka.Capture:
		asked = c.Points
	}
	e.ObjStart()
	e.FieldStart("points")
	e.ObjStart()
	askedField(e, asked)
	intField(e, "used", int64(x.out.Redeemed))
	e.ObjEnd()
	intField(e, "cash_due", int64(x.out.CashDue))
	e.ObjEnd()
}

// useExplained writes a certificate or an instrument that was used where so much was
// left of the redeemable part.
func (s *Server) useExplained(e *jx.Encoder, x *explained, u *kopilka.Use, takes, left int64) {
	used := int64(u.Points)
	id := s.term(u.Term).ID
	e.ObjStart()
	strField(e, "id", id)
	strField(e, "kind", u.Kind.String())
	if u.Kind == kopilka.UseCertificate {
		intField(e, "issued_seq", int64(u.Claim))
		askedField(e, x.receipt.Certificate)
	} else {
		optField(e, "coupon", s.saidOf(x.out, u))
	}
	intField(e, "left", left)
	bounds := []bound{}
	if u.Kind == kopilka.UseCertificate && x.receipt.Certificate > 0 && x.out.CertificateUsed >= x.receipt.Certificate {
		bounds = append(bounds, bound{"asked", used})
	}
	if wants, ok := s.wants(x, u, id); ok {
		intField(e, "wants", wants)
		word := "value"
		if s.instrumentThen(x, id).PercentBP > 0 {
			word = "percent"
		}
		bounds = append(bounds, bound{word, wants})
	}
	if bp, ok := s.capOf(x, u, id); ok {
		cap := kopilka.AtRate(takes, bp, kopilka.Floor)
		intField(e, "max_redeem_bp", int64(bp))
		intField(e, "cap", cap)
		bounds = append(bounds, bound{"cap", cap})
	}
	bounds = append(bounds, bound{"receipt", left})
	last := "value" // all that there was of it
	if u.Kind == kopilka.UseCoupon || u.Kind == kopilka.UseDiscount {
		last = "budget"
	}
	intField(e, "used", used)
	strField(e, "limited_by", limitedBy(used, append(bounds, bound{word: last})...))
	e.ObjEnd()
}

// wants is what a coupon or a discount card would take off if nothing kept it from
// that: its sum, or its percentage of the part of the receipt that it is for.
func (s *Server) wants(x *explained, u *kopilka.Use, id string) (int64, bool) {
	if u.Kind != kopilka.UseCoupon && u.Kind != kopilka.UseDiscount {
		return 0, false
	}
	rule := s.instrumentThen(x, id)
	if rule == nil {
		return 0, false
	}
	if rule.PercentBP == 0 {
		return int64(rule.Amount), true
	}
	part := int64(redeemable(x.receipt))
	if rule.Categories != nil {
		part = 0
		for i := range x.receipt.Lines {
			l := &x.receipt.Lines[i]
			if !l.NoEarn && !l.NoRedeem && slices.Contains(rule.Categories, l.Category) {
				part += int64(l.Amount)
			}
		}
	}
	return kopilka.AtRate(part, rule.PercentBP, kopilka.Floor), true
}

// capOf is the most of the redeemable part that something may take.
func (s *Server) capOf(x *explained, u *kopilka.Use, id string) (kopilka.BP, bool) {
	if u.Kind != kopilka.UseCertificate {
		rule := s.instrumentThen(x, id)
		if rule == nil {
			return 0, false
		}
		return rule.MaxRedeemBP, true
	}
	// Of certificates the newest rule holds, the one that was newest then.
	for _, v := range slices.Backward(s.versions()) {
		if v.Seq > x.record.Seq {
			continue
		}
		for i := range v.Program.Certificates {
			if v.Program.Certificates[i].ID == id {
				return v.Program.Certificates[i].MaxRedeemBP, true
			}
		}
	}
	return 0, false
}

// instrumentThen is the rule of an instrument in the version that decided, or else in
// the newest that has it: what was sold does not end with a line of a document.
func (s *Server) instrumentThen(x *explained, id string) *program.Instrument {
	named := func(p *program.Program) *program.Instrument {
		for i := range p.Instruments {
			if p.Instruments[i].ID == id {
				return &p.Instruments[i]
			}
		}
		return nil
	}
	rule := named(x.rules)
	for _, v := range slices.Backward(s.versions()) {
		if rule == nil && v.Seq <= x.record.Seq {
			rule = named(v.Program)
		}
	}
	return rule
}

// versions are all programs that were ever in force, the oldest first.
func (s *Server) versions() (all []engine.Version) {
	s.queue.View(func(b *engine.State) { all = b.Versions() }) // only ever appended to
	return all
}

func askedField(e *jx.Encoder, asked kopilka.Points) {
	e.FieldStart("asked")
	if asked == kopilka.RedeemMax {
		e.Str("max")
		return
	}
	e.Int64(int64(asked))
}

// pointsExplained writes what was spent of points, and what kept it from being more.
func (s *Server) pointsExplained(e *jx.Encoder, x *explained, asked kopilka.Points, takes, left int64) {
	if x.out.Member == kopilka.NoMember || x.receipt.Imported {
		e.Null()
		return
	}
	bp := x.rules.Tiers[x.out.TierBefore].MaxRedeemBP
	cap := kopilka.AtRate(takes, bp, kopilka.Floor)
	used := int64(x.out.Redeemed)
	held := x.receipt.Hold.ID != ""
	allowed := x.rules.RedeemAllowedBy[x.deed.NamedBy]
	e.ObjStart()
	askedField(e, asked)
	e.FieldStart("allowed")
	e.Bool(allowed || held) // who made the hold was
	intField(e, "left", left)
	intField(e, "max_redeem_bp", int64(bp))
	intField(e, "cap", cap)
	if held {
		strField(e, "hold", x.receipt.Hold.ID)
		intField(e, "freed", int64(x.out.HeldBack))
	}
	intField(e, "used", used)
	bounds := []bound{{"cap", cap}, {"receipt", left}}
	switch {
	case asked != kopilka.RedeemMax && (asked > 0 || !held):
		bounds = []bound{{"asked", int64(asked)}}
	case asked == 0:
		bounds = append(bounds, bound{word: "hold"})
	case !allowed:
		bounds = append(bounds, bound{word: "not_permitted"})
	default:
		bounds = append(bounds, bound{word: "balance"})
	}
	strField(e, "limited_by", limitedBy(used, bounds...))
	e.ObjEnd()
}
