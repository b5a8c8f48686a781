package index

import (
	"maps"
	"math/big"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// twin is the plain twin of Index: it keeps every member, receipt and return,
// and answers every question from scratch, as the definitions read.
type twin struct {
	day        int
	rule       program.RFM
	tierWindow int
	registered []int
	gone       map[int]bool
	receipts   []receipt
	refunds    []refund
	// The population of the last refresh: ages, F and M.
	frozen [3][]int64
}

type receipt struct {
	member, day int
	net         int64
}

// refund is a return that names no receipt.
type refund struct {
	member, day int
	amount      int64
}

func (t *twin) clone() *twin {
	c := *t
	c.registered = slices.Clone(t.registered)
	c.gone = maps.Clone(t.gone)
	c.receipts = slices.Clone(t.receipts)
	c.refunds = slices.Clone(t.refunds)
	return &c
}

// fact is what is known of a member at the end of a day.
type fact struct {
	present bool
	last    int // -1 = never
	f, m    int64
}

func (t *twin) fact(m, day, window int) fact {
	r := fact{present: !t.gone[m] && (day == t.day || t.registered[m] <= day), last: -1}
	in := func(d int) bool { return d <= day && (window == 0 || d > day-window) }
	for _, c := range t.receipts {
		if c.member != m || c.day > day {
			continue
		}
		if c.net > 0 {
			r.last = max(r.last, c.day)
		}
		if in(c.day) {
			r.m += c.net
			if c.net > 0 {
				r.f++
			}
		}
	}
	for _, c := range t.refunds {
		if c.member == m && in(c.day) {
			r.m -= c.amount
		}
	}
	return r
}

func (t *twin) facts(day int) []fact {
	all := make([]fact, len(t.registered))
	for m := range all {
		all[m] = t.fact(m, day, t.rule.WindowDays)
	}
	return all
}

// population is the ages, F and M of everyone with a live receipt.
func population(all []fact, day int) (values [3][]int64) {
	for _, r := range all {
		if r.present && r.last >= 0 {
			values[0] = append(values[0], int64(day-r.last))
			values[1] = append(values[1], r.f)
			values[2] = append(values[2], r.m)
		}
	}
	return values
}

func (t *twin) refresh() { t.frozen = population(t.facts(t.day), t.day) }

// worse is how many of the population are strictly worse than v.
func worse(axis int, population []int64, v int64) (w int64) {
	for _, u := range population {
		if axis == 0 && u > v || axis > 0 && u < v {
			w++
		}
	}
	return w
}

func quintile(axis int, population []int64, v int64) int {
	n := int64(len(population))
	if n == 0 {
		return 1
	}
	return int(min(5, 1+5*worse(axis, population, v)/n))
}

// standings is every member's standing at the end of a day; nil for one who was
// not registered.
func (t *twin) standings(day int) []*Standing {
	all := t.facts(day)
	values := t.frozen
	if t.rule.Boundaries == program.Live {
		values = population(all, day)
	}
	out := make([]*Standing, len(all))
	for m, r := range all {
		if !r.present {
			continue
		}
		s := &Standing{RecencyDays: -1, Frequency: uint32(r.f), Monetary: kopilka.Money(r.m)}
		out[m] = s
		if r.last < 0 {
			continue
		}
		age := int64(day - r.last)
		s.RecencyDays = int32(age)
		rs, fs, ms := t.thresholds(age, r.f, r.m)
		if t.rule.R.Quintiles {
			rs = quintile(0, values[0], age)
		}
		if t.rule.F.Quintiles {
			fs = quintile(1, values[1], r.f)
		}
		if t.rule.M.Quintiles {
			ms = quintile(2, values[2], r.m)
		}
		if r.f == 0 {
			fs, ms = 1, 1
		}
		s.R, s.F, s.M = uint8(rs), uint8(fs), uint8(ms)
		s.Segment = t.rule.Segments.Cells[program.Cell(rs, fs, ms)]
	}
	return out
}

func (t *twin) thresholds(age, f, m int64) (rs, fs, ms int) {
	c := t.rule.R.Thresholds
	switch {
	case age <= c[0]:
		rs = 5
	case age <= c[1]:
		rs = 4
	case age <= c[2]:
		rs = 3
	case age <= c[3]:
		rs = 2
	default:
		rs = 1
	}
	per := int64(1)
	if t.rule.Metric == program.Avg {
		per = f
	}
	return rs, bins5(f, 1, t.rule.F.Thresholds), bins5(m, per, t.rule.M.Thresholds)
}

// bins5 scores v ≥ c·per.
func bins5(v, per int64, c [4]int64) int {
	reaches := func(c int64) bool {
		return big.NewInt(v).Cmp(new(big.Int).Mul(big.NewInt(c), big.NewInt(per))) >= 0
	}
	switch {
	case reaches(c[3]):
		return 5
	case reaches(c[2]):
		return 4
	case reaches(c[1]):
		return 3
	case reaches(c[0]):
		return 2
	}
	return 1
}

// summary counts standings.
func (t *twin) summary(all []*Standing) (s Summary) {
	s.Segments = make([]Tally, len(t.rule.Segments.Names))
	for _, at := range all {
		if at == nil {
			continue
		}
		s.Members++
		to := []*Tally{&s.Segments[at.Segment]}
		if at.RecencyDays < 0 {
			to = append(to, &s.None)
		} else {
			to = append(to, &s.Cells[program.Cell(int(at.R), int(at.F), int(at.M))])
		}
		for _, c := range to {
			c.Members++
			c.Receipts += int64(at.Frequency)
			c.Amount += at.Monetary
		}
	}
	return s
}

// six is the default table of segments.
func six() program.Segments {
	s := program.Segments{}
	for _, id := range []string{"none", "core", "loyal", "whales", "new", "sleeping", "lost"} {
		s.Names = append(s.Names, program.Segment{ID: id})
	}
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			for m := 1; m <= 5; m++ {
				to := 6
				fhi, mhi := f >= 3, m >= 4
				switch {
				case r >= 3 && fhi && mhi:
					to = 1
				case r >= 3 && fhi:
					to = 2
				case r >= 3 && mhi:
					to = 3
				case r >= 3:
					to = 4
				case r == 2 && (fhi || mhi):
					to = 5
				}
				s.Cells[program.Cell(r, f, m)] = uint8(to)
			}
		}
	}
	return s
}

// defaultRule is the rule of a program document without a word about RFM.
func defaultRule() program.RFM {
	return program.RFM{
		WindowDays: 365,
		R:          program.Axis{Thresholds: [4]int64{30, 90, 180, 365}},
		F:          program.Axis{Thresholds: [4]int64{2, 3, 5, 8}},
		M:          program.Axis{Thresholds: [4]int64{500000, 2000000, 5000000, 15000000}},
		Segments:   six(),
	}
}
