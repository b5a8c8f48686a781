package engine

import "github.com/kopilka/kopilka"

// rating keeps what a buyer thought of a receipt: it is in the log, and the books
// know no more of it than under which key its words are sealed, so that to
// forget the member forgets them too. That is the key of the number that bought, be it
// part of another member by now: it may be taken out again, and be forgotten by itself.
// Stars can be given for anybody's receipt.
func (s *State) rating(c *kopilka.Rating, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) || c.Member == kopilka.NoMember {
		return
	}
	a := s.member(c.Member)
	out.Member = s.resolve(c.Member)
	switch {
	case c.KeySlot == 0:
	case a.erased():
		refuse(out, kopilka.MemberNotFound)
	case s.otherKey(c.Member, c.KeySlot):
		refuse(out, kopilka.Stale) // sealed when the member had no key yet, or another
	default:
		*s.keySlots.Mut(int(c.Member)) = c.KeySlot
	}
}
