package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// A member who is found to be the same person as another becomes a part of him.
// The number stays, with its card, its phone and whom it invited, and leads to
// the other: everything that names a member asks resolve first. What counts,
// points, claims and purchases, goes over, so that nothing has to be added up of
// parts. An unmerge lets the number stand for itself again.

// resolve is the member that a number stands for: its own, unless it is part of another.
func (s *State) resolve(m kopilka.MemberNo) kopilka.MemberNo {
	return s.resolveUpTo(m, kopilka.NoMember)
}

// resolveUpTo goes no further than stop.
func (s *State) resolveUpTo(m, stop kopilka.MemberNo) kopilka.MemberNo {
	for {
		if int64(m) >= int64(s.accounts.Len()) {
			panic(fmt.Sprintf("engine: position %d names member %d of %d", s.seq, m, s.accounts.Len()))
		}
		if m == stop || !s.accounts.At(int(m)).merged() {
			return m
		}
		m = s.merged[m]
	}
}

// person is the member that a number stands for, and his account; false when he
// was erased.
func (s *State) person(no kopilka.MemberNo) (m kopilka.MemberNo, a *account, ok bool) {
	m = s.resolve(no)
	a = s.member(m)
	return m, a, !a.erased()
}

// Resolve is the member that a number below Members stands for.
func (s *State) Resolve(m kopilka.MemberNo) kopilka.MemberNo { return s.resolve(m) }

// LeadsThrough tells whether a number is the one that is part of another, or leads to it.
func (s *State) LeadsThrough(m, part kopilka.MemberNo) bool { return s.resolveUpTo(m, part) == part }

// Parts are the numbers that stand for the same member as m: his own, then those
// that are part of him, the newest first.
func (s *State) Parts(m kopilka.MemberNo) []kopilka.MemberNo {
	m = s.resolve(m)
	parts := []kopilka.MemberNo{m}
	for at := s.firstClaim(m, s.accounts.At(int(m))); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimPart {
			parts = append(parts, kopilka.MemberNo(c.at))
		}
	}
	return parts
}

// merge makes From a part of Into.
func (s *State) merge(c *kopilka.Merge, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	from, into := s.member(c.From), s.member(c.Into)
	if c.From == c.Into || from.merged() || into.merged() || from.erased() || into.erased() {
		refuse(out, kopilka.AlreadyMerged)
		return
	}
	if from.blocked() || into.blocked() {
		refuse(out, kopilka.MemberBlocked) // or the merge would free him
		return
	}
	if s.standsAbove(c.From, into.invitedBy()) {
		refuse(out, kopilka.ReferralCycle)
		return
	}
	balance, pending, held := s.available(c.From, from, s.now)
	if s.overfull(c.Into, into, balance+pending+held, out) || overspent(s.purchases(c.Into), s.purchases(c.From), out) {
		return
	}

	s.flagDormant(from, out)
	s.flagDormant(into, out)
	s.settle(c.From, from, out)
	leg := kopilka.Leg{Member: c.From, Kind: kopilka.LegMerged, Prev: from.lastEntry()}
	for _, l := range out.Expired {
		out.LegsExpired = append(out.LegsExpired, kopilka.LegExpired{Lot: l})
	}
	out.Expired = out.Expired[:0]
	s.settle(c.Into, into, out)

	for from.lots != 0 {
		l := *s.lots.At(int(from.lots))
		s.drop(from, 0, from.lots)
		s.add(into, kopilka.Points(l.left), l.activates, l.expires)
		out.Moved = append(out.Moved, l.lot())
	}
	out.Moved = s.heldOf(s.firstClaim(c.From, from), 0, out.Moved)
	out.MovedDebt = s.debts[c.From]
	s.owe(c.From, 0)
	s.owe(c.Into, s.debts[c.Into]+out.MovedDebt)
	into.setActive(max(into.active(), from.active()))
	into.standing |= from.standing & (welcomedBit | broughtBit)

	out.Purchases = s.index.Bought(c.From, out.Purchases)
	s.index.Move(c.From, c.Into, out.Purchases)
	s.index.Leave(c.From)
	into.tier = max(into.tier, from.tier)
	delete(s.above, c.From)
	s.raise(c.Into, into, s.Program())
	s.mayFall(c.Into, into)

	own := s.registered(c.Into)
	if registered := s.index.Registered(c.From); registered < s.index.Registered(c.Into) {
		s.index.Enrol(c.Into, registered)
	}
	s.fence(c.From, from, c.Into, into, own)
	from.standing |= mergedBit
	s.merged[c.From] = c.Into

	leg.Points = out.MovedDebt - sumLots(out.Moved)
	from.setEntry(s.seq)
	out.Legs = append(out.Legs, leg)
	s.enter(c.Into, into, out)
}

