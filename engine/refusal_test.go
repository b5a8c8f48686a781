package engine

import (
	"fmt"
	"testing"

	"github.com/kopilka/kopilka"
)

// shop is books in which a case can be set up in a few lines: every command gets
// an id of its own, and is expected to be accepted.
type shop struct {
	*State
	t   testing.TB
	n   int
	now kopilka.Time
}

func newShop(t testing.TB, program string) *shop {
	t.Helper()
	day := kopilka.DayOfDate(2027, 1, 1)
	s := &shop{State: New(), t: t, now: kopilka.Time(day) * dayMS}
	s.do(&kopilka.Genesis{Day: day})
	s.do(&kopilka.SetProgram{Document: []byte(program)})
	return s
}

const plainProgram = `{"program":"p","tiers":[{"id":"base","earn_bp":1000,"max_redeem_bp":5000}]}`

// try gives a command an id, unless it has one, and applies it.
func (s *shop) try(c kopilka.Command) kopilka.Outcome {
	s.n++
	s.now++
	h := kopilka.HeadOf(c)
	if h.ID == "" {
		h.ID = fmt.Sprintf("id-%d", s.n)
	}
	if h.Looked == 0 {
		h.Looked = s.Recent().Base
	}
	switch c := c.(type) {
	case *kopilka.Receipt:
		s.date(&c.Deed)
	case *kopilka.Redemption:
		s.date(&c.Deed)
	case *kopilka.Return:
		s.date(&c.Deed)
	case *kopilka.Hold:
		s.date(&c.Deed)
	case *kopilka.Capture:
		s.date(&c.Deed)
	case *kopilka.Void:
		s.date(&c.Deed)
	}
	var out kopilka.Outcome
	s.Apply(s.now, c, &out)
	return out
}

func (s *shop) date(d *kopilka.Deed) {
	if d.Day == 0 {
		d.Day, d.At = s.Day(), s.now
	}
	if d.NamedBy == kopilka.ByNobody && d.Member != kopilka.NoMember {
		d.NamedBy = kopilka.ByCard
	}
}

func (s *shop) do(c kopilka.Command) kopilka.Outcome {
	s.t.Helper()
	out := s.try(c)
	if out.Refusal != kopilka.Accepted {
		s.t.Fatalf("%s %+v: %s", c.Kind(), c, out.Refusal)
	}
	return out
}

func (s *shop) enrol(card string) kopilka.MemberNo {
	s.t.Helper()
	return s.do(&kopilka.PutMember{Card: card, Registered: s.Day(), Referrer: kopilka.NoMember}).Member
}

// tick moves the shop to a day.
func (s *shop) tick(day kopilka.Day) {
	s.t.Helper()
	for s.Day() < day {
		s.do(&kopilka.Tick{Day: s.Day() + 1})
		s.now = kopilka.Time(s.Day()) * dayMS
	}
}

// returnOf makes a return of a receipt out of what it, or the return before, left.
func returnOf(id string, last kopilka.Seq, out kopilka.Outcome, amount kopilka.Money) *kopilka.Return {
	return &kopilka.Return{Deed: kopilka.Deed{Member: out.Member}, Receipt: id, LastReturn: last,
		Left: copyRemains(&out.Left), Amount: amount}
}

