package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// A hold is points of some of the member's lots, taken out of his list and put into
// one of its own, so that nothing else can spend them. They stay his: balance and
// pending are less, held is more, and the books' sums do not move. At its instant
// the hold lapses, whoever looks: reads count it as lapsed from then on, and the
// lots go back when the member is next touched. What has run out meanwhile, by
// itself or with the whole balance, runs out then; while the hold lasts
// it can still be spent.

// hold sets points aside for an order.
func (s *State) hold(c *kopilka.Hold, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	out.Program = s.versionAt(c.At)
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	if a.blocked() {
		refuse(out, kopilka.MemberBlocked)
		return
	}
	if !s.versions[out.Program-1].Program.RedeemAllowedBy[c.NamedBy] {
		refuse(out, kopilka.RedeemNotPermitted)
		return
	}
	if available, _, _ := s.available(m, a, s.now); c.Points > available {
		out.Available, out.Requested = available, c.Points
		refuse(out, kopilka.InsufficientPoints)
		return
	}

	s.settle(m, a, out)
	s.sale.legs = s.spend(a, c.Points, s.sale.legs[:0])
	var lots uint32
	for _, l := range slices.Backward(s.sale.legs) {
		lots = s.newLot(lot{left: int64(l.Points), next: lots, expires: l.Expires})
	}
	s.addClaim(m, a, claim{seq: s.seq, until: c.Until, at: lots, kind: claimHold})
	out.HeldBack = c.Points
	s.enter(m, a, out)
}

// capture spends points of a hold as a redemption spends points of the balance; what
// it does not spend is free. An amount says how much of a receipt there is
// for the cap; without one there is no cap.
func (s *State) capture(c *kopilka.Capture, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	out.Program = s.versionAt(c.At)
	p := s.versions[out.Program-1].Program
	m, a, ok := s.person(c.Member)
	if !ok {
		refuse(out, kopilka.MemberNotFound)
		return
	}
	if a.blocked() {
		refuse(out, kopilka.MemberBlocked)
		return
	}
	held, ok := s.held(m, a, c.Hold.Seq, s.now)
	if !ok {
		refuse(out, kopilka.HoldExpired)
		return
	}
	cap := kopilka.Points(kopilka.BalanceMax)
	if c.Amount > 0 {
		cap = kopilka.Points(kopilka.AtRate(int64(c.Amount), p.Tiers[s.tierIn(m, a, p)].MaxRedeemBP, kopilka.Floor))
	}
	points := c.Points
	out.MaxRedeem = min(cap, held)
	switch {
	case points == kopilka.RedeemMax:
		points = out.MaxRedeem
	case points > cap:
		out.Requested, out.Available = points, held
		refuse(out, kopilka.RedeemCapExceeded)
		return
	case points > held:
		out.Requested, out.Available = points, held
		refuse(out, kopilka.InsufficientPoints)
		return
	}

	s.settle(m, a, out)
	s.drawHold(m, a, draw{c.Hold.Seq, points}, out)
	out.Redeemed = points
	s.paidWithout(&c.Deed, c.Amount, p, out)
	s.enter(m, a, out)
}

// void frees the points of a hold. Who is blocked gets his back too.
func (s *State) void(c *kopilka.Void, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	m, a, _ := s.person(c.Member)
	if _, ok := s.held(m, a, c.Hold.Seq, s.now); !ok {
		refuse(out, kopilka.HoldExpired)
		return
	}
	s.settle(m, a, out)
	s.drawHold(m, a, draw{hold: c.Hold.Seq}, out)
	s.enter(m, a, out)
}

// draw is what a command spends of a hold; the rest of the hold is free. The zero
// draw is of no hold.
type draw struct {
	hold   kopilka.Seq
	points kopilka.Points
}

