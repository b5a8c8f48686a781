package engine

import (
	"github.com/kopilka/kopilka"
)

// What came over from a part lies among the claims of who it is part of, between two
// that tell whose it is, so that it can go back as it is by then: see claimPart.

// eachPart calls f for the claim of every part of a member, not for parts of parts.
func (s *State) eachPart(m kopilka.MemberNo, a *account, f func(at uint32, c *claim)) {
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimPart {
			f(at, c)
			at = s.endOf(at)
		}
	}
}

// partOf is the place of the claim that makes from a part of into; 0 when it is
// not, or only through a third.
func (s *State) partOf(from, into kopilka.MemberNo, a *account) (found uint32) {
	s.eachPart(into, a, func(at uint32, c *claim) {
		if c.at == uint32(from) {
			found = at
		}
	})
	return found
}

// endOf is the place of the end of the part that begins at begin.
func (s *State) endOf(begin uint32) uint32 {
	no := s.claims.At(int(begin)).at
	at := s.claims.At(int(begin)).next
	for c := s.claims.At(int(at)); c.kind != claimPartEnd || c.at != no; c = s.claims.At(int(at)) {
		at = c.next
	}
	return at
}

// fence puts the claims of from at the head of those of into, between two that
// tell whose they are.
func (s *State) fence(fromNo kopilka.MemberNo, from *account, intoNo kopilka.MemberNo, into *account, own kopilka.Day) {
	end := s.newClaim(claim{kind: claimPartEnd, seq: s.seq, at: uint32(fromNo), next: s.firstClaim(intoNo, into)})
	first := s.firstClaim(fromNo, from)
	if first == 0 {
		first = end
	} else {
		s.claims.Mut(int(s.lastClaim(first, 0))).next = end
		s.setFirstClaim(fromNo, from, 0)
	}
	begin := s.newClaim(claim{kind: claimPart, seq: s.seq, at: uint32(fromNo), from: s.day, to: own, next: first})
	s.setFirstClaim(intoNo, into, begin)
}

// unfence takes the part that begins at begin out again, with what it has by now.
func (s *State) unfence(begin uint32, fromNo kopilka.MemberNo, from *account, intoNo kopilka.MemberNo, into *account) {
	end := s.endOf(begin)
	first, next := s.claims.At(int(begin)).next, s.claims.At(int(end)).next
	if before := s.lastClaim(s.firstClaim(intoNo, into), begin); before == 0 {
		s.setFirstClaim(intoNo, into, next)
	} else {
		s.claims.Mut(int(before)).next = next
	}
	if first != end {
		s.claims.Mut(int(s.lastClaim(first, end))).next = 0
		s.setFirstClaim(fromNo, from, first)
	}
	s.freeUpClaim(begin)
	s.freeUpClaim(end)
}

// lastClaim is the place before end in the list that begins at first; 0 when that is end.
func (s *State) lastClaim(first, end uint32) (last uint32) {
	for at := first; at != end; at = s.claims.At(int(at)).next {
		last = at
	}
	return last
}

// cleared is the last day of what inactivity took of points that came to a
// number: while it was part of another, from that one.
func (s *State) cleared(m kopilka.MemberNo) kopilka.Day {
	a := s.accounts.At(int(m))
	last := a.cleared
	for a.merged() {
		at := s.partSince(m)
		m = s.merged[m]
		a = s.accounts.At(int(m))
		if a.cleared >= at {
			last = max(last, a.cleared)
		}
	}
	return last
}

// partSince is the day of the books on which a number became part of another.
func (s *State) partSince(m kopilka.MemberNo) kopilka.Day {
	all := s.resolve(m)
	for at := s.firstClaim(all, s.accounts.At(int(all))); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimPart && c.at == uint32(m) {
			return c.from
		}
	}
	return kopilka.DayNever // of nobody's: see erase
}

// registered is the day on which a number itself was registered. The index has the
// earliest of it and its parts, who may have bought before.
func (s *State) registered(m kopilka.MemberNo) kopilka.Day {
	all := s.resolve(m)
	for at := s.firstClaim(all, s.accounts.At(int(all))); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimPart && s.merged[kopilka.MemberNo(c.at)] == m {
			return c.to
		}
	}
	return s.index.Registered(m)
}

// earliest is the day of registration for the index, own being the member's.
func (s *State) earliest(m kopilka.MemberNo, a *account, own kopilka.Day) kopilka.Day {
	first := own
	s.eachPart(m, a, func(_ uint32, c *claim) {
		first = min(first, s.index.Registered(kopilka.MemberNo(c.at)))
	})
	return first
}

// register sets a member's own day of registration.
func (s *State) register(m kopilka.MemberNo, a *account, own kopilka.Day) {
	s.eachPart(m, a, func(at uint32, _ *claim) { s.claims.Mut(int(at)).to = own })
	s.index.Enrol(m, s.earliest(m, a, own))
}
