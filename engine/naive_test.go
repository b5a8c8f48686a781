package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// clerk is the plain twin of State: a patient person with paper. Every grain of
// points that was ever given lies in a slice of its own, every purchase in
// another; at each midnight the clerk walks over everybody and strikes out what
// has run out. Nothing is merged, nothing is kept sorted, nothing is put off:
// what somebody has is added up whenever it is asked.
//
// It is written from the rules (docs/reference), not from the engine. What it
// does not know is segments: those are the index's, which has its own twin.
type clerk struct {
	seq      kopilka.Seq
	now      kopilka.Time
	day      kopilka.Day
	programs []printed
	people   []*person
	ids      map[string]kopilka.Seq
	printed  map[string]kopilka.Seq // second keys
	receipts map[string]*slip
	keys     map[string]Key
	sold     bool
	waiting  *kopilka.SetProgram // for its instant
	books    Books
	sums     []Term                    // what is counted of names of the program
	adjusted map[string]kopilka.Points // by hand today, by actor
	brought  map[string]int64          // members enrolled, by source
	stock    stock
	tickets  []*ticket
	office   office

	// What the index says, which has a twin of its own: everybody's segment before
	// the command, and a member's after it.
	before []uint8
	after  func(kopilka.MemberNo) uint8
}

// printed is a program with the instant from which it holds.
type printed struct {
	*program.Program
	from kopilka.Time
	day  kopilka.Day
}

type person struct {
	card       string
	registered kopilka.Day
	active     kopilka.Day // last purchase, else enrolment
	state      kopilka.MemberState
	blocked    bool
	phone      uint64
	referrer   kopilka.MemberNo
	keySlot    uint32
	profileAt  kopilka.Seq
	lastEntry  kopilka.Seq
	tier       int
	goingDown  bool
	cleared    kopilka.Day // last day of what inactivity took; 0 = never
	debt       kopilka.Points
	grains     []kopilka.Lot
	untold     []kopilka.Lot // run out, not yet in an answer
	holds      []*promise
	papers     []*paper
	visits     []*visit
	bought     []bought
	welcomed   bool
	brought    bool // the referrer has had his thanks
	earnsDay   kopilka.Day
	earns      int // receipts that earned on that day
	identity
}

// bought is an entry in a member's history of purchases.
type bought struct {
	day    kopilka.Day
	live   int
	amount kopilka.Money
}

// slip is a receipt as far as it can still come back.
type slip struct {
	kopilka.Remains
	member     kopilka.MemberNo
	seq        kopilka.Seq
	lastReturn kopilka.Seq
}

func newClerk() *clerk {
	return &clerk{ids: map[string]kopilka.Seq{}, printed: map[string]kopilka.Seq{}, receipts: map[string]*slip{}, keys: map[string]Key{},
		adjusted: map[string]kopilka.Points{}, brought: map[string]int64{}}
}

func (b *clerk) program() printed { return b.programs[len(b.programs)-1] }

// programAt is the number of the program that held at t, counted from 1.
func (b *clerk) programAt(t kopilka.Time) int {
	n := 1
	for i, p := range b.programs {
		if i > 0 && p.from <= t {
			n = i + 1
		}
	}
	return n
}

