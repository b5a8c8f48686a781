package engine

import (
	"testing"

	"github.com/kopilka/kopilka"
)

const numbersProgram = `{"program":"p","instruments":[
	{"id":"gift","kind":"gift_certificate","value":1000,"prefix":"22"},
	{"id":"five","kind":"discount_card","percent_bp":500},
	{"id":"spring","kind":"coupon","amount":50,"code":"SPRING","per_member":2}]}`

// Of two prefixes that have numbers neither begins with the other.
func TestNumbersOfNestedPrefixes(t *testing.T) {
	s := newShop(t, numbersProgram)
	f := func(prefix string, want kopilka.Refusal) {
		t.Helper()
		before := s.Hash()
		out := s.try(&kopilka.Emit{Instrument: "gift", Prefix: prefix, Count: 10, To: kopilka.DayNever})
		if out.Refusal != want || want != kopilka.Accepted && s.Hash() != before {
			t.Fatalf("numbers of %s: %s; want %s and the books as they were", prefix, out.Refusal, want)
		}
	}
	f("222", kopilka.Accepted)
	f("222", kopilka.Accepted)
	f("22", kopilka.PrefixTaken)
	f("2", kopilka.PrefixTaken)
	f("2221", kopilka.PrefixTaken)
	f("221", kopilka.Accepted)
	f("2", kopilka.PrefixTaken)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}

// A prefix of six digits has a million numbers, and no more.
func TestNumbersExhausted(t *testing.T) {
	s := newShop(t, numbersProgram)
	s.do(&kopilka.Emit{Instrument: "gift", Prefix: "290000", Count: 999_999, To: kopilka.DayNever})
	f := func(prefix string, count int, want kopilka.Refusal) {
		t.Helper()
		before := s.Hash()
		out := s.try(&kopilka.Emit{Instrument: "gift", Prefix: prefix, Count: count, To: kopilka.DayNever})
		if out.Refusal != want || want != kopilka.Accepted && s.Hash() != before {
			t.Fatalf("%d more numbers of %s: %s; want %s and the books as they were", count, prefix, out.Refusal, want)
		}
	}
	f("290000", 2, kopilka.NumbersExhausted)
	f("290000", 1, kopilka.Accepted)
	f("290000", 1, kopilka.NumbersExhausted)
	f("290001", 1, kopilka.Accepted)
}

// Almost every string of thirteen digits is no number, and a wrong digit in a
// number that is one makes it none.
func TestNumberMisread(t *testing.T) {
	s := newShop(t, numbersProgram)
	s.do(&kopilka.Emit{Instrument: "gift", Prefix: "22", Count: 1000, To: kopilka.DayNever})
	for place := uint32(1); place <= 1000; place++ {
		text := []byte(s.NumberAt(place).Text)
		for i := range text {
			digit := text[i]
			for text[i] = '0'; text[i] <= '9'; text[i]++ {
				if found, ok := s.FindNumber(string(text)); ok != (text[i] == digit) || ok && found.Place != place {
					t.Fatalf("%s, misread of number %d, is %+v", text, place, found)
				}
			}
			text[i] = digit
		}
	}
}

// What was sold is good under the rules of the day, and outlives its line in the
// program; a code does not.
func TestNumberOutlivesItsLine(t *testing.T) {
	s := newShop(t, numbersProgram)
	s.do(&kopilka.Emit{Instrument: "gift", Prefix: "22", Count: 1, To: kopilka.DayNever})
	text := s.NumberAt(1).Text
	s.do(&kopilka.SetProgram{Document: []byte(`{"program":"p"}`)})
	if n, ok := s.FindNumber(text); !ok || n.Instrument != "gift" || n.Left != 1000 || n.Kind != kopilka.UseGift {
		t.Fatalf("number %s is %+v, %t", text, n, ok)
	}
	if n, ok := s.FindNumber("SPRING"); ok {
		t.Fatalf("a code that is no more is %+v", n)
	}
	if x, ok := s.show(1, "SPRING"); !ok || x.rule.Amount != 50 {
		t.Fatalf("a code of the first program is %+v, %t", x, ok)
	}
}

