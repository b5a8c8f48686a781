package report

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// year is a made-up stretch of a shop's log, kept twice: as records, and as a
// plain list of what happened, which the twin counts by hand.
type year struct {
	*rand.Rand
	set     Setting // without a period
	today   kopilka.Day
	seq     kopilka.Seq
	records []stored
	by      map[kopilka.Seq]Record

	people []human
	events []event
	certs  []*cert
	sales  []*sold // that can come back
	cards  int
}

// stored is a record as the log has it.
type stored struct {
	seq              kopilka.Seq
	day              kopilka.Day // of its recording
	command, outcome []byte
}

type human struct {
	registered     kopilka.Day
	imported       bool
	source         string
	referrer, into int // -1 = nobody
	erased         bool
}

// event is whatever happened, in plain words; kind says which of the fields count.
type event struct {
	kind                   string
	day                    kopilka.Day // to which it belongs
	member                 int         // -1 = nobody
	store, cashier, source string
	amount                 int64 // sold, or goods back
	earned, spent          int64 // net
	imported               bool
	by                     kopilka.Naming
	version                int
	sale                   *sold // of a return, or a rating
	took                   int64 // milliseconds of service; -1 = not told
	stars                  int
	words                  bool
	carrier                string
	uses, campaigns        []used
	instrument             string
	count                  int64
	value                  int64
	actor                  string
	points                 int64
	flags                  kopilka.Flags
	goods                  []goods // by line of a sale or of a return; of a sale without lines, all of it
	message                message
}

// message is one of a mailing that was handed to a channel, or what was heard of it.
type message struct {
	mailing   kopilka.Seq
	channel   int
	at        kopilka.Time
	delivered bool
}

// goods is what was sold of a category, or came back.
type goods struct {
	category string
	amount   int64
}

// used is value that something gave on a receipt, or, less than 0, got back.
type used struct {
	cert  *cert
	id    string // of an instrument
	uses  int64
	value int64
}

// cert is a certificate that somebody was given.
type cert struct {
	rule   string
	seq    kopilka.Seq
	owner  int // to whom it was given
	day    kopilka.Day
	to     kopilka.Day
	year   int
	points int64
	left   int64
}

// sold is a receipt as far as it has not come back.
type sold struct {
	seq   kopilka.Seq
	event *event
	left  int64
	lines []int64 // what is left of each
	uses  []kopilka.Use
	of    []*cert // beside uses
}

const testRules = `
program: twin
currency: EUR
time_zone: Europe/Berlin
tiers: [{id: base, name: {en: Base}, earn_bp: 100, max_redeem_bp: 5000, threshold: 0}]
`

func newYear(seed uint64) *year {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	first, err := program.Parse([]byte(testRules))
	if err != nil {
		panic(err)
	}
	rules := func(premium kopilka.BP, r kopilka.Rounding, brackets ...program.Bracket) *program.Program {
		p := *first
		p.Rounding = r
		p.Staff = program.Staff{PremiumBP: premium, Plan: 2, Brackets: brackets}
		p.Certificates = []program.Certificate{{ID: "birthday", Points: 500}, {ID: "thanks", Points: 70}}
		p.Instruments = []program.Instrument{{ID: "gift", Kind: kopilka.UseGift, Value: 1000}, {ID: "spring", Kind: kopilka.UseCoupon}}
		return &p
	}
	y := &year{Rand: rand.New(rand.NewPCG(seed, 3)), by: map[kopilka.Seq]Record{}}
	y.today = kopilka.DayOfDate(2026, 1, 20)
	y.set = Setting{
		Calendar: kopilka.Calendar{Zone: zone},
		Terms:    []Term{{"birthday"}, {"thanks"}, {"gift"}, {"spring"}, {"double"}, {"old"}},
		Aliases:  map[kopilka.MemberNo]kopilka.MemberNo{},
		Look:     func(s kopilka.Seq) (Record, error) { return y.by[s], nil },
		Member:   func(m kopilka.MemberNo) (string, string) { return fmt.Sprintf("m%d", m), fmt.Sprint(m) },
	}
	y.set.Versions = []Version{
		{0, rules(33, kopilka.Floor, program.Bracket{From: 2, Payout: 100}, program.Bracket{From: 4, Payout: 300})},
		{y.set.Calendar.Start(y.today + 30), rules(150, kopilka.HalfUp, program.Bracket{From: 1, Payout: 50})},
	}
	for range 70 {
		for range y.IntN(16) {
			y.happen()
		}
		y.today++
	}
	for i, p := range y.people {
		if p.into >= 0 {
			y.set.Aliases[kopilka.MemberNo(i)] = kopilka.MemberNo(p.into)
		}
	}
	return y
}