// unmerge lets From stand for itself again. It gets what it brought, as far as
// that is still there.
func (s *State) unmerge(c *kopilka.Unmerge, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	from, into := s.member(c.From), s.member(c.Into)
	begin := s.partOf(c.From, c.Into, into)
	if begin == 0 || s.claims.At(int(begin)).seq != c.MergeSeq {
		refuse(out, kopilka.NotMerged)
		return
	}
	if into.lastEntry() != c.Last {
		refuse(out, kopilka.Stale)
		return
	}
	if s.standsAbove(c.From, from.invitedBy()) {
		refuse(out, kopilka.ReferralCycle)
		return
	}
	if !s.index.CanMove(c.Into, c.Purchases) {
		refuse(out, kopilka.NotMerged) // what was looked up cannot be true: the books stay as they are
		return
	}

	s.settle(c.Into, into, out)
	merged := s.claims.At(int(begin)).from
	own := s.registered(c.Into)
	s.unfence(begin, c.From, from, c.Into, into)
	from.standing &^= mergedBit
	delete(s.merged, c.From)
	s.index.Enrol(c.Into, s.earliest(c.Into, into, own))

	from.setVersion(len(s.versions))
	from.setActive(max(from.active(), into.active())) // nobody knows whose visits they were
	if into.cleared >= merged {
		from.cleared = max(from.cleared, into.cleared)
	}
	s.giveBackMoved(c, from, into, merged, out)
	out.MovedDebt = min(c.Debt, s.debts[c.Into])
	s.owe(c.Into, s.debts[c.Into]-out.MovedDebt)
	s.owe(c.From, out.MovedDebt)

	out.Purchases = append(out.Purchases, c.Purchases...)
	s.index.Move(c.Into, c.From, out.Purchases)
	s.index.Return(c.From)
	s.mayFall(c.Into, into)
	s.raise(c.From, from, s.Program())
	s.mayFall(c.From, from)

	leg := kopilka.Leg{Member: c.From, Kind: kopilka.LegUnmerged, Points: sumLots(out.Moved) - out.MovedDebt, Prev: from.lastEntry()}
	from.setEntry(s.seq)
	leg.Balance, leg.Pending, leg.Held = s.available(c.From, from, s.now)
	leg.Debt = s.debts[c.From]
	out.Legs = append(out.Legs, leg)
	s.enter(c.Into, into, out)
}

