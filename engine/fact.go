package engine

import "github.com/kopilka/kopilka"

// Fact is what the books say of a member to whoever selects members, without what
// takes a walk through his lots.
type Fact struct {
	Registered kopilka.Day
	State      kopilka.MemberState
	Tier       uint8 // index into the tiers of the program in force
	Blocked    bool
	Referred   bool // another member invited this one
}

// Fact reads the fact of one member; m is below Members.
func (s *State) Fact(m kopilka.MemberNo) Fact {
	a := s.accounts.At(int(m))
	return Fact{
		Registered: s.registered(m), State: a.state(), Tier: a.tier,
		Blocked: a.blocked(), Referred: a.referrer != 0,
	}
}

// Gone tells whether a number is nobody's any more: it is part of another member, or
// was forgotten.
func (s *State) Gone(m kopilka.MemberNo) bool {
	return s.accounts.At(int(m)).standing&(mergedBit|erasedBit) != 0
}

// Spendable is the points that a member can spend at an instant.
func (s *State) Spendable(m kopilka.MemberNo, at kopilka.Time) kopilka.Points {
	balance, _, _ := s.available(m, s.accounts.At(int(m)), max(at, s.now))
	return balance
}
