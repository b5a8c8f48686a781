package engine

import (
	"encoding/binary"
	"fmt"

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
	carrier uint16 // number of the carrier among all that were named, from 1; 0 = not told
	blocked bool
	spare   bool // its number is that of the member's first card: only what is known beside is kept
}

func (s *State) appendCard(number string) {
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
	s.cards.Append(c)
}

// card is the number of a member's card.
func (s *State) card(m kopilka.MemberNo) string {
	c := s.cards.At(int(m))
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

// Card is the number of a member's card.
func (s *State) Card(m kopilka.MemberNo) string { return s.card(m) }

func (s *State) cardIs(m kopilka.MemberNo, number string) bool {
	c, ok := pack(number)
	if ok {
		return *s.cards.At(int(m)) == c
	}
	return s.card(m) == number
}

// cardTag is the hash of a card under the secret of the books.
func (s *State) cardTag(number string) uint32 {
	var few [16 + kopilka.CardMax]byte
	b := append(append(few[:0], s.secret[:]...), number...)
	return uint32(xxhash.Sum64(b) >> 32)
}
