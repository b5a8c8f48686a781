package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Liability is what the shop owes its members in points.
type Liability struct {
	Balance, Pending, Held, Debt kopilka.Points

	Owed []Owed // by expiry and tier; adds up to Balance + Pending + Held
}

// Owed is the points of members of a tier that run out in one month.
type Owed struct {
	Month   Month
	Tier    uint8 // index into the tiers of the program in force
	Members int64 // with such points
	Points  kopilka.Points
}

// Month is a month of the calendar, year × 12 + month − 1; MonthNever is that of
// points which do not run out.
type Month uint16

// MonthNever comes after all others.
const MonthNever Month = 1<<16 - 1

// MonthOf is the month of a day.
func MonthOf(d kopilka.Day) Month {
	if d == kopilka.DayNever {
		return MonthNever
	}
	y, m, _ := d.Date()
	return Month(y*12 + int(m) - 1)
}

// String is YYYY-MM, or "never".
func (m Month) String() string {
	if m == MonthNever {
		return "never"
	}
	return kopilka.DayOfDate(int(m)/12, 1, 1).AddMonths(int(m) % 12).String()[:7]
}

// Liability adds up the points of all members as they stand at an instant; before
// the books' own it is theirs. Under a rule of inactivity points run out when the
// member's clock does, or before by themselves. It is a pass over all accounts and
// their lots, so it is asked of a copy of the books: see BenchmarkLiability.
func (s *State) Liability(at kopilka.Time) Liability {
	at = max(at, s.now)
	var sums Liability
	type key struct {
		month Month
		tier  uint8
	}
	owed := map[key]Owed{}
	months := map[kopilka.Day]Month{}
	monthOf := func(d kopilka.Day) Month {
		m, ok := months[d]
		if !ok {
			m = MonthOf(d)
			months[d] = m
		}
		return m
	}
	var lots []kopilka.Lot
	for i := range s.accounts.Len() {
		m, a := kopilka.MemberNo(i), s.accounts.At(i)
		if a.lots == 0 && !a.hasClaims() {
			continue
		}
		lots = lots[:0]
		whole := s.inactive(a)
		for w := s.walk(m, a, at, draw{}); w.next(); {
			if whole.gone || w.lot.Expires < s.day {
				continue
			}
			if w.lot.Activates > s.day {
				sums.Pending += w.lot.Points
			} else {
				sums.Balance += w.lot.Points
			}
			lots = append(lots, w.lot)
		}
		sums.Held += s.heldLots(m, a, at, &lots)
		if len(lots) == 0 {
			continue
		}
		last, tier := s.lastDay(a), s.tier(m, a)
		for i := range lots {
			k := key{monthOf(min(lots[i].Expires, last)), tier}
			o := owed[k]
			o.Points += lots[i].Points
			// Lots lie by expiry: those of one month follow each other.
			if i == 0 || monthOf(min(lots[i-1].Expires, last)) != k.month {
				o.Members++
			}
			owed[k] = o
		}
	}
	for _, d := range s.debts {
		sums.Debt += d
	}
	for k, o := range owed {
		o.Month, o.Tier = k.month, k.tier
		sums.Owed = append(sums.Owed, o)
	}
	slices.SortFunc(sums.Owed, func(a, b Owed) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Tier, b.Tier))
	})
	return sums
}

// lastDay is the day on which inactivity takes what the member has.
func (s *State) lastDay(a *account) kopilka.Day {
	v := &s.versions[len(s.versions)-1]
	if v.Program.Expiry.Policy != program.ExpiryInactivity {
		return kopilka.DayNever
	}
	return v.clock(a.active())
}

// Aliases are the members who are part of another, with whom they are part of;
// that one may be part of a third.
func (s *State) Aliases() map[kopilka.MemberNo]kopilka.MemberNo { return maps.Clone(s.merged) }

// NumbersLeft is what is left of the emitted numbers of an instrument that are
// good on the books' day or will be.
type NumbersLeft struct {
	Instrument string // id in the program
	Unused     int64  // never used
	Value      kopilka.Points
}

// NumbersLeft goes over all numbers, instruments in the order of their names.
func (s *State) NumbersLeft() []NumbersLeft {
	left := map[string]*NumbersLeft{}
	for i := range s.emissions {
		e := &s.emissions[i]
		if e.To < s.day {
			continue
		}
		id := s.terms[e.Term-1].ID
		sum := left[id]
		if sum == nil {
			sum = &NumbersLeft{Instrument: id}
			left[id] = sum
		}
		for at := e.First - 1; at < e.First-1+e.Count; at++ {
			n := s.numbers.At(int(at))
			sum.Value += kopilka.Points(n.left)
			if n.uses == 0 {
				sum.Unused++
			}
		}
	}
	all := make([]NumbersLeft, 0, len(left))
	for _, id := range slices.Sorted(maps.Keys(left)) {
		all = append(all, *left[id])
	}
	return all
}
