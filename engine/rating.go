package engine

import "github.com/kopilka/kopilka"

// rating keeps what a buyer thought of a receipt: it is in the log, and the books
// know no more of it than under which key its words are sealed, so that to
// forget the member forgets them too.
func (s *State) rating(c *kopilka.Rating, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	out.Member = c.Member
	if c.Member == kopilka.NoMember || c.KeySlot == 0 {
		return
	}
	a := s.member(c.Member)
	if a.keySlot != 0 && a.keySlot != c.KeySlot {
		refuse(out, kopilka.Stale) // sealed when the member had no key yet
		return
	}
	a.keySlot = c.KeySlot
}