// giveBackMoved gives From the points it brought, lot by lot, as far as Into has
// them, and for what is missing of these others of Into's, soonest to expire
// first. What has run out meanwhile ran out for both: nobody gets other points
// for it. Merged is the day of the merge.
func (s *State) giveBackMoved(c *kopilka.Unmerge, from, into *account, merged kopilka.Day, out *kopilka.Outcome) {
	held := s.heldOf(s.firstClaim(c.From, from), 0, nil)
	out.Moved = append(out.Moved, held...)
	var missing kopilka.Points
	for _, l := range c.Points {
		alike := func(h kopilka.Lot) bool { return h.Activates == l.Activates && h.Expires == l.Expires }
		if i := slices.IndexFunc(held, alike); i >= 0 { // went back with its hold
			n := min(l.Points, held[i].Points)
			l.Points -= n
			held[i].Points -= n
		}
		if l.Expires < s.day || into.cleared >= merged {
			continue
		}
		n := s.take(into, l.Points, l.Activates, l.Expires)
		missing += l.Points - n
		out.Moved = s.handOver(from, n, l, out.Moved)
	}
	available, _, _ := s.available(c.Into, into, s.now)
	s.sale.legs = s.spend(into, min(missing, available), s.sale.legs[:0])
	for _, l := range s.sale.legs {
		out.Moved = s.handOver(from, l.Points, l, out.Moved)
	}
}

// handOver adds points of a lot to a member, and to what is told of them.
func (s *State) handOver(a *account, points kopilka.Points, l kopilka.Lot, told []kopilka.Lot) []kopilka.Lot {
	if points == 0 {
		return told
	}
	s.wake(a)
	s.add(a, points, l.Activates, l.Expires)
	l.Points = points
	if l.Activates <= s.day {
		l.Activates = 0
	}
	return tellLot(told, l)
}

// standsAbove tells whether m is among up, who invited him, and so on.
func (s *State) standsAbove(m, up kopilka.MemberNo) bool {
	for up != kopilka.NoMember {
		up = s.resolveUpTo(up, m)
		if up == m {
			return true
		}
		up = s.accounts.At(int(up)).invitedBy()
	}
	return false
}

// invitedBy is the number that was named when the member was invited; NoMember.
func (a *account) invitedBy() kopilka.MemberNo { return kopilka.MemberNo(a.referrer) - 1 }

// InvitedBy is the number that was named when a number was enrolled; NoMember for
// who came by himself, and for who was forgotten.
func (s *State) InvitedBy(m kopilka.MemberNo) kopilka.MemberNo {
	a := s.accounts.At(int(m))
	if a.erased() {
		return kopilka.NoMember
	}
	return a.invitedBy()
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

// heldOf adds up what the holds among claims have set aside.
func (s *State) heldOf(first, end uint32, lots []kopilka.Lot) []kopilka.Lot {
	for at := first; at != end; at = s.claims.At(int(at)).next {
		c := s.claims.At(int(at))
		if c.kind != claimHold {
			continue
		}
		for i := c.at; i != 0; i = s.lots.At(int(i)).next {
			lots = tellLot(lots, s.lots.At(int(i)).lot())
		}
	}
	return lots
}

// lot is the lot in the words of outcomes.
func (l *lot) lot() kopilka.Lot {
	return kopilka.Lot{Points: kopilka.Points(l.left), Activates: l.activates, Expires: l.expires}
}

// tellLot adds a lot to a list that is kept soonest to expire first.
func tellLot(lots []kopilka.Lot, l kopilka.Lot) []kopilka.Lot {
	i, known := slices.BinarySearchFunc(lots, l, func(a, b kopilka.Lot) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(a.Activates, b.Activates))
	})
	if known {
		lots[i].Points += l.Points
		return lots
	}
	return slices.Insert(lots, i, l)
}

func sumLots(lots []kopilka.Lot) (n kopilka.Points) {
	for _, l := range lots {
		n += l.Points
	}
	return n
}

