package engine

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run TestStep with this seed alone")
	seedsFlag = flag.Int("seeds", 300, "how many seeds TestStep runs")
)

// TestStep gives the same random commands to the books and to the clerk and
// compares everything after every one of them.
func TestStep(t *testing.T) {
	if *seedFlag != 0 {
		step(t, *seedFlag, seen{})
		return
	}
	all := seen{}
	for seed := range *seedsFlag {
		step(t, uint64(seed)+1, all)
	}
	for _, what := range []string{"welcome", "referrer", "referee", "level_3", "legs called", "legs owed", "legs run out",
		"campaigns", "certificate", "gift_certificate", "coupon", "discount_card", "two at once", "held",
		"certificate back", "certificate lapsed", "flags 1", "flags 5", "anonymous", "grant", "channel 0", "channel 1", "channel 2", "deliver"} {
		if *seedsFlag >= 300 && all[what] < 5 {
			t.Errorf("only %d cases of %s", all[what], what)
		}
	}
}

// seen counts what came up, so that a rule that is never met is not thought proved.
type seen map[string]int

func (n seen) note(c kopilka.Command, o *kopilka.Outcome) {
	if o.Refusal != kopilka.Accepted {
		n[o.Refusal.String()]++
		return
	}
	for _, l := range o.Legs {
		n[l.Kind.String()]++
		if l.Points < 0 && l.Kind <= kopilka.LegLevel3 {
			n["legs called"]++
		}
	}
	for _, l := range o.Left.Legs {
		if l.Owed > 0 {
			n["legs owed"]++
		}
	}
	if len(o.LegsExpired) > 0 {
		n["legs run out"]++
	}
	for _, u := range o.Uses {
		n[u.Kind.String()]++
		if o.Member == kopilka.NoMember {
			n["anonymous"]++
		}
	}
	if len(o.Uses) > 1 {
		n["two at once"]++
	}
	switch c := c.(type) {
	case *kopilka.Dispatch:
		if len(c.Members) > 0 {
			n[fmt.Sprintf("channel %d", c.Channel)]++
		}
	case *kopilka.Deliver:
		n["deliver"]++
	}
	if len(o.Campaigns) > 0 {
		n["campaigns"]++
	}
	if r, ok := c.(*kopilka.Receipt); ok && r.Hold.Seq != 0 {
		n["held"]++
	}
	if o.CertificateRestored > 0 {
		n["certificate back"]++
	}
	if o.CertificateLapsed > 0 {
		n["certificate lapsed"]++
	}
	if o.Flags != 0 {
		n[fmt.Sprintf("flags %d", o.Flags)]++
	}
}

// shown is a command in a form that can be read.
func shown(c kopilka.Command) any {
	if p, ok := c.(*kopilka.SetProgram); ok {
		return string(p.Document)
	}
	return c
}

const stepLen = 300

func step(t *testing.T, seed uint64, all seen) {
	t.Helper()
	s, b := New(), newClerk()
	x := newTill(seed, s)
	x.seen = all
	queue := x.openers()
	for i := 0; i < stepLen; {
		if len(queue) == 0 {
			queue = x.next()
		}
		c := queue[0]
		queue = queue[1:]
		if err := bothDo(x, s, b, c); err != nil {
			t.Fatalf("seed %d, position %d: %s %+v\n%v", seed, s.Seq(), c.Kind(), shown(c), err)
		}
		i++
	}
}