// held is how many points the member's hold made at seq holds at an instant, all of
// which can be spent; false when it was captured, voided, or has lapsed by then.
func (s *State) held(m kopilka.MemberNo, a *account, seq kopilka.Seq, at kopilka.Time) (points kopilka.Points, ok bool) {
	c := s.findHold(m, a, seq)
	if c == 0 || s.claims.At(int(c)).until <= at {
		return 0, false
	}
	return s.holds(c), true
}

// drawHold spends points of a hold, soonest to expire first, frees the rest, and
// ends the hold. What it spent stands in out.Left.Spent, with the days that the
// lots have even where they ran out while they were held; what it freed in
// out.HeldBack. The caller has settled the member and asked held.
func (s *State) drawHold(m kopilka.MemberNo, a *account, d draw, out *kopilka.Outcome) {
	c := s.findHold(m, a, d.hold)
	for d.points > 0 {
		at := s.claims.At(int(c)).at
		l := s.lots.At(int(at))
		n := min(d.points, kopilka.Points(l.left))
		out.Left.Spent = appendLike(out.Left.Spent, kopilka.Lot{Points: n, Expires: l.expires})
		d.points -= n
		if int64(n) < l.left {
			s.lots.Mut(int(at)).left -= int64(n)
			break
		}
		s.claims.Mut(int(c)).at = l.next
		s.release(at)
	}
	out.HeldBack = s.free(a, c, out)
	s.dropClaim(m, a, c)
}

// free puts the lots of the hold at c back among the member's; those that have run
// out meanwhile run out now.
func (s *State) free(a *account, c uint32, out *kopilka.Outcome) (freed kopilka.Points) {
	hold := s.claims.Mut(int(c))
	for hold.at != 0 {
		at := hold.at
		l := *s.lots.At(int(at))
		hold.at = l.next
		s.release(at)
		points := kopilka.Points(l.left)
		freed += points
		if l.expires < s.day {
			out.Expired = append(out.Expired, l.lot())
			s.books.Expired += points
			continue
		}
		s.add(a, points, 0, l.expires)
	}
	return freed
}

// findHold is the place of the member's hold made at seq; 0 = there is none.
func (s *State) findHold(m kopilka.MemberNo, a *account, seq kopilka.Seq) uint32 {
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimHold && c.seq == seq {
			return at
		}
	}
	return 0
}

// holds is how many points the hold at c holds.
func (s *State) holds(c uint32) (points kopilka.Points) {
	for at := s.claims.At(int(c)).at; at != 0; {
		l := s.lots.At(int(at))
		points += kopilka.Points(l.left)
		at = l.next
	}
	return points
}

// holdings adds up the member's holds at an instant: what those that have lapsed by
// then give back to the balance, and what the others hold.
func (s *State) holdings(m kopilka.MemberNo, a *account, at kopilka.Time) (freed, held kopilka.Points) {
	gone := s.inactive(a).gone
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		c := s.claims.At(int(i))
		switch {
		case c.kind != claimHold:
		case c.until > at:
			held += s.holds(i)
		case !gone:
			freed += s.rest(draw{}, i)
		}
	}
	return freed, held
}

// of is how many points the draw spends of a hold.
func (d draw) of(c *claim) kopilka.Points {
	if d.hold != c.seq {
		return 0
	}
	return d.points
}

// rest is how many points a draw leaves of the hold at c that have not run out by
// themselves.
func (s *State) rest(d draw, c uint32) (points kopilka.Points) {
	spent := d.of(s.claims.At(int(c)))
	for j := s.claims.At(int(c)).at; j != 0; j = s.lots.At(int(j)).next {
		l := s.lots.At(int(j))
		n := min(spent, kopilka.Points(l.left))
		spent -= n
		if l.expires >= s.day {
			points += kopilka.Points(l.left) - n
		}
	}
	return points
}

// freedBy is how many points a draw frees, for a quote: what it leaves of its hold
// and has not run out meanwhile.
func (s *State) freedBy(m kopilka.MemberNo, a *account, d draw) kopilka.Points {
	c := s.findHold(m, a, d.hold)
	if c == 0 || s.inactive(a).gone {
		return 0
	}
	return s.rest(d, c)
}

