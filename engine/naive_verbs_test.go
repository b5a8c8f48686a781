package engine

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What the clerk does about each command.

func (b *clerk) putMember(c *kopilka.PutMember, o *kopilka.Outcome) {
	m := b.byCard(c.Card)
	var base kopilka.Seq
	if m >= 0 {
		base = b.people[m].profileAt
	}
	if c.Registered > b.day || c.Base != base {
		o.Refusal = kopilka.Stale
		return
	}
	for i, p := range b.people {
		if c.PhoneTag != 0 && p.phone == c.PhoneTag && int(b.resolve(kopilka.MemberNo(i))) != m {
			o.Refusal = kopilka.PhoneTaken
			return
		}
	}
	if m >= 0 && b.standsAbove(kopilka.MemberNo(m), c.Referrer) {
		o.Refusal = kopilka.ReferralCycle
		return
	}
	if m < 0 && !c.Imported && b.sourceClosed(c.Source) {
		o.Refusal = kopilka.SourceClosed
		return
	}
	tier := b.tierByHand(c.Tier, o)
	if o.Refusal != kopilka.Accepted {
		return
	}
	if m < 0 {
		m = len(b.people)
		b.people = append(b.people, &person{card: c.Card, active: c.Registered})
		o.Enrolled = true
		if !c.Imported {
			b.count(c.Source)
		}
	}
	for _, no := range b.parts(kopilka.MemberNo(m)) {
		if b.people[no].phone == c.PhoneTag {
			b.people[no].phone = 0
		}
	}
	p := b.people[m]
	before := p.state
	p.registered, p.state, p.blocked, p.phone = c.Registered, c.State, c.Blocked, c.PhoneTag
	p.referrer, p.keySlot, p.profileAt = c.Referrer, c.KeySlot, b.seq
	if c.Tier != "" {
		p.tier = tier
	}
	if c.Carrier != "" {
		b.cardOf(c.Card).carrier = c.Carrier
	}
	for i := range c.Due {
		b.award(kopilka.MemberNo(m), &c.Due[i])
	}
	b.joined(kopilka.MemberNo(m), c, before, o)
	for i := range c.Due {
		b.award(kopilka.MemberNo(m), &c.Due[i])
	}
	b.answer(kopilka.MemberNo(m), o)
}

// secondKey is what the till printed; empty when it told too little.
func secondKey(kind kopilka.Kind, d *kopilka.Deed) string {
	if d.Store == "" || d.Till == "" || d.ReceiptNo == "" {
		return ""
	}
	return fmt.Sprintf("%s %q %q %q %s", kind, d.Store, d.Till, d.ReceiptNo, d.Day)
}

// duplicate refuses what was sent under another id, and what is dated after today.
func (b *clerk) duplicate(key string, day kopilka.Day, o *kopilka.Outcome) bool {
	if prior := b.printed[key]; key != "" && prior != 0 {
		o.Refusal, o.Prior = kopilka.DuplicateReceipt, prior
	} else if day > b.day {
		o.Refusal = kopilka.Stale
	}
	return o.Refusal != kopilka.Accepted
}

// redeem judges how many points are spent, of a hold and of the balance.
func (b *clerk) redeem(asked, held kopilka.Points, hold bool, cap, available kopilka.Points, allowed bool, o *kopilka.Outcome) {
	o.MaxRedeem = min(cap, held)
	if allowed {
		o.MaxRedeem = min(cap, held+available)
	}
	switch {
	case asked == kopilka.RedeemMax:
		o.Redeemed = o.MaxRedeem
	case asked == 0 && hold:
		o.Redeemed = min(cap, held)
	case asked > held && !allowed:
		o.Refusal = kopilka.RedeemNotPermitted
	case asked > cap:
		o.Refusal = kopilka.RedeemCapExceeded
	case asked > held+available:
		o.Refusal, o.Requested, o.Available = kopilka.InsufficientPoints, asked, held+available
	default:
		o.Redeemed = asked
	}
}

// percent is a rate of an amount, rounded down or to the nearest.
func percent(amount kopilka.Money, rate kopilka.BP, r kopilka.Rounding) kopilka.Points {
	n := amount * kopilka.Money(rate)
	if r == kopilka.HalfUp {
		return kopilka.Points((2*n + 10_000) / 20_000)
	}
	return kopilka.Points(n / 10_000)
}

