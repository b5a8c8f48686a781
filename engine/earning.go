package engine

import (
	"math"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// noSegment is the segment of a member whose segment the version of a late
// receipt does not know.
const noSegment = 255

// segmentIn is a segment of the program in force in the words of another.
func (s *State) segmentIn(segment uint8, p *program.Program) uint8 {
	now := s.Program()
	if p == now {
		return segment
	}
	id := now.RFM.Segments.Names[segment].ID
	at := slices.IndexFunc(p.RFM.Segments.Names, func(n program.Segment) bool { return n.ID == id })
	if at < 0 {
		return noSegment
	}
	return uint8(at)
}

// segmentBP is what the buyer's segment multiplies.
func (x *sale) segmentBP() kopilka.BP {
	if all := x.version.Program.SegmentBP; int(x.segment) < len(all) {
		return all[x.segment]
	}
	return kopilka.BPWhole
}

// earn reckons what the receipt earns: the rate of a line is that of the tier, by
// the multiplier of the segment, by that of the best campaign of the line. It is
// rounded once for the receipt, and spread over the lines.
func (s *State) earn(x *sale, c *kopilka.Receipt, out *kopilka.Outcome) {
	p := x.version.Program
	base := x.earns
	if p.EarnBase == program.Paid {
		for i, n := range x.spent {
			if base[i] > 0 {
				base[i] -= n
			}
		}
		for i, n := range x.paid {
			if base[i] > 0 {
				base[i] -= n.certificate + n.discount
			}
		}
	}
	tier, segment := p.Tiers[x.tier].EarnBP, x.segmentBP()
	if len(p.Campaigns) > 0 && s.campaigns(x, c) {
		s.earnMore(x, tier, segment, out)
		return
	}
	if segment == kopilka.BPWhole {
		out.Earned = kopilka.Points(kopilka.AtRate(sum(base), tier, p.Rounding))
	} else {
		out.Earned = without(base, tier, segment, p.Rounding)
	}
	kopilka.Split(int64(out.Earned), base, x.earned)
}

// without is what the lines earn when no campaign multiplies them.
func without(base []int64, tier, segment kopilka.BP, r kopilka.Rounding) kopilka.Points {
	var all kopilka.RateSum
	all.Add(sum(base), tier, segment, kopilka.BPWhole)
	return kopilka.Points(all.Round(r))
}

// campaigns finds those that hold for the receipt, and for every line the one
// with the greatest multiplier, the first named of equal ones. It tells whether
// there are any.
func (s *State) campaigns(x *sale, c *kopilka.Receipt) (any bool) {
	p := x.version.Program
	n := len(x.earns)
	x.fits, x.won, x.rates = zeros(x.fits, len(p.Campaigns)), zeros(x.won, n), zeros(x.rates, n)
	for i := range n {
		x.won[i], x.rates[i] = -1, kopilka.BPWhole
	}
	for k := range p.Campaigns {
		of := &p.Campaigns[k]
		if !x.suits(of, c) || s.budgetLeft(x.version.terms.campaigns[k], int64(of.Budget)) == 0 {
			continue
		}
		for i, base := range x.earns {
			if base == 0 || !inCategories(of.Categories, c, i) {
				continue
			}
			x.fits[k], any = true, true
			if of.MultiplierBP > x.rates[i] {
				x.won[i], x.rates[i] = k, of.MultiplierBP
			}
		}
	}
	return any
}

// suits tells whether a campaign holds for the receipt, its lines apart.
func (x *sale) suits(of *program.Campaign, c *kopilka.Receipt) bool {
	return of.Span.Holds(c.At) && c.Amount >= of.MinAmount &&
		(of.Stores == nil || slices.Contains(of.Stores, c.Store)) &&
		(of.Segments == nil || slices.Contains(of.Segments, x.segment)) &&
		(of.Tiers == nil || slices.Contains(of.Tiers, uint8(x.tier)))
}

// inCategories tells whether a line of the receipt is of some categories; nil are
// all. A till without lines tells none.
func inCategories(categories []string, c *kopilka.Receipt, line int) bool {
	return categories == nil || line < len(c.Lines) && slices.Contains(categories, c.Lines[line].Category)
}

// budgetLeft is what is left of a budget, of which 0 is without bound. What a
// budget in force has been overdrawn by, when it was made smaller, is nothing left.
func (s *State) budgetLeft(t kopilka.Term, budget int64) int64 {
	if budget == 0 {
		return math.MaxInt64
	}
	return max(0, budget-s.term(t).Used)
}

// earnMore reckons what is earned where campaigns hold. What multipliers add is
// the receipt's sum with them less that without, each rounded once; it is shared
// among the campaigns by what their lines add. The points that a campaign gives to
// a receipt come to it. No campaign adds more than is left of its budget.
func (s *State) earnMore(x *sale, tier, segment kopilka.BP, out *kopilka.Outcome) {
	p := x.version.Program
	var all kopilka.RateSum
	x.weights, x.added = zeros(x.weights, len(x.earns)), zeros(x.added, len(p.Campaigns))
	for i, base := range x.earns {
		all.Add(base, tier, segment, x.rates[i])
		x.weights[i] = uint64(base) * uint64(x.rates[i])
		if k := x.won[i]; k >= 0 {
			x.added[k] += uint64(base) * uint64(x.rates[i]-kopilka.BPWhole)
		}
	}
	out.Earned = without(x.earns, tier, segment, p.Rounding)
	x.parts = zeros(x.parts, len(p.Campaigns))
	kopilka.Split(all.Round(p.Rounding)-int64(out.Earned), x.added, x.parts)
	for k := range p.Campaigns {
		if !x.fits[k] {
			continue
		}
		of, term := &p.Campaigns[k], x.version.terms.campaigns[k]
		points := kopilka.Points(min(x.parts[k]+int64(of.Points), s.budgetLeft(term, int64(of.Budget))))
		if points == 0 {
			continue
		}
		out.Earned += points
		out.Campaigns = append(out.Campaigns, kopilka.CampaignUse{Term: term, Points: points})
	}
	kopilka.Split(int64(out.Earned), x.weights, x.earned)
}

// countCampaigns counts what the campaigns have added. A budget is for what was
// given out: it is not full again when goods come back.
func (s *State) countCampaigns(out *kopilka.Outcome) {
	for _, u := range out.Campaigns {
		t := s.term(u.Term)
		t.Used += int64(u.Points)
		t.Count++
	}
}
