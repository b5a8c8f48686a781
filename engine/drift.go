package engine

import (
	"fmt"
	"iter"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// The feed of changes tells of every member where he stands, each change once. What
// a command does is told with it. Time and rules do something to members of whom
// no command speaks, and nothing is written for them when they do: the books keep
// what was told last instead, and what differs from it is found by looking. A
// member's own command tells it then; of all others a Drift does.

// lapseTold tells whether the feed was told that a hold has lapsed.
func (c *claim) lapseTold() bool { return c.kind == claimHold && c.to != 0 }

// tellLapse notes that it is, on a day.
func (c *claim) tellLapse(today kopilka.Day) { c.to = today }

// labels is where a member stands who is in a segment and a tier.
func (s *State) labels(a *account, segment, tier uint8) kopilka.Labels {
	if a.standing&(mergedBit|erasedBit) != 0 || len(s.versions) == 0 {
		return kopilka.Labels{}
	}
	return kopilka.Labels{Version: uint16(len(s.versions)), Segment: segment, Tier: tier}
}

// sameLabels tells whether two labels have the same words.
func (s *State) sameLabels(x, y kopilka.Labels) bool {
	if x.Version == y.Version || x.Version == 0 || y.Version == 0 {
		return x == y
	}
	p, q := s.versions[x.Version-1].Program, s.versions[y.Version-1].Program
	return p.RFM.Segments.Names[x.Segment].ID == q.RFM.Segments.Names[y.Segment].ID && p.Tiers[x.Tier].ID == q.Tiers[y.Tier].ID
}

// announce puts into the outcome of a command what is to be told beside the rest.
func (s *State) announce(c kopilka.Command, out *kopilka.Outcome) {
	switch c := c.(type) {
	case *kopilka.Receipt, *kopilka.Return, *kopilka.Redemption, *kopilka.Grant, *kopilka.Adjustment, *kopilka.Hold, *kopilka.Capture, *kopilka.Void:
		if out.Member != kopilka.NoMember {
			s.say(out.Member, out.Segment, out.Tier, out)
		}
	case *kopilka.PutMember:
		if out.Enrolled { // his first labels are those of the outcome
			a := s.accounts.Mut(int(out.Member))
			a.told = s.labels(a, out.Segment, out.Tier)
		} else {
			s.say(out.Member, out.Segment, out.Tier, out)
		}
	case *kopilka.Merge:
		s.say(c.From, 0, 0, out)
		s.say(c.Into, out.Segment, out.Tier, out)
	case *kopilka.Unmerge:
		s.say(c.From, s.index.Segment(c.From), s.tier(c.From, s.accounts.At(int(c.From))), out)
		s.say(c.Into, out.Segment, out.Tier, out)
	case *kopilka.Erase:
		s.say(out.Member, 0, 0, out)
		s.late = append(s.late, out.Member) // what is forfeited may add up to nothing
	}
	for _, m := range s.late {
		if !out.MovedPoints(m) {
			s.sayPoints(m, out)
		}
	}
}

// say tells the labels of a member, who is in a segment and a tier, where they are
// others than was told.
func (s *State) say(m kopilka.MemberNo, segment, tier uint8, out *kopilka.Outcome) {
	if before, now, moved := s.relabel(m, segment, tier); moved {
		x := shiftOf(m, out)
		x.Before, x.After = before, now
	}
}

// relabel notes as told where a member stands, and tells whether it is elsewhere
// than before.
func (s *State) relabel(m kopilka.MemberNo, segment, tier uint8) (before, now kopilka.Labels, moved bool) {
	a := s.accounts.At(int(m))
	before, now = a.told, s.labels(a, segment, tier)
	if now != before {
		s.accounts.Mut(int(m)).told = now
		moved = !s.sameLabels(before, now)
	}
	return before, now, moved
}

// sayPoints tells how the books stand with a member.
func (s *State) sayPoints(m kopilka.MemberNo, out *kopilka.Outcome) {
	x := shiftOf(m, out)
	x.Points = true
	s.pointsOf(m, x)
}

func (s *State) pointsOf(m kopilka.MemberNo, x *kopilka.Shift) {
	x.Balance, x.Pending, x.Held = s.available(m, s.accounts.At(int(m)), s.now)
	x.Debt = s.debts[m]
}

// shiftOf is the shift of a member in an outcome.
func shiftOf(m kopilka.MemberNo, out *kopilka.Outcome) *kopilka.Shift {
	for i := range out.Shifts {
		if out.Shifts[i].Member == m {
			return &out.Shifts[i]
		}
	}
	out.Shifts = append(out.Shifts, kopilka.Shift{Member: m})
	return &out.Shifts[len(out.Shifts)-1]
}

// found notes that settle has found points of a member that ran out after a day or
// can be spent since, or a hold that has lapsed, of which nothing was told: once it
// is settled nobody can see it any more.
func (s *State) found(m kopilka.MemberNo) {
	if n := len(s.late); n == 0 || s.late[n-1] != m {
		s.late = append(s.late, m)
	}
}

// Drifted tells whether there is something to tell at an instant of members from a
// number on. It is asked before a Drift is logged, and changes nothing.
func (s *State) Drifted(first kopilka.MemberNo, count int, at kopilka.Time) (any bool) {
	s.drifted(first, count, max(at, s.now), func(kopilka.MemberNo, uint8, uint8, bool) bool {
		any = true
		return false
	})
	return any
}

// drift tells what is to be told of some members. It settles nobody: what has run
// out stays until its member is touched, and is only told.
func (s *State) drift(c *kopilka.Drift, out *kopilka.Outcome) {
	s.drifted(c.First, int(c.Count), s.now, func(m kopilka.MemberNo, segment, tier uint8, late bool) bool {
		x := kopilka.Shift{Member: m}
		if before, now, moved := s.relabel(m, segment, tier); moved {
			x.Before, x.After = before, now
		}
		if late {
			x.Points = true
			s.pointsOf(m, &x)
			s.noteTold(m)
		}
		out.Shifts = append(out.Shifts, x)
		return true
	})
}

// noteTold notes that it was told what time has done to a member's points.
func (s *State) noteTold(m kopilka.MemberNo) {
	*s.toldDays.Mut(int(m)) = s.day
	for at := s.firstClaim(m, s.accounts.At(int(m))); at != 0; at = s.claims.At(int(at)).next {
		if h := s.claims.At(int(at)); h.kind == claimHold && h.until <= s.now && !h.lapseTold() {
			s.claims.Mut(int(at)).tellLapse(s.day)
		}
	}
}

// drifted calls f for the members of a span of whom something is to be told, until
// it says false.
func (s *State) drifted(first kopilka.MemberNo, count int, at kopilka.Time, f func(m kopilka.MemberNo, segment, tier uint8, late bool) bool) {
	if len(s.versions) == 0 {
		return
	}
	p := s.Program()
	bySegment := p.TierPolicy.Metric == program.BySegment
	s.index.Segments(first, count, func(m kopilka.MemberNo, segment uint8) bool {
		a := s.accounts.At(int(m))
		tier := a.tier
		if bySegment {
			tier = tierOfSegment(p, segment)
		}
		now, before := s.labels(a, segment, tier), a.told
		late := s.isLate(m, a, at)
		if !late && (now == before || s.sameLabels(before, now)) {
			return true
		}
		return f(m, segment, tier, late)
	})
}

// isLate tells whether time has done something to the points of a member by an
// instant that was not told.
func (s *State) isLate(m kopilka.MemberNo, a *account, at kopilka.Time) bool {
	if a.lots == 0 && !a.hasClaims() {
		return false
	}
	since := *s.toldDays.At(int(m))
	whole := s.inactive(a)
	for w := s.walk(m, a, at, draw{}); w.next(); {
		if s.isNews(since, w.lot.Activates, whole.ends(w.lot.Expires)) {
			return true
		}
	}
	for i := s.firstClaim(m, a); i != 0; i = s.claims.At(int(i)).next {
		if c := s.claims.At(int(i)); c.kind == claimHold && c.until <= at && !c.lapseTold() {
			return true
		}
	}
	return false
}

// isNews tells whether a lot has run out, or can be spent, and did not when it was
// told of its member's points on a day. What ran out before it could be spent, as all
// points of who has stopped coming do, is told once.
func (s *State) isNews(since, activates, expires kopilka.Day) bool {
	return expires < s.day && expires >= since || activates > since && activates <= s.day && expires >= s.day
}

// isLapseNews tells whether the lapse of a hold was not told, or what of its points
// has run out since it was.
func (s *State) isLapseNews(m kopilka.MemberNo, c *claim) bool {
	if !c.lapseTold() {
		return true
	}
	for at := c.at; at != 0; at = s.lots.At(int(at)).next {
		if s.isNews(*s.toldDays.At(int(m)), 0, s.lots.At(int(at)).expires) {
			return true
		}
	}
	return false
}

// Lapses are the instants at which holds of a member are to lapse, as they stand.
func (s *State) Lapses(m kopilka.MemberNo) iter.Seq[kopilka.Time] {
	return func(yield func(kopilka.Time) bool) {
		for at := s.firstClaim(m, s.accounts.At(int(m))); at != 0; at = s.claims.At(int(at)).next {
			if c := s.claims.At(int(at)); c.kind == claimHold && !c.lapseTold() && !yield(c.until) {
				return
			}
		}
	}
}

// checkTold proves that what was told of a member can be read.
func (s *State) checkTold(m kopilka.MemberNo) error {
	t, day := s.accounts.At(int(m)).told, *s.toldDays.At(int(m))
	if day > s.day || int(t.Version) > len(s.versions) {
		return fmt.Errorf("of member %d was told in version %d, on %s: there are %d versions, today is %s", m, t.Version, day, len(s.versions), s.day)
	}
	if t.Version == 0 {
		if t != (kopilka.Labels{}) {
			return fmt.Errorf("member %d was told as nobody, in segment %d and tier %d", m, t.Segment, t.Tier)
		}
		return nil
	}
	p := s.versions[t.Version-1].Program
	if int(t.Segment) >= len(p.RFM.Segments.Names) || int(t.Tier) >= len(p.Tiers) {
		return fmt.Errorf("of member %d were told segment %d and tier %d, which version %d has not", m, t.Segment, t.Tier, t.Version)
	}
	return nil
}
