package engine

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/kopilka/kopilka"
)

// card is a card number as the books keep it: up to 30 digits two to a byte, up
// to 15 other characters as they are, and the few longer ones in a slab of
// their own. The first byte says which: 128 + digits, characters, or 255 with
// the place of the long one behind it.
type card [16]byte

const (
	cardDigits = 0x80
	cardLong   = 0xff
)

type longCard struct {
	len uint8
	b   [kopilka.CardMax]byte
}

// pack gives the stored form of a number that is not long.
func pack(number string) (c card, ok bool) {
	digits := true
	for i := range len(number) {
		digits = digits && '0' <= number[i] && number[i] <= '9'
	}
	switch {
	case digits && len(number) <= 30:
		c[0] = cardDigits + byte(len(number))
		for i := range len(number) {
			c[1+i/2] |= (number[i] - '0') << (4 * (i & 1))
		}
	case len(number) <= 15:
		c[0] = byte(len(number))
		copy(c[1:], number)
	default:
		return c, false
	}
	return c, true
}

// moreCard is a further card of a member, and what is known of any card beside
// its number.
type moreCard struct {
	number  card
	member  uint32
	carrier uint16 // number of the carrier among all that were named, from 1; 0 = not known
	blocked bool
	spare   bool // its number is that of the member's first card: only what is known beside is kept
}

// Card is what is known of a card.
type Card struct {
	Number  string
	Member  kopilka.MemberNo // the number that it enrolled, or was given to
	Carrier string           // what it is, where that is known
	Blocked bool             // it is known, and may neither earn nor spend
	First   bool             // it enrolled the number
}

func (s *State) appendCard(number string) { s.cards.Append(s.stored(number)) }

// stored puts a number into the form in which it is kept.
func (s *State) stored(number string) card {
	if len(number) > kopilka.CardMax {
		panic(fmt.Sprintf("engine: a card of %d bytes", len(number)))
	}
	c, ok := pack(number)
	if !ok {
		l := longCard{len: uint8(len(number))}
		copy(l.b[:], number)
		c[0] = cardLong
		binary.LittleEndian.PutUint32(c[1:], uint32(s.longCards.Append(l)))
	}
	return c
}

// numberOf is a stored number in full.
func (s *State) numberOf(c *card) string {
	switch {
	case c[0] == cardLong:
		l := s.longCards.At(int(binary.LittleEndian.Uint32(c[1:])))
		return string(l.b[:l.len])
	case c[0] >= cardDigits:
		var b [30]byte
		n := int(c[0] - cardDigits)
		for i := range n {
			b[i] = '0' + c[1+i/2]>>(4*(i&1))&15
		}
		return string(b[:n])
	default:
		return string(c[1 : 1+c[0]])
	}
}

// Card is the card that enrolled a number; empty when the person was forgotten.
func (s *State) Card(m kopilka.MemberNo) string { return s.numberOf(s.cards.At(int(m))) }

// findCard finds a card, and the number that it enrolled or was given to. Of a
// further card more is its place in moreCards, else 0.
func (s *State) findCard(number string) (owner kopilka.MemberNo, more uint32, ok bool) {
	tag := s.cardTag(number)
	short, packed := pack(number)
	is := func(c *card) bool { return packed && *c == short || !packed && s.numberOf(c) == number }
	for p := s.byCard.probe(tag); p.next(); {
		if is(s.cards.At(int(p.member))) {
			return p.member, 0, true
		}
	}
	if s.moreCards.Len() == 1 { // place 0 means none
		return kopilka.NoMember, 0, false
	}
	for p := s.byMore.probe(tag); p.next(); {
		if c := s.moreCards.At(int(p.member)); is(&c.number) {
			return kopilka.MemberNo(c.member), uint32(p.member), true
		}
	}
	return kopilka.NoMember, 0, false
}

// CardState tells what is known of a card; false when it leads to nobody.
func (s *State) CardState(number string) (Card, bool) {
	owner, more, ok := s.findCard(number)
	if !ok {
		return Card{}, false
	}
	v := Card{Number: clone(number), Member: owner, First: more == 0}
	if more == 0 {
		more = s.spareOf(s.resolve(owner), owner)
	}
	s.describe(more, &v)
	return v, true
}

