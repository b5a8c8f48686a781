package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// lot is some of a member's points, in a list kept soonest to expire first.
// Members have a handful, so a list in one slab is the smallest form. Points
// with equal days are one lot, and a lot that can be spent has activates 0, so
// that lots which merely began on different days do not pile up.
type lot struct {
	left      int64
	next      uint32
	expires   kopilka.Day
	activates kopilka.Day
}

// add puts points into the member's lot of these days, making it if need be.
func (s *State) add(a *account, points kopilka.Points, activates, expires kopilka.Day) {
	if points == 0 {
		return
	}
	if activates <= s.day {
		activates = 0
	}
	var before uint32
	at := a.lots
	for at != 0 {
		l := s.lots.At(int(at))
		if l.expires > expires || l.expires == expires && l.activates >= activates {
			break
		}
		before, at = at, l.next
	}
	if at != 0 {
		if l := s.lots.At(int(at)); l.expires == expires && l.activates == activates {
			s.lots.Mut(int(at)).left += int64(points)
			return
		}
	}
	made := s.newLot(lot{left: int64(points), next: at, expires: expires, activates: activates})
	s.link(a, before, made)
}

func (s *State) newLot(l lot) uint32 {
	at := s.freeLot
	if at == 0 {
		return uint32(s.lots.Append(l))
	}
	s.freeLot = s.lots.At(int(at)).next
	*s.lots.Mut(int(at)) = l
	return at
}

// link makes at the lot after before, which is 0 for the head of the list.
func (s *State) link(a *account, before, at uint32) {
	if before == 0 {
		a.lots = at
	} else {
		s.lots.Mut(int(before)).next = at
	}
}

// drop takes the empty lot at out of the list and gives what follows it.
func (s *State) drop(a *account, before, at uint32) uint32 {
	next := s.lots.At(int(at)).next
	s.link(a, before, next)
	s.release(at)
	return next
}

// release puts a lot that is in no list on that of the free ones.
func (s *State) release(at uint32) {
	*s.lots.Mut(int(at)) = lot{next: s.freeLot}
	s.freeLot = at
}

// spend takes points from the lots that can be spent, soonest to expire first,
// and appends what it took from each to legs. The caller has checked that there
// are enough.
func (s *State) spend(a *account, points kopilka.Points, legs []kopilka.Lot) []kopilka.Lot {
	var before uint32
	for at := a.lots; at != 0 && points > 0; {
		l := s.lots.At(int(at))
		if l.activates > s.day {
			before, at = at, l.next
			continue
		}
		n := min(points, kopilka.Points(l.left))
		legs = append(legs, kopilka.Lot{Points: n, Activates: l.activates, Expires: l.expires})
		points -= n
		if int64(n) == l.left {
			at = s.drop(a, before, at)
			continue
		}
		s.lots.Mut(int(at)).left -= int64(n)
		before, at = at, l.next
	}
	return legs
}

// take takes up to points from the one lot of these days and gives how many it got.
func (s *State) take(a *account, points kopilka.Points, activates, expires kopilka.Day) kopilka.Points {
	if activates <= s.day {
		activates = 0
	}
	var before uint32
	for at := a.lots; at != 0; {
		l := s.lots.At(int(at))
		if l.expires != expires || l.activates != activates {
			before, at = at, l.next
			continue
		}
		n := min(points, kopilka.Points(l.left))
		if int64(n) == l.left {
			s.drop(a, before, at)
		} else {
			s.lots.Mut(int(at)).left -= int64(n)
		}
		return n
	}
	return 0
}

// available is what the member can spend on the books' day, pending what can be
// spent later, and held what is set aside at an instant. Points of a hold that
// lapses by then are free. It reads only, so that a quote can ask.
func (s *State) available(m kopilka.MemberNo, a *account, at kopilka.Time) (balance, pending, held kopilka.Points) {
	gone := s.inactive(a).gone
	if a.hasClaims() {
		balance, held = s.holdings(m, a, at)
	}
	if gone {
		return 0, 0, held
	}
	for at := a.lots; at != 0; {
		l := s.lots.At(int(at))
		switch {
		case l.expires < s.day:
		case l.activates > s.day:
			pending += kopilka.Points(l.left)
		default:
			balance += kopilka.Points(l.left)
		}
		at = l.next
	}
	return balance, pending, held
}