// keep puts a command and its outcome into the log, at some time of the day.
func (y *year) keep(c kopilka.Command, out *kopilka.Outcome) {
	y.seq++
	start := y.set.Calendar.Start(y.today)
	out.Time = start + kopilka.Time(y.IntN(int(y.set.Calendar.End(y.today)-start)+1))
	if out.Program == 0 {
		out.Program = y.set.version(out.Time)
	}
	stored := stored{y.seq, y.today, kopilka.AppendCommand(nil, c), out.Append(nil)}
	y.records = append(y.records, stored)
	var d kopilka.Decoder
	copied, _, err := d.Next(stored.command)
	if err != nil {
		panic(err)
	}
	decided := new(kopilka.Outcome)
	if err := decided.Read(stored.outcome); err != nil {
		panic(err)
	}
	y.by[y.seq] = Record{y.seq, copied, decided}
}

// resolve is who a member is part of today.
func (y *year) resolve(m int) int {
	for m >= 0 && y.people[m].into >= 0 {
		m = y.people[m].into
	}
	return m
}

func pick[T any](y *year, of ...T) T { return of[y.IntN(len(of))] }

func (y *year) odds(percent int) bool { return y.IntN(100) < percent }

// anyone is a member as tills may name him, or nobody.
func (y *year) anyone() int {
	if len(y.people) == 0 {
		return -1
	}
	return y.resolve(y.IntN(len(y.people)))
}

func (y *year) late() kopilka.Day { return y.today - kopilka.Day(y.IntN(5)*y.IntN(2)) }

func (y *year) happen() {
	switch r := y.IntN(100); {
	case r < 15 || len(y.people) < 3:
		y.enrols()
	case r < 18:
		y.changes()
	case r < 22:
		y.card()
	case r < 60:
		y.sells()
	case r < 72:
		y.takesBack()
	case r < 77:
		y.spends()
	case r < 82:
		y.rates()
	case r < 87:
		y.issues()
	case r < 89:
		y.emits()
	case r < 91:
		y.adjusts()
	case r < 94:
		y.mails()
	case r < 98:
		y.identities()
	default:
		y.parts()
	}
}

func (y *year) enrols() {
	m := len(y.people)
	p := human{registered: y.late(), imported: y.odds(20), source: pick(y, "", "vk", "poster"), referrer: -1, into: -1}
	if y.odds(60) {
		p.referrer = y.anyone()
	}
	e := event{kind: "enrol", day: p.registered, member: m, imported: p.imported, cashier: pick(y, "", "ann", "bob"), carrier: pick(y, "", "plastic", "app")}
	y.people = append(y.people, p)
	c := &kopilka.PutMember{Card: fmt.Sprint(m), Registered: p.registered, Imported: p.imported, Source: p.source,
		Cashier: e.cashier, Carrier: e.carrier, Referrer: kopilka.MemberNo(uint32(p.referrer))}
	if y.odds(30) {
		c.Due = []kopilka.CertificateDue{y.due(m)}
	}
	y.give(y.seq+1, c.Due)
	y.keep(c, &kopilka.Outcome{Member: kopilka.MemberNo(m), Enrolled: true})
	y.events = append(y.events, e)
}

func (y *year) changes() {
	m := y.anyone()
	p := &y.people[m]
	p.registered = min(p.registered, y.late())
	c := &kopilka.PutMember{Card: fmt.Sprint(m), Registered: p.registered, Source: "other", Cashier: "bob", Referrer: kopilka.MemberNo(uint32(p.referrer))}
	y.keep(c, &kopilka.Outcome{Member: kopilka.MemberNo(m)})
}

