package engine

import "github.com/kopilka/kopilka"

// grant gives points that no purchase earned. They can be spent at once.
func (s *State) grant(c *kopilka.Grant, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	a := s.member(c.Member)
	if a.blocked() {
		refuse(out, kopilka.MemberBlocked)
		return
	}
	if s.overfull(c.Member, a, c.Points, out) {
		return
	}
	s.settle(c.Member, a, out)
	out.Earned = c.Points
	s.giveNow(c.Member, a, c.Points, out)
	s.books.Granted += c.Points
	s.enter(c.Member, a, out)
}

// adjustment corrects a balance by hand, in either direction, also of a member
// who is blocked. What it takes it takes from the points soonest to expire.
func (s *State) adjustment(c *kopilka.Adjustment, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	a := s.member(c.Member)
	if c.Points < 0 {
		if available, _, _ := s.available(c.Member, a, s.now); available < -c.Points {
			out.Available, out.Requested = available, -c.Points
			refuse(out, kopilka.InsufficientPoints)
			return
		}
	} else if s.overfull(c.Member, a, c.Points, out) {
		return
	}
	s.settle(c.Member, a, out)
	out.Earned = c.Points
	if c.Points < 0 {
		out.Left.Spent = s.spend(a, -c.Points, out.Left.Spent)
	} else {
		s.giveNow(c.Member, a, c.Points, out)
	}
	s.books.Adjusted += c.Points
	s.enter(c.Member, a, out)
}

// giveNow gives points under today's program, to be spent from today on.
func (s *State) giveNow(m kopilka.MemberNo, a *account, points kopilka.Points, out *kopilka.Outcome) {
	activates, expires := lifetime(s.Program(), s.day, 0)
	s.give(m, a, points, activates, expires, out)
}