// bothDo has both do a command and tells the first difference.
func bothDo(x *till, s *State, b *clerk, c kopilka.Command) error {
	var quote, got kopilka.Outcome
	receipt, _ := c.(*kopilka.Receipt)
	if receipt != nil && !receipt.Imported {
		s.Quote(x.now, receipt, &quote)
	}
	version := s.Version()
	b.look(s)
	s.Apply(x.now, c, &got)
	want := b.apply(x.now, c)
	// A version that waited for this instant came in force after the quote.
	if receipt != nil && !receipt.Imported && s.Version() == version {
		if err := sameQuote(&quote, &got); err != nil {
			return err
		}
	}
	if err := sameOutcome(s, &got, &want); err != nil {
		return err
	}
	if got.CashRefund < 0 || got.CashDue < 0 {
		return fmt.Errorf("%d back and %d due in cash", got.CashRefund, got.CashDue)
	}
	x.seen.note(c, &got)
	x.took(c, &got)
	if s.Day() != b.day || s.Seq() != b.seq || s.Now() != b.now {
		return fmt.Errorf("the books are at %d on %s, the clerk at %d on %s", s.Seq(), s.Day(), b.seq, b.day)
	}
	for m := range kopilka.MemberNo(s.Members()) {
		if err := sameMember(s, b, m); err != nil {
			return fmt.Errorf("member %d: %w", m, err)
		}
	}
	for _, k := range s.Keys() {
		if k != b.keys[k.ID] || len(s.Keys()) != len(b.keys) {
			return fmt.Errorf("key %+v of %d; want %+v of %d", k, len(s.Keys()), b.keys[k.ID], len(b.keys))
		}
	}
	if err := sameNumbers(s, b); err != nil {
		return err
	}
	if err := b.sameAudiences(s); err != nil {
		return err
	}
	if err := b.sameMailings(s); err != nil {
		return err
	}
	if err := b.sameTickets(s); err != nil {
		return err
	}
	if !slices.Equal(s.terms, b.sums) {
		return fmt.Errorf("names\n got %+v\nwant %+v", s.terms, b.sums)
	}
	if s.Books() != b.books {
		return fmt.Errorf("books\n got %+v\nwant %+v", s.Books(), b.books)
	}
	if err := sameSources(s, b); err != nil {
		return err
	}
	return s.Check()
}

// sameOutcome compares what was answered. Of a refusal only what it may tell counts.
func sameOutcome(s *State, got, want *kopilka.Outcome) error {
	g, w := *got, *want
	g.Shifts = nil // what the feed is told, which the feed's own test holds against members
	if g.Refusal != kopilka.Accepted {
		g = kopilka.Outcome{Refusal: g.Refusal, Prior: g.Prior, Time: g.Time}
		w = kopilka.Outcome{Refusal: w.Refusal, Prior: w.Prior, Time: w.Time}
		switch g.Refusal {
		case kopilka.InsufficientPoints:
			g.Available, g.Requested, w.Available, w.Requested = got.Available, got.Requested, want.Available, want.Requested
		case kopilka.RedeemCapExceeded:
			g.MaxRedeem, w.MaxRedeem = got.MaxRedeem, want.MaxRedeem
			g.MaxCertificate, w.MaxCertificate = got.MaxCertificate, want.MaxCertificate
		case kopilka.InstrumentUsed, kopilka.InstrumentExpired, kopilka.InstrumentUnfit:
			g.Coupon, w.Coupon = got.Coupon, want.Coupon
		}
	}
	if w.Member != kopilka.NoMember && w.Refusal == kopilka.Accepted {
		w.Segment = s.Index().Standing(w.Member).Segment
	}
	for _, o := range []*kopilka.Outcome{&g, &w} {
		o.Expired, o.LegsExpired = byExpiry(o.Expired), legsExpired(o.LegsExpired)
		o.Legs, o.Campaigns = append([]kopilka.Leg(nil), o.Legs...), append([]kopilka.CampaignUse(nil), o.Campaigns...)
		o.Moved = append([]kopilka.Lot(nil), o.Moved...)
		o.Purchases = append([]kopilka.Purchase(nil), o.Purchases...)
		o.Left.Lines = append([]kopilka.RemainsLine(nil), o.Left.Lines...)
		o.Left.Spent = append([]kopilka.Lot(nil), o.Left.Spent...)
		o.Left.Legs = append([]kopilka.RemainsLeg(nil), o.Left.Legs...)
		o.Uses, o.Left.Uses = append([]kopilka.Use(nil), o.Uses...), append([]kopilka.Use(nil), o.Left.Uses...)
	}
	if !reflect.DeepEqual(g, w) {
		return fmt.Errorf("outcome\n got %+v\nwant %+v", g, w)
	}
	return nil
}