// walk goes over the lots of a member that are not held at an instant, soonest to
// expire first: his own, and those that holds have freed by then. What ran out
// while it was held comes with a last day before the books'.
type walk struct {
	s     *State
	own   uint32
	freed []kopilka.Lot
	lot   kopilka.Lot // where it stands
}

func (s *State) walk(m kopilka.MemberNo, a *account, at kopilka.Time, d draw) walk {
	w := walk{s: s, own: a.lots}
	if a.hasClaims() {
		w.freed = s.freed(m, a, at, d)
	}
	return w
}

func (w *walk) next() bool {
	if w.own != 0 {
		l := w.s.lots.At(int(w.own))
		if len(w.freed) == 0 || l.expires < w.freed[0].Expires || l.expires == w.freed[0].Expires && l.activates == 0 {
			w.own = l.next
			w.lot = kopilka.Lot{Points: kopilka.Points(l.left), Activates: l.activates, Expires: l.expires}
			return true
		}
	}
	if len(w.freed) == 0 {
		return false
	}
	w.lot, w.freed = w.freed[0], w.freed[1:]
	return true
}

// inactivity is how a member's whole balance ran out because nothing was bought
// for too long: last is the last day on which it was there.
type inactivity struct {
	gone bool
	last kopilka.Day
}

// ends is the last day of points that by themselves would live until expires.
func (i inactivity) ends(expires kopilka.Day) kopilka.Day {
	if i.gone {
		return min(expires, i.last)
	}
	return expires
}

// inactive tells whether the whole balance has run out since the account was
// last settled. It knows under which version that was, so a rule that is no
// longer in force is applied up to the day it was replaced, and not beyond.
func (s *State) inactive(a *account) inactivity {
	for v := max(a.version(), 1); v <= len(s.versions); v++ {
		until := s.day
		if v < len(s.versions) {
			until = s.versions[v].Day
		}
		if last, gone := s.versions[v-1].runsOut(a.active(), until); gone {
			return inactivity{gone: true, last: last}
		}
	}
	return inactivity{}
}

// runsOut tells whether the clock of inactivity, started on a day, has run out
// before another, and after which day. A month has 28 days at least, so most
// members are spared the calendar.
func (v *Version) runsOut(active, before kopilka.Day) (last kopilka.Day, gone bool) {
	e := &v.Program.Expiry
	if e.Policy != program.ExpiryInactivity || int(active)+28*e.Months >= int(before) {
		return 0, false
	}
	last = v.clock(active)
	return last, last < before
}

// clock is the last day of points under a rule of inactivity, for a member who
// was active on a day. A rule that came into force later counts from the day it
// did, and a shorter one leaves the points their day: nothing runs out before
// its rule was known.
func (v *Version) clock(active kopilka.Day) kopilka.Day {
	return max(max(active, v.clockFrom).AddMonths(v.Program.Expiry.Months), v.notBefore)
}

// inForce makes a version one of the state's, the newest.
func (s *State) inForce(v Version) {
	if n := len(s.versions); n > 0 {
		before := &s.versions[n-1]
		v.notBefore, v.clockFrom = v.Day, v.Day
		if before.Program.Expiry.Policy == program.ExpiryInactivity {
			v.clockFrom = before.clockFrom
		}
	}
	v.terms = s.termsOf(v.Program)
	s.versions = append(s.versions, v)
}

// settle brings the member up to the books' day and instant: what has run out is
// cleared away and put into the outcome, what has become spendable joins its like,
// and the points of holds that have lapsed are free.
func (s *State) settle(m kopilka.MemberNo, a *account, out *kopilka.Outcome) {
	whole := s.inactive(a)
	if whole.gone {
		a.cleared = max(a.cleared, whole.last)
	}
	if a.version() != len(s.versions) {
		a.setVersion(len(s.versions))
	}
	var before uint32
	for at := a.lots; at != 0; {
		l := s.lots.At(int(at))
		expires := whole.ends(l.expires)
		switch {
		case expires < s.day:
			if s.isNews(*s.toldDays.At(int(m)), 0, expires) {
				s.found(m)
			}
			out.Expired = append(out.Expired, kopilka.Lot{Points: kopilka.Points(l.left), Activates: l.activates, Expires: expires})
			s.books.Expired += kopilka.Points(l.left)
			at = s.drop(a, before, at)
		case l.activates != 0 && l.activates <= s.day:
			// Its place may be before other lots of the same expiry: out and in again.
			if s.isNews(*s.toldDays.At(int(m)), l.activates, expires) {
				s.found(m)
			}
			points := kopilka.Points(l.left)
			at = s.drop(a, before, at)
			s.add(a, points, 0, expires)
			// The list before this place may have grown; begin again. Each
			// round makes one lot spendable, so this ends.
			before, at = 0, a.lots
		default:
			before, at = at, l.next
		}
	}
	if a.hasClaims() {
		s.settleClaims(m, a, whole, out)
	}
}