// apply does a command and tells the outcome, segment left out.
func (b *clerk) apply(at kopilka.Time, c kopilka.Command) kopilka.Outcome {
	b.seq++
	b.now = max(b.now, at)
	b.wait()
	b.lapse()
	o := kopilka.Outcome{Time: b.now, Program: len(b.programs), Member: kopilka.NoMember}
	id := kopilka.HeadOf(c).ID
	if prior := b.ids[id]; id != "" && prior != 0 {
		o.Refusal, o.Prior = kopilka.Replayed, prior
		return o
	}
	c = b.addressed(c, &o)
	switch c := c.(type) {
	case nil: // to somebody who was forgotten
	case *kopilka.PutCard:
		b.putCard(c, &o)
	case *kopilka.Merge:
		b.merge(c, &o)
	case *kopilka.Unmerge:
		b.unmerge(c, &o)
	case *kopilka.Erase:
		b.erase(c, &o)
	case *kopilka.Genesis:
		b.day = c.Day
	case *kopilka.Tick:
		b.midnight()
		b.wait()
	case *kopilka.SetProgram:
		b.setProgram(c, &o)
	case *kopilka.PutMember:
		b.putMember(c, &o)
	case *kopilka.Receipt:
		b.receipt(c, &o)
	case *kopilka.Redemption:
		b.redemption(c, &o)
	case *kopilka.Grant:
		b.grant(c, &o)
	case *kopilka.Adjustment:
		b.adjustment(c, &o)
	case *kopilka.Return:
		b.giveBack(c, &o)
	case *kopilka.Hold:
		b.hold(c, &o)
	case *kopilka.Capture:
		b.capture(c, &o)
	case *kopilka.Void:
		b.void(c, &o)
	case *kopilka.Issue:
		b.issue(c, &o)
	case *kopilka.Emit:
		b.emit(c, &o)
	case *kopilka.CreateKey:
		if _, taken := b.keys[c.KeyID]; taken {
			o.Refusal = kopilka.KeyTaken
			break
		}
		b.keys[c.KeyID] = Key{ID: c.KeyID, Hash: c.Hash, Role: c.Role, Store: c.Store, Note: c.Note, Created: b.now}
	case *kopilka.RevokeKey:
		k, ok := b.keys[c.KeyID]
		if !ok {
			o.Refusal = kopilka.NotFound
			break
		}
		k.Revoked = true
		b.keys[c.KeyID] = k
	case *kopilka.Refresh:
	case *kopilka.Gather:
		b.gather(c, &o)
	case *kopilka.Audience:
		b.freeze(c, &o)
	case *kopilka.AudienceGrant:
		b.grantAudience(c, &o)
	case *kopilka.Mailing:
		b.mailing(c, &o)
	case *kopilka.Dispatch:
		b.dispatch(c, &o)
	case *kopilka.Deliver:
		b.deliver(c, &o)
	default:
		panic(fmt.Sprintf("the clerk has not heard of %s", c.Kind()))
	}
	if o.Refusal == kopilka.Accepted {
		b.ids[id] = b.seq
	}
	return o
}

// midnight: the next day begins.
func (b *clerk) midnight() {
	b.day++
	clear(b.adjusted)
	for _, p := range b.people {
		if p.merged() {
			continue
		}
		b.strike(p)
		policy := b.program().TierPolicy
		if policy.Downgrade == program.DowngradeNone || !b.tiersByPurchase() {
			continue
		}
		lost := p.goingDown
		for _, e := range p.bought {
			lost = lost || policy.WindowDays > 0 && int(e.day) == int(b.day)-policy.WindowDays
		}
		if !lost {
			continue
		}
		if reached := b.reached(p); p.tier > reached {
			p.tier--
			if policy.Downgrade == program.DowngradeFull {
				p.tier = reached
			}
		}
		p.goingDown = p.tier > b.reached(p)
	}
}

// strike strikes out the points that have run out before today.
func (b *clerk) strike(p *person) {
	var kept []kopilka.Lot
	if clock, runs := b.clock(p); runs && clock < b.day {
		b.clear(p, clock)
		b.strikeHolds(p, clock)
	}
	for _, g := range p.grains {
		g.Expires = b.lastDay(p, g)
		if g.Expires < b.day {
			p.untold = append(p.untold, g)
		}
	}
	for _, g := range p.grains {
		if b.lastDay(p, g) >= b.day {
			kept = append(kept, g)
		}
	}
	p.grains = kept
}

// lastDay is the last day of a grain under the program in force.
func (b *clerk) lastDay(p *person, g kopilka.Lot) kopilka.Day {
	if clock, runs := b.clock(p); runs {
		return min(g.Expires, clock)
	}
	return g.Expires
}

// clock is the day on which inactivity takes everything.
func (b *clerk) clock(p *person) (kopilka.Day, bool) {
	now := b.program()
	if now.Expiry.Policy != program.ExpiryInactivity {
		return 0, false
	}
	// A rule that was not there from the beginning counts from its first day.
	start := p.active
	for i := len(b.programs) - 1; i > 0; i-- {
		if b.programs[i-1].Expiry.Policy != program.ExpiryInactivity {
			start = max(start, b.programs[i].day)
			break
		}
	}
	last := start.AddMonths(now.Expiry.Months)
	if len(b.programs) > 1 {
		last = max(last, now.day)
	}
	return last, true
}

