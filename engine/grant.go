package engine

import "github.com/kopilka/kopilka"

// grant gives points that no purchase earned. They can be spent at once.
func (s *State) grant(c *kopilka.Grant, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	if a.blocked() {
		refuse(out, kopilka.MemberBlocked)
		return
	}
	if s.overfull(m, a, c.Points, out) {
		return
	}
	s.flagByHand(a, c.By, c.Points, out) // it has no actor but the key
	s.settle(m, a, out)
	out.Earned = c.Points
	s.giveNow(m, a, c.Points, out)
	s.books.Granted += c.Points
	s.enter(m, a, out)
}

// adjustment corrects a balance by hand, in either direction, also of a member
// who is blocked. What it takes it takes from the points soonest to expire.
func (s *State) adjustment(c *kopilka.Adjustment, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	if c.Points < 0 {
		if available, _, _ := s.available(m, a, s.now); available < -c.Points {
			out.Available, out.Requested = available, -c.Points
			refuse(out, kopilka.InsufficientPoints)
			return
		}
	} else if s.overfull(m, a, c.Points, out) {
		return
	}
	s.flagByHand(a, c.Actor, c.Points, out)
	s.settle(m, a, out)
	out.Earned = c.Points
	if c.Points < 0 {
		out.Left.Spent = s.spend(a, -c.Points, out.Left.Spent)
	} else {
		s.giveNow(m, a, c.Points, out)
	}
	s.books.Adjusted += c.Points
	s.enter(m, a, out)
}

// giveNow gives points under today's program, to be spent from today on.
func (s *State) giveNow(m kopilka.MemberNo, a *account, points kopilka.Points, out *kopilka.Outcome) {
	activates, expires := lifetime(s.Program(), s.day, 0)
	s.give(m, a, points, activates, expires, out)
}