// spread shares a total out in proportion: each gets what is whole of its
// share, then the largest remainders get one each, the earlier first.
func spread(total int64, weights []int64) []int64 {
	shares := make([]int64, len(weights))
	var whole int64
	for _, w := range weights {
		whole += w
	}
	if whole == 0 {
		return shares
	}
	rest, rems := total, make([]int64, len(weights))
	for i, w := range weights {
		shares[i], rems[i] = total*w/whole, total*w%whole
		rest -= shares[i]
	}
	for ; rest > 0; rest-- {
		best := 0
		for i := range rems {
			if rems[i] > rems[best] {
				best = i
			}
		}
		shares[best]++
		rems[best] = -1
	}
	return shares
}

func (b *clerk) receipt(c *kopilka.Receipt, o *kopilka.Outcome) {
	key := secondKey(kopilka.KindReceipt, &c.Deed)
	if b.duplicate(key, c.Day, o) {
		return
	}
	o.Program = b.programAt(c.At)
	rules := b.programs[o.Program-1].Program

	lines := c.Lines
	if len(lines) == 0 {
		lines = []kopilka.Line{{Amount: c.Amount - c.NoEarn - c.NoRedeem}}
		if c.NoEarn > 0 {
			lines = append(lines, kopilka.Line{Amount: c.NoEarn, NoEarn: true})
		}
		if c.NoRedeem > 0 {
			lines = append(lines, kopilka.Line{Amount: c.NoRedeem, NoRedeem: true})
		}
	}
	left := kopilka.Remains{Day: c.Day, Made: b.day, Purchase: true, Policy: rules.Returns, Takes: rules.Takes, Lines: make([]kopilka.RemainsLine, len(lines))}
	takes, earns := make([]int64, len(lines)), make([]int64, len(lines))
	var redeemable kopilka.Money
	var base int64
	for i, l := range lines {
		left.Lines[i].Goods = l.Amount
		if !l.NoEarn {
			earns[i] = int64(l.Amount)
			if !l.NoRedeem {
				takes[i] = int64(l.Amount)
				redeemable += l.Amount
			}
		}
	}

	for i, n := range earns {
		left.Lines[i].Base = kopilka.Money(n)
	}
	x := &bill{lines: lines, redeemable: int64(redeemable), whole: slices.Clone(takes), takes: takes, left: &left}
	if c.Member == kopilka.NoMember {
		if !c.Imported {
			if c.Redeem > 0 || c.Certificate > 0 || c.Hold.Seq != 0 {
				o.Refusal = kopilka.MemberNotFound
				return
			}
			if b.payBill(c, x, rules, o); o.Refusal != kopilka.Accepted {
				return
			}
			b.useUp(c, o)
		}
		left.Uses = o.Uses
		o.CashDue, o.Left = c.Amount-kopilka.Money(o.CertificateUsed)-o.Discount, left
		b.sold = true
		b.books.Anonymous++
		b.slip(c.ID, key, c.Member, left)
		return
	}
	p := b.people[c.Member]
	o.SegmentBefore = b.before[c.Member]
	tier, segment := b.tierIn(b.tierNow(p, o.SegmentBefore), rules), b.segmentIn(o.SegmentBefore, rules)
	o.TierBefore = uint8(tier)
	var fromHold kopilka.Points
	var envelope *promise
	if !c.Imported {
		if p.blocked {
			o.Refusal = kopilka.MemberBlocked
			return
		}
		if b.payBill(c, x, rules, o); o.Refusal != kopilka.Accepted {
			return
		}
		if c.Certificate == 0 && len(c.Coupons) == 0 {
			o.MaxCertificate = 0
		}
		cap := min(percent(redeemable, rules.Tiers[tier].MaxRedeemBP, kopilka.Floor), kopilka.Points(x.sumOf(x.takes, nil)))
		available, _ := b.balance(p)
		var held kopilka.Points
		if c.Hold.Seq != 0 {
			if envelope = b.envelope(p, c.Hold.Seq); envelope == nil {
				o.Refusal = kopilka.HoldExpired
				return
			}
			held = total(envelope.grains)
		}
		b.redeem(c.Redeem, held, c.Hold.Seq != 0, cap, available, rules.RedeemAllowedBy[c.NamedBy], o)
		if o.Refusal != kopilka.Accepted {
			return
		}
		fromHold = min(held, o.Redeemed)
	}
	for i, n := range spread(int64(o.Redeemed), x.takes) {
		l := &left.Lines[i]
		l.Spent = kopilka.Points(n)
		if rules.EarnBase == program.Paid {
			earns[i] -= n + int64(l.Certificate) + int64(l.Discount)
		}
		l.Base = kopilka.Money(earns[i])
		base += earns[i]
	}
	if !c.Imported || c.Earn {
		for i, n := range b.earn(c, rules, tier, segment, lines, earns, o) {
			left.Lines[i].Earned = kopilka.Points(n)
		}
	}
	if !c.Imported {
		if c.Amount > 0 && !b.hasBought(p) {
			o.Legs = b.welcome(c.Member, rules, func(t program.Trigger) bool { return t == program.AtFirstPurchase })
		}
		o.Legs = append(o.Legs, b.circles(c.Member, base, rules)...)
	}
	o.CashDue = c.Amount - kopilka.Money(o.CertificateUsed) - o.Discount - kopilka.Money(o.Redeemed)

	b.settle(p, o)
	b.useUp(c, o)
	left.Uses = o.Uses
	if envelope != nil {
		left.Spent = b.endHold(p, envelope, fromHold, o)
	}
	left.Spent = append(left.Spent, b.spend(p, o.Redeemed-fromHold)...)
	left.Earned = born(rules, o.Earned, c.Day, rules.PendingDays+b.flag(p, c, o))
	if c.Amount > 0 {
		p.bought = append(p.bought, bought{c.Day, 1, c.Amount})
		p.active = max(p.active, c.Day)
	}
	b.give(p, left.Earned, o)
	for _, u := range o.Campaigns {
		b.sum(u.Term).Used += int64(u.Points)
		b.sum(u.Term).Count++
	}
	b.countEarned(p, c, o)
	b.payLegs(c.Member, left.Earned, o)
	for _, l := range o.Legs {
		left.Legs = append(left.Legs, kopilka.RemainsLeg{Member: l.Member, Kind: l.Kind, Points: l.Points, Activates: l.Activates, Expires: l.Expires})
	}
	if reached := b.reached(p); b.tiersByPurchase() && reached >= p.tier {
		p.tier, p.goingDown = reached, false
	}
	o.Left = left
	b.sold = true
	b.books.Earned += o.Earned
	b.books.Redeemed += o.Redeemed
	b.books.Receipts++
	b.slip(c.ID, key, c.Member, left)
	b.enter(c.Member, o)
	b.enterLegs(o)
}

