package engine

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What the clerk knows of who is who, and does about it. A person who turns out to
// be another hands everything over and keeps a slip of paper that says to whom.

type identity struct {
	goneTo   *handover // nil: stands for himself
	erased   bool
	first    carried   // what is known of the card that enrolled him
	cards    []carried // further ones, the oldest first
	partsNow []kopilka.MemberNo
}

type carried struct {
	number  string
	carrier string
	blocked bool
}

type handover struct {
	into kopilka.MemberNo
	seq  kopilka.Seq
	day  kopilka.Day
}

func (p *person) merged() bool { return p.goneTo != nil }

func (b *clerk) resolve(m kopilka.MemberNo) kopilka.MemberNo {
	for m != kopilka.NoMember && b.people[m].merged() {
		m = b.people[m].goneTo.into
	}
	return m
}

// parts are those whom m stands for, himself left out, the oldest handover first.
func (b *clerk) parts(m kopilka.MemberNo) (parts []kopilka.MemberNo) {
	for _, no := range b.people[m].partsNow {
		parts = append(parts, no)
		parts = append(parts, b.parts(no)...)
	}
	return parts
}

// byCard is who has a card; -1 = nobody.
func (b *clerk) byCard(number string) int {
	for i, p := range b.people {
		if p.erased {
			continue
		}
		if p.card == number || slices.ContainsFunc(p.cards, func(c carried) bool { return c.number == number }) {
			return int(b.resolve(kopilka.MemberNo(i)))
		}
	}
	return -1
}

// cardOf is what is known of a card.
func (b *clerk) cardOf(number string) *carried {
	for _, p := range b.people {
		if p.erased {
			continue
		}
		if p.card == number {
			return &p.first
		}
		for i := range p.cards {
			if p.cards[i].number == number {
				return &p.cards[i]
			}
		}
	}
	return nil
}

// addressed is the command as it reads when it names the member by his number of
// today; nil when that person was forgotten, so that nothing but goods can come back.
func (b *clerk) addressed(c kopilka.Command, o *kopilka.Outcome) kopilka.Command {
	forgotten := func(m kopilka.MemberNo) bool { return m != kopilka.NoMember && b.people[m].erased }
	gone := false
	switch x := c.(type) {
	case *kopilka.Receipt:
		y := *x
		y.Member = b.resolve(x.Member)
		gone = forgotten(y.Member) && !b.duplicate(secondKey(kopilka.KindReceipt, &y.Deed), y.Day, o)
		c = &y
	case *kopilka.Redemption:
		y := *x
		y.Member = b.resolve(x.Member)
		gone = forgotten(y.Member) && !b.duplicate(secondKey(kopilka.KindRedemption, &y.Deed), y.Day, o)
		c = &y
	case *kopilka.Return:
		y := *x
		y.Member = b.resolve(x.Member)
		return &y
	case *kopilka.Hold:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member) && y.Day <= b.day, &y
	case *kopilka.Capture:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member) && y.Day <= b.day, &y
	case *kopilka.Void:
		y := *x
		y.Member = b.resolve(x.Member)
		return &y
	case *kopilka.Grant:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member), &y
	case *kopilka.Adjustment:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member), &y
	case *kopilka.PutCard:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member), &y
	case *kopilka.Erase:
		y := *x
		y.Member = b.resolve(x.Member)
		gone, c = forgotten(y.Member), &y
	}
	if gone {
		o.Refusal = kopilka.MemberNotFound
	}
	if o.Refusal != kopilka.Accepted {
		return nil
	}
	return c
}

// standsAbove goes up from who invited to who invited him.
func (b *clerk) standsAbove(m, up kopilka.MemberNo) bool {
	for up != kopilka.NoMember {
		for up != m && b.people[up].merged() {
			up = b.people[up].goneTo.into
		}
		if up == m {
			return true
		}
		up = b.people[up].referrer
	}
	return false
}

func (b *clerk) listed(id string) *program.Source {
	for i, s := range b.program().Sources {
		if s.ID == id {
			return &b.program().Sources[i]
		}
	}
	return nil
}

