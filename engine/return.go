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
	left.CopyFrom(&c.Left)
	if s.sale.comesBack(c, left, out) {
		return
	}
	called, base := s.sale.split(left, out)
	if c.Member == kopilka.NoMember {
		s.giveBackUses(kopilka.NoMember, nil, left, out)
		return
	}

	m, a, _ := s.person(c.Member)
	s.settle(m, a, out)
	gone := left.Made <= s.cleared(c.Member)
	s.giveBackUses(m, a, left, out)
	s.restore(m, a, gone, left, out)
	s.callBack(m, a, gone, called, left.Policy, left, out)
	s.callLegs(m, left.Policy, base, left, out)
	if left.Purchase {
		live := 0
		if left.Goods() == 0 {
			live = -1
		}
		s.index.Purchase(m, left.Day, live, -out.Goods)
		if left.Takes&kopilka.TakeTier != 0 {
			s.takeTier(m, a, s.Program())
		}
		s.mayFall(m, a)
	}
	s.books.Returns++
	s.books.Restored += out.Restored
	s.books.Lapsed += out.Lapsed
	s.books.Taken += out.Taken
	s.enter(m, a, out)
	s.enterLegs(out)
}

// part is how much of something came back, and of how much.
type part struct{ back, of kopilka.Money }

// split takes the goods that come back off the lines, each with its own share of
// what was spent on it, paid for it and earned by it. It tells how many earned
// points are called back, and what part of the base of the legs.
func (x *sale) split(left *kopilka.Remains, out *kopilka.Outcome) (called kopilka.Points, base part) {
	var discount kopilka.Money
	for i := range left.Lines {
		l, goods := &left.Lines[i], x.goods[i]
		of := func(n int64) int64 { return kopilka.PartFloor(n, goods, int64(l.Goods)) }
		spent, earned, earns := kopilka.Points(of(int64(l.Spent))), kopilka.Points(of(int64(l.Earned))), kopilka.Money(of(int64(l.Base)))
		// Each of those that paid has its part of what the ones before it have left, so
		// that rounding down never makes more of cash than was paid.
		rest, whole := goods-int64(spent), int64(l.Goods)-int64(l.Spent)
		paid := kopilka.Points(kopilka.PartFloor(int64(l.Certificate), rest, whole))
		rest, whole = rest-int64(paid), whole-int64(l.Certificate)
		off := kopilka.Money(kopilka.PartFloor(int64(l.Discount), rest, whole))
		base.of += l.Base
		base.back += earns
		l.Goods -= kopilka.Money(goods)
		l.Spent -= spent
		l.Earned -= earned
		l.Base -= earns
		l.Certificate -= paid
		l.Discount -= off
		out.Goods += kopilka.Money(goods)
		out.Restored += spent
		out.CertificateRestored += paid
		discount += off
		called += earned
	}
	out.CashRefund = out.Goods - kopilka.Money(out.Restored) - kopilka.Money(out.CertificateRestored) - discount
	return called, base
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
// those that earlier returns of the receipt could not take.
func (s *State) callBack(m kopilka.MemberNo, a *account, gone bool, called kopilka.Points, policy kopilka.ReturnsPolicy, left *kopilka.Remains, out *kopilka.Outcome) {
	left.Earned.Points -= called
	owed := called + left.Owed
	left.Owed = 0
	if left.Earned.Expires < s.day || gone {
		return
	}
	out.Taken, out.DebtMade = s.takeBack(m, a, owed, left.Earned, policy)
	left.Owed = owed - out.Taken
}

// takeBack takes points from the lot they went to and then, unless only pending
// points may be taken, from the others. What cannot be taken becomes debt where the
// policy says so. It tells what was taken, the debt included. The caller asks for
// nothing of a lot that has run out: whether these points ran out with it or were
// spent before is not known of points that are alike, and nobody loses the same
// points twice.
func (s *State) takeBack(m kopilka.MemberNo, a *account, owed kopilka.Points, lot kopilka.Lot, policy kopilka.ReturnsPolicy) (taken, debt kopilka.Points) {
	if policy != kopilka.OnlyPending || lot.Activates > s.day {
		taken = s.take(a, owed, lot.Activates, lot.Expires)
	}
	if policy != kopilka.OnlyPending && taken < owed {
		available, _, _ := s.available(m, a, s.now)
		more := min(available, owed-taken)
		s.sale.legs = s.spend(a, more, s.sale.legs[:0])
		taken += more
	}
	if policy == kopilka.Unlimited && taken < owed {
		debt = owed - taken
		taken = owed
		s.owe(m, s.debts[m]+debt)
	}
	return taken, debt
}

// callLegs takes back what the receipt brought to others, and what it brought to
// the buyer as his first: the shares of the circles in proportion to the base that
// came back, the rest with the last of the goods and where the receipt's program
// takes it. What was taken back whole can be had again with the next first purchase;
// what was spent meanwhile cannot, or a welcome could be had without end.
func (s *State) callLegs(m kopilka.MemberNo, policy kopilka.ReturnsPolicy, base part, left *kopilka.Remains, out *kopilka.Outcome) {
	if len(left.Legs) == 0 {
		return
	}
	// The shares come first, so that who has too little for everything owes the
	// same of each after any split.
	for i := range left.Legs {
		if l := &left.Legs[i]; l.Kind >= kopilka.LegLevel1 {
			s.callLeg(m, l, kopilka.Points(kopilka.PartFloor(int64(l.Points), int64(base.back), int64(base.of))), policy, left.Made, out)
		}
	}
	if left.Goods() > 0 {
		return
	}
	again := uint8(welcomedBit | broughtBit)
	for i := range left.Legs {
		l := &left.Legs[i]
		bit, takes := uint8(broughtBit), kopilka.TakeOnce
		switch {
		case l.Kind >= kopilka.LegLevel1:
			continue
		case l.Kind == kopilka.LegWelcome:
			bit, takes = welcomedBit, kopilka.TakeWelcome
		}
		if left.Takes&takes == 0 || !s.callLeg(m, l, l.Points, policy, left.Made, out) {
			again &^= bit
		}
	}
	for i := range left.Legs {
		switch k := left.Legs[i].Kind; {
		case k == kopilka.LegWelcome:
			s.member(m).standing &^= again & welcomedBit
		case k < kopilka.LegLevel1:
			s.member(m).standing &^= again & broughtBit
		}
	}
}

// callLeg takes points of a leg back, and what earlier returns could not take; it
// tells whether it got them all.
func (s *State) callLeg(m kopilka.MemberNo, l *kopilka.RemainsLeg, called kopilka.Points, policy kopilka.ReturnsPolicy, made kopilka.Day, out *kopilka.Outcome) bool {
	who := s.resolve(l.Member)
	a := s.member(who)
	l.Points -= called
	owed := called + l.Owed
	l.Owed = 0
	if owed == 0 {
		return true
	}
	at, found := len(out.Legs), len(out.LegsExpired)
	if who != m {
		s.settleLeg(at, who, a, out)
	}
	var taken kopilka.Points
	if l.Expires >= s.day && made > s.cleared(l.Member) {
		lot := kopilka.Lot{Activates: l.Activates, Expires: l.Expires}
		taken, _ = s.takeBack(who, a, owed, lot, policy)
		l.Owed = owed - taken
	}
	s.books.Legs -= taken
	if taken > 0 || len(out.LegsExpired) > found {
		out.Legs = append(out.Legs, kopilka.Leg{Member: who, Kind: l.Kind, Points: -taken, Activates: l.Activates, Expires: l.Expires})
	}
	return taken == owed
}
