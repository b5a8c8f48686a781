package engine

import "github.com/kopilka/kopilka"

// keepNote keeps what a contact centre wrote about a member: it is in the log, and the
// books know no more of it than under which key it is sealed, so that to forget the
// member forgets it too. A newer note than the one it was written after makes it
// stale, so that the notes of a member are one chain.
func (s *State) keepNote(c *kopilka.Note, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	a := s.member(c.Member)
	switch {
	case a.erased():
		refuse(out, kopilka.MemberNotFound)
		return
	case a.merged(), // since the member was looked up
		s.otherKey(c.Member, c.KeySlot),
		s.recent.find(kopilka.FingerprintNotes(c.Member)) > c.Before:
		refuse(out, kopilka.Stale)
		return
	}
	*s.keySlots.Mut(int(c.Member)) = c.KeySlot
	out.Member = c.Member
}
