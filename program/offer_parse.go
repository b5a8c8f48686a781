package program

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
)

// offers makes what a program offers of a document that the schema accepts.
// Tiers and segments are there already: lists name them.
func (t *tree) offers(p *Program, d *offerDoc) {
	if d.Welcome != nil && d.Welcome.Points > 0 {
		p.Welcome = Welcome{d.Welcome.Points, numberOf[Trigger](triggerWords, d.Welcome.Trigger)}
	}
	if r := d.Referral; r != nil {
		if once := r.Once; once != nil && (once.Referrer > 0 || once.Referee > 0) {
			p.Referral.Once.Referrer, p.Referral.Once.Referee = once.Referrer, once.Referee
			p.Referral.Once.Trigger = numberOf[Trigger](triggerWords, once.Trigger)
		}
		if len(r.LevelsBP) > 0 {
			p.Referral.Levels = r.LevelsBP
		}
	}
	t.certificates(p, d.Certificates)
	t.instruments(p, d.Instruments)
	t.campaigns(p, d.Campaigns)
	t.segmentMultipliers(p, d.SegmentBP)
	t.staff(p, d.Staff)
	first := t.firstOf("source")
	for i := range d.Sources {
		s, at := &d.Sources[i], fmt.Sprintf("/sources/%d", i)
		first(at, s.ID)
		p.Sources = append(p.Sources, Source{s.ID, s.Name, t.span(at, p.Zone, &s.spanDoc), s.Cap})
	}
	if d.OfferCard != nil {
		p.OfferCard = d.OfferCard.MinAmount
	}
	if d.Fraud != nil {
		p.Fraud = Fraud(*d.Fraud)
		if p.Fraud.HoldDays > 0 && p.Fraud.EarnsPerDay == 0 {
			t.faultAtKey("/fraud/hold_days", "means nothing without earns_per_day: nothing is flagged that could wait")
		}
	}
	p.CodeLife = time.Duration(d.AppCode.Minutes) * time.Minute
}

// firstOf notes every id that is not the first of its kind.
func (t *tree) firstOf(kind string) func(at, id string) {
	seen := map[string]bool{}
	return func(at, id string) {
		if seen[id] {
			t.faultAt(at+"/id", "an earlier %s has the id %s", kind, id)
		}
		seen[id] = true
	}
}

func (t *tree) certificates(p *Program, list []certificateDoc) {
	first := t.firstOf("certificate")
	for i := range list {
		c, at := &list[i], fmt.Sprintf("/certificates/%d", i)
		first(at, c.ID)
		if c.LeadDays >= c.ValidDays {
			t.faultNear(at, "/lead_days", "would be over before its date: it begins %d days before and is valid for %d", c.LeadDays, c.ValidDays)
		}
		if c.On == "" && c.LeadDays > 0 {
			t.faultAtKey(at+"/lead_days", "means nothing without the key on: a certificate given by hand has no date")
		}
		p.Certificates = append(p.Certificates, Certificate{c.ID, c.Name, c.On, c.Points, c.LeadDays, c.ValidDays, *c.MaxRedeemBP})
	}
}

// The keys that mean nothing to a kind of instrument.
var foreignKeys = map[kopilka.UseKind][]string{
	kopilka.UseGift:     {"percent_bp", "amount", "categories", "code", "uses", "per_member", "budget"},
	kopilka.UseCoupon:   {"value"},
	kopilka.UseDiscount: {"value", "amount", "code"},
}

func (t *tree) instruments(p *Program, list []instrumentDoc) {
	first := t.firstOf("instrument")
	codes := map[string]bool{}
	for i := range list {
		d, at := &list[i], fmt.Sprintf("/instruments/%d", i)
		first(at, d.ID)
		kind := instrumentKind(d.Kind)
		for _, key := range foreignKeys[kind] {
			if t.written(at + "/" + key) {
				t.faultAtKey(at+"/"+key, "means nothing for a %s", d.Kind)
			}
		}
		switch {
		case kind == kopilka.UseGift && d.Value == 0:
			t.faultAt(at, "a gift_certificate lacks the key value")
		case kind == kopilka.UseDiscount && d.PercentBP == 0:
			t.faultAt(at, "a discount_card lacks the key percent_bp")
		case kind == kopilka.UseCoupon && d.PercentBP == 0 && d.Amount == 0:
			t.faultAt(at, "a coupon lacks the key percent_bp, or amount")
		case kind == kopilka.UseCoupon && d.PercentBP > 0 && d.Amount > 0:
			t.faultAtKey(at+"/amount", "stands beside percent_bp: a coupon takes off a sum or a percentage")
		}
		if d.Code != "" {
			t.code(at, d.Code, codes)
		} else if other := nested(p.Instruments, d.Prefix); other != nil {
			t.faultAt(at, "its numbers begin with %s, and those of %s with %s: of two prefixes one may not begin with the other", d.Prefix, other.ID, other.Prefix)
		}
		p.Instruments = append(p.Instruments, Instrument{ID: d.ID, Name: d.Name, Kind: kind,
			Value: d.Value, PercentBP: d.PercentBP, Amount: d.Amount, MaxRedeemBP: *d.MaxRedeemBP,
			MinAmount: d.MinAmount, Stores: present(d.Stores), Categories: present(d.Categories),
			Span: t.span(at, p.Zone, &d.spanDoc), ValidDays: d.ValidDays,
			Code: d.Code, Uses: *d.Uses, PerMember: d.PerMember, Budget: d.Budget, Prefix: d.Prefix})
	}
}