func (y *year) card() {
	c := &kopilka.PutCard{Member: kopilka.MemberNo(y.anyone()), Carrier: pick(y, "app", "wallet"), Card: "more"}
	y.keep(c, &kopilka.Outcome{Member: c.Member, Enrolled: y.odds(60)})
	var out kopilka.Outcome
	if err := out.Read(y.records[len(y.records)-1].outcome); err != nil {
		panic(err)
	}
	if out.Enrolled {
		y.events = append(y.events, event{kind: "card", day: y.today, carrier: c.Carrier})
	}
}

func (y *year) deed(e *event) kopilka.Deed {
	return kopilka.Deed{Member: kopilka.MemberNo(uint32(e.member)), NamedBy: e.by, Day: e.day, Store: e.store, Cashier: e.cashier,
		Source: e.source, At: y.set.Calendar.Start(e.day) + kopilka.Time(y.IntN(80_000_000))}
}

func (y *year) sells() {
	e := event{kind: "sale", day: y.late(), member: -1, store: pick(y, "", "S1", "S2"), cashier: pick(y, "", "ann", "bob", "eve"),
		source: pick(y, "", "", "vk"), amount: int64(y.IntN(4) * y.IntN(5000)), imported: y.odds(10), took: -1}
	if y.odds(75) {
		e.member, e.by = y.anyone(), pick(y, kopilka.ByCard, kopilka.ByCard, kopilka.ByPhone, kopilka.ByCode, kopilka.ByNobody)
		e.earned, e.spent = e.amount/20, int64(y.IntN(2)*y.IntN(int(e.amount/2)+1))
	}
	if y.odds(5) {
		e.flags = kopilka.FlagEarnsOften | pick(y, 0, kopilka.FlagSet)
	}
	deed := y.deed(&e)
	if e.member >= 0 && y.odds(20) {
		// He was found as somebody who was part of him by then, and may not be any more.
		deed.Member = kopilka.MemberNo(y.IntN(len(y.people)))
	}
	c := &kopilka.Receipt{Deed: deed, Amount: kopilka.Money(e.amount), Imported: e.imported}
	y.lines(&e, c)
	if y.odds(50) {
		e.took = int64(y.IntN(100_000))
		c.Started, c.Finished = c.At, c.At+kopilka.Time(e.took)
	}
	out := &kopilka.Outcome{Member: kopilka.MemberNo(uint32(e.member)), Earned: kopilka.Points(e.earned), Redeemed: kopilka.Points(e.spent),
		Program: y.set.version(c.At), Flags: e.flags}
	if y.odds(10) {
		out.Program = 3 - out.Program // a program came at that very instant
	}
	e.version = out.Program
	s := &sold{left: e.amount}
	for _, g := range e.goods {
		s.lines = append(s.lines, g.amount)
	}
	use := func(u kopilka.Use, x used) {
		out.Uses = append(out.Uses, u)
		e.uses = append(e.uses, x)
		s.uses, s.of = append(s.uses, u), append(s.of, x.cert)
	}
	if e.member >= 0 && !e.imported {
		for _, k := range y.certs {
			if y.resolve(k.owner) == e.member && k.left > 0 && k.to >= y.today && y.odds(50) {
				n := 1 + y.Int64N(k.left)
				k.left -= n
				use(kopilka.Use{Kind: kopilka.UseCertificate, Term: term(k.rule), Claim: k.seq, Number: uint32(k.owner + 1), Points: kopilka.Points(n)}, used{cert: k, id: k.rule, uses: 1, value: n})
				break
			}
		}
	}
	if y.odds(10) {
		n := 1 + y.Int64N(300)
		use(kopilka.Use{Kind: kopilka.UseGift, Term: 3, Number: 1 + y.Uint32N(9), Points: kopilka.Points(n)}, used{id: "gift", uses: 1, value: n})
	}
	if y.odds(10) {
		use(kopilka.Use{Kind: kopilka.UseCoupon, Term: 4, Claim: 9, Points: 77}, used{id: "spring", uses: 1, value: 77})
	}
	for i, id := range []string{"double", "old"} {
		if e.member >= 0 && y.odds(15) {
			n := 1 + y.Int64N(99)
			out.Campaigns = append(out.Campaigns, kopilka.CampaignUse{Term: kopilka.Term(5 + i), Points: kopilka.Points(n)})
			e.campaigns = append(e.campaigns, used{id: id, value: n})
		}
	}
	y.keep(c, out)
	s.seq = y.seq
	s.event = &e
	y.events = append(y.events, e)
	y.sales = append(y.sales, s)
}