// byExpiry adds up what ran out on the same day: the engine, which strikes out
// later than the clerk, may still tell apart what began on different days.
func byExpiry(lots []kopilka.Lot) []kopilka.Lot {
	plain := slices.Clone(lots)
	for i := range plain {
		plain[i].Activates = 0
	}
	return alike(plain)
}

func sameMember(s *State, b *clerk, m kopilka.MemberNo) error {
	p, got := b.people[m], s.Row(m, s.Now())
	want := Member{No: m, Card: p.card, Registered: p.registered, State: p.state, Blocked: p.blocked, Erased: p.erased, Tier: uint8(b.tierNow(p, b.after(m))),
		TierMetric: b.metric(p), Debt: p.debt, NextExpiry: b.nextExpiry(p), LastDay: b.lastDay(p, kopilka.Lot{Expires: kopilka.DayNever}), LastEntry: p.lastEntry, ProfileAt: p.profileAt,
		KeySlot: p.keySlot, PhoneTag: p.phone, Referrer: p.referrer}
	want.Balance, want.Pending = b.balance(p)
	want.Held, want.Holds, want.Certificates = b.held(p), b.holdsOf(p), b.certificatesOf(s, p)
	for _, g := range p.grains {
		g.Activates = b.begin(g.Activates)
		want.Lots = append(want.Lots, g)
	}
	for _, h := range b.promises(p) {
		want.Lots = append(want.Lots, h.grains...)
	}
	want.Lots = alike(want.Lots)
	if !slices.Equal(got.Lots, want.Lots) || !slices.Equal(byExpiry(got.Expired), byExpiry(p.untold)) {
		return fmt.Errorf("lots\n got %v, run out %v\nwant %v, run out %v", got.Lots, got.Expired, want.Lots, p.untold)
	}
	got.Lots, want.Lots, got.Expired = nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if total(p.grains)+total(p.untold)-p.debt != want.Balance+want.Pending+total(p.untold)-want.Debt {
		return fmt.Errorf("lots %v are not balance %d and pending %d", p.grains, want.Balance, want.Pending)
	}
	if err := sameIdentity(s, b, m); err != nil {
		return err
	}
	if seg := s.Index().Standing(m).Segment; seg != s.Index().Segment(m) {
		return fmt.Errorf("segment %d, standing in %d", s.Index().Segment(m), seg)
	}
	return nil
}

// sameQuote compares a quote with the receipt's own answer. What only the log
// knows, a spent id or a sale that came too early, a quote does not.
func sameQuote(quote, got *kopilka.Outcome) error {
	switch got.Refusal {
	case kopilka.Replayed, kopilka.DuplicateReceipt, kopilka.Stale:
		return nil
	}
	if quote.Refusal != got.Refusal {
		return fmt.Errorf("quote refuses %s, receipt %s", quote.Refusal, got.Refusal)
	}
	if got.Refusal != kopilka.Accepted {
		return nil
	}
	q, g := *quote, *got
	if g.MaxCertificate == 0 {
		q.MaxCertificate = 0 // a receipt that asks for none does not look
	}
	for _, o := range []*kopilka.Outcome{&q, &g} {
		if len(o.Uses) == 0 {
			o.MaxCertificate = 0 // a quote tells it to whoever did not ask
		}
		o.Uses = append([]kopilka.Use(nil), o.Uses...)
		for i := range o.Uses {
			if o.Uses[i].Kind != kopilka.UseCertificate {
				o.Uses[i].Claim = 0 // which only the log knows
			}
		}
		o.Left, o.Expired, o.LegsExpired, o.Shifts, o.Prev, o.Time = kopilka.Remains{}, nil, nil, nil, 0, 0
		o.MaxCertificate = 0 // told by quotes alone
		o.Legs = append([]kopilka.Leg(nil), o.Legs...)
		o.Campaigns = append([]kopilka.CampaignUse(nil), o.Campaigns...)
		for i := range o.Legs {
			l := &o.Legs[i]
			l.Prev, l.Balance, l.Pending, l.Held, l.Debt = 0, 0, 0, 0, 0
		}
	}
	if !reflect.DeepEqual(q, g) {
		return fmt.Errorf("quote   %+v\nreceipt %+v", q, g)
	}
	return nil
}