// nextExpiry is the soonest points to run out of those that are not held at an
// instant, and their last day.
func (s *State) nextExpiry(m kopilka.MemberNo, a *account, at kopilka.Time) kopilka.Lot {
	if a.lots == 0 && !a.hasClaims() {
		return kopilka.Lot{}
	}
	return s.nextExpiryAfter(m, a, at, draw{}, a.active(), 0, kopilka.Lot{})
}

// nextExpiryAfter is that after a hold is drawn, points are spent, others given,
// and the clock of inactivity set to active.
func (s *State) nextExpiryAfter(m kopilka.MemberNo, a *account, at kopilka.Time, d draw, active kopilka.Day, spent kopilka.Points, given kopilka.Lot) kopilka.Lot {
	var next kopilka.Lot
	var all kopilka.Points
	count := func(points kopilka.Points, expires kopilka.Day) {
		all += points
		if expires == kopilka.DayNever || points == 0 || next.Points > 0 && next.Expires < expires {
			return
		}
		if next.Expires != expires {
			next = kopilka.Lot{Expires: expires}
		}
		next.Points += points
	}
	if !s.inactive(a).gone {
		for w := s.walk(m, a, at, d); w.next(); {
			points := w.lot.Points
			if w.lot.Expires < s.day {
				continue
			}
			if w.lot.Activates <= s.day {
				n := min(spent, points)
				spent -= n
				points -= n
			}
			count(points, w.lot.Expires)
		}
	}
	count(given.Points, given.Expires)
	if v := &s.versions[len(s.versions)-1]; v.Program.Expiry.Policy == program.ExpiryInactivity && all > 0 {
		last := v.clock(active)
		if next.Points == 0 || last <= next.Expires {
			return kopilka.Lot{Points: all, Expires: last}
		}
	}
	return next
}

// lifetime is the days between which points that were earned on day can be spent.
func lifetime(p *program.Program, day kopilka.Day, pendingDays int) (activates, expires kopilka.Day) {
	expires = kopilka.DayNever
	if p.Expiry.Policy == program.ExpiryLots {
		expires = day.AddMonths(p.Expiry.Months)
	}
	return day.AddDays(pendingDays), expires
}

// give adds points that the member has earned on day: they pay a debt first, and
// what has already run out, as on a receipt that arrives late, is gone at once.
func (s *State) give(m kopilka.MemberNo, a *account, points kopilka.Points, activates, expires kopilka.Day, out *kopilka.Outcome) {
	points = s.pay(m, points, out)
	if points == 0 {
		return
	}
	if expires < s.day {
		out.Expired = append(out.Expired, kopilka.Lot{Points: points, Activates: activates, Expires: expires})
		s.books.Expired += points
		return
	}
	s.wake(a)
	s.add(a, points, activates, expires)
}

// pay pays a debt with points and gives what is left of them.
func (s *State) pay(m kopilka.MemberNo, points kopilka.Points, out *kopilka.Outcome) kopilka.Points {
	debt := s.debts[m]
	paid := min(debt, points)
	if paid > 0 {
		s.owe(m, debt-paid)
		out.DebtPaid += paid
	}
	return points - paid
}

// wake starts the clock of inactivity anew for points that reach a member whose
// clock has run out: a gift to someone who has not come for years is not lost
// the same night.
func (s *State) wake(a *account) {
	if s.ranOut(a.active()) {
		a.setActive(s.day)
	}
}

// ranOut tells whether the clock of inactivity, started on a day, has run out
// under the program in force.
func (s *State) ranOut(active kopilka.Day) bool {
	_, gone := s.versions[len(s.versions)-1].runsOut(active, s.day)
	return gone
}

// owe sets a member's debt.
func (s *State) owe(m kopilka.MemberNo, debt kopilka.Points) {
	s.books.Debt += debt - s.debts[m]
	if debt == 0 {
		delete(s.debts, m)
	} else {
		s.debts[m] = debt
	}
}
