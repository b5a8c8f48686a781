package engine

import (
	"github.com/kopilka/kopilka"
)

// What the clerk does about segments, campaigns, welcomes and referrals.

// look asks the index, before a command, in which segment everybody is.
func (b *clerk) look(s *State) {
	b.before = b.before[:0]
	for m := range kopilka.MemberNo(s.Members()) {
		b.before = append(b.before, s.Index().Standing(m).Segment)
	}
	b.after = func(m kopilka.MemberNo) uint8 { return s.Index().Standing(m).Segment }
}
