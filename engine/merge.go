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
	s.index.Rejoin(c.From)
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

// handOver adds points of a lot to a member, and to the list of those that moved.
func (s *State) handOver(a *account, points kopilka.Points, l kopilka.Lot, moved []kopilka.Lot) []kopilka.Lot {
	if points == 0 {
		return moved
	}
	s.wake(a)
	s.add(a, points, l.Activates, l.Expires)
	l.Points = points
	if l.Activates <= s.day {
		l.Activates = 0
	}
	return putLot(moved, l)
}

// heldOf adds up what the holds among claims have set aside.
func (s *State) heldOf(first, end uint32, lots []kopilka.Lot) []kopilka.Lot {
	for at := first; at != end; at = s.claims.At(int(at)).next {
		c := s.claims.At(int(at))
		if c.kind != claimHold {
			continue
		}
		for i := c.at; i != 0; i = s.lots.At(int(i)).next {
			lots = putLot(lots, s.lots.At(int(i)).lot())
		}
	}
	return lots
}

// lot is the lot in the words of outcomes.
func (l *lot) lot() kopilka.Lot {
	return kopilka.Lot{Points: kopilka.Points(l.left), Activates: l.activates, Expires: l.expires}
}

// putLot adds a lot to a list that is kept soonest to expire first.
func putLot(lots []kopilka.Lot, l kopilka.Lot) []kopilka.Lot {
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
