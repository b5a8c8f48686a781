package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka"
)

// Bought appends what a member has bought, a day at a time, earliest first: what
// the purchase log adds up to. Days on which nothing is left are not named.
func (x *Index) Bought(m kopilka.MemberNo, days []kopilka.Purchase) []kopilka.Purchase {
	from := len(days)
	for at := x.members.At(int(m)).head; at != 0; {
		e := x.purchases.At(int(at - 1))
		days = append(days, kopilka.Purchase{Day: kopilka.Day(e.day), Live: int32(e.live), Amount: e.amount()})
		at = e.prev
	}
	own := days[from:]
	slices.SortFunc(own, func(a, b kopilka.Purchase) int { return cmp.Compare(a.Day, b.Day) })
	n := 0
	for i, p := range own {
		if i > 0 && n > 0 && own[n-1].Day == p.Day {
			own[n-1].Live += p.Live
			own[n-1].Amount += p.Amount
			continue
		}
		if n > 0 && own[n-1] == (kopilka.Purchase{Day: own[n-1].Day}) {
			n--
		}
		own[n] = p
		n++
	}
	if n > 0 && own[n-1] == (kopilka.Purchase{Day: own[n-1].Day}) {
		n--
	}
	return days[:from+n]
}

// CanMove tells whether a member has bought as many live receipts on each of some
// days as are to be moved.
func (x *Index) CanMove(m kopilka.MemberNo, days []kopilka.Purchase) bool {
	bought := x.Bought(m, nil)
	for _, p := range days {
		i, found := slices.BinarySearchFunc(bought, p.Day, func(b kopilka.Purchase, day kopilka.Day) int { return cmp.Compare(b.Day, day) })
		if p.Day > x.day || p.Live < 0 || p.Live > 0 && (!found || bought[i].Live < p.Live) {
			return false
		}
	}
	return true
}

// Move makes purchases of one member those of another, on their days: whoever
// asks as of a day before the move finds them with the other too. The purchase
// log keeps what it had and gets the entries that take it back, so a view taken
// before the move stays as it was. What is moved is there to be moved: that is the
// caller's word, as with Purchase.
func (x *Index) Move(from, to kopilka.MemberNo, days []kopilka.Purchase) {
	if int(from) >= x.Members() || int(to) >= x.Members() || from == to {
		panic(fmt.Sprintf("index: purchases of member %d of %d go to member %d", from, x.Members(), to))
	}
	x.shift(from, days, -1)
	x.shift(to, days, 1)
}

// shift enters many changes of one member at once, each as it is or, with sign
// -1, taken back.
func (x *Index) shift(m kopilka.MemberNo, days []kopilka.Purchase, sign int32) {
	r := x.members.Mut(int(m))
	x.take(r)
	first, tierFirst := firstDay(x.day, x.rule.window), firstDay(x.day, x.tierWindow)
	for _, p := range days {
		live, amount := sign*p.Live, kopilka.Money(sign)*p.Amount
		if p.Day > x.day {
			panic(fmt.Sprintf("index: purchases of member %d on %s are moved on %s", m, p.Day, x.day))
		}
		for rest, sum := live, amount; rest != 0 || sum != 0; sum = 0 {
			n := max(math.MinInt8, min(math.MaxInt8, rest)) // what an entry holds
			r.head = x.purchases.add(r.head, m, p.Day, int(n), sum)
			rest -= n
		}
		if int(p.Day) >= first {
			r.f += live
			r.m += amount
		}
		if !x.shared() && int(p.Day) >= tierFirst {
			r.count += live
			*x.spend.Mut(int(m)) += amount
		}
	}
	if r.f < 0 || !x.shared() && r.count < 0 {
		panic(fmt.Sprintf("index: member %d has %d live receipts, %d for tiers, after purchases were moved", m, r.f, r.count))
	}
	r.last, x.days = lastLive(&x.purchases, r.head, x.day, x.days)
	x.put(m, r)
}