// A refusal of whatever kind leaves the books as they were, and the id free.
func TestRefusals(t *testing.T) {
	s := newShop(t, plainProgram)
	anna, boris := s.enrol("anna"), s.enrol("boris")
	s.do(&kopilka.PutMember{Card: "boris", Base: s.Member(boris, s.Now()).ProfileAt, PhoneTag: 7, Registered: s.Day(), Referrer: anna})
	blocked := s.enrol("blocked")
	s.do(&kopilka.PutMember{Card: "blocked", Base: s.Member(blocked, s.Now()).ProfileAt, Blocked: true, Registered: s.Day(), Referrer: kopilka.NoMember})
	deed := kopilka.Deed{Member: anna, Store: "s", Till: "t", ReceiptNo: "1"}
	sale := s.do(&kopilka.Receipt{Head: kopilka.Head{ID: "sale"}, Deed: deed, Amount: 1000})
	spend := s.do(&kopilka.Redemption{Deed: deed, Points: 10})
	back := s.do(returnOf("sale", 0, sale, 400))
	backAt := s.Seq()
	rich := s.enrol("rich")
	s.do(&kopilka.Grant{Deed: kopilka.Deed{Member: rich}, Points: kopilka.BalanceMax})
	s.do(&kopilka.CreateKey{KeyID: "k1", Role: kopilka.RoleTill})
	of := func(m kopilka.MemberNo) kopilka.Deed { return kopilka.Deed{Member: m} }
	known := map[kopilka.Refusal]bool{}

	f := func(want kopilka.Refusal, c kopilka.Command) kopilka.Outcome {
		t.Helper()
		known[want] = true
		before, books, free := s.Hash(), s.Books(), kopilka.HeadOf(c).ID == ""
		out := s.try(c)
		if out.Refusal != want {
			t.Fatalf("%s %+v: %s; want %s", c.Kind(), c, out.Refusal, want)
		}
		if s.Hash() != before || s.Books() != books {
			t.Fatalf("%s: a refusal with %s changed the books", c.Kind(), want)
		}
		if r, ok := c.(*kopilka.Receipt); ok && want != kopilka.Stale && want != kopilka.DuplicateReceipt && want != kopilka.Replayed {
			var quote kopilka.Outcome
			if s.Quote(s.Now(), r, &quote); quote.Refusal != want {
				t.Fatalf("a receipt is refused with %s, its quote with %s", want, quote.Refusal)
			}
		}
		if seq := s.FindRecent(kopilka.FingerprintID(kopilka.HeadOf(c).ID)); free && seq != 0 {
			t.Fatalf("%s: a refused id is spent, at %d", c.Kind(), seq)
		}
		return out
	}

	f(kopilka.MemberNotFound, &kopilka.Receipt{Deed: of(kopilka.NoMember), Amount: 100, Redeem: 1})
	if out := f(kopilka.InsufficientPoints, &kopilka.Receipt{Deed: of(anna), Amount: 1000, Redeem: 51}); out.Available != 50 || out.Requested != 51 {
		t.Fatalf("of 50 points 51: %+v", out)
	}
	f(kopilka.InsufficientPoints, &kopilka.Redemption{Deed: of(anna), Points: 51})
	f(kopilka.InsufficientPoints, &kopilka.Adjustment{Deed: of(anna), Points: -51})
	if out := f(kopilka.RedeemCapExceeded, &kopilka.Receipt{Deed: of(anna), Amount: 20, Redeem: 11}); out.MaxRedeem != 10 {
		t.Fatalf("of a cap of 10 points 11: %+v", out)
	}
	f(kopilka.RedeemCapExceeded, &kopilka.Redemption{Deed: of(anna), Amount: 20, Points: 11})
	f(kopilka.RedeemCapExceeded, &kopilka.Receipt{Deed: of(anna), Amount: 20, Redeem: 51}) // before the balance
	f(kopilka.DuplicateReceipt, &kopilka.Receipt{Deed: deed, Amount: 1000})
	f(kopilka.DuplicateReceipt, &kopilka.Redemption{Deed: deed, Points: 10})
	f(kopilka.Replayed, &kopilka.Receipt{Head: kopilka.Head{ID: "sale"}, Deed: deed, Amount: 1000})
	f(kopilka.Replayed, &kopilka.Grant{Head: kopilka.Head{ID: "sale"}, Deed: of(anna), Points: 1})
	f(kopilka.ReturnExceedsReceipt, returnOf("sale", backAt, back, 601))
	for _, l := range []kopilka.ReturnLine{{Line: 0, Amount: 601}, {Line: 1, Amount: 1}, {Line: -1, Amount: 1}} {
		c := returnOf("sale", backAt, back, 0)
		c.Lines = []kopilka.ReturnLine{l}
		f(kopilka.ReturnExceedsReceipt, c)
	}
	f(kopilka.Stale, returnOf("sale", 0, sale, 100)) // a newer return overtook it
	nothing := back
	nothing.Left.Lines = []kopilka.RemainsLine{{}}
	f(kopilka.AlreadyReturned, returnOf("sale", backAt, nothing, 1))
	f(kopilka.MemberBlocked, &kopilka.Receipt{Deed: of(blocked), Amount: 1000})
	f(kopilka.MemberBlocked, &kopilka.Redemption{Deed: of(blocked), Points: 1})
	f(kopilka.MemberBlocked, &kopilka.Grant{Deed: of(blocked), Points: 1})
	f(kopilka.PhoneTaken, &kopilka.PutMember{Card: "new", PhoneTag: 7, Referrer: kopilka.NoMember})
	f(kopilka.ReferralCycle, &kopilka.PutMember{Card: "anna", Base: s.Member(anna, s.Now()).ProfileAt, Referrer: boris})
	f(kopilka.ReferralCycle, &kopilka.PutMember{Card: "anna", Base: s.Member(anna, s.Now()).ProfileAt, Referrer: anna})
	f(kopilka.Stale, &kopilka.PutMember{Card: "anna", Base: 1, Referrer: kopilka.NoMember})
	f(kopilka.Stale, &kopilka.PutMember{Card: "new", Base: 1, Referrer: kopilka.NoMember})
	f(kopilka.Stale, &kopilka.PutMember{Card: "new", Registered: s.Day() + 1, Referrer: kopilka.NoMember})
	tomorrow := kopilka.Deed{Member: anna, Day: s.Day() + 1, At: s.now}
	f(kopilka.Stale, &kopilka.Receipt{Deed: tomorrow, Amount: 1})
	f(kopilka.Stale, &kopilka.Redemption{Deed: tomorrow, Points: 1})
	early := returnOf("sale", backAt, back, 1)
	early.Deed = tomorrow
	f(kopilka.Stale, early)
	f(kopilka.NotFound, &kopilka.RevokeKey{KeyID: "k2"})
	f(kopilka.KeyTaken, &kopilka.CreateKey{KeyID: "k1"})
	f(kopilka.BalanceLimit, &kopilka.Grant{Deed: of(rich), Points: 1})
	f(kopilka.BalanceLimit, &kopilka.Adjustment{Deed: of(rich), Points: 1})
	f(kopilka.BalanceLimit, &kopilka.Receipt{Deed: of(rich), Amount: 10})
	for _, key := range []string{`"currency":"EUR"`, `"minor_units":0`, `"time_zone":"Europe/Kyiv"`} {
		f(kopilka.ProgramFixed, &kopilka.SetProgram{Document: []byte(`{"program":"p",` + key + `}`)})
	}
	s.do(&kopilka.SetProgram{Document: []byte(`{"program":"q","redeem_allowed_by":["card"],"tiers":[{"id":"base"}]}`)})
	phone := kopilka.Deed{Member: anna, NamedBy: kopilka.ByPhone}
	f(kopilka.RedeemNotPermitted, &kopilka.Receipt{Deed: phone, Amount: 1000, Redeem: 1})
	f(kopilka.RedeemNotPermitted, &kopilka.Redemption{Deed: phone, Points: 1})
	if out := s.do(&kopilka.Receipt{Deed: phone, Amount: 1000, Redeem: kopilka.RedeemMax}); out.Redeemed != 0 {
		t.Fatalf("max by phone spent %d", out.Redeemed)
	}

	s.do(&kopilka.SetProgram{Document: []byte(`{"program":"r","sources":[{"id":"poster","ends_at":"2027-01-01T00:00:00Z"}]}`)})
	f(kopilka.SourceClosed, &kopilka.PutMember{Card: "new", Source: "poster", Referrer: kopilka.NoMember})
	names := s.terms
	s.terms = append(append([]Term(nil), names...), make([]Term, termsMax-len(names)-1)...)
	f(kopilka.NamesExhausted, &kopilka.SetProgram{Document: []byte(`{"program":"r","sources":[{"id":"one"},{"id":"more"}]}`)})
	s.terms = names
	f(kopilka.CardTaken, &kopilka.PutCard{Member: anna, Card: "boris"})
	f(kopilka.ReferralCycle, &kopilka.Merge{From: anna, Into: boris}) // whom anna invited
	f(kopilka.BalanceLimit, &kopilka.Merge{From: rich, Into: anna})
	f(kopilka.AlreadyMerged, &kopilka.Merge{From: anna, Into: anna})
	f(kopilka.NotMerged, &kopilka.Unmerge{From: boris, Into: anna})
	s.do(&kopilka.Merge{From: boris, Into: anna})
	mergeAt := s.Seq()
	f(kopilka.AlreadyMerged, &kopilka.Merge{From: boris, Into: rich})
	f(kopilka.AlreadyMerged, &kopilka.Merge{From: rich, Into: boris})
	f(kopilka.NotMerged, &kopilka.Unmerge{From: boris, Into: anna, MergeSeq: mergeAt - 1})
	f(kopilka.NotMerged, &kopilka.Unmerge{From: boris, Into: rich, MergeSeq: mergeAt})
	f(kopilka.Stale, &kopilka.Unmerge{From: boris, Into: anna, MergeSeq: mergeAt, Last: mergeAt - 1})
	f(kopilka.MemberBlocked, &kopilka.Merge{From: anna, Into: blocked})
	last := kopilka.MemberNo(s.Members())
	s.do(&kopilka.PutMember{Card: "last", Referrer: kopilka.NoMember})
	s.do(&kopilka.Merge{From: anna, Into: last})
	f(kopilka.NotMerged, &kopilka.Unmerge{From: boris, Into: anna, MergeSeq: mergeAt, Last: s.Row(anna, s.Now()).LastEntry}) // overtaken
	s.do(&kopilka.Erase{Member: boris})
	for _, c := range []kopilka.Command{&kopilka.Erase{Member: anna}, &kopilka.PutCard{Member: anna, Card: "new"}, &kopilka.Receipt{Deed: of(anna), Amount: 1},
		&kopilka.Redemption{Deed: of(anna), Points: 1}, &kopilka.Grant{Deed: of(anna), Points: 1}, &kopilka.Adjustment{Deed: of(anna), Points: 1}} {
		f(kopilka.MemberNotFound, c)
	}
	f(kopilka.AlreadyMerged, &kopilka.Merge{From: rich, Into: last}) // forgotten

	if spend.Balance != 90 || back.Taken != 40 {
		t.Fatalf("balance %d after a redemption, %d taken", spend.Balance, back.Taken)
	}
	for r := kopilka.Accepted + 1; r <= kopilka.KeyTaken; r++ { // later ones have their cases beside their commands
		// To tell other content from the same takes the log: see package commit.
		if !known[r] && r != kopilka.IdempotencyMismatch {
			t.Errorf("no case of %s", r)
		}
	}
}