func (b *clerk) slip(id, key string, m kopilka.MemberNo, left kopilka.Remains) {
	left.Lines, left.Spent, left.Legs = slices.Clone(left.Lines), slices.Clone(left.Spent), slices.Clone(left.Legs)
	left.Uses = slices.Clone(left.Uses)
	b.receipts[id] = &slip{Remains: left, member: m, seq: b.seq}
	b.printed[key] = b.seq
}

func (b *clerk) redemption(c *kopilka.Redemption, o *kopilka.Outcome) {
	key := secondKey(kopilka.KindRedemption, &c.Deed)
	if b.duplicate(key, c.Day, o) {
		return
	}
	o.Program = b.programAt(c.At)
	rules := b.programs[o.Program-1].Program
	p := b.people[c.Member]
	if p.blocked {
		o.Refusal = kopilka.MemberBlocked
		return
	}
	available, _ := b.balance(p)
	cap := available + max(c.Points, 0) // none
	if c.Amount > 0 {
		cap = percent(c.Amount, rules.Tiers[b.tierIn(b.tierNow(p, b.before[c.Member]), rules)].MaxRedeemBP, kopilka.Floor)
	}
	if b.redeem(c.Points, 0, false, cap, available, rules.RedeemAllowedBy[c.NamedBy], o); o.Refusal != kopilka.Accepted {
		return
	}
	b.settle(p, o)
	goods := c.Amount
	if goods == 0 {
		goods = kopilka.Money(o.Redeemed)
	}
	o.CashDue = goods - kopilka.Money(o.Redeemed)
	o.Left = kopilka.Remains{Day: c.Day, Made: b.day, Policy: rules.Returns, Spent: b.spend(p, o.Redeemed),
		Lines: []kopilka.RemainsLine{{Goods: goods, Spent: o.Redeemed}}}
	b.books.Redeemed += o.Redeemed
	b.slip(c.ID, key, c.Member, o.Left)
	b.enter(c.Member, o)
}

