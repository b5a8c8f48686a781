package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// Given tells whether the member that a number stands for needs no certificate of a
// rule for a year: he has had it, or that of a later year, be it for a date of his
// own or of a part of his; or he was forgotten.
func (s *State) Given(m kopilka.MemberNo, rule string, year uint16) bool {
	m = s.resolve(m)
	a := s.accounts.At(int(m))
	if a.erased() {
		return true
	}
	_, term := s.certificateNamed(rule)
	for at := s.firstClaim(m, a); at != 0; {
		c := s.claims.At(int(at))
		if c.kind == claimCertificate && c.term == term && c.year != byHand && yearZero+uint16(c.year) >= year {
			return true
		}
		at = c.next
	}
	return false
}

// Terms are all names that any version of the program had, with their sums, by
// number from 1.
func (s *State) Terms() []Term { return slices.Clone(s.terms) }