// add lays a grain down. Points that reach somebody whose clock has run out
// start it anew.
func (b *clerk) add(p *person, g kopilka.Lot) {
	if g.Points == 0 {
		return
	}
	if clock, runs := b.clock(p); runs && clock < b.day {
		p.active = b.day
	}
	p.grains = append(p.grains, g)
}

// pay pays a debt with points and gives what is left of them.
func (b *clerk) pay(p *person, points kopilka.Points, o *kopilka.Outcome) kopilka.Points {
	n := min(p.debt, points)
	p.debt -= n
	b.books.Debt -= n
	o.DebtPaid += n
	return points - n
}

// give gives points with the days between which they live.
func (b *clerk) give(p *person, g kopilka.Lot, o *kopilka.Outcome) {
	g.Points = b.pay(p, g.Points, o)
	if g.Points > 0 && g.Expires < b.day {
		o.Expired = append(o.Expired, g)
		b.books.Expired += g.Points
		return
	}
	b.add(p, g)
}

// born is a grain of points earned on a day.
func born(p *program.Program, points kopilka.Points, day kopilka.Day, pending int) kopilka.Lot {
	g := kopilka.Lot{Points: points, Activates: day.AddDays(pending), Expires: kopilka.DayNever}
	if p.Expiry.Policy == program.ExpiryLots {
		g.Expires = day.AddMonths(p.Expiry.Months)
	}
	return g
}

func (b *clerk) balance(p *person) (balance, pending kopilka.Points) {
	for _, g := range p.grains {
		if g.Activates > b.day {
			pending += g.Points
		} else {
			balance += g.Points
		}
	}
	return balance, pending
}

