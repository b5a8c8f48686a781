package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// byHand is the year of a certificate that no date brought. Years of dates are kept
// from yearZero, so that they fit into a byte beside the rest of a claim.
const (
	byHand   = 0
	yearZero = 1900
)

// issue gives certificates to those who are due them. Whose rule the program no
// longer has is passed over when a date was to bring the certificate, and refused
// when a hand was. A certificate is not points, so it is no entry in a ledger.
func (s *State) issue(c *kopilka.Issue, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	for i := range c.Due {
		if rule, _ := s.certificateNamed(c.Due[i].Rule); rule == nil && c.Due[i].Year == byHand {
			refuse(out, kopilka.NotFound)
			return
		}
	}
	for i := range c.Due {
		m, a, _ := s.person(c.Due[i].Member)
		if value := s.award(m, a, &c.Due[i]); value > 0 && c.Due[i].Year == byHand {
			s.flagByHand(a, c.Actor, value, out)
		}
		if len(c.Due) == 1 {
			s.answer(m, a, out)
		}
	}
}

// award gives a member the certificate he is due. Who has had that of the year or of
// a later one is passed over, and so is who was forgotten, and who is given
// one of the rule by the same command already. Blocked members get theirs:
// they cannot pay with it before they are free again. It tells the value given.
func (s *State) award(m kopilka.MemberNo, a *account, due *kopilka.CertificateDue) kopilka.Points {
	rule, term := s.certificateNamed(due.Rule)
	if rule == nil || a.erased() {
		return 0
	}
	var year uint8
	if due.Year != byHand {
		if due.Year <= yearZero || due.Year > yearZero+255 {
			panic(fmt.Sprintf("engine: position %d gives a certificate of the year %d", s.seq, due.Year))
		}
		year = uint8(due.Year - yearZero)
	}
	for at := s.firstClaim(m, a); at != 0; {
		c := s.claims.At(int(at))
		next := c.next
		if c.kind == claimCertificate && c.term == term {
			if c.seq == s.seq || year != byHand && c.year >= year {
				return 0
			}
		}
		at = next
	}
	if year != byHand {
		s.forgetMarks(m, a, term)
	}
	points := due.Points
	if points == 0 {
		points = rule.Points
	}
	s.addClaim(m, a, claim{seq: s.seq, value: points, left: points, at: uint32(m), term: term, from: due.From, to: due.To, year: year, kind: claimCertificate})
	t := s.term(term)
	t.Count++
	t.Used += int64(points)
	return points
}

// forgetMarks drops what is left of a rule's certificates of earlier years whose days
// are over: the newest year alone says which have been given.
func (s *State) forgetMarks(m kopilka.MemberNo, a *account, t kopilka.Term) {
	for at := s.firstClaim(m, a); at != 0; {
		c := s.claims.At(int(at))
		next := c.next
		switch {
		case c.kind == claimPart:
			next = s.claims.At(int(s.endOf(at))).next // it may have to stand for itself again
		case c.kind == claimCertificate && c.term == t && c.to < s.day:
			s.dropClaim(m, a, at)
		}
		at = next
	}
}

// certificateNamed is a rule of the program in force; nil when it has none of this id.
func (s *State) certificateNamed(id string) (*program.Certificate, kopilka.Term) {
	if len(s.versions) == 0 {
		return nil, 0
	}
	v := &s.versions[len(s.versions)-1]
	for i := range v.Program.Certificates {
		if v.Program.Certificates[i].ID == id {
			return &v.Program.Certificates[i], v.terms.certificates[i]
		}
	}
	return nil, 0
}

// Certificate is a value that a member has beside his points.
type Certificate struct {
	Seq      kopilka.Seq // of the command that gave it
	Term     kopilka.Term
	Rule     string // id in the program
	Left     kopilka.Points
	From, To kopilka.Day // first and last day it pays
	Year     int         // of its date; 0 = by hand
	// Member is who it was given to, who may have become part of another since: one
	// command gives both theirs.
	Member kopilka.MemberNo
}

// use is that a receipt pays with some of it.
func (c *Certificate) use(points kopilka.Points) kopilka.Use {
	return kopilka.Use{Kind: kopilka.UseCertificate, Term: c.Term, Claim: c.Seq, Number: uint32(c.Member + 1), Points: points}
}

// certificatesOf is the member's certificates whose days are not over, soonest to
// end first: the order in which they pay.
func (s *State) certificatesOf(m kopilka.MemberNo, a *account) (all []Certificate) {
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		c := s.claims.At(int(at))
		if c.kind != claimCertificate || c.to < s.day {
			continue
		}
		v := Certificate{Seq: c.seq, Term: c.term, Rule: s.terms[c.term-1].ID, Left: c.left, From: c.from, To: c.to, Member: kopilka.MemberNo(c.at)}
		if c.year != byHand {
			v.Year = yearZero + int(c.year)
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Certificate) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Seq, b.Seq),
			cmp.Compare(a.Term, b.Term), cmp.Compare(a.Member, b.Member))
	})
	return all
}

// paying appends the member's certificates that can pay today, in the order in which
// they do. Who has no claims has none, and is not looked at.
func (s *State) paying(m kopilka.MemberNo, a *account, all []Certificate) []Certificate {
	if !a.hasClaims() {
		return all
	}
	for _, c := range s.certificatesOf(m, a) {
		if c.From <= s.day && c.Left > 0 {
			all = append(all, c)
		}
	}
	return all
}

// findCertificate is the place of the certificate that was used; 0 = its days are
// over, and it was cleared away.
func (s *State) findCertificate(m kopilka.MemberNo, a *account, u *kopilka.Use) uint32 {
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimCertificate && c.seq == u.Claim && c.term == u.Term && c.at+1 == u.Number {
			return at
		}
	}
	return 0
}

// payWith takes the value of a use of one of the member's certificates off it. The
// caller has checked that there is as much left.
func (s *State) payWith(m kopilka.MemberNo, a *account, u *kopilka.Use) {
	at := s.findCertificate(m, a, u)
	if at == 0 || s.claims.At(int(at)).left < u.Points {
		panic(fmt.Sprintf("engine: position %d pays %d with certificate %d of member %d, who has no such", s.seq, u.Points, u.Claim, m))
	}
	s.claims.Mut(int(at)).left -= u.Points
}

// payBack gives points of a use of a certificate back to it, whoever has it now: it
// may have come over with a member who stands for himself again. They lapse, which
// is told, when its days are over.
func (s *State) payBack(u *kopilka.Use, points kopilka.Points) (lapsed kopilka.Points) {
	m := s.resolve(kopilka.MemberNo(u.Number - 1))
	at := s.findCertificate(m, s.accounts.At(int(m)), u)
	if at == 0 || s.claims.At(int(at)).to < s.day {
		return points
	}
	s.claims.Mut(int(at)).left += points
	return 0
}