// Cards are all cards that lead to a member: his own first, then what was added,
// those of members who became part of him included, the oldest first.
func (s *State) Cards(m kopilka.MemberNo) []Card {
	m = s.resolve(m)
	a := s.accounts.At(int(m))
	if a.erased() {
		return nil
	}
	var all []Card
	first := func(no kopilka.MemberNo) {
		v := Card{Number: s.Card(no), Member: no, First: true}
		s.describe(s.spareOf(m, no), &v)
		all = append(all, v)
	}
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		switch c := s.claims.At(int(at)); c.kind {
		case claimPartEnd:
			first(kopilka.MemberNo(c.at)) // the oldest of the part
		case claimCard:
			if x := s.moreCards.At(int(c.at)); !x.spare {
				v := Card{Number: s.numberOf(&x.number), Member: kopilka.MemberNo(x.member)}
				s.describe(c.at, &v)
				all = append(all, v)
			}
		}
	}
	first(m)
	slices.Reverse(all)
	return all
}

// describe fills in what an entry of moreCards knows; 0 is none.
func (s *State) describe(more uint32, v *Card) {
	if more == 0 {
		return
	}
	x := s.moreCards.At(int(more))
	v.Blocked = x.blocked
	if x.carrier != 0 {
		v.Carrier = s.carriers[x.carrier-1]
	}
}

// spareOf is the entry of moreCards for the first card of a number that stands
// for m; 0 = none.
func (s *State) spareOf(m, no kopilka.MemberNo) uint32 {
	for at := s.firstClaim(m, s.accounts.At(int(m))); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimCard {
			if x := s.moreCards.At(int(c.at)); x.spare && x.member == uint32(no) {
				return c.at
			}
		}
	}
	return 0
}

// putCard makes a card lead to a member, or changes one of his. A carrier that is
// not told stays as it is.
func (s *State) putCard(c *kopilka.PutCard, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	owner, more, known := s.findCard(c.Card)
	if known && s.resolve(owner) != m {
		refuse(out, kopilka.CardTaken)
		return
	}
	if s.carrierUnknown(c.Carrier, out) {
		return
	}
	if !known {
		more = s.addCard(m, a, c.Card)
		out.Enrolled = true
	}
	s.keepCard(m, a, owner, more, c.Carrier, c.Blocked)
	s.answer(m, a, out)
}

// addCard gives a member a further card.
func (s *State) addCard(m kopilka.MemberNo, a *account, number string) (more uint32) {
	more = uint32(s.moreCards.Append(moreCard{number: s.stored(number), member: uint32(m)}))
	s.byMore.insert(s.cardTag(number), kopilka.MemberNo(more))
	s.addClaim(m, a, claim{kind: claimCard, seq: s.seq, at: more})
	return more
}

// keepCard keeps what a card of the member is, and whether it is blocked. For the
// first card of a number, where more is 0, there is an entry from the first time
// on that there is something to keep; it lies with the part that it belongs to.
func (s *State) keepCard(m kopilka.MemberNo, a *account, no kopilka.MemberNo, more uint32, carrier string, blocked bool) {
	if more == 0 {
		more = s.spareOf(m, no)
	}
	if more == 0 {
		if carrier == "" && !blocked {
			return
		}
		more = uint32(s.moreCards.Append(moreCard{member: uint32(no), spare: true}))
		at := s.newClaim(claim{kind: claimCard, seq: s.seq, at: more})
		begin := s.firstClaim(m, a)
		for no != m && (s.claims.At(int(begin)).kind != claimPart || s.claims.At(int(begin)).at != uint32(no)) {
			begin = s.claims.At(int(begin)).next
		}
		if no == m {
			s.claims.Mut(int(at)).next = begin
			s.setFirstClaim(m, a, at)
		} else {
			s.claims.Mut(int(at)).next = s.claims.At(int(begin)).next
			s.claims.Mut(int(begin)).next = at
		}
	}
	x := s.moreCards.Mut(int(more))
	x.blocked = blocked
	if carrier != "" {
		x.carrier = s.carrier(carrier)
	}
}

// CarriersMax bounds what cards can be: kinds of carriers, not single cards.
const CarriersMax = 255

// carrierUnknown refuses what cards were never said to be, once there are as many as
// may be; an empty name tells nothing.
func (s *State) carrierUnknown(name string, out *kopilka.Outcome) bool {
	if name == "" || len(s.carriers) < CarriersMax || slices.Contains(s.carriers, name) {
		return false
	}
	return refuse(out, kopilka.CarrierLimit)
}

// carrier is the number of what a card can be.
func (s *State) carrier(name string) uint16 {
	if i := slices.Index(s.carriers, name); i >= 0 {
		return uint16(i + 1)
	}
	s.carriers = append(s.carriers, clone(name))
	return uint16(len(s.carriers))
}

// cardTag is the hash of a card under the secret of the books.
func (s *State) cardTag(number string) uint32 {
	var few [16 + kopilka.CardMax]byte
	b := append(append(few[:0], s.secret[:]...), number...)
	return uint32(xxhash.Sum64(b) >> 32)
}