// lines parts some sales into goods of categories.
func (y *year) lines(e *event, c *kopilka.Receipt) {
	if y.odds(30) {
		e.goods = []goods{{"", e.amount}}
		return
	}
	left := e.amount
	for n := y.IntN(4); n >= 0; n-- {
		g := goods{pick(y, "", "shoes", "caps", "a gift"), y.Int64N(left + 1)}
		if n == 0 {
			g.amount = left
		}
		left -= g.amount
		e.goods = append(e.goods, g)
		c.Lines = append(c.Lines, kopilka.Line{Category: g.category, Amount: kopilka.Money(g.amount)})
	}
}

// mails hands some members to a channel of a mailing that they have not come to yet, or
// hears of some of the messages to them.
func (y *year) mails() {
	mailing := pick(y, mailingA, mailingB)
	next := make([]int, len(y.people)) // channel on which a member is due
	for _, e := range y.events {
		if e.kind == "dispatch" && e.message.mailing == mailing {
			next[e.member] = e.message.channel + 1
		}
	}
	channel := y.IntN(2)
	var sent []kopilka.MemberNo
	var heard []kopilka.Delivery
	for m := range next {
		switch {
		case next[m] == channel && y.odds(50):
			sent = append(sent, kopilka.MemberNo(m))
		case next[m] > channel && y.odds(30):
			heard = append(heard, kopilka.Delivery{Member: kopilka.MemberNo(m), Delivered: y.odds(50)})
		}
	}
	if len(sent) > 0 {
		y.keep(&kopilka.Dispatch{Mailing: mailing, Channel: channel, Members: sent}, &kopilka.Outcome{})
		at := y.by[y.seq].Outcome.Time
		for _, m := range sent {
			y.events = append(y.events, event{kind: "dispatch", day: y.today, member: int(m), message: message{mailing, channel, at, false}})
		}
	}
	if len(heard) > 0 {
		y.keep(&kopilka.Deliver{Mailing: mailing, Channel: channel, Results: heard}, &kopilka.Outcome{})
		for _, h := range heard {
			y.events = append(y.events, event{kind: "deliver", day: y.today, member: int(h.Member), message: message{mailing, channel, 0, h.Delivered}})
		}
	}
}

// The mailings of every year, by the position of the command that made them.
const mailingA, mailingB kopilka.Seq = 1_000_001, 1_000_002

func term(rule string) kopilka.Term {
	if rule == "birthday" {
		return 1
	}
	return 2
}