// What one member's purchases in a window may add up to is bounded.
func TestOverspent(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	m := s.enrol("anna")
	for range kopilka.BalanceMax / kopilka.AmountMax {
		s.do(&kopilka.Receipt{Deed: kopilka.Deed{Member: m}, Amount: kopilka.AmountMax})
	}
	if out := s.try(&kopilka.Receipt{Deed: kopilka.Deed{Member: m}, Amount: 1}); out.Refusal != kopilka.BalanceLimit {
		t.Fatalf("one more than the most is %s", out.Refusal)
	}
	s.tick(s.Day() + 365)
	s.do(&kopilka.Receipt{Deed: kopilka.Deed{Member: m}, Amount: kopilka.AmountMax})
}

// The same id gives the first answer's position again; a second key that is
// known gives that of the receipt.
func TestPrior(t *testing.T) {
	s := newShop(t, plainProgram)
	m := s.enrol("anna")
	f := func(c kopilka.Command, want kopilka.Refusal, prior kopilka.Seq) {
		t.Helper()
		if out := s.try(c); out.Refusal != want || out.Prior != prior {
			t.Fatalf("%s: %s of %d; want %s of %d", c.Kind(), out.Refusal, out.Prior, want, prior)
		}
	}
	deed := kopilka.Deed{Member: m, Store: "s", Till: "t", ReceiptNo: "7"}
	s.do(&kopilka.Receipt{Head: kopilka.Head{ID: "a"}, Deed: deed, Amount: 100})
	at := s.Seq()
	s.do(&kopilka.Grant{Deed: deed, Points: 100})

	f(&kopilka.Receipt{Head: kopilka.Head{ID: "a"}, Deed: deed, Amount: 100}, kopilka.Replayed, at)
	f(&kopilka.Redemption{Head: kopilka.Head{ID: "a"}, Deed: deed, Points: 1}, kopilka.Replayed, at)
	f(&kopilka.Receipt{Head: kopilka.Head{ID: "b"}, Deed: deed, Amount: 100}, kopilka.DuplicateReceipt, at)
	// A refused command left its id free.
	f(&kopilka.Grant{Head: kopilka.Head{ID: "b"}, Deed: deed, Points: 1}, kopilka.Accepted, 0)
	// Another kind, day, till or store, or a key not given in full, is another receipt.
	f(&kopilka.Redemption{Deed: deed, Points: 1}, kopilka.Accepted, 0)
	other := deed
	other.Day, other.At = s.Day()-1, s.now-dayMS
	f(&kopilka.Receipt{Deed: other, Amount: 100}, kopilka.Accepted, 0)
	other = deed
	other.Till = "u"
	f(&kopilka.Receipt{Deed: other, Amount: 100}, kopilka.Accepted, 0)
	other.Till = ""
	f(&kopilka.Receipt{Deed: other, Amount: 100}, kopilka.Accepted, 0)
	f(&kopilka.Receipt{Deed: other, Amount: 100}, kopilka.Accepted, 0)
}
