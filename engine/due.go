package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// Given tells whether a member needs no certificate of a rule for a year: he has had
// it, or that of a later year; or the number stands for nobody by itself, since it is
// part of another member or was forgotten.
func (s *State) Given(m kopilka.MemberNo, rule string, year uint16) bool {
	a := s.accounts.At(int(m))
	if a.erased() || a.merged() {
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
