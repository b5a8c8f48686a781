package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// tick moves the books on to a business day, one day at a time. Points need
// nothing done: what they are worth follows from the day. A day that has come
// already is no news.
func (s *State) tick(c *kopilka.Tick) {
	for s.day < c.Day {
		s.nextDay()
	}
}

// nextDay moves the books one day on. Members who bought on the day that falls
// out of the window may go down a tier; a program whose day it is comes into force
// after that.
func (s *State) nextDay() {
	s.day++
	s.judge()
	if s.scheduled.due(s) {
		s.takeEffect()
	}
}

// judge moves the segments on to the books' day, and takes down a tier who no
// longer reaches his.
func (s *State) judge() {
	p := s.Program()
	clear(s.adjusted)
	if p == nil || p.TierPolicy.Downgrade == program.DowngradeNone || !earned(p) {
		s.index.Tick(nil)
		return
	}
	// Who lost something of the window today, and who is still on the way down,
	// goes down a step. The index may name a member twice; nobody goes two steps.
	down := make([]kopilka.MemberNo, 0, len(s.above))
	for m := range s.above {
		down = append(down, m)
	}
	s.index.Tick(func(m kopilka.MemberNo) { down = append(down, m) })
	slices.Sort(down)
	for _, m := range slices.Compact(down) {
		s.lower(m, p)
	}
}

// lower takes a member down to the tier that the metric reaches, or one step
// towards it.
func (s *State) lower(m kopilka.MemberNo, p *program.Program) {
	a := s.accounts.At(int(m))
	if a.merged() {
		return // the tier waits, should the number stand for itself again
	}
	reached := tierReached(p, s.tierMetric(m, p))
	if a.tier > reached {
		a = s.accounts.Mut(int(m))
		if p.TierPolicy.Downgrade == program.DowngradeOne {
			a.tier--
		} else {
			a.tier = reached
		}
	}
	if a.tier > reached {
		s.above[m] = struct{}{}
	} else {
		delete(s.above, m)
	}
}

// mayFall makes a member whose metric a return has lowered be judged at the next
// tick. The return itself takes no tier away.
func (s *State) mayFall(m kopilka.MemberNo, a *account) {
	p := s.Program()
	if !earned(p) || p.TierPolicy.Downgrade == program.DowngradeNone {
		return
	}
	if a.tier > tierReached(p, s.tierMetric(m, p)) {
		s.above[m] = struct{}{}
	}
}

// raise takes a member up to the tier that the metric reaches.
func (s *State) raise(m kopilka.MemberNo, a *account, p *program.Program) {
	metric := s.tierMetric(m, p)
	a.tier = raised(a.tier, p, metric)
	if len(s.above) > 0 && a.tier == tierReached(p, metric) {
		delete(s.above, m)
	}
}

// takeTier takes a member down at once to the tier that the metric reaches, where a
// return takes the tier with it.
func (s *State) takeTier(m kopilka.MemberNo, a *account, p *program.Program) {
	if reached := tierReached(p, s.tierMetric(m, p)); earned(p) && a.tier > reached {
		a.tier = reached
		delete(s.above, m)
	}
}

// earned tells whether tiers are reached by what is bought. Otherwise staff sets
// them, or they follow the segment and nothing is kept of them.
func earned(p *program.Program) bool {
	return p.TierPolicy.Metric == program.BySpend || p.TierPolicy.Metric == program.ByCount
}

// raised is the tier of a member after a purchase, which takes nobody down.
func raised(tier uint8, p *program.Program, metric int64) uint8 {
	if !earned(p) {
		return tier
	}
	return max(tier, tierReached(p, metric))
}

// tier is the member's tier in the words of the program in force.
func (s *State) tier(m kopilka.MemberNo, a *account) uint8 {
	if p := s.Program(); p != nil && p.TierPolicy.Metric == program.BySegment {
		return tierOfSegment(p, s.index.Segment(m))
	}
	return a.tier
}

// tierOfSegment is the tier that a segment belongs to: the highest that names it,
// or the lowest of all.
func tierOfSegment(p *program.Program, segment uint8) uint8 {
	for i := len(p.Tiers) - 1; i > 0; i-- {
		if slices.Contains(p.Tiers[i].Segments, segment) {
			return uint8(i)
		}
	}
	return 0
}

