package engine

import (
	"math"

	"github.com/kopilka/kopilka"
)

// What looks odd is told with the command, counted, and refused never: a no at the
// till would teach a thief where the line is, and punish a buyer who crossed it.

// earnsOn is how often a member has earned on the newest day on which he did. It is
// kept only while the program asks for it.
type earnsOn struct {
	day   kopilka.Day
	times uint16
}

// earnsOften tells whether one receipt more on a day is more than the program in
// force thinks a buyer makes. A receipt that comes late, after one of a newer day,
// is not counted.
func (s *State) earnsOften(m kopilka.MemberNo, day kopilka.Day) bool {
	most := s.Program().Fraud.EarnsPerDay
	if most == 0 || int(m) >= s.earns.Len() {
		return false
	}
	e := s.earns.At(int(m))
	return e.day == day && int(e.times) >= most
}

// countEarned counts a receipt of a member that has earned.
func (s *State) countEarned(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) {
	if s.Program().Fraud.EarnsPerDay == 0 || out.Earned == 0 || c.Imported {
		return
	}
	s.earns.Grow(s.accounts.Len())
	e := s.earns.Mut(int(x.member))
	switch {
	case e.day < c.Day:
		*e = earnsOn{day: c.Day, times: 1}
	case e.day == c.Day && e.times < math.MaxUint16:
		e.times++
	}
}

// flagByHand flags value moved by hand, points and certificates alike: more of it on
// a day by one actor than the program thinks right, or of a member who had not come
// for long.
func (s *State) flagByHand(a *account, actor string, points kopilka.Points, out *kopilka.Outcome) {
	s.flagDormant(a, out)
	s.flagActor(actor, points, out)
}

// flagActor flags more value moved by hand on a day by one actor than the program
// thinks right.
func (s *State) flagActor(actor string, points kopilka.Points, out *kopilka.Outcome) {
	if s.Program() == nil {
		return // nobody is enrolled yet
	}
	rule := &s.Program().Fraud
	if rule.AdjustedPerDay == 0 {
		return
	}
	moved := s.adjusted[actor] + max(points, -points)
	if moved < 0 {
		moved = math.MaxInt64 // more than can be counted is too much still
	}
	s.adjusted[clone(actor)] = moved
	if moved > rule.AdjustedPerDay {
		out.Flags |= kopilka.FlagAdjusts
	}
}

// flagDormant flags what is done by hand to a member who had not come for long.
func (s *State) flagDormant(a *account, out *kopilka.Outcome) {
	if days := s.Program().Fraud.DormantDays; days > 0 && int(a.active())+days < int(s.day) {
		out.Flags |= kopilka.FlagDormant
	}
}