// takesBack has goods of a receipt come back, or goods of no receipt at all.
func (y *year) takesBack() {
	e := event{kind: "return", day: y.late(), member: y.anyone(), store: pick(y, "S1", "S2"), cashier: "bob", source: pick(y, "", "vk")}
	if len(y.sales) == 0 || y.odds(10) {
		e.amount = int64(y.IntN(500))
		e.goods = []goods{{"", e.amount}}
		y.keep(&kopilka.Return{Deed: y.deed(&e), Amount: kopilka.Money(e.amount), Imported: true},
			&kopilka.Outcome{Member: kopilka.MemberNo(uint32(e.member)), Goods: kopilka.Money(e.amount)})
		y.events = append(y.events, e)
		return
	}
	s := pick(y, y.sales...)
	if s.left == 0 {
		return
	}
	e.member, e.sale = s.event.member, s
	e.amount = 1 + y.Int64N(s.left)
	c := &kopilka.Return{Deed: y.deed(&e), Receipt: "r", ReceiptSeq: s.seq, Imported: s.event.imported}
	c.Left.Purchase = true
	s.left -= e.amount
	// The books credit whoever the buyer is part of now: that may be taken back later.
	out := &kopilka.Outcome{Member: kopilka.MemberNo(uint32(y.resolve(e.member))), Goods: kopilka.Money(e.amount)}
	for i, more := 0, e.amount; i < len(s.lines); i++ {
		c.Left.Lines = append(c.Left.Lines, kopilka.RemainsLine{Goods: kopilka.Money(s.lines[i])})
		n := min(more, s.lines[i])
		more -= n
		s.lines[i] -= n
		e.goods = append(e.goods, goods{s.event.goods[i].category, n})
		out.Left.Lines = append(out.Left.Lines, kopilka.RemainsLine{Goods: kopilka.Money(s.lines[i])})
	}
	if e.member >= 0 {
		e.earned, e.spent = -e.amount/30, -e.amount/40
		out.Taken, out.Restored = kopilka.Points(-e.earned), kopilka.Points(-e.spent)
	}
	if y.odds(30) {
		c.Store, e.store = "", s.event.store
	}
	for i := range s.uses {
		u := &s.uses[i]
		c.Left.Uses = append(c.Left.Uses, *u)
		x := used{cert: s.of[i], id: y.set.Terms[u.Term-1].ID}
		switch {
		case s.left == 0:
			x.uses, x.value = -1, -int64(u.Points)
		case u.Kind == kopilka.UseCertificate || u.Kind == kopilka.UseGift:
			x.value = -y.Int64N(int64(u.Points) + 1)
		}
		u.Points += kopilka.Points(x.value)
		if x.cert != nil {
			x.cert.left -= x.value
		}
		if s.left > 0 || y.odds(50) { // of what is used up nothing need be told
			out.Left.Uses = append(out.Left.Uses, *u)
		}
		e.uses = append(e.uses, x)
	}
	y.keep(c, out)
	y.events = append(y.events, e)
}

func (y *year) spends() {
	e := event{kind: "spend", day: y.late(), member: y.anyone(), store: pick(y, "S1", "S2"), spent: 1 + y.Int64N(50)}
	out := &kopilka.Outcome{Member: kopilka.MemberNo(e.member), Redeemed: kopilka.Points(e.spent)}
	if y.odds(50) {
		y.keep(&kopilka.Redemption{Deed: y.deed(&e)}, out)
	} else {
		y.keep(&kopilka.Capture{Deed: y.deed(&e)}, out)
	}
	y.events = append(y.events, e)
	if y.odds(40) {
		y.unspends(&e)
	}
}

// unspends has the goods come back that points were spent on: points move, and
// nothing that was sold.
func (y *year) unspends(of *event) {
	e := event{kind: "spend", day: y.today, member: of.member, store: pick(y, "", "S1", "S2"), spent: -of.spent}
	c := &kopilka.Return{Deed: y.deed(&e), Receipt: "r", ReceiptSeq: y.seq}
	e.store = cmp.Or(e.store, of.store)
	goods := kopilka.Money(1 + y.IntN(1000))
	c.Left.Lines = []kopilka.RemainsLine{{Goods: goods}}
	y.keep(c, &kopilka.Outcome{Member: kopilka.MemberNo(e.member), Goods: goods, Restored: kopilka.Points(of.spent)})
	y.events = append(y.events, e)
}

func (y *year) rates() {
	if len(y.sales) == 0 {
		return
	}
	s := pick(y, y.sales...)
	e := event{kind: "rating", day: y.today, sale: s, stars: 1 + y.IntN(5), words: y.odds(50)}
	c := &kopilka.Rating{Receipt: "r", Sale: s.seq, Stars: uint8(e.stars)}
	if e.words {
		c.Words = []byte("sealed")
	}
	y.keep(c, &kopilka.Outcome{})
	y.events = append(y.events, e)
}

func (y *year) due(m int) kopilka.CertificateDue {
	return kopilka.CertificateDue{Member: kopilka.MemberNo(m), Rule: pick(y, "birthday", "thanks", "gone"), Year: pick[uint16](y, 0, 2025, 2026, 2027),
		From: y.today, To: y.today + kopilka.Day(y.IntN(25)), Points: pick[kopilka.Points](y, 0, 0, 123)}
}

