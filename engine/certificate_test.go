package engine

import (
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

const certificateProgram = `{"program":"p","certificates":[
	{"id":"birthday","on":"birth_date","points":500,"lead_days":7,"valid_days":22},
	{"id":"sorry","points":50,"valid_days":10}]}`

// A date brings one certificate a year; a hand brings as many as it likes, one a
// command.
func TestIssue(t *testing.T) {
	s := newShop(t, certificateProgram)
	m := s.enrol("anna")
	f := func(rule string, year uint16, points kopilka.Points, days int, want ...kopilka.Points) {
		t.Helper()
		due := kopilka.CertificateDue{Member: m, Rule: rule, Year: year, From: s.Day(), To: s.Day().AddDays(days), Points: points}
		s.do(&kopilka.Issue{Due: []kopilka.CertificateDue{due, due}})
		var left []kopilka.Points
		for _, c := range s.Member(m, s.Now()).Certificates {
			left = append(left, c.Left)
		}
		if !slices.Equal(left, want) {
			t.Fatalf("certificates with %v left; want %v", left, want)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	}
	f("birthday", 2027, 0, 21, 500)
	f("birthday", 2027, 0, 21, 500) // the year has had one
	f("birthday", 2026, 0, 21, 500) // and so have those before
	f("unheard-of", 2027, 0, 21, 500)
	f("sorry", 0, 0, 9, 50, 500) // soonest to end first
	f("sorry", 0, 70, 9, 50, 70, 500)
	s.tick(s.Day() + 9)
	f("unheard-of", 2027, 0, 21, 50, 70, 500)
	s.tick(s.Day() + 1)
	f("unheard-of", 2027, 0, 21, 500)
	s.tick(s.Day() + 12)
	f("birthday", 2027, 0, 21) // its days are over, and its year has had one
	f("birthday", 2028, 0, 21, 500)
	s.do(&kopilka.Grant{Deed: kopilka.Deed{Member: m}, Points: 1})
	if n := s.claims.Len(); n > 4 {
		t.Fatalf("%d places for claims of one member", n-1)
	}

	if out := s.try(&kopilka.Issue{Due: []kopilka.CertificateDue{{Member: m, Rule: "unheard-of", To: s.Day()}}}); out.Refusal != kopilka.NotFound {
		t.Fatalf("an unknown certificate by hand: %s", out.Refusal)
	}
	birthday := s.findTerm(TermCertificate, "birthday")
	if term := s.Term(birthday); term.Count != 2 || term.Used != 1000 {
		t.Fatalf("birthdays: %+v", term)
	}
}

// Whoever is enrolled inside the window has his certificate at once.
func TestIssueOnEnrolment(t *testing.T) {
	s := newShop(t, certificateProgram)
	out := s.do(&kopilka.PutMember{Card: "anna", Registered: s.Day(), Referrer: kopilka.NoMember,
		Due: []kopilka.CertificateDue{{Member: kopilka.NoMember, Rule: "birthday", Year: 2027, From: s.Day() - 3, To: s.Day() + 18}}})
	if all := s.Member(out.Member, s.Now()).Certificates; len(all) != 1 || all[0].Left != 500 || all[0].Year != 2027 || all[0].Rule != "birthday" {
		t.Fatalf("anna has %+v", all)
	}
}

// What a receipt pays with certificates: those of the day, soonest to end first,
// and what comes back lapses once their days are over.
func TestPaying(t *testing.T) {
	s := newShop(t, certificateProgram)
	m := s.enrol("anna")
	a := s.member(m)
	if all := s.paying(m, a, nil); all != nil {
		t.Fatalf("anna can pay with %+v", all)
	}
	for _, due := range []kopilka.CertificateDue{
		{Rule: "sorry", Points: 1, From: s.Day(), To: s.Day() + 9},
		{Rule: "sorry", Points: 2, From: s.Day(), To: s.Day() + 8},
		{Rule: "sorry", Points: 3, From: s.Day() + 1, To: s.Day() + 8},
	} {
		due.Member = m
		s.do(&kopilka.Issue{Due: []kopilka.CertificateDue{due}})
	}
	a = s.member(m)
	f := func(want ...kopilka.Points) []Certificate {
		t.Helper()
		all := s.paying(m, a, nil)
		var left []kopilka.Points
		for _, c := range all {
			left = append(left, c.Left)
		}
		if !slices.Equal(left, want) {
			t.Fatalf("certificates with %v can pay; want %v", left, want)
		}
		return all
	}
	two := f(2, 1)[0]
	use := two.use(2)
	s.payWith(m, a, &use)
	f(1)
	if lapsed := s.payBack(&use, 1); lapsed != 0 {
		t.Fatalf("%d lost on its last day but one", lapsed)
	}
	f(1, 1)
	s.tick(s.Day() + 8)
	f(1, 3, 1)
	s.tick(s.Day() + 1)
	f(1)
	if lapsed := s.payBack(&use, 1); lapsed != 1 {
		t.Fatalf("%d lost after its days", lapsed)
	}
	f(1)
}