func (b *clerk) sourceClosed(id string) bool {
	s := b.listed(id)
	return s != nil && (b.now < s.StartsAt || s.EndsAt > 0 && b.now >= s.EndsAt || s.Cap > 0 && b.brought[id] >= int64(s.Cap))
}

func (b *clerk) count(id string) {
	if b.listed(id) != nil {
		b.brought[id]++
		b.sum(b.name(TermSource, id)).Count++
	}
}

func (b *clerk) putCard(c *kopilka.PutCard, o *kopilka.Outcome) {
	p := b.people[c.Member]
	switch owner := b.byCard(c.Card); {
	case owner < 0:
		p.cards = append(p.cards, carried{number: c.Card})
		o.Enrolled = true
	case owner != int(c.Member):
		o.Refusal = kopilka.CardTaken
		return
	}
	k := b.cardOf(c.Card)
	k.blocked = c.Blocked
	if c.Carrier != "" {
		k.carrier = c.Carrier
	}
	b.answer(c.Member, o)
}

// clear notes that inactivity took everything up to a day, for whoever's points
// were among it.
func (b *clerk) clear(p *person, day kopilka.Day) {
	p.cleared = max(p.cleared, day)
	for _, no := range p.partsNow {
		if part := b.people[no]; day >= part.goneTo.day {
			b.clear(part, day)
		}
	}
}

func (b *clerk) merge(c *kopilka.Merge, o *kopilka.Outcome) {
	from, into := b.people[c.From], b.people[c.Into]
	switch {
	case from == into || from.merged() || into.merged() || from.erased || into.erased:
		o.Refusal = kopilka.AlreadyMerged
		return
	case from.blocked || into.blocked:
		o.Refusal = kopilka.MemberBlocked
		return
	case b.standsAbove(c.From, into.referrer):
		o.Refusal = kopilka.ReferralCycle
		return
	}
	b.flagDormant(from, o)
	b.flagDormant(into, o)
	var told kopilka.Outcome
	b.settle(from, &told)
	for _, l := range told.Expired {
		o.LegsExpired = append(o.LegsExpired, kopilka.LegExpired{Lot: l})
	}
	b.settle(into, o)

	for _, g := range from.grains {
		g.Activates = b.begin(g.Activates)
		o.Moved = append(o.Moved, g)
	}
	for _, h := range b.promises(from) {
		o.Moved = append(o.Moved, h.grains...)
	}
	o.Moved = alike(o.Moved)
	into.grains, from.grains = append(into.grains, from.grains...), nil
	o.MovedDebt = from.debt
	into.debt, from.debt = into.debt+from.debt, 0
	into.active = max(into.active, from.active)
	into.welcomed, into.brought = into.welcomed || from.welcomed, into.brought || from.brought

	o.Purchases = byDay(from.bought)
	into.bought, from.bought = append(into.bought, from.bought...), nil
	into.tier, from.goingDown = max(into.tier, from.tier), false
	b.judge(into)

	from.goneTo = &handover{c.Into, b.seq, b.day}
	into.partsNow = append(into.partsNow, c.From)
	o.Legs = []kopilka.Leg{{Member: c.From, Kind: kopilka.LegMerged, Points: o.MovedDebt - total(o.Moved), Prev: from.lastEntry}}
	from.lastEntry = b.seq
	b.enter(c.Into, o)
}

// judge finds the tier of somebody who has got or lost purchases.
func (b *clerk) judge(p *person) {
	if reached := b.reached(p); b.tiersByPurchase() && reached >= p.tier {
		p.tier, p.goingDown = reached, false
	}
	b.mayFall(p)
}

// byDay adds up purchases of a day, and leaves out days of which nothing is left.
func byDay(all []bought) (days []kopilka.Purchase) {
	sums := map[kopilka.Day]kopilka.Purchase{}
	for _, e := range all {
		p := sums[e.day]
		sums[e.day] = kopilka.Purchase{Day: e.day, Live: p.Live + int32(e.live), Amount: p.Amount + e.amount}
	}
	for _, p := range sums {
		if p.Live != 0 || p.Amount != 0 {
			days = append(days, p)
		}
	}
	slices.SortFunc(days, func(a, b kopilka.Purchase) int { return cmp.Compare(a.Day, b.Day) })
	return days
}

