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
	Gone       bool // is part of another member, or was forgotten: the number is nobody's
}

// Fact reads the fact of one member; m is below Members.
func (s *State) Fact(m kopilka.MemberNo) Fact {
	a := s.accounts.At(int(m))
	return Fact{
		Registered: s.index.Registered(m), State: a.state(), Tier: a.tier,
		Blocked: a.blocked(), Referred: a.referrer != 0, Gone: a.standing&(mergedBit|erasedBit) != 0,
	}
}

// Spendable is the points that a member can spend on the books' day.
func (s *State) Spendable(m kopilka.MemberNo) kopilka.Points {
	balance, _ := s.available(s.accounts.At(int(m)))
	return balance
}
