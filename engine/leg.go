package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Legs are points that a command brings to members beside what the buyer earns:
// a welcome, thanks for bringing a friend, shares of the circles above a buyer.
// They are planned before the first write, paid after the buyer is, and told with
// the receipt as one record.

// circlesMax is how many circles above a buyer can have a share.
const circlesMax = 3

// upline is the member who invited m, or NoMember.
func (s *State) upline(m kopilka.MemberNo) kopilka.MemberNo {
	up := s.accounts.At(int(m)).invitedBy()
	if up == kopilka.NoMember {
		return up
	}
	return s.resolve(up)
}

// planLegs names what the receipt brings: the welcome and what is paid once if it
// is the buyer's first, and the shares of the circles above.
func (s *State) planLegs(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) {
	p := x.version.Program
	if c.Amount > 0 && (p.Welcome.Points > 0 || p.Referral.Once.Referrer > 0 || p.Referral.Once.Referee > 0) &&
		!s.index.HasBought(x.member) {
		if p.Welcome.Trigger == program.AtFirstPurchase {
			s.planWelcome(x.member, x.account, p, out)
		}
		if p.Referral.Once.Trigger == program.AtFirstPurchase {
			s.planOnce(x.member, x.account, p, out)
		}
	}
	if len(p.Referral.Levels) > 0 {
		s.planLevels(x.member, sum(x.earns), p.Referral.Levels, out)
	}
}

// planWelcome names the welcome, unless it was given.
func (s *State) planWelcome(m kopilka.MemberNo, a *account, p *program.Program, out *kopilka.Outcome) {
	if a.standing&welcomedBit == 0 {
		s.planFor(m, kopilka.LegWelcome, p.Welcome.Points, out)
	}
}

// planOnce names what a friend brings once to who invited him, and to himself.
func (s *State) planOnce(m kopilka.MemberNo, a *account, p *program.Program, out *kopilka.Outcome) {
	up := s.upline(m)
	if up == kopilka.NoMember || up == m || a.standing&broughtBit != 0 {
		return
	}
	once := &p.Referral.Once
	s.planFor(up, kopilka.LegReferrer, once.Referrer, out)
	s.planFor(m, kopilka.LegReferee, once.Referee, out)
}

// planLevels names the shares of the circles above a buyer, each of the whole
// base and rounded down. Nobody is skipped: who may get nothing keeps the place.
func (s *State) planLevels(m kopilka.MemberNo, base int64, levels []kopilka.BP, out *kopilka.Outcome) {
	var above [circlesMax]kopilka.MemberNo
	up := m
	for i, rate := range levels {
		up = s.upline(up)
		// Links make no circle; duplicates that were made one may have closed one.
		if up == kopilka.NoMember || up == m || i > 0 && up == above[0] || i > 1 && up == above[1] {
			return
		}
		above[i] = up
		s.planFor(up, kopilka.LegLevel1+kopilka.LegKind(i), kopilka.Points(kopilka.AtRate(base, rate, kopilka.Floor)), out)
	}
}

// planFor names points for a member, unless the member may get none: who is
// blocked or forgotten, or holds as much as anybody may.
func (s *State) planFor(m kopilka.MemberNo, kind kopilka.LegKind, points kopilka.Points, out *kopilka.Outcome) {
	a := s.accounts.At(int(m))
	if points == 0 || a.blocked() || a.erased() {
		return
	}
	if balance, pending, held := s.available(m, a, s.now); balance+pending+held+points > kopilka.BalanceMax {
		return
	}
	out.Legs = append(out.Legs, kopilka.Leg{Member: m, Kind: kind, Points: points})
}

// ownLegs is what the legs bring to the member whose command it is.
func ownLegs(m kopilka.MemberNo, out *kopilka.Outcome) (points kopilka.Points) {
	for i := range out.Legs {
		if out.Legs[i].Member == m {
			points += out.Legs[i].Points
		}
	}
	return points
}