func (b *clerk) unmerge(c *kopilka.Unmerge, o *kopilka.Outcome) {
	from, into := b.people[c.From], b.people[c.Into]
	switch {
	case !from.merged() || from.erased || into.merged() || from.goneTo.into != c.Into || from.goneTo.seq != c.MergeSeq:
		o.Refusal = kopilka.NotMerged
		return
	case into.lastEntry != c.Last:
		o.Refusal = kopilka.Stale
		return
	case b.standsAbove(c.From, from.referrer):
		o.Refusal = kopilka.ReferralCycle
		return
	}
	b.settle(into, o)
	lost := into.cleared >= from.goneTo.day // whatever was there ran out while they were one
	from.goneTo = nil
	into.partsNow = slices.DeleteFunc(into.partsNow, func(m kopilka.MemberNo) bool { return m == c.From })
	from.active = max(from.active, into.active)

	var missing kopilka.Points
	var held, handed []kopilka.Lot
	for _, h := range b.promises(from) {
		held = append(held, h.grains...)
	}
	held = alike(held)
	o.Moved = append(o.Moved, held...)
	for _, l := range c.Points {
		for i := range held {
			if h := &held[i]; h.Activates == l.Activates && h.Expires == l.Expires {
				n := min(l.Points, h.Points)
				l.Points -= n
				h.Points -= n
			}
		}
		if lost || l.Expires < b.day {
			continue
		}
		got := b.take(into, l.Points, func(g kopilka.Lot) bool {
			return g.Expires == l.Expires && b.begin(g.Activates) == b.begin(l.Activates)
		})
		missing += l.Points - total(got)
		handed = append(handed, got...)
	}
	handed = append(handed, b.spend(into, missing)...)
	o.Moved = alike(append(o.Moved, handed...))
	for _, l := range handed {
		b.add(from, l)
	}
	o.MovedDebt = min(c.Debt, into.debt)
	into.debt -= o.MovedDebt
	from.debt += o.MovedDebt

	o.Purchases = append(o.Purchases, c.Purchases...)
	for _, p := range c.Purchases {
		into.bought = append(into.bought, bought{p.Day, -int(p.Live), -p.Amount})
		from.bought = append(from.bought, bought{p.Day, int(p.Live), p.Amount})
	}
	b.mayFall(into)
	b.judge(from)

	leg := kopilka.Leg{Member: c.From, Kind: kopilka.LegUnmerged, Points: total(o.Moved) - o.MovedDebt, Prev: from.lastEntry, Debt: from.debt}
	leg.Balance, leg.Pending = b.balance(from)
	leg.Held = b.held(from)
	from.lastEntry = b.seq
	o.Legs = []kopilka.Leg{leg}
	b.enter(c.Into, o)
}

func (b *clerk) erase(c *kopilka.Erase, o *kopilka.Outcome) {
	p := b.people[c.Member]
	b.settle(p, o)
	o.Earned = p.debt - total(p.grains) - b.held(p)
	b.books.Forfeited -= o.Earned
	b.books.Debt -= p.debt
	p.debt, p.grains, p.tier, p.goingDown = 0, nil, 0, false
	for _, no := range append(b.parts(c.Member), c.Member) {
		part := b.people[no]
		part.erased, part.card, part.phone, part.cleared = true, "", 0, b.day
		part.cards, part.first = nil, carried{}
		part.holds, part.papers, part.visits = nil, nil, nil
		part.registered = b.earliest(no) // whose day it was is forgotten
	}
	b.enter(c.Member, o)
}

// earliest is the day on which the first of those whom m stands for was registered.
func (b *clerk) earliest(m kopilka.MemberNo) kopilka.Day {
	first := b.people[m].registered
	for _, no := range b.parts(m) {
		first = min(first, b.people[no].registered)
	}
	return first
}

// cards are all cards of somebody and of those he stands for, the oldest first.
func (b *clerk) cards(m kopilka.MemberNo) (all []string) {
	for _, no := range append([]kopilka.MemberNo{m}, b.parts(m)...) {
		p := b.people[no]
		if !p.erased {
			all = append(all, p.card)
		}
		for _, c := range p.cards {
			all = append(all, c.number)
		}
	}
	slices.Sort(all)
	return all
}