func (b *clerk) grant(c *kopilka.Grant, o *kopilka.Outcome) {
	p := b.people[c.Member]
	if p.blocked {
		o.Refusal = kopilka.MemberBlocked
		return
	}
	b.flagByHand(p, c.By, c.Points, o)
	b.settle(p, o)
	o.Earned = c.Points
	b.books.Granted += c.Points
	b.give(p, born(b.program().Program, c.Points, b.day, 0), o)
	b.enter(c.Member, o)
}

func (b *clerk) adjustment(c *kopilka.Adjustment, o *kopilka.Outcome) {
	p := b.people[c.Member]
	if available, _ := b.balance(p); available < -c.Points {
		o.Refusal, o.Available, o.Requested = kopilka.InsufficientPoints, available, -c.Points
		return
	}
	b.settle(p, o)
	o.Earned = c.Points
	b.flagByHand(p, c.Actor, c.Points, o)
	b.books.Adjusted += c.Points
	if c.Points < 0 {
		o.Left.Spent = b.spend(p, -c.Points)
	} else {
		b.give(p, born(b.program().Program, c.Points, b.day, 0), o)
	}
	b.enter(c.Member, o)
}

func (b *clerk) giveBack(c *kopilka.Return, o *kopilka.Outcome) {
	if c.Day > b.day {
		o.Refusal = kopilka.Stale
		return
	}
	if c.Receipt == "" {
		o.Goods, o.CashRefund = c.Amount, c.Amount
		if c.Member != kopilka.NoMember {
			p := b.people[c.Member]
			b.settle(p, o)
			p.bought = append(p.bought, bought{c.Day, 0, -c.Amount})
			b.mayFall(p)
			b.books.Returns++
			b.enter(c.Member, o)
		}
		return
	}
	r := b.receipts[c.Receipt]
	goods, ok := b.comesBack(c, r, o)
	if !ok {
		return
	}
	var called kopilka.Points
	var back, of, discount kopilka.Money
	for i := range r.Lines {
		of += r.Lines[i].Base
		l, n := &r.Lines[i], kopilka.Money(goods[i])
		if n == 0 {
			continue
		}
		spent, earned := l.Spent*kopilka.Points(n)/kopilka.Points(l.Goods), l.Earned*kopilka.Points(n)/kopilka.Points(l.Goods)
		earns := l.Base * n / l.Goods
		l.Base -= earns
		back += earns
		var paid kopilka.Points
		var off kopilka.Money
		rest, whole := n-kopilka.Money(spent), l.Goods-kopilka.Money(l.Spent) // of what points did not pay
		if whole > 0 {
			paid = l.Certificate * kopilka.Points(rest) / kopilka.Points(whole)
		}
		rest, whole = rest-kopilka.Money(paid), whole-kopilka.Money(l.Certificate)
		if whole > 0 {
			off = l.Discount * rest / whole
		}
		l.Certificate, l.Discount = l.Certificate-paid, l.Discount-off
		o.CertificateRestored += paid
		discount += off
		l.Goods, l.Spent, l.Earned = l.Goods-n, l.Spent-spent, l.Earned-earned
		o.Goods += n
		o.Restored += spent
		called += earned
	}
	o.CashRefund = o.Goods - kopilka.Money(o.Restored) - kopilka.Money(o.CertificateRestored) - discount
	r.lastReturn = b.seq
	if c.Member == kopilka.NoMember {
		b.takeUsesBack(c.Member, r, o)
		o.Left = b.copyOf(r)
		return
	}

	p := b.people[c.Member]
	b.settle(p, o)
	b.takeUsesBack(c.Member, r, o)
	b.restore(p, r, o)
	b.callBack(p, r, called, o)
	b.callLegs(c.Member, r, back, of, o)
	if r.Purchase {
		gone := 0
		if r.Goods() == 0 {
			gone = -1
		}
		p.bought = append(p.bought, bought{r.Day, gone, -o.Goods})
		if reached := b.reached(p); r.Takes&kopilka.TakeTier != 0 && b.tiersByPurchase() && p.tier > reached {
			p.tier, p.goingDown = reached, false
		}
		b.mayFall(p)
	}
	b.books.Returns++
	b.books.Restored += o.Restored
	b.books.Lapsed += o.Lapsed
	b.books.Taken += o.Taken
	o.Left = b.copyOf(r)
	b.enter(c.Member, o)
	b.enterLegs(o)
}

