package engine

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// sameIdentity compares who a number stands for and what leads to him.
func sameIdentity(s *State, b *clerk, m kopilka.MemberNo) error {
	p, up := b.people[m], b.resolve(m)
	if got := s.Resolve(m); got != up || s.Member(m, s.Now()).No != up {
		return fmt.Errorf("stands for %d, read as %d; want %d", got, s.Member(m, s.Now()).No, up)
	}
	if got, want := s.Index().Registered(m), b.earliest(m); got != want {
		return fmt.Errorf("for the index registered on %s; want %s", got, want)
	}
	if _, sealed := s.Profile(m); sealed != (p.keySlot != 0 && !p.erased) {
		return fmt.Errorf("a profile is sealed: %t", sealed)
	}
	if p.phone != 0 {
		if found, ok := s.ByPhone(p.phone); !ok || found != up {
			return fmt.Errorf("phone %d leads to %d, %t; want %d", p.phone, found, ok, up)
		}
	}
	if p.merged() {
		return nil
	}
	var got []string
	for _, c := range s.Cards(m) {
		k := b.cardOf(c.Number)
		if k == nil || k.carrier != c.Carrier || k.blocked != c.Blocked {
			return fmt.Errorf("card %+v; want %+v", c, k)
		}
		if one, ok := s.CardState(c.Number); !ok || one != c {
			return fmt.Errorf("card %+v is among those of the member %+v", one, c)
		}
		if found, ok := s.ByCard(c.Number); !ok || found != m {
			return fmt.Errorf("card %s leads to %d, %t", c.Number, found, ok)
		}
		got = append(got, c.Number)
	}
	if len(got) > 0 && got[0] != p.card {
		return fmt.Errorf("the first of the cards %q is not %s", got, p.card)
	}
	slices.Sort(got)
	if want := b.cards(m); !slices.Equal(got, want) {
		return fmt.Errorf("cards %q; want %q", got, want)
	}
	parts, want := s.Parts(m), append(b.parts(m), m)
	slices.Sort(parts)
	slices.Sort(want)
	if !p.erased && !slices.Equal(parts, want) {
		return fmt.Errorf("stands for %d; want %d", parts, want)
	}
	return nil
}

// sameSources compares how many members every source has brought.
func sameSources(s *State, b *clerk) error {
	for i := range s.terms {
		if t := &s.terms[i]; t.Kind == TermSource && t.Count != b.brought[t.ID] {
			return fmt.Errorf("source %s has brought %d; want %d", t.ID, t.Count, b.brought[t.ID])
		}
	}
	return nil
}

// legsExpired adds up what ran out with every leg, as byExpiry does.
func legsExpired(all []kopilka.LegExpired) (plain []kopilka.LegExpired) {
	by := map[int][]kopilka.Lot{}
	last := -1
	for _, x := range all {
		by[x.Leg] = append(by[x.Leg], x.Lot)
		last = max(last, x.Leg)
	}
	for leg := range last + 1 {
		for _, l := range byExpiry(by[leg]) {
			plain = append(plain, kopilka.LegExpired{Leg: leg, Lot: l})
		}
	}
	return plain
}
