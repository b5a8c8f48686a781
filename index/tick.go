package index

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// Tick moves to the next day. What leaves a window is taken from its members,
// and who grows too old for a score of R moves to another segment. Both are
// found by day in the purchase log, since whoever was last seen on a day has an
// entry of that day; there is no pass over the members.
//
// fell, unless nil, is called for every member whose tier window lost
// something, perhaps more than once.
func (x *Index) Tick(fell func(m kopilka.MemberNo)) {
	next := x.day + 1
	if next >= kopilka.DayNever {
		panic(fmt.Sprintf("index: no day after %s", x.day))
	}
	leaves, tierLeaves := leaving(next, x.rule.window), leaving(next, x.tierWindow)
	due := []int{leaves}
	if !x.shared() {
		due = append(due, tierLeaves)
	}
	aged := x.age(next)
	x.day = next
	x.purchases.on(append(due, aged...), func(e *purchase) {
		m := kopilka.MemberNo(e.member)
		r := x.members.Mut(int(m))
		if int(e.day) == leaves {
			x.take(r)
			// A receipt leaves before its return does: F may be one less
			// than nothing in between.
			r.f -= int32(e.live)
			r.m -= e.amount()
			x.put(m, r)
		}
		if int(e.day) == tierLeaves {
			if !x.shared() {
				r.count -= int32(e.live)
				*x.spend.Mut(int(m)) -= e.amount()
			}
			if fell != nil {
				fell(m)
			}
		}
		if r.seg != gone && r.last == e.day+1 && slices.Contains(aged, int(e.day)) {
			x.label(m, r)
		}
	})
}

// leaving is the day that leaves a window when next begins; -1 = none.
func leaving(next kopilka.Day, window int) int {
	if window == 0 || window > int(next) {
		return -1
	}
	return int(next) - window
}

// age moves the rows of the last days that are too old for their score of R
// when next begins, and gives these days. Live quintiles know no age.
func (x *Index) age(next kopilka.Day) []int {
	if x.rule.live() {
		return nil
	}
	var days []int
	for _, most := range x.cuts.R {
		day := int64(next) - most - 1
		if most < 0 || day < 0 || slices.Contains(days, int(day)) {
			continue
		}
		age := int(most)
		x.labels.move(int(day), x.cuts.r(age), x.cuts.r(age+1))
		days = append(days, int(day))
	}
	return days
}