// mayFall: who has less than the tier asks for is judged at the next midnight.
func (b *clerk) mayFall(p *person) {
	if b.tiersByPurchase() && b.program().TierPolicy.Downgrade != program.DowngradeNone {
		p.goingDown = p.goingDown || p.tier > b.reached(p)
	}
}

func (b *clerk) copyOf(r *slip) kopilka.Remains {
	left := r.Remains
	left.Lines, left.Spent, left.Legs = slices.Clone(left.Lines), slices.Clone(left.Spent), slices.Clone(left.Legs)
	left.Uses = slices.Clone(left.Uses)
	return left
}

// comesBack is how much of each line comes back.
func (b *clerk) comesBack(c *kopilka.Return, r *slip, o *kopilka.Outcome) ([]int64, bool) {
	goods, weights := make([]int64, len(r.Lines)), make([]int64, len(r.Lines))
	for i, l := range r.Lines {
		weights[i] = int64(l.Goods)
	}
	switch {
	case r.lastReturn > c.LastReturn:
		o.Refusal = kopilka.Stale
	case r.Goods() == 0:
		o.Refusal = kopilka.AlreadyReturned
	case len(c.Lines) == 0 && c.Amount > r.Goods():
		o.Refusal = kopilka.ReturnExceedsReceipt
	case len(c.Lines) == 0:
		return spread(int64(c.Amount), weights), true
	default:
		var some int64
		for _, l := range c.Lines {
			if l.Line >= len(r.Lines) || l.Amount > r.Lines[l.Line].Goods {
				o.Refusal = kopilka.ReturnExceedsReceipt
				return nil, false
			}
			goods[l.Line] = int64(l.Amount)
			some += goods[l.Line]
		}
		if some > 0 {
			return goods, true
		}
		o.Refusal = kopilka.AlreadyReturned
	}
	return nil, false
}

// restore puts spent points back among those of the days they had; what has run
// out meanwhile is gone at once. A debt takes its part, so that the order in
// which parts of a receipt come back makes no difference.
func (b *clerk) restore(p *person, r *slip, o *kopilka.Outcome) {
	weights := make([]int64, len(r.Spent))
	for i, l := range r.Spent {
		weights[i] = int64(l.Points)
	}
	for i, n := range spread(int64(o.Restored), weights) {
		l, points := &r.Spent[i], kopilka.Points(n)
		l.Points -= points
		if l.Expires < b.day || r.Made <= b.people[r.member].cleared {
			o.Lapsed += points
			continue
		}
		b.add(p, kopilka.Lot{Points: b.pay(p, points, o), Activates: l.Activates, Expires: l.Expires})
	}
}

// callBack takes earned points.
func (b *clerk) callBack(p *person, r *slip, called kopilka.Points, o *kopilka.Outcome) {
	r.Earned.Points -= called
	r.Owed = b.takeBack(p, called+r.Owed, r.Earned, r, b.people[r.member].cleared, o)
}

// takeBack takes points that a receipt brought: from where they went, then, under
// two of the policies, from whatever can be spent. It tells what it could not take.
func (b *clerk) takeBack(p *person, owed kopilka.Points, lot kopilka.Lot, r *slip, cleared kopilka.Day, o *kopilka.Outcome) kopilka.Points {
	if lot.Expires < b.day || r.Made <= cleared {
		return 0 // they have run out by themselves
	}
	own := func(g kopilka.Lot) bool {
		return g.Expires == lot.Expires && b.begin(g.Activates) == b.begin(lot.Activates)
	}
	if r.Policy != kopilka.OnlyPending || lot.Activates > b.day {
		o.Taken = total(b.take(p, owed, own))
	}
	if r.Policy != kopilka.OnlyPending {
		o.Taken += total(b.spend(p, owed-o.Taken))
	}
	if r.Policy == kopilka.Unlimited {
		o.DebtMade = owed - o.Taken
		o.Taken = owed
		p.debt += o.DebtMade
		b.books.Debt += o.DebtMade
	}
	return owed - o.Taken
}