// tierAfter is the tier after a receipt that has not been written, of a member
// who will be in a segment then.
func (s *State) tierAfter(m kopilka.MemberNo, a *account, c *kopilka.Receipt, segment uint8) uint8 {
	p := s.Program()
	if p.TierPolicy.Metric == program.BySegment {
		return tierOfSegment(p, segment)
	}
	metric := s.tierMetric(m, p)
	if c.Amount > 0 {
		metric += s.tierMetricOf(c)
	}
	return raised(a.tier, p, metric)
}

// tierUnknown refuses a tier that is to be set by hand, where the program sets tiers
// itself or has none of that id. An empty id sets nothing.
func (s *State) tierUnknown(id string, out *kopilka.Outcome) bool {
	switch {
	case id == "":
		return false
	case s.Program().TierPolicy.Metric != program.ByHand:
		return refuse(out, kopilka.TierNotByHand)
	case s.tierNamed(id) < 0:
		return refuse(out, kopilka.NotFound)
	}
	return false
}

// setTier puts a member into a tier by hand.
func (s *State) setTier(a *account, id string) {
	if id != "" {
		a.tier = uint8(s.tierNamed(id))
	}
}

// tierNamed is the place of a tier in the program in force, or -1.
func (s *State) tierNamed(id string) int {
	return slices.IndexFunc(s.Program().Tiers, func(t program.Tier) bool { return t.ID == id })
}

// tierMetric is what the member has of the metric of tiers, in its window.
func (s *State) tierMetric(m kopilka.MemberNo, p *program.Program) int64 {
	switch {
	case p == nil || !earned(p):
		return 0
	case p.TierPolicy.Metric == program.ByCount:
		return int64(s.index.TierCount(m))
	default:
		return int64(s.index.TierSpend(m))
	}
}

// tierMetricOf is what a purchase adds to the metric.
func (s *State) tierMetricOf(c *kopilka.Receipt) int64 {
	policy := &s.Program().TierPolicy
	switch {
	case policy.WindowDays > 0 && int(c.Day) <= int(s.day)-policy.WindowDays, !earned(s.Program()):
		return 0
	case policy.Metric == program.ByCount:
		return 1
	default:
		return int64(c.Amount)
	}
}

// tierReached is the highest tier whose threshold the metric reaches. A metric
// below zero, as refunds of purchases before the window make it, reaches the lowest.
func tierReached(p *program.Program, metric int64) uint8 {
	for i := len(p.Tiers) - 1; i > 0; i-- {
		if metric >= p.Tiers[i].Threshold {
			return uint8(i)
		}
	}
	return 0
}

// tierIn is the member's tier in the words of a program that may be older than
// the one in force: the tier of the same id, or else the one at the same height.
func (s *State) tierIn(m kopilka.MemberNo, a *account, p *program.Program) int {
	tier, now := int(s.tier(m, a)), s.Program()
	if p != now {
		id := now.Tiers[tier].ID
		for i := range p.Tiers {
			if p.Tiers[i].ID == id {
				return i
			}
		}
	}
	return min(tier, len(p.Tiers)-1)
}

// retier finds every member's tier again under a new program: by its id, or else
// by what the metric reaches. Whoever reaches more goes up at once; whoever
// reaches less goes down as the new policy says, from the next tick on. While tiers
// follow the segment, the lowest is kept for everybody.
func (s *State) retier(before, p *program.Program) {
	place := make([]int, len(before.Tiers))
	for i := range before.Tiers {
		place[i] = slices.IndexFunc(p.Tiers, func(t program.Tier) bool { return t.ID == before.Tiers[i].ID })
	}
	clear(s.above)
	byHand, bySegment := p.TierPolicy.Metric == program.ByHand, p.TierPolicy.Metric == program.BySegment
	for m := range kopilka.MemberNo(s.accounts.Len()) {
		a := s.accounts.At(int(m))
		reached := tierReached(p, s.tierMetric(m, p))
		tier := reached
		if at := place[a.tier]; at >= 0 && (byHand || at > int(reached)) {
			tier = uint8(at)
		}
		if bySegment {
			tier = 0
		}
		if tier != a.tier {
			s.accounts.Mut(int(m)).tier = tier
		}
		if tier > reached && earned(p) && !a.merged() && p.TierPolicy.Downgrade != program.DowngradeNone {
			s.above[m] = struct{}{}
		}
	}
}
