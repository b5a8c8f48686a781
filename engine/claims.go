package engine

import (
	"github.com/kopilka/kopilka"
)

// claim is something that a member has beside points: a hold, a certificate, the
// uses he has made of a coupon, a further card. Most members have none, and
// a plain receipt of those who have none does not look here: see hasClaims.
// The claims of a member are a list, the newest first.
type claim struct {
	seq   kopilka.Seq    // position of the command that made it
	value kopilka.Points // certificate: what it was given with
	left  kopilka.Points // certificate: value left; coupon: uses made
	until kopilka.Time   // hold: when it lapses
	next  uint32
	// at is of a hold the first of its lots, a list of its own; of a card its place in
	// moreCards; of a certificate the number of the member it was given to.
	at   uint32
	term kopilka.Term
	from kopilka.Day // certificate: first day it pays
	to   kopilka.Day // certificate: last day; hold: the day on which its lapse was told, 0 = it was not
	year uint8       // certificate: the year of its date, from 1900; 0 = by hand
	kind claimKind
}

type claimKind uint8

const (
	claimHold claimKind = iota + 1
	claimCertificate
	claimCoupon
	claimCard
	// What came over from a member who became part of this one lies between these
	// two, as it lay with him, cards included. Both have his number in at; the first
	// has the day of the books in from, and in to this member's own day of
	// registration, since the index has the earlier of both: see merge.
	claimPart
	claimPartEnd
)

// hasClaims tells whether the member has claims.
func (a *account) hasClaims() bool { return a.standing&claimsBit != 0 }

// addClaim puts a claim at the head of the member's list.
func (s *State) addClaim(m kopilka.MemberNo, a *account, c claim) *claim {
	c.next = s.firstClaim(m, a)
	at := s.newClaim(c)
	s.setFirstClaim(m, a, at)
	return s.claims.Mut(int(at))
}

func (s *State) newClaim(c claim) uint32 {
	at := s.freeClaim
	if at == 0 {
		return uint32(s.claims.Append(c))
	}
	s.freeClaim = s.claims.At(int(at)).next
	*s.claims.Mut(int(at)) = c
	return at
}

// setFirstClaim makes at the head of a member's list; 0 = he has none.
func (s *State) setFirstClaim(m kopilka.MemberNo, a *account, at uint32) {
	s.claimsOf.Grow(s.accounts.Len())
	*s.claimsOf.Mut(int(m)) = at
	if at == 0 {
		a.standing &^= claimsBit
	} else {
		a.standing |= claimsBit
	}
}

// freeUpClaim lets the place of a claim that is in no list be used again.
func (s *State) freeUpClaim(at uint32) {
	*s.claims.Mut(int(at)) = claim{next: s.freeClaim}
	s.freeClaim = at
}

// firstClaim is the head of a member's list; 0 = none.
func (s *State) firstClaim(m kopilka.MemberNo, a *account) uint32 {
	if !a.hasClaims() {
		return 0
	}
	return *s.claimsOf.At(int(m))
}

// dropClaim takes the claim at out of the member's list.
func (s *State) dropClaim(m kopilka.MemberNo, a *account, at uint32) {
	next := s.claims.At(int(at)).next
	if *s.claimsOf.At(int(m)) == at {
		s.setFirstClaim(m, a, next)
	} else {
		for before := *s.claimsOf.At(int(m)); ; before = s.claims.At(int(before)).next {
			if s.claims.At(int(before)).next == at {
				s.claims.Mut(int(before)).next = next
				break
			}
		}
	}
	s.freeUpClaim(at)
}

// settleClaims brings claims up to the books' instant and day: the points of holds
// that have lapsed are free, and certificates whose days are over are dropped, but
// for those of a date: they are the mark that their year had one. Where the whole balance has run out, what is held
// has too, although it can still be spent while it is held.
func (s *State) settleClaims(m kopilka.MemberNo, a *account, whole inactivity, out *kopilka.Outcome) {
	for at := s.firstClaim(m, a); at != 0; {
		c := s.claims.At(int(at))
		next := c.next
		if c.kind == claimHold && whole.gone {
			for i := c.at; i != 0; i = s.lots.At(int(i)).next {
				l := s.lots.Mut(int(i))
				l.expires = whole.ends(l.expires)
			}
		}
		switch {
		case c.kind == claimHold && c.until <= s.now:
			if s.isLapseNews(m, c) {
				s.found(m)
			}
			s.free(a, at, out)
			s.dropClaim(m, a, at)
		case c.kind == claimCertificate && c.to < s.day && c.year == byHand:
			s.dropClaim(m, a, at)
		}
		at = next
	}
}