// A use and its way back: value, uses, the member's count and the sums over all.
func TestUse(t *testing.T) {
	s := newShop(t, numbersProgram)
	m := s.enrol("anna")
	a := s.member(m)
	s.do(&kopilka.Emit{Instrument: "gift", Prefix: "22", Count: 1, To: s.Day() + 1})
	gift, _ := s.show(1, s.NumberAt(1).Text)
	before := s.Hash()

	use := kopilka.Use{Kind: kopilka.UseGift, Term: gift.term, Number: gift.number, Points: 700}
	s.use(m, a, &use, false)
	if n := s.NumberAt(1); n.Left != 300 || n.Uses != 1 || s.Term(gift.term).Used != 700 || s.Term(gift.term).Count != 1 {
		t.Fatalf("after 700 of 1000: %+v, %+v", n, s.Term(gift.term))
	}
	if lapsed := s.giveUseBack(m, a, &use, 200, false); lapsed != 0 || s.NumberAt(1).Left != 500 || s.NumberAt(1).Uses != 1 {
		t.Fatalf("after 200 came back, %d of them lost: %+v", lapsed, s.NumberAt(1))
	}
	if s.giveUseBack(m, a, &use, 500, true); s.Hash() != before {
		t.Fatalf("after all came back: %+v, %+v", s.NumberAt(1), s.Term(gift.term))
	}
	s.use(m, a, &use, false)
	s.tick(s.Day() + 2)
	if lapsed := s.giveUseBack(m, a, &use, 700, true); lapsed != 700 || s.NumberAt(1).Left != 300 || s.NumberAt(1).Uses != 0 {
		t.Fatalf("after its days %d were lost: %+v", lapsed, s.NumberAt(1))
	}

	spring, _ := s.show(1, "SPRING")
	before = s.Hash()
	var uses [3]kopilka.Use
	for i := range uses {
		uses[i] = kopilka.Use{Kind: kopilka.UseCoupon, Term: spring.term, Points: 50}
		s.use(m, a, &uses[i], i != 1)
	}
	if x, _ := s.show(1, "SPRING"); x.uses != 3 || s.usesOf(m, a, spring.term) != 2 || uses[0].Claim == 0 || uses[1].Claim != 0 || uses[2].Claim != uses[0].Claim {
		t.Fatalf("after three uses, two counted: %+v, %d of anna's, %+v", x, s.usesOf(m, a, spring.term), uses)
	}
	for i := range uses {
		s.giveUseBack(m, a, &uses[i], 50, true)
	}
	if s.usesOf(m, a, spring.term) != 0 || a.hasClaims() || s.Term(spring.term).Used != 0 || s.Term(spring.term).Count != 0 {
		t.Fatalf("after all came back: %d, claims %t, %+v", s.usesOf(m, a, spring.term), a.hasClaims(), s.Term(spring.term))
	}
}

// What is beside points is proved too: a number or a certificate that has more left
// than was paid for is found.
func TestCheckOfValue(t *testing.T) {
	s := newShop(t, `{"program":"p","instruments":[{"id":"gift","kind":"gift_certificate","value":1000,"prefix":"22"}],
		"certificates":[{"id":"sorry","points":500,"valid_days":30}]}`)
	m := s.enrol("anna")
	s.do(&kopilka.Emit{Instrument: "gift", Prefix: "22", Count: 3, To: s.Day() + 30})
	s.do(&kopilka.Issue{Due: []kopilka.CertificateDue{{Member: m, Rule: "sorry", From: s.Day(), To: s.Day() + 29}}})
	for place, amount := range map[uint32]kopilka.Money{1: 700, 2: 1000} {
		s.do(&kopilka.Receipt{Deed: kopilka.Deed{Member: kopilka.NoMember, Day: s.Day()}, Amount: amount, Coupons: []string{s.NumberAt(place).Text}})
	}
	f := func(n *int64, by int64) {
		t.Helper()
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		*n += by
		if s.Check() == nil {
			t.Errorf("%d, which was %d, is not found", *n, *n-by)
		}
		*n -= by
	}
	f(&s.numbers.Mut(0).left, 1)
	f(&s.numbers.Mut(1).left, 1)
	f(&s.numbers.Mut(1).left, 2000)
	f(&s.numbers.Mut(2).left, -1)
	f((*int64)(&s.claims.Mut(int(s.firstClaim(m, s.member(m)))).left), 1)
	f(&s.term(s.findTerm(TermInstrument, "gift")).Used, -1)
	f(&s.term(s.findTerm(TermInstrument, "gift")).Count, 1)
	f(&s.term(s.findTerm(TermCertificate, "sorry")).Used, -1000)
}