// nested is the first instrument whose prefix begins with another one, or with which
// that begins; nil when there is none.
func nested(all []Instrument, prefix string) *Instrument {
	for i := range all {
		x := &all[i]
		if x.Prefix != "" && x.Prefix != prefix && (strings.HasPrefix(x.Prefix, prefix) || strings.HasPrefix(prefix, x.Prefix)) {
			return x
		}
	}
	return nil
}

// code notes what is wrong with a code that all share, and with what stands
// beside it.
func (t *tree) code(at, code string, codes map[string]bool) {
	switch {
	case !kopilka.ValidID(code):
		t.faultAt(at+"/code", "%q is not 1 to %d visible ASCII characters", cut(code), kopilka.IDMax)
	case strings.Trim(code, "0123456789") == "":
		t.faultAt(at+"/code", "%s has nothing but digits, as the numbers that are emitted", code)
	case codes[code]:
		t.faultAt(at+"/code", "an earlier instrument has the code %s", code)
	}
	codes[code] = true
	for _, key := range []string{"/prefix", "/valid_days"} {
		if t.written(at + key) {
			t.faultAtKey(at+key, "means nothing beside a code: it has no numbers that are emitted")
		}
	}
}

func (t *tree) campaigns(p *Program, list []campaignDoc) {
	first := t.firstOf("campaign")
	for i := range list {
		d, at := &list[i], fmt.Sprintf("/campaigns/%d", i)
		first(at, d.ID)
		if *d.MultiplierBP == kopilka.BPWhole && d.Points == 0 {
			t.faultAt(at, "adds nothing: it lacks a multiplier_bp above %d, or points", kopilka.BPWhole)
		}
		c := Campaign{ID: d.ID, Name: d.Name, Span: t.span(at, p.Zone, &d.spanDoc),
			Stores: present(d.Stores), Categories: present(d.Categories), Segments: t.segmentNumbers(p, at+"/segments", d.Segments),
			MinAmount: d.MinAmount, MultiplierBP: *d.MultiplierBP, Points: d.Points, Budget: d.Budget}
		for j, id := range d.Tiers {
			n := slices.IndexFunc(p.Tiers, func(t Tier) bool { return t.ID == id })
			if n < 0 {
				t.faultAt(fmt.Sprintf("%s/tiers/%d", at, j), "%s", unknownID("tier", id, tierIDs(p)))
			}
			c.Tiers = append(c.Tiers, uint8(n))
		}
		p.Campaigns = append(p.Campaigns, c)
	}
}

// segmentNumbers are the numbers of segments by their ids.
func (t *tree) segmentNumbers(p *Program, at string, ids []string) (numbers []uint8) {
	for i, id := range ids {
		n := p.RFM.Segments.number(id)
		if n < 0 {
			t.faultAt(fmt.Sprintf("%s/%d", at, i), "%s", unknownID("segment", id, p.RFM.Segments.ids()))
		}
		numbers = append(numbers, uint8(n))
	}
	return numbers
}

func (t *tree) segmentMultipliers(p *Program, d map[string]kopilka.BP) {
	for id, bp := range d {
		n := p.RFM.Segments.number(id)
		if n < 0 {
			t.faultAtKey("/segment_multipliers_bp/"+escape(id), "%s", unknownID("segment", id, p.RFM.Segments.ids()))
			continue
		}
		if bp == kopilka.BPWhole {
			continue
		}
		if p.SegmentBP == nil {
			p.SegmentBP = make([]kopilka.BP, len(p.RFM.Segments.Names))
			for i := range p.SegmentBP {
				p.SegmentBP[i] = kopilka.BPWhole
			}
		}
		p.SegmentBP[n] = bp
	}
}

func (t *tree) staff(p *Program, d *staffDoc) {
	if d == nil {
		return
	}
	p.Staff.PremiumBP = d.PremiumBP
	if d.Plan == nil {
		return
	}
	p.Staff.Plan = d.Plan.PerWeek
	for i, b := range d.Plan.Brackets {
		if i > 0 && b.From <= d.Plan.Brackets[i-1].From {
			t.faultAt(fmt.Sprintf("/staff/plan/brackets/%d/from", i), "%d is not above that of the bracket before, %d", b.From, d.Plan.Brackets[i-1].From)
		}
		p.Staff.Brackets = append(p.Staff.Brackets, Bracket(b))
	}
}

// present is a list, or nil for one that holds nothing: both are no bound.
func present(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func tierIDs(p *Program) (ids []string) {
	for i := range p.Tiers {
		ids = append(ids, p.Tiers[i].ID)
	}
	return ids
}

func unknownID(kind, id string, ids []string) string {
	if meant := likely(id, ids); meant != "" {
		return fmt.Sprintf("there is no %s %s: did you mean %s?", kind, cut(id), meant)
	}
	return fmt.Sprintf("there is no %s %s", kind, cut(id))
}
