package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What follows is for books that ask what would have been: a log is folded again,
// and at some point another program than the log's is in force. Positions stay
// those of the log, so that what its commands say of each other stays true.

// Suppose puts a program in force from a business day on, of which at is the first
// instant or an earlier one, as a command would have, but takes no position. It
// stands in place of whatever waits for its instant.
func (s *State) Suppose(p *program.Program, at kopilka.Time, day kopilka.Day) {
	s.scheduled = scheduled{}
	if day > s.day || at > s.now {
		s.scheduled = scheduled{At: at, Day: day, Seq: s.seq, Document: p.Document()}
		return
	}
	s.putInForce(p, s.now)
}

// Pass lets a position of the log go by at which nothing is done, as a refused
// command's does.
func (s *State) Pass(at kopilka.Time) {
	s.seq++
	s.now = max(s.now, at)
	if s.scheduled.due(s) {
		s.takeEffect()
	}
}

// Withdraw takes back the position of the last command, which was refused and so
// has changed nothing else: another can be applied in its place.
func (s *State) Withdraw() { s.seq-- }

// MembersByTier counts the members by the tiers of the program in force: whoever
// stands for himself and was not forgotten. It goes over all members.
func (s *State) MembersByTier() []int64 {
	p := s.Program()
	if p == nil {
		return nil
	}
	members := make([]int64, len(p.Tiers))
	for m := range s.accounts.Len() {
		if a := s.accounts.At(m); !a.merged() && !a.erased() {
			members[s.tier(kopilka.MemberNo(m), a)]++
		}
	}
	return members
}