// give notes which of the certificates that are due are given.
func (y *year) give(seq kopilka.Seq, due []kopilka.CertificateDue) {
	for _, d := range due {
		had := d.Rule == "gone" || y.people[d.Member].erased
		for _, k := range y.certs {
			had = had || d.Year != 0 && k.rule == d.Rule && k.year >= int(d.Year) && y.resolve(k.owner) == int(d.Member)
		}
		if had {
			continue
		}
		k := &cert{rule: d.Rule, seq: seq, owner: int(d.Member), day: y.today, to: d.To, year: int(d.Year), points: int64(d.Points)}
		if k.points == 0 {
			k.points = map[string]int64{"birthday": 500, "thanks": 70}[d.Rule]
		}
		k.left = k.points
		y.certs = append(y.certs, k)
	}
}

func (y *year) issues() {
	c := &kopilka.Issue{}
	for range 1 + y.IntN(3) {
		d := y.due(y.anyone())
		twice := false
		for _, other := range c.Due {
			twice = twice || other.Member == d.Member
		}
		if !twice {
			c.Due = append(c.Due, d)
		}
	}
	y.give(y.seq+1, c.Due)
	y.keep(c, &kopilka.Outcome{})
}

func (y *year) emits() {
	e := event{kind: "emit", day: y.today, instrument: pick(y, "gift", "spring"), count: 1 + y.Int64N(50)}
	if e.instrument == "gift" {
		e.value = 1000 * e.count
	}
	y.keep(&kopilka.Emit{Instrument: e.instrument, Count: int(e.count)}, &kopilka.Outcome{First: 1})
	y.events = append(y.events, e)
}

func (y *year) adjusts() {
	e := event{kind: "adjust", day: y.late(), member: y.anyone(), actor: pick(y, "zoe", "max"), points: y.Int64N(200) - 100,
		flags: pick(y, 0, kopilka.FlagAdjusts, kopilka.FlagDormant)}
	y.keep(&kopilka.Adjustment{Deed: y.deed(&e), Points: kopilka.Points(e.points), Actor: e.actor},
		&kopilka.Outcome{Member: kopilka.MemberNo(e.member), Earned: kopilka.Points(e.points), Flags: e.flags})
	y.events = append(y.events, e)
}

func (y *year) identities() {
	e := event{day: y.today, actor: pick(y, "zoe", "max")}
	m, into := y.anyone(), y.anyone()
	switch {
	case y.odds(20) && !y.people[m].erased:
		e.kind = "erase"
		for i := range y.people {
			if y.resolve(i) == m {
				y.people[i].erased = true
			}
		}
		y.keep(&kopilka.Erase{Member: kopilka.MemberNo(m), Actor: e.actor}, &kopilka.Outcome{Member: kopilka.MemberNo(m)})
	case m != into && !y.people[m].erased && !y.people[into].erased && !y.above(m, into):
		e.kind = "merge"
		y.people[m].into = into
		y.keep(&kopilka.Merge{From: kopilka.MemberNo(m), Into: kopilka.MemberNo(into), Actor: e.actor}, &kopilka.Outcome{Member: kopilka.MemberNo(into)})
	default:
		return
	}
	y.events = append(y.events, e)
}

// parts takes a merge back: the number stands for itself again, with what it had bought
// before, and what was bought between the two stays where it is.
func (y *year) parts() {
	var merged []int
	for m, p := range y.people {
		if p.into < 0 || y.people[p.into].into >= 0 || p.erased {
			continue
		}
		y.people[m].into = -1 // whom he would be below, is told when he stands for himself
		if !y.above(m, p.referrer) {
			merged = append(merged, m)
		}
		y.people[m].into = p.into
	}
	if len(merged) == 0 {
		return
	}
	m := pick(y, merged...)
	into := y.people[m].into
	e := event{kind: "unmerge", day: y.today, actor: pick(y, "zoe", "max")}
	y.people[m].into = -1
	y.keep(&kopilka.Unmerge{From: kopilka.MemberNo(m), Into: kopilka.MemberNo(into), Actor: e.actor}, &kopilka.Outcome{Member: kopilka.MemberNo(into)})
	y.events = append(y.events, e)
}

// above tells whether a member has brought another, or whoever brought that one.
func (y *year) above(m, of int) bool {
	for of = y.resolve(of); of >= 0; of = y.resolve(y.people[of].referrer) {
		if of == m {
			return true
		}
	}
	return false
}