// payLegs gives what was planned. Others than m, whose command it is, get an entry
// in their ledgers; the entry of m is the command's own.
func (s *State) payLegs(m kopilka.MemberNo, activates, expires kopilka.Day, out *kopilka.Outcome) {
	for i := range out.Legs {
		l := &out.Legs[i]
		l.Activates, l.Expires = activates, expires
		a := s.member(l.Member)
		if l.Kind == kopilka.LegGrant {
			s.books.Granted += l.Points
		} else {
			s.books.Legs += l.Points
		}
		switch l.Kind {
		case kopilka.LegWelcome:
			a.standing |= welcomedBit
		case kopilka.LegReferrer, kopilka.LegReferee:
			s.member(m).standing |= broughtBit
		}
		if l.Member == m {
			s.give(m, a, l.Points, activates, expires, out)
			continue
		}
		s.settleLeg(i, l.Member, a, out)
		paid, expired := out.DebtPaid, len(out.Expired)
		s.give(l.Member, a, l.Points, activates, expires, out)
		out.DebtPaid = paid // the buyer's alone
		legExpired(i, expired, out)
	}
}

// settleLeg settles the account of a leg's member who is not the buyer.
func (s *State) settleLeg(leg int, m kopilka.MemberNo, a *account, out *kopilka.Outcome) {
	expired := len(out.Expired)
	s.settle(m, a, out)
	legExpired(leg, expired, out)
}

// legExpired makes what was found expired, from a place in the list on, the leg's, and
// not the buyer's.
func legExpired(leg, from int, out *kopilka.Outcome) {
	for _, lot := range out.Expired[from:] {
		out.LegsExpired = append(out.LegsExpired, kopilka.LegExpired{Leg: leg, Lot: lot})
	}
	out.Expired = out.Expired[:from]
}

// enterLegs makes the command the newest entry in the ledgers of its legs, and
// puts into them how the books stand with their members after it. The buyer's own
// entry is there already.
func (s *State) enterLegs(out *kopilka.Outcome) {
	for i := range out.Legs {
		l := &out.Legs[i]
		if l.Member == out.Member {
			l.Prev, l.Balance, l.Pending, l.Held, l.Debt = out.Prev, out.Balance, out.Pending, out.Held, out.Debt
			continue
		}
		a := s.member(l.Member)
		l.Prev = a.lastEntry()
		for k := range out.Legs[:i] {
			if out.Legs[k].Member == l.Member {
				l.Prev = out.Legs[k].Prev
			}
		}
		a.setEntry(s.seq)
		l.Balance, l.Pending, l.Held = s.available(l.Member, a, s.now)
		l.Debt = s.debts[l.Member]
	}
}

// joined gives what an enrolment brings, or the state that it has come to now:
// the welcome, and what a referral brings once. A member whom a file brought has
// had both.
func (s *State) joined(m kopilka.MemberNo, a *account, c *kopilka.PutMember, before kopilka.MemberState, out *kopilka.Outcome) {
	if c.Imported {
		if out.Enrolled {
			a.standing |= welcomedBit | broughtBit
		}
		return
	}
	p := s.Program()
	if a.blocked() || p.Welcome.Points == 0 && p.Referral.Once.Referrer == 0 && p.Referral.Once.Referee == 0 {
		return
	}
	if reached(p.Welcome.Trigger, before, c.State, out.Enrolled) {
		s.planWelcome(m, a, p, out)
	}
	if reached(p.Referral.Once.Trigger, before, c.State, out.Enrolled) {
		s.planOnce(m, a, p, out)
	}
	if len(out.Legs) == 0 {
		return
	}
	s.settle(m, a, out)
	activates, expires := lifetime(p, s.day, 0)
	s.payLegs(m, activates, expires, out)
	if ownLegs(m, out) > 0 {
		s.enter(m, a, out)
	} else {
		out.Member = m
	}
	s.enterLegs(out)
}

// reached tells whether the member has now reached or passed the state that a
// trigger waits for.
func reached(t program.Trigger, before, now kopilka.MemberState, enrolled bool) bool {
	at := kopilka.StateCreated
	switch t {
	case program.AtRegistered:
		at = kopilka.StateRegistered
	case program.AtInstalled:
		at = kopilka.StateInstalled
	case program.AtFirstPurchase:
		return false
	}
	return now >= at && (enrolled || before < at)
}
