package engine

import (
	"math/big"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// What the clerk does about segments, campaigns, welcomes and referrals.

// look asks the index, before a command, in which segment everybody is.
func (b *clerk) look(s *State) {
	b.before = b.before[:0]
	for m := range kopilka.MemberNo(s.Members()) {
		b.before = append(b.before, s.Index().Standing(m).Segment)
	}
	b.after = func(m kopilka.MemberNo) uint8 { return s.Index().Standing(m).Segment }
}

// name gives the number of a name, in the order in which they were first heard.
func (b *clerk) name(kind TermKind, id string) kopilka.Term {
	for i, t := range b.sums {
		if t.Kind == kind && t.ID == id {
			return kopilka.Term(i + 1)
		}
	}
	b.sums = append(b.sums, Term{Kind: kind, ID: id})
	return kopilka.Term(len(b.sums))
}

func (b *clerk) sum(t kopilka.Term) *Term { return &b.sums[t-1] }

func (b *clerk) hear(rules *program.Program) {
	for _, c := range rules.Certificates {
		b.name(TermCertificate, c.ID)
	}
	for _, c := range rules.Instruments {
		b.name(TermInstrument, c.ID)
	}
	for _, c := range rules.Campaigns {
		b.name(TermCampaign, c.ID)
	}
	for _, c := range rules.Sources {
		b.name(TermSource, c.ID)
	}
}

// segmentIn is a segment of today in the words of other rules; -1 if they have none.
func (b *clerk) segmentIn(segment uint8, rules *program.Program) int {
	id := b.program().RFM.Segments.Names[segment].ID
	return slices.IndexFunc(rules.RFM.Segments.Names, func(n program.Segment) bool { return n.ID == id })
}

// round is a fraction as points.
func round(x *big.Rat, r kopilka.Rounding) kopilka.Points {
	if r == kopilka.HalfUp {
		x = new(big.Rat).Add(x, big.NewRat(1, 2))
	}
	return kopilka.Points(new(big.Int).Div(x.Num(), x.Denom()).Int64())
}

// times is an amount times rates.
func times(amount int64, rates ...kopilka.BP) *big.Rat {
	x := new(big.Rat).SetInt64(amount)
	for _, r := range rates {
		x.Mul(x, big.NewRat(int64(r), 10_000))
	}
	return x
}

// earn reckons what lines earn by their bases, and tells each line's part.
func (b *clerk) earn(c *kopilka.Receipt, rules *program.Program, tier int, segment int, lines []kopilka.Line, base []int64, o *kopilka.Outcome) []int64 {
	own := rules.Tiers[tier].EarnBP
	multiplier := kopilka.BPWhole
	if segment >= 0 && rules.SegmentBP != nil {
		multiplier = rules.SegmentBP[segment]
	}
	best, by := make([]kopilka.BP, len(lines)), make([]int, len(lines))
	for i := range lines {
		best[i], by[i] = kopilka.BPWhole, -1
	}
	running := map[int]bool{}
	for k, of := range rules.Campaigns {
		spent := b.sum(b.name(TermCampaign, of.ID)).Used
		if c.At < of.StartsAt || of.EndsAt != 0 && c.At >= of.EndsAt || c.Amount < of.MinAmount ||
			of.Stores != nil && !slices.Contains(of.Stores, c.Store) ||
			of.Segments != nil && (segment < 0 || !slices.Contains(of.Segments, uint8(segment))) ||
			of.Tiers != nil && !slices.Contains(of.Tiers, uint8(tier)) ||
			of.Budget > 0 && spent >= int64(of.Budget) {
			continue
		}
		for i, l := range lines {
			if base[i] > 0 && (of.Categories == nil || slices.Contains(of.Categories, l.Category)) {
				running[k] = true
				if of.MultiplierBP > best[i] {
					best[i], by[i] = of.MultiplierBP, k
				}
			}
		}
	}
	with, without := new(big.Rat), new(big.Rat)
	adds, weights := make([]int64, len(rules.Campaigns)), make([]int64, len(lines))
	for i, n := range base {
		with.Add(with, times(n, own, multiplier, best[i]))
		without.Add(without, times(n, own, multiplier))
		weights[i] = n * int64(best[i])
		if by[i] >= 0 {
			adds[by[i]] += n * int64(best[i]-kopilka.BPWhole)
		}
	}
	o.Earned = round(without, rules.Rounding)
	more := round(with, rules.Rounding) - o.Earned
	for k, n := range spread(int64(more), adds) {
		of, t := rules.Campaigns[k], b.name(TermCampaign, rules.Campaigns[k].ID)
		if running[k] {
			n += int64(of.Points)
		}
		if of.Budget > 0 {
			n = min(n, int64(of.Budget)-b.sum(t).Used)
		}
		if n > 0 {
			o.Earned += kopilka.Points(n)
			o.Campaigns = append(o.Campaigns, kopilka.CampaignUse{Term: t, Points: kopilka.Points(n)})
		}
	}
	return spread(int64(o.Earned), weights)
}

func (b *clerk) hasBought(p *person) bool {
	n := 0
	for _, e := range p.bought {
		n += e.live
	}
	return n > 0
}

// mayGet names a leg, unless its member may get none.
func (b *clerk) mayGet(m kopilka.MemberNo, kind kopilka.LegKind, points kopilka.Points, legs []kopilka.Leg) []kopilka.Leg {
	if points == 0 || b.people[m].blocked || b.people[m].erased {
		return legs
	}
	return append(legs, kopilka.Leg{Member: m, Kind: kind, Points: points})
}

// welcome is the legs of a moment that is, or is not, the one each waits for.
func (b *clerk) welcome(m kopilka.MemberNo, rules *program.Program, now func(program.Trigger) bool) (legs []kopilka.Leg) {
	p := b.people[m]
	if now(rules.Welcome.Trigger) && !p.welcomed {
		legs = b.mayGet(m, kopilka.LegWelcome, rules.Welcome.Points, legs)
	}
	once := rules.Referral.Once
	if up := b.resolve(p.referrer); now(once.Trigger) && !p.brought && up != kopilka.NoMember && up != m {
		legs = b.mayGet(up, kopilka.LegReferrer, once.Referrer, legs)
		legs = b.mayGet(m, kopilka.LegReferee, once.Referee, legs)
	}
	return legs
}

// circles is the shares of those above a buyer.
func (b *clerk) circles(m kopilka.MemberNo, base int64, rules *program.Program) (legs []kopilka.Leg) {
	up, met := m, []kopilka.MemberNo{m}
	for i, rate := range rules.Referral.Levels {
		if up = b.resolve(b.people[up].referrer); up == kopilka.NoMember || slices.Contains(met, up) {
			break
		}
		met = append(met, up)
		legs = b.mayGet(up, kopilka.LegLevel1+kopilka.LegKind(i), round(times(base, rate), kopilka.Floor), legs)
	}
	return legs
}

// payLegs gives every leg to its member, in the lot of its days.
func (b *clerk) payLegs(m kopilka.MemberNo, day kopilka.Lot, o *kopilka.Outcome) {
	for i := range o.Legs {
		l := &o.Legs[i]
		l.Activates, l.Expires = day.Activates, day.Expires
		if l.Kind == kopilka.LegGrant {
			b.books.Granted += l.Points
		} else {
			b.books.Legs += l.Points
			b.people[m].welcomed = b.people[m].welcomed || l.Kind == kopilka.LegWelcome
			b.people[m].brought = b.people[m].brought || l.Kind == kopilka.LegReferrer || l.Kind == kopilka.LegReferee
		}
		g := kopilka.Lot{Points: l.Points, Activates: l.Activates, Expires: l.Expires}
		if l.Member == m {
			b.give(b.people[m], g, o)
			continue
		}
		var his kopilka.Outcome
		b.settle(b.people[l.Member], &his)
		b.give(b.people[l.Member], g, &his)
		b.lost(i, his.Expired, o)
	}
}

func (b *clerk) lost(leg int, lots []kopilka.Lot, o *kopilka.Outcome) {
	for _, lot := range lots {
		o.LegsExpired = append(o.LegsExpired, kopilka.LegExpired{Leg: leg, Lot: lot})
	}
}

// enterLegs writes the command into the ledgers of the legs, once each.
func (b *clerk) enterLegs(o *kopilka.Outcome) {
	before := map[kopilka.MemberNo]kopilka.Seq{}
	for i := range o.Legs {
		l := &o.Legs[i]
		if l.Member == o.Member {
			l.Prev = o.Prev
		} else {
			if _, ok := before[l.Member]; !ok {
				before[l.Member] = b.people[l.Member].lastEntry
				b.people[l.Member].lastEntry = b.seq
			}
			l.Prev = before[l.Member]
		}
		l.Balance, l.Pending = b.balance(b.people[l.Member])
		l.Held, l.Debt = b.held(b.people[l.Member]), b.people[l.Member].debt
	}
}

// joined is what an enrolment brings, or the state that a member has come to.
func (b *clerk) joined(m kopilka.MemberNo, c *kopilka.PutMember, before kopilka.MemberState, o *kopilka.Outcome) {
	p := b.people[m]
	if c.Imported {
		p.welcomed, p.brought = p.welcomed || o.Enrolled, p.brought || o.Enrolled
		return
	}
	if p.blocked {
		return
	}
	states := map[program.Trigger]kopilka.MemberState{program.AtEnrolled: kopilka.StateCreated,
		program.AtRegistered: kopilka.StateRegistered, program.AtInstalled: kopilka.StateInstalled}
	o.Legs = b.welcome(m, b.program().Program, func(t program.Trigger) bool {
		at, byState := states[t]
		return byState && c.State >= at && (o.Enrolled || before < at)
	})
	if len(o.Legs) == 0 {
		return
	}
	b.settle(p, o)
	b.payLegs(m, born(b.program().Program, 0, b.day, 0), o)
	if slices.ContainsFunc(o.Legs, func(l kopilka.Leg) bool { return l.Member == m }) {
		b.enter(m, o)
	} else {
		b.answer(m, o)
	}
	b.enterLegs(o)
}

// callLegs takes legs back with goods of a receipt.
func (b *clerk) callLegs(m kopilka.MemberNo, r *slip, back, of kopilka.Money, o *kopilka.Outcome) {
	var order []int
	for i, l := range r.Legs {
		if l.Kind >= kopilka.LegLevel1 {
			order = append(order, i)
		}
	}
	for i, l := range r.Legs {
		if l.Kind < kopilka.LegLevel1 {
			order = append(order, i)
		}
	}
	// What was taken back whole can come again.
	welcomeAgain, onceAgain := false, false
	kept := map[bool]bool{} // by whether it is the welcome
	defer func() {
		if welcomeAgain && !kept[true] {
			b.people[m].welcomed = false
		}
		if onceAgain && !kept[false] {
			b.people[m].brought = false
		}
	}()
	for _, i := range order {
		l := &r.Legs[i]
		var called kopilka.Points
		switch l.Kind {
		case kopilka.LegWelcome:
			if r.Goods() != 0 || r.Takes&kopilka.TakeWelcome == 0 {
				continue
			}
			called, welcomeAgain = l.Points, true
		case kopilka.LegReferrer, kopilka.LegReferee:
			if r.Goods() != 0 || r.Takes&kopilka.TakeOnce == 0 {
				continue
			}
			called, onceAgain = l.Points, true
		default:
			if of > 0 {
				called = l.Points * kopilka.Points(back) / kopilka.Points(of)
			}
		}
		l.Points -= called
		if called+l.Owed == 0 {
			continue
		}
		who := b.resolve(l.Member)
		p := b.people[who]
		var his kopilka.Outcome
		if who != m {
			b.settle(p, &his)
		}
		lot, owed := kopilka.Lot{Activates: l.Activates, Expires: l.Expires}, called+l.Owed
		l.Owed = b.takeBack(p, called+l.Owed, lot, r, b.people[l.Member].cleared, &his)
		b.books.Legs -= his.Taken
		if l.Kind < kopilka.LegLevel1 && his.Taken < owed {
			kept[l.Kind == kopilka.LegWelcome] = true
		}
		if his.Taken > 0 || len(his.Expired) > 0 {
			b.lost(len(o.Legs), his.Expired, o)
			o.Legs = append(o.Legs, kopilka.Leg{Member: who, Kind: l.Kind, Points: -his.Taken, Activates: l.Activates, Expires: l.Expires})
		}
	}
}

// tierByHand refuses a tier that cannot be set.
func (b *clerk) tierByHand(id string, o *kopilka.Outcome) (tier int) {
	tiers := b.program().Tiers
	tier = slices.IndexFunc(tiers, func(t program.Tier) bool { return t.ID == id })
	switch {
	case id == "":
	case b.program().TierPolicy.Metric != program.ByHand:
		o.Refusal = kopilka.TierNotByHand
	case tier < 0:
		o.Refusal = kopilka.NotFound
	}
	return tier
}

// bought tells whether tiers are reached by purchases under the program in force.
func (b *clerk) tiersByPurchase() bool {
	metric := b.program().TierPolicy.Metric
	return metric == program.BySpend || metric == program.ByCount
}

// tierNow is the member's tier, which may be that of a segment.
func (b *clerk) tierNow(p *person, segment uint8) int {
	if b.program().TierPolicy.Metric != program.BySegment {
		return p.tier
	}
	tier := 0
	for i, t := range b.program().Tiers {
		if i > 0 && slices.Contains(t.Segments, segment) {
			tier = i
		}
	}
	return tier
}

// flag tells of a receipt of somebody who earns too often.
func (b *clerk) flag(p *person, c *kopilka.Receipt, o *kopilka.Outcome) (more int) {
	rule := b.program().Fraud
	if rule.EarnsPerDay == 0 || o.Earned == 0 || c.Imported {
		return 0
	}
	times := 0
	if p.earnsDay == c.Day {
		times = p.earns
	}
	if times < rule.EarnsPerDay {
		return 0
	}
	o.Flags |= kopilka.FlagEarnsOften
	if rule.HoldDays > 0 {
		o.Flags |= kopilka.FlagSet
	}
	return rule.HoldDays
}

func (b *clerk) countEarned(p *person, c *kopilka.Receipt, o *kopilka.Outcome) {
	if b.program().Fraud.EarnsPerDay == 0 || o.Earned == 0 || c.Imported || c.Day < p.earnsDay {
		return
	}
	if p.earnsDay < c.Day {
		p.earnsDay, p.earns = c.Day, 0
	}
	p.earns++
}

func (b *clerk) flagByHand(p *person, actor string, n kopilka.Points, o *kopilka.Outcome) {
	b.flagDormant(p, o)
	b.flagActor(actor, n, o)
}

func (b *clerk) flagActor(actor string, n kopilka.Points, o *kopilka.Outcome) {
	if most := b.program().Fraud.AdjustedPerDay; most > 0 {
		if n < 0 {
			n = -n
		}
		b.adjusted[actor] += n
		if b.adjusted[actor] > most {
			o.Flags |= kopilka.FlagAdjusts
		}
	}
}

func (b *clerk) flagDormant(p *person, o *kopilka.Outcome) {
	if rule := b.program().Fraud; rule.DormantDays > 0 && int(b.day)-int(p.active) > rule.DormantDays {
		o.Flags |= kopilka.FlagDormant
	}
}
