package engine

import (
	"encoding/binary"

	"github.com/kopilka/kopilka"
)

// erase forgets a person, all his parts with him: cards and phones lead nowhere
// from here on, so that another may have them, and points and claims are
// forfeited. The numbers stay, for what was bought stays in the books: of nobody,
// for the seal of the profile is broken outside. Goods of nobody's receipts may
// still come back, but no points with them.
func (s *State) erase(c *kopilka.Erase, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	s.settle(m, a, out)
	for _, part := range s.Parts(m) {
		s.eraseCard(part)
		s.setPhone(part, 0)
		p := s.accounts.Mut(int(part))
		p.standing |= erasedBit
		p.cleared = s.day
		s.index.Leave(part)
	}
	forfeited := s.scrap(a.lots)
	a.lots = 0
	for at := s.firstClaim(m, a); at != 0; {
		c := *s.claims.At(int(at))
		switch c.kind {
		case claimHold:
			forfeited += s.scrap(c.at)
		case claimCard:
			s.eraseMoreCard(c.at)
		}
		s.freeUpClaim(at)
		at = c.next
	}
	if a.hasClaims() {
		s.setFirstClaim(m, a, 0)
	}
	forfeited -= s.debts[m]
	s.owe(m, 0)
	a.tier = 0
	delete(s.above, m)
	out.Earned = -forfeited
	s.books.Forfeited += forfeited
	s.enter(m, a, out)
}

// scrap lets the places of a list of lots be used again, and tells what they held.
func (s *State) scrap(at uint32) (points kopilka.Points) {
	for at != 0 {
		l := *s.lots.At(int(at))
		points += kopilka.Points(l.left)
		s.release(at)
		at = l.next
	}
	return points
}

// eraseCard makes the first card of a number lead nowhere.
func (s *State) eraseCard(m kopilka.MemberNo) {
	c := s.cards.Mut(int(m))
	s.byCard.remove(s.cardTag(s.numberOf(c)), m)
	s.blank(c)
}

// eraseMoreCard does so with a further card.
func (s *State) eraseMoreCard(at uint32) {
	c := s.moreCards.Mut(int(at))
	if !c.spare {
		s.byMore.remove(s.cardTag(s.numberOf(&c.number)), kopilka.MemberNo(at))
		s.blank(&c.number)
	}
	*c = moreCard{}
}

// blank wipes a number.
func (s *State) blank(c *card) {
	if c[0] == cardLong {
		*s.longCards.Mut(int(binary.LittleEndian.Uint32(c[1:]))) = longCard{}
	}
	*c = card{}
}

// ErasedKey is where the key of a number's personal data lay, and whether the person
// was forgotten: then it is to be destroyed.
func (s *State) ErasedKey(m kopilka.MemberNo) (slot uint32, erased bool) {
	return *s.keySlots.At(int(m)), s.accounts.At(int(m)).erased()
}
