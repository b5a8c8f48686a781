package engine

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// Cards of every length and phones that come, change and go, against Go maps.
func TestTables(t *testing.T) {
	const seed, members = 4, 110_000
	rng := rand.New(rand.NewPCG(seed, 4))
	s := newShop(t, plainProgram)
	byCard := map[string]kopilka.MemberNo{}
	byPhone := map[uint64]kopilka.MemberNo{}
	phones := map[kopilka.MemberNo]uint64{}
	var cards []string

	card := func() string {
		b := make([]byte, 1+rng.IntN(kopilka.CardMax))
		digits := rng.IntN(3) > 0
		for i := range b {
			switch {
			case digits:
				b[i] = byte('0' + rng.IntN(10))
			default:
				for b[i] = '/'; b[i] == '/'; {
					b[i] = byte('!' + rng.IntN('~'-'!'+1))
				}
			}
		}
		return string(b)
	}
	// Few upper bits, so that many share a slot and a page.
	phone := func() uint64 {
		if rng.IntN(3) == 0 {
			return uint64(1+rng.IntN(50))<<32 | uint64(rng.IntN(3))
		}
		return rng.Uint64() | 1
	}
	put := func(number string, tag uint64) kopilka.Outcome {
		c := &kopilka.PutMember{Card: number, PhoneTag: tag, Referrer: kopilka.NoMember, Registered: s.Day()}
		if m, ok := byCard[number]; ok {
			c.Base = s.Member(m, s.Now()).ProfileAt
		}
		return s.try(c)
	}
	setPhone := func(m kopilka.MemberNo, tag uint64) {
		if before := phones[m]; before != 0 {
			delete(byPhone, before)
		}
		delete(phones, m)
		if tag != 0 {
			byPhone[tag], phones[m] = m, tag
		}
	}
	for len(cards) < members {
		number := card()
		if m, taken := byCard[number]; taken {
			if found, ok := s.ByCard(number); !ok || found != m {
				t.Fatalf("seed %d: card %q leads to %d, %t; want %d", seed, number, found, ok, m)
			}
			continue
		}
		if m, ok := s.ByCard(number); ok {
			t.Fatalf("seed %d: card %q of nobody leads to %d", seed, number, m)
		}
		var tag uint64
		if rng.IntN(2) == 0 {
			tag = phone()
		}
		out := put(number, tag)
		if _, taken := byPhone[tag]; taken {
			if out.Refusal != kopilka.PhoneTaken {
				t.Fatalf("seed %d: phone %x of two members: %s", seed, tag, out.Refusal)
			}
			continue
		}
		if out.Refusal != kopilka.Accepted || !out.Enrolled || int(out.Member) != len(cards) {
			t.Fatalf("seed %d: card %q: %+v", seed, number, out)
		}
		byCard[number] = out.Member
		cards = append(cards, number)
		setPhone(out.Member, tag)

		if rng.IntN(2) == 0 { // somebody gets another phone, or none
			number := cards[rng.IntN(len(cards))]
			tag := phone()
			if rng.IntN(3) == 0 {
				tag = 0
			}
			owner, taken := byPhone[tag]
			out := put(number, tag)
			if taken && owner != byCard[number] {
				if out.Refusal != kopilka.PhoneTaken {
					t.Fatalf("seed %d: phone %x of two members: %s", seed, tag, out.Refusal)
				}
				continue
			}
			if out.Refusal != kopilka.Accepted || out.Enrolled {
				t.Fatalf("seed %d: card %q again: %+v", seed, number, out)
			}
			setPhone(out.Member, tag)
		}
	}
	for i, number := range cards {
		if m, ok := s.ByCard(number); !ok || int(m) != i || s.Card(m) != number {
			t.Fatalf("seed %d: card %q leads to %d, %t; want %d", seed, number, m, ok, i)
		}
		if v := s.Member(kopilka.MemberNo(i), s.Now()); v.PhoneTag != phones[v.No] {
			t.Fatalf("seed %d: member %d has phone %x; want %x", seed, i, v.PhoneTag, phones[v.No])
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(byPhone)) {
		if m, ok := s.ByPhone(tag); !ok || m != byPhone[tag] {
			t.Fatalf("seed %d: phone %x leads to %d, %t; want %d", seed, tag, m, ok, byPhone[tag])
		}
		if _, taken := byPhone[tag+1]; !taken {
			if m, ok := s.ByPhone(tag + 1); ok {
				t.Fatalf("seed %d: phone %x of nobody leads to %d", seed, tag+1, m)
			}
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if s.byCard.depth < 5 {
		t.Fatalf("the table has not grown: depth %d", s.byCard.depth)
	}
}
