package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// What Check proves of parts and claims.

// checkPart proves that a number which is part of another leads to a member, and
// that nothing is left with it.
func (s *State) checkPart(m kopilka.MemberNo, a *account) error {
	into, known := s.merged[m]
	if known != a.merged() {
		return fmt.Errorf("member %d is part of another by his row %t, by the list of parts %t", m, a.merged(), known)
	}
	if !known {
		return nil
	}
	for steps, up := 0, into; ; steps++ {
		if int(up) >= s.accounts.Len() || steps > len(s.merged) {
			return fmt.Errorf("member %d is part of member %d, who leads to nobody after %d steps", m, into, steps)
		}
		if !s.accounts.At(int(up)).merged() {
			break
		}
		up = s.merged[up]
	}
	if _, falls := s.above[m]; falls {
		return fmt.Errorf("member %d is part of member %d and on the way down", m, into)
	}
	at := s.index.Standing(m)
	if a.lots != 0 || a.hasClaims() || s.debts[m] != 0 || at.RecencyDays != -1 || at.Frequency != 0 {
		return fmt.Errorf("member %d is part of member %d and has lots from %d, claims %t, debt %d, and bought as %+v",
			m, into, a.lots, a.hasClaims(), s.debts[m], at)
	}
	return nil
}

// checkClaims proves that every claim is in one list or free, that parts begin
// and end in pairs and are those of State.merged, and that cards lead to whom they
// were given to.
func (s *State) checkClaims() error {
	seen, more, parts := 0, 0, 0
	for m := range kopilka.MemberNo(s.accounts.Len()) {
		var open []uint32
		at := s.firstClaim(m, s.accounts.At(int(m)))
		for ; at != 0; at = s.claims.At(int(at)).next {
			if seen++; seen >= s.claims.Len() {
				return fmt.Errorf("the claims of member %d go in a circle", m)
			}
			switch c := s.claims.At(int(at)); c.kind {
			case claimPart:
				open = append(open, c.at)
				parts++
				if into := s.merged[kopilka.MemberNo(c.at)]; len(open) == 1 && into != m || len(open) > 1 && uint32(into) != open[len(open)-2] {
					return fmt.Errorf("what came over from member %d lies with member %d, and he is part of member %d", c.at, m, into)
				}
			case claimPartEnd:
				if len(open) == 0 || open[len(open)-1] != c.at {
					return fmt.Errorf("the part of member %d ends among the claims of member %d where none began", c.at, m)
				}
				open = open[:len(open)-1]
			case claimCertificate:
				if c.left < 0 || c.left > c.value || c.from > c.to || int(c.term) > len(s.terms) || s.terms[c.term-1].Kind != TermCertificate {
					return fmt.Errorf("member %d has a certificate of term %d with %d of %d left, %s-%s", m, c.term, c.left, c.value, c.from, c.to)
				}
			case claimCoupon:
				if c.left <= 0 || int(c.term) > len(s.terms) || s.terms[c.term-1].Kind != TermInstrument {
					return fmt.Errorf("member %d has used the instrument of term %d %d times", m, c.term, c.left)
				}
			case claimCard:
				x := s.moreCards.At(int(c.at))
				if s.resolve(kopilka.MemberNo(x.member)) != m {
					return fmt.Errorf("a card of member %d lies with member %d", x.member, m)
				}
				if x.spare {
					break
				}
				more++
				if found, at, ok := s.findCard(s.numberOf(&x.number)); !ok || at != c.at || uint32(found) != x.member {
					return fmt.Errorf("card %s of member %d leads to member %d", s.numberOf(&x.number), x.member, found)
				}
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("%d parts of member %d do not end", len(open), m)
		}
	}
	for at := s.freeClaim; at != 0; at = s.claims.At(int(at)).next {
		if seen++; seen >= s.claims.Len() {
			return fmt.Errorf("the free claims go in a circle")
		}
	}
	if seen != s.claims.Len()-1 {
		return fmt.Errorf("%d claims are in use or free, of %d", seen, s.claims.Len()-1)
	}
	gone := 0
	for from := range s.merged {
		if s.accounts.At(int(from)).erased() {
			gone++
		}
	}
	if more != s.byMore.used() || parts+gone != len(s.merged) {
		return fmt.Errorf("%d further cards and %d parts are in lists, of %d and %d, %d of them erased", more, parts, s.byMore.used(), len(s.merged), gone)
	}
	return nil
}
