package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// giveBack takes goods of a receipt back. It works on what the command says is
// left of the receipt, so yesterday's rules need not be known: every line gives
// back its own share of the points spent on it and earned by it, and the last
// piece of a line gives back all that is left of them. So any split of a return,
// in any order, ends with the balance, the debt and the segment that one return
// of everything ends with. (Where earned points were spent meanwhile, which other
// lots pay for them can depend on the order.)
func (s *State) giveBack(c *kopilka.Return, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if c.Day > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	if c.Receipt == "" {
		s.refund(c, out)
		return
	}
	if s.recent.find(kopilka.FingerprintReturns(c.Receipt)) > c.LastReturn {
		refuse(out, kopilka.Stale)
		return
	}
	left := &out.Left
	left.Day, left.Made, left.Purchase, left.Policy = c.Left.Day, c.Left.Made, c.Left.Purchase, c.Left.Policy
	left.Lines = append(left.Lines, c.Left.Lines...)
	left.Spent = append(left.Spent, c.Left.Spent...)
	left.Earned, left.Owed = c.Left.Earned, c.Left.Owed
	if s.sale.comesBack(c, left, out) {
		return
	}

	var restored, called kopilka.Points
	for i := range left.Lines {
		l, goods := &left.Lines[i], s.sale.goods[i]
		spent := kopilka.PartFloor(int64(l.Spent), goods, int64(l.Goods))
		earned := kopilka.PartFloor(int64(l.Earned), goods, int64(l.Goods))
		l.Goods -= kopilka.Money(goods)
		l.Spent -= kopilka.Points(spent)
		l.Earned -= kopilka.Points(earned)
		out.Goods += kopilka.Money(goods)
		restored += kopilka.Points(spent)
		called += kopilka.Points(earned)
	}
	out.Restored = restored
	out.CashRefund = out.Goods - kopilka.Money(restored)
	if c.Member == kopilka.NoMember {
		return
	}

	m, a, _ := s.person(c.Member)
	s.settle(m, a, out)
	gone := left.Made <= s.cleared(c.Member)
	s.restore(m, a, gone, left, out)
	s.callBack(c, m, a, gone, called, left, out)
	if left.Purchase {
		live := 0
		if left.Goods() == 0 {
			live = -1
		}
		s.index.Purchase(m, left.Day, live, -out.Goods)
		s.mayFall(m, a)
	}
	s.books.Returns++
	s.books.Restored += out.Restored
	s.books.Lapsed += out.Lapsed
	s.books.Taken += out.Taken
	s.enter(m, a, out)
}

// refund is a return that names no receipt: it lowers what the member has spent
// on its day, and nothing else.
func (s *State) refund(c *kopilka.Return, out *kopilka.Outcome) {
	out.Goods, out.CashRefund = c.Amount, c.Amount
	if c.Member == kopilka.NoMember {
		return
	}
	m, a, _ := s.person(c.Member)
	s.settle(m, a, out)
	s.index.Purchase(m, c.Day, 0, -c.Amount)
	s.mayFall(m, a)
	s.books.Returns++
	s.enter(m, a, out)
}

// comesBack sets goods to how much of each line comes back.
func (x *sale) comesBack(c *kopilka.Return, left *kopilka.Remains, out *kopilka.Outcome) bool {
	n := len(left.Lines)
	x.goods = slices.Grow(x.goods[:0], n)[:n]
	clear(x.goods)
	whole := left.Goods()
	if whole == 0 {
		return refuse(out, kopilka.AlreadyReturned)
	}
	if len(c.Lines) == 0 {
		if c.Amount > whole {
			return refuse(out, kopilka.ReturnExceedsReceipt)
		}
		x.takes = x.takes[:0]
		for i := range left.Lines {
			x.takes = append(x.takes, int64(left.Lines[i].Goods))
		}
		kopilka.Split(int64(c.Amount), x.takes, x.goods)
		return false
	}
	for _, l := range c.Lines {
		if l.Line < 0 || l.Line >= n || l.Amount > left.Lines[l.Line].Goods {
			return refuse(out, kopilka.ReturnExceedsReceipt)
		}
		x.goods[l.Line] = int64(l.Amount)
	}
	if sum(x.goods) == 0 {
		return refuse(out, kopilka.AlreadyReturned)
	}
	return false
}

// restore puts points that were spent back into the lots they came from, in
// proportion to what is still out of each. What goes to a lot that has run out
// meanwhile runs out at once, and is told. A debt takes its part: that which an
// earlier return of the receipt made would not be there had all come back at once.
// Gone tells that inactivity took since what was there on the receipt's day.
func (s *State) restore(m kopilka.MemberNo, a *account, gone bool, left *kopilka.Remains, out *kopilka.Outcome) {
	if out.Restored == 0 {
		return
	}
	n := len(left.Spent)
	x := &s.sale
	x.spent = slices.Grow(x.spent[:0], n)[:n]
	x.takes = x.takes[:0]
	for i := range left.Spent {
		x.takes = append(x.takes, int64(left.Spent[i].Points))
	}
	kopilka.Split(int64(out.Restored), x.takes, x.spent)
	for i := range left.Spent {
		l, points := &left.Spent[i], kopilka.Points(x.spent[i])
		l.Points -= points
		if l.Expires < s.day || gone {
			out.Lapsed += points
			continue
		}
		if points = s.pay(m, points, out); points > 0 {
			s.wake(a)
			s.add(a, points, l.Activates, l.Expires)
		}
	}
}

// callBack takes earned points back: those of the goods that came back now, and
// those that earlier returns of the receipt could not take. It takes them from
// the lot they went to and then, unless only pending points may be taken, from
// the others. What cannot be taken stays on the receipt, or becomes debt. Once the
// lot has run out nothing is called back: whether these points ran out with it
// or were spent before is not known of points that are alike, and nobody loses
// the same points twice.
func (s *State) callBack(c *kopilka.Return, m kopilka.MemberNo, a *account, gone bool, called kopilka.Points, left *kopilka.Remains, out *kopilka.Outcome) {
	earned := &left.Earned
	earned.Points -= called
	owed := called + left.Owed
	left.Owed = 0
	if owed == 0 || earned.Expires < s.day || gone {
		return
	}
	pending := earned.Activates > s.day
	if c.Policy != kopilka.OnlyPending || pending {
		out.Taken = s.take(a, owed, earned.Activates, earned.Expires)
	}
	if c.Policy != kopilka.OnlyPending {
		available, _, _ := s.available(m, a, s.now)
		more := min(available, owed-out.Taken)
		s.sale.legs = s.spend(a, more, s.sale.legs[:0])
		out.Taken += more
	}
	left.Owed = owed - out.Taken
	if c.Policy == kopilka.Unlimited && left.Owed > 0 {
		out.DebtMade = left.Owed
		out.Taken += left.Owed
		s.owe(m, s.debts[m]+left.Owed)
		left.Owed = 0
	}
}