// freed is the lots that holds give back by an instant, soonest to expire first: of
// those that lapse by then, and what d leaves of the hold that it draws.
func (s *State) freed(m kopilka.MemberNo, a *account, at kopilka.Time, d draw) (lots []kopilka.Lot) {
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		c := s.claims.At(int(i))
		if c.kind != claimHold || c.until > at && c.seq != d.hold {
			continue
		}
		spent := d.of(c)
		for j := c.at; j != 0; j = s.lots.At(int(j)).next {
			l := s.lots.At(int(j))
			n := min(spent, kopilka.Points(l.left))
			spent -= n
			if rest := kopilka.Points(l.left) - n; rest > 0 {
				lots = append(lots, kopilka.Lot{Points: rest, Expires: l.expires})
			}
		}
	}
	slices.SortFunc(lots, func(a, b kopilka.Lot) int { return cmp.Compare(a.Expires, b.Expires) })
	return lots
}

// HeldFor is points that the hold made at Seq sets aside until an instant.
type HeldFor struct {
	Seq    kopilka.Seq
	Points kopilka.Points
	Until  kopilka.Time
}

// holdsOf is the member's holds that have not lapsed at an instant, the oldest first.
func (s *State) holdsOf(m kopilka.MemberNo, a *account, at kopilka.Time) (all []HeldFor) {
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		if c := s.claims.At(int(i)); c.kind == claimHold && c.until > at {
			all = append(all, HeldFor{Seq: c.seq, Points: s.holds(i), Until: c.until})
		}
	}
	slices.SortFunc(all, func(a, b HeldFor) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// heldLots adds the lots that are held at an instant to those of a member, and gives
// how many points they are.
func (s *State) heldLots(m kopilka.MemberNo, a *account, at kopilka.Time, lots *[]kopilka.Lot) (held kopilka.Points) {
	whole := s.inactive(a)
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		c := s.claims.At(int(i))
		if c.kind != claimHold || c.until <= at {
			continue
		}
		for j := c.at; j != 0; j = s.lots.At(int(j)).next {
			l := s.lots.At(int(j))
			held += kopilka.Points(l.left)
			*lots = append(*lots, kopilka.Lot{Points: kopilka.Points(l.left), Expires: whole.ends(l.expires)})
		}
	}
	if held == 0 {
		return 0
	}
	slices.SortFunc(*lots, func(a, b kopilka.Lot) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(a.Activates, b.Activates))
	})
	all := (*lots)[:0]
	for _, l := range *lots {
		all = appendLike(all, l)
	}
	*lots = all
	return held
}

// checkHolds proves that the holds of a member hold something, soonest to expire
// first, and that none was told to have lapsed that has not; it gives how many points
// they hold, and in how many lots.
func (s *State) checkHolds(m kopilka.MemberNo, a *account) (held kopilka.Points, lots int, err error) {
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		c := s.claims.At(int(i))
		if c.kind != claimHold {
			continue
		}
		if c.at == 0 {
			return 0, 0, fmt.Errorf("the hold %d of member %d holds nothing", c.seq, m)
		}
		if c.lapseTold() && (c.until > s.now || c.to > s.day) {
			return 0, 0, fmt.Errorf("of the hold %d of member %d was told, on %s, that it has lapsed: today is %s", c.seq, m, c.to, s.day)
		}
		var last kopilka.Day
		for j := c.at; j != 0; {
			l := s.lots.At(int(j))
			if l.left <= 0 || l.activates != 0 || l.expires < last {
				return 0, 0, fmt.Errorf("the hold %d of member %d has a lot of %d points, %s-%s, behind one to %s", c.seq, m, l.left, l.activates, l.expires, last)
			}
			held += kopilka.Points(l.left)
			last, j = l.expires, l.next
			if lots++; lots > s.lots.Len() {
				return 0, 0, fmt.Errorf("the held lots of member %d go in a circle", m)
			}
		}
	}
	return held, lots, nil
}
