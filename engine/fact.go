package engine

import "github.com/kopilka/kopilka"

// Fact is what the rows of the books say of a member to whoever selects members;
// Tier and Spendable have to look further.
type Fact struct {
	Registered kopilka.Day
	State      kopilka.MemberState
	Blocked    bool
	Referred   bool // another member invited this one
}

// Fact reads the fact of one member; m is below Members.
func (s *State) Fact(m kopilka.MemberNo) Fact {
	a := s.accounts.At(int(m))
	return Fact{
		Registered: s.registered(m), State: a.state(),
		Blocked: a.blocked(), Referred: a.referrer != 0,
	}
}

// Gone tells whether a number is nobody's any more: it is part of another member, or
// was forgotten.
func (s *State) Gone(m kopilka.MemberNo) bool {
	return s.accounts.At(int(m)).standing&(mergedBit|erasedBit) != 0
}

// Tier is the index of a member's tier among those of the program in force.
func (s *State) Tier(m kopilka.MemberNo) uint8 { return s.tier(m, s.accounts.At(int(m))) }

// Spendable is the points that a member can spend at an instant.
func (s *State) Spendable(m kopilka.MemberNo, at kopilka.Time) kopilka.Points {
	balance, _, _ := s.available(m, s.accounts.At(int(m)), max(at, s.now))
	return balance
}
