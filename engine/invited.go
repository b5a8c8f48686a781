package engine

import (
	"github.com/kopilka/kopilka"
)

// Who invited whom is a line upwards from member to member, and never a circle.

// standsAbove tells whether m is among up, who invited him, and so on.
func (s *State) standsAbove(m, up kopilka.MemberNo) bool {
	for up != kopilka.NoMember {
		up = s.resolveUpTo(up, m)
		if up == m {
			return true
		}
		up = s.accounts.At(int(up)).invitedBy()
	}
	return false
}

// invitedBy is the number that was named when the member was invited; NoMember.
func (a *account) invitedBy() kopilka.MemberNo { return kopilka.MemberNo(a.referrer) - 1 }

// InvitedBy is the number that was named when a number was enrolled; NoMember for
// who came by himself, and for who was forgotten.
func (s *State) InvitedBy(m kopilka.MemberNo) kopilka.MemberNo {
	a := s.accounts.At(int(m))
	if a.erased() {
		return kopilka.NoMember
	}
	return a.invitedBy()
}
