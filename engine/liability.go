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

// Liability adds up the points of all members at the position of the books. Under
// a rule of inactivity points run out when the member's clock does, or
// before by themselves. It is a pass over all accounts and their lots, about
// 30 ms a million members, and tills wait meanwhile.
func (s *State) Liability() Liability {
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
	for m := range s.accounts.Len() {
		a := s.accounts.At(m)
		if a.lots == 0 {
			continue
		}
		balance, pending := s.available(a)
		if balance+pending == 0 {
			continue
		}
		sums.Balance += balance
		sums.Pending += pending
		last := s.lastDay(a)
		tier := a.tier
		before := MonthNever
		first := true
		for at := a.lots; at != 0; {
			l := s.lots.At(int(at))
			at = l.next
			if l.expires < s.day {
				continue
			}
			month := monthOf(min(l.expires, last))
			k := key{month, tier}
			o := owed[k]
			o.Points += kopilka.Points(l.left)
			if first || month != before {
				o.Members++ // lots lie by expiry: equal months follow each other
			}
			owed[k] = o
			first, before = false, month
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