// take takes up to points from the grains that may be taken, soonest to run out
// first, and tells from which.
func (b *clerk) take(p *person, points kopilka.Points, may func(kopilka.Lot) bool) (legs []kopilka.Lot) {
	for points > 0 {
		best := -1
		for i, g := range p.grains {
			if g.Points > 0 && may(g) && (best < 0 || g.Expires < p.grains[best].Expires) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		g := &p.grains[best]
		n := min(points, g.Points)
		g.Points -= n
		points -= n
		legs = append(legs, kopilka.Lot{Points: n, Activates: b.begin(g.Activates), Expires: g.Expires})
	}
	p.grains = slices.DeleteFunc(p.grains, func(g kopilka.Lot) bool { return g.Points == 0 })
	return alike(legs)
}

// begin forgets on which day points became spendable, once they are.
func (b *clerk) begin(activates kopilka.Day) kopilka.Day {
	if activates <= b.day {
		return 0
	}
	return activates
}

// spend takes points that can be spent today.
func (b *clerk) spend(p *person, points kopilka.Points) []kopilka.Lot {
	return b.take(p, points, func(g kopilka.Lot) bool { return g.Activates <= b.day })
}

// alike makes one of points with equal days, soonest to run out first.
func alike(lots []kopilka.Lot) []kopilka.Lot {
	var out []kopilka.Lot
	for _, l := range lots {
		i := slices.IndexFunc(out, func(o kopilka.Lot) bool { return o.Activates == l.Activates && o.Expires == l.Expires })
		if i < 0 {
			out = append(out, l)
		} else {
			out[i].Points += l.Points
		}
	}
	slices.SortFunc(out, func(a, b kopilka.Lot) int {
		return cmp.Or(cmp.Compare(a.Expires, b.Expires), cmp.Compare(a.Activates, b.Activates))
	})
	return out
}

// settle tells what has run out since the member was last touched.
func (b *clerk) settle(p *person, o *kopilka.Outcome) {
	o.Expired = append(o.Expired, p.untold...)
	b.books.Expired += total(p.untold)
	p.untold = nil
}

func total(lots []kopilka.Lot) (n kopilka.Points) {
	for _, l := range lots {
		n += l.Points
	}
	return n
}

// answer fills in how the books stand with the member.
func (b *clerk) answer(m kopilka.MemberNo, o *kopilka.Outcome) {
	p := b.people[m]
	o.Member = m
	o.Balance, o.Pending = b.balance(p)
	o.Held = b.held(p)
	o.Debt, o.Tier, o.NextExpiry = p.debt, uint8(b.tierNow(p, b.after(m))), b.nextExpiry(p)
}

// enter writes the command into the member's ledger.
func (b *clerk) enter(m kopilka.MemberNo, o *kopilka.Outcome) {
	o.Prev = b.people[m].lastEntry
	b.people[m].lastEntry = b.seq
	b.answer(m, o)
}

func (b *clerk) nextExpiry(p *person) (next kopilka.Lot) {
	next.Expires = kopilka.DayNever
	for _, g := range p.grains {
		next.Expires = min(next.Expires, b.lastDay(p, g))
	}
	for _, g := range p.grains {
		if b.lastDay(p, g) == next.Expires && next.Expires != kopilka.DayNever {
			next.Points += g.Points
		}
	}
	if next.Points == 0 {
		return kopilka.Lot{}
	}
	return next
}

// metric is what the member has of what tiers are reached by.
func (b *clerk) metric(p *person) (n int64) {
	policy := b.program().TierPolicy
	for _, e := range p.bought {
		if policy.WindowDays > 0 && int(e.day) <= int(b.day)-policy.WindowDays {
			continue
		}
		switch policy.Metric {
		case program.BySpend:
			n += int64(e.amount)
		case program.ByCount:
			n += int64(e.live)
		}
	}
	return n
}

func (b *clerk) reached(p *person) (tier int) {
	for i, t := range b.program().Tiers {
		if i > 0 && b.metric(p) >= t.Threshold {
			tier = i
		}
	}
	return tier
}

// tierIn is a tier of today in the words of other rules: by id, else by height.
func (b *clerk) tierIn(tier int, rules *program.Program) int {
	id := b.program().Tiers[tier].ID
	for i, t := range rules.Tiers {
		if t.ID == id {
			return i
		}
	}
	return min(tier, len(rules.Tiers)-1)
}

// wait puts in force what waits, when its instant and its day have come.
func (b *clerk) wait() {
	if c := b.waiting; c != nil && c.At <= b.now && c.Day <= b.day {
		b.waiting = nil
		b.putInForce(mustParse(c.Document), c.At)
	}
}

func mustParse(document []byte) *program.Program {
	p, err := program.Parse(document)
	if err != nil {
		panic(err)
	}
	return p
}

func (b *clerk) setProgram(c *kopilka.SetProgram, o *kopilka.Outcome) {
	if len(c.Document) == 0 {
		if b.waiting == nil {
			o.Refusal = kopilka.NotFound
		}
		b.waiting = nil
		return
	}
	rules := mustParse(c.Document)
	if len(b.programs) > 0 && (b.sold || c.At > b.now) && (rules.Currency != b.program().Currency || rules.MinorUnits != b.program().MinorUnits || rules.TimeZone != b.program().TimeZone) {
		o.Refusal = kopilka.ProgramFixed
		return
	}
	if len(b.programs) > 0 && rules.Currency != b.program().Currency {
		b.waiting = nil
	}
	if c.At > b.now {
		b.hear(rules)
		later := *c
		later.Document = append([]byte(nil), c.Document...)
		b.waiting = &later
		return
	}
	b.putInForce(rules, b.now)
	o.Program = len(b.programs)
}

func (b *clerk) putInForce(rules *program.Program, since kopilka.Time) {
	if len(b.programs) > 0 && string(rules.Document()) == string(b.program().Document()) {
		return
	}
	var before []program.Tier
	if len(b.programs) > 0 {
		before = b.program().Tiers
	}
	b.programs = append(b.programs, printed{rules, since, b.day})
	b.hear(rules)
	byHand, bySegment := rules.TierPolicy.Metric == program.ByHand, rules.TierPolicy.Metric == program.BySegment
	for _, p := range b.people {
		if !p.merged() {
			b.strike(p)
		}
		reached := 0
		if !byHand && !bySegment {
			reached = b.reached(p)
		}
		if before == nil {
			continue
		}
		kept := slices.IndexFunc(rules.Tiers, func(t program.Tier) bool { return t.ID == before[p.tier].ID })
		switch {
		case bySegment:
			p.tier = 0
		case kept < 0:
			p.tier = reached
		case byHand:
			p.tier = kept
		default:
			p.tier = max(kept, reached)
		}
		p.goingDown = b.tiersByPurchase() && !p.merged() && p.tier > reached && rules.TierPolicy.Downgrade != program.DowngradeNone
	}
}
