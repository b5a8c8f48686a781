package engine

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// A hold lapses at its instant: a millisecond before, its points are held; from
// then on they are free, whether anybody has touched the member or not.
func TestHoldLapses(t *testing.T) {
	s := newShop(t, plainProgram)
	m := s.enrol("anna")
	deed := kopilka.Deed{Member: m}
	s.do(&kopilka.Grant{Deed: deed, Points: 100})
	until := s.now + 3_600_000
	out := s.do(&kopilka.Hold{Head: kopilka.Head{ID: "order"}, Deed: deed, Points: 60, Until: until})
	if out.Balance != 40 || out.Held != 60 || out.HeldBack != 60 || s.Books().Redeemed != 0 {
		t.Fatalf("after a hold of 60 of 100: %+v", out)
	}
	hold := kopilka.HoldRef{ID: "order", Seq: s.Seq()}
	f := func(at kopilka.Time, balance, held kopilka.Points) {
		t.Helper()
		v := s.Member(m, at)
		if v.Balance != balance || v.Held != held || sumLots(v.Lots) != balance+held {
			t.Fatalf("at %s: balance %d, held %d, lots %v; want %d and %d", at, v.Balance, v.Held, v.Lots, balance, held)
		}
		var quote kopilka.Outcome
		s.Quote(at, &kopilka.Receipt{Deed: kopilka.Deed{Member: m, NamedBy: kopilka.ByCard, Day: s.Day(), At: s.now}, Amount: 1000, Redeem: kopilka.RedeemMax}, &quote)
		if quote.Redeemed != balance || quote.Held != held {
			t.Fatalf("at %s: a quote spends %d and holds %d; want %d and %d", at, quote.Redeemed, quote.Held, balance, held)
		}
	}
	f(until-1, 40, 60)
	f(until, 100, 0)
	s.now = until - 2
	if out := s.try(&kopilka.Redemption{Deed: deed, Points: 41}); out.Refusal != kopilka.InsufficientPoints || out.Available != 40 {
		t.Fatalf("41 of 40, a millisecond before: %s of %d", out.Refusal, out.Available)
	}
	f(s.now, 40, 60)
	for _, c := range []kopilka.Command{&kopilka.Capture{Deed: deed, Hold: hold, Points: 1}, &kopilka.Void{Deed: deed, Hold: hold}} {
		before := s.Hash()
		if out := s.try(c); out.Refusal != kopilka.HoldExpired || s.Hash() != before {
			t.Fatalf("%s when it has lapsed: %s", c.Kind(), out.Refusal)
		}
	}
	if out := s.do(&kopilka.Redemption{Deed: deed, Points: 41}); out.Balance != 59 || out.Held != 0 {
		t.Fatalf("after it lapsed: %+v", out)
	}
}

// No of every kind, and what is over is over.
func TestHoldRefusals(t *testing.T) {
	s := newShop(t, `{"program":"p","tiers":[{"id":"base","max_redeem_bp":5000}],"redeem_allowed_by":["card"]}`)
	m, blocked := s.enrol("anna"), s.enrol("boris")
	deed := kopilka.Deed{Member: m}
	s.do(&kopilka.Grant{Deed: deed, Points: 100})
	s.do(&kopilka.Grant{Deed: kopilka.Deed{Member: blocked}, Points: 100})
	hold := func(m kopilka.MemberNo, points kopilka.Points) kopilka.HoldRef {
		t.Helper()
		s.do(&kopilka.Hold{Deed: kopilka.Deed{Member: m}, Points: points, Until: s.now + dayMS})
		return kopilka.HoldRef{Seq: s.Seq()}
	}
	his := hold(blocked, 10)
	s.do(&kopilka.PutMember{Card: "boris", Base: s.Member(blocked, s.Now()).ProfileAt, Blocked: true, Registered: s.Day(), Referrer: kopilka.NoMember})
	h := hold(m, 60)
	f := func(want kopilka.Refusal, c kopilka.Command) kopilka.Outcome {
		t.Helper()
		before := s.Hash()
		out := s.try(c)
		if out.Refusal != want || want != kopilka.Accepted && s.Hash() != before {
			t.Fatalf("%s %+v: %s; want %s", c.Kind(), c, out.Refusal, want)
		}
		return out
	}
	until := s.now + dayMS
	if out := f(kopilka.InsufficientPoints, &kopilka.Hold{Deed: deed, Points: 41, Until: until}); out.Available != 40 || out.Requested != 41 {
		t.Fatalf("41 of 40: %+v", out)
	}
	f(kopilka.RedeemNotPermitted, &kopilka.Hold{Deed: kopilka.Deed{Member: m, NamedBy: kopilka.ByPhone}, Points: 1, Until: until})
	f(kopilka.MemberBlocked, &kopilka.Hold{Deed: kopilka.Deed{Member: blocked}, Points: 1, Until: until})
	f(kopilka.MemberBlocked, &kopilka.Capture{Deed: kopilka.Deed{Member: blocked}, Hold: his, Points: 1})
	f(kopilka.HoldExpired, &kopilka.Capture{Deed: deed, Hold: his, Points: 1}) // not hers
	tomorrow := kopilka.Deed{Member: m, Day: s.Day() + 1, At: s.now}
	f(kopilka.Stale, &kopilka.Hold{Deed: tomorrow, Points: 1, Until: until})
	f(kopilka.Stale, &kopilka.Capture{Deed: tomorrow, Hold: h, Points: 1})
	f(kopilka.Stale, &kopilka.Void{Deed: tomorrow, Hold: h})
	if out := f(kopilka.InsufficientPoints, &kopilka.Capture{Deed: deed, Hold: h, Points: 61}); out.Available != 60 {
		t.Fatalf("61 of 60 held: %+v", out)
	}
	if out := f(kopilka.RedeemCapExceeded, &kopilka.Capture{Deed: deed, Hold: h, Points: 51, Amount: 100}); out.MaxRedeem != 50 {
		t.Fatalf("51 of a cap of 50: %+v", out)
	}
	if out := f(kopilka.Accepted, &kopilka.Capture{Deed: deed, Hold: h, Points: kopilka.RedeemMax, Amount: 100}); out.Redeemed != 50 ||
		out.HeldBack != 10 || out.CashDue != 50 || out.Balance != 50 || out.Held != 0 {
		t.Fatalf("the most of 60 held, for 100: %+v", out)
	}
	f(kopilka.HoldExpired, &kopilka.Capture{Deed: deed, Hold: h, Points: 1})
	f(kopilka.HoldExpired, &kopilka.Void{Deed: deed, Hold: h})
	f(kopilka.Accepted, &kopilka.Void{Deed: kopilka.Deed{Member: blocked}, Hold: his})
}