// checkPart proves that a number which is part of another leads to a member, and
// that nothing is left with it.
func (s *State) checkPart(m kopilka.MemberNo, a *account) error {
	into, known := s.merged[m]
	if known != a.merged() {
		return fmt.Errorf("member %d is part of another by his row %t, by the list of parts %t", m, a.merged(), known)
	}
	if !known {
		return nil
	}
	for steps, up := 0, into; ; steps++ {
		if int(up) >= s.accounts.Len() || steps > len(s.merged) {
			return fmt.Errorf("member %d is part of member %d, who leads to nobody after %d steps", m, into, steps)
		}
		if !s.accounts.At(int(up)).merged() {
			break
		}
		up = s.merged[up]
	}
	if _, falls := s.above[m]; falls {
		return fmt.Errorf("member %d is part of member %d and on the way down", m, into)
	}
	at := s.index.Standing(m)
	if a.lots != 0 || a.hasClaims() || s.debts[m] != 0 || at.RecencyDays != -1 || at.Frequency != 0 {
		return fmt.Errorf("member %d is part of member %d and has lots from %d, claims %t, debt %d, and bought as %+v",
			m, into, a.lots, a.hasClaims(), s.debts[m], at)
	}
	return nil
}

// checkClaims proves that every claim is in one list or free, that parts begin
// and end in pairs and are those of State.merged, and that cards lead to whom they
// were given to.
func (s *State) checkClaims() error {
	seen, more, parts := 0, 0, 0
	for m := range kopilka.MemberNo(s.accounts.Len()) {
		var open []uint32
		at := s.firstClaim(m, s.accounts.At(int(m)))
		for ; at != 0; at = s.claims.At(int(at)).next {
			if seen++; seen >= s.claims.Len() {
				return fmt.Errorf("the claims of member %d go in a circle", m)
			}
			switch c := s.claims.At(int(at)); c.kind {
			case claimPart:
				open = append(open, c.at)
				parts++
				if into := s.merged[kopilka.MemberNo(c.at)]; len(open) == 1 && into != m || len(open) > 1 && uint32(into) != open[len(open)-2] {
					return fmt.Errorf("what came over from member %d lies with member %d, and he is part of member %d", c.at, m, into)
				}
			case claimPartEnd:
				if len(open) == 0 || open[len(open)-1] != c.at {
					return fmt.Errorf("the part of member %d ends among the claims of member %d where none began", c.at, m)
				}
				open = open[:len(open)-1]
			case claimCertificate:
				if c.left < 0 || c.left > c.value || c.from > c.to || int(c.term) > len(s.terms) || s.terms[c.term-1].Kind != TermCertificate {
					return fmt.Errorf("member %d has a certificate of term %d with %d of %d left, %s-%s", m, c.term, c.left, c.value, c.from, c.to)
				}
			case claimCoupon:
				if c.left <= 0 || int(c.term) > len(s.terms) || s.terms[c.term-1].Kind != TermInstrument {
					return fmt.Errorf("member %d has used the instrument of term %d %d times", m, c.term, c.left)
				}
			case claimCard:
				x := s.moreCards.At(int(c.at))
				if s.resolve(kopilka.MemberNo(x.member)) != m {
					return fmt.Errorf("a card of member %d lies with member %d", x.member, m)
				}
				if x.spare {
					break
				}
				more++
				if found, at, ok := s.findCard(s.numberOf(&x.number)); !ok || at != c.at || uint32(found) != x.member {
					return fmt.Errorf("card %s of member %d leads to member %d", s.numberOf(&x.number), x.member, found)
				}
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("%d parts of member %d do not end", len(open), m)
		}
	}
	for at := s.freeClaim; at != 0; at = s.claims.At(int(at)).next {
		if seen++; seen >= s.claims.Len() {
			return fmt.Errorf("the free claims go in a circle")
		}
	}
	if seen != s.claims.Len()-1 {
		return fmt.Errorf("%d claims are in use or free, of %d", seen, s.claims.Len()-1)
	}
	gone := 0
	for from := range s.merged {
		if s.accounts.At(int(from)).erased() {
			gone++
		}
	}
	if more != s.byMore.used() || parts+gone != len(s.merged) {
		return fmt.Errorf("%d further cards and %d parts are in lists, of %d and %d, %d of them erased", more, parts, s.byMore.used(), len(s.merged), gone)
	}
	return nil
}
