package workload

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// Zone is where the shops are: Moscow time, which has had no summer since 2014
// and so needs no table of zones.
var Zone = time.FixedZone("MSK", 3*60*60)

// Shop is a chain of stores and how it trades. Shares are in basis points.
type Shop struct {
	Seed   uint64
	Prefix string // before every id, so that two shops can send to one server

	From, To kopilka.Day // first and last day of trade

	Members   int  // enrolled before the first day's trade
	NewPerDay int  // enrolled on every day
	Enrolled  bool // members are there already: no events for Members

	Stores, TillsPerStore, CashiersPerStore int
	Goods                                   int // articles on the shelf
	ReceiptsPerDay                          int // of a mean day of the week
	LinesMax                                int

	Anonymous BP // of receipts: no member
	ByPhone   BP // of a member's receipts: named by phone; these do not spend
	RedeemMax BP // of receipts by card: spend all that may be spent
	RedeemSum BP // of receipts by card: spend a round sum
	NoLines   BP // of receipts: the till sends an accrual, without lines
	SpendOnly BP // of visits by card: a redemption without a sale
	Returned  BP // of receipts: something comes back within two weeks
	Twice     BP // of events at tills: the answer was lost and the till asks again
	Offline   BP // of receipts: reach the server up to a day late
}

// BP is a share in basis points.
type BP = kopilka.BP

// Typical is a middling chain, one week from the given day, with shares as
// shops report them.
func Typical(seed uint64, from kopilka.Day) *Shop {
	return &Shop{Seed: seed, From: from, To: from + 6,
		Members: 20_000, NewPerDay: 50,
		Stores: 12, TillsPerStore: 4, CashiersPerStore: 10, Goods: 3000, ReceiptsPerDay: 5_000, LinesMax: 12,
		Anonymous: 3000, ByPhone: 1000, RedeemMax: 600, RedeemSum: 600, NoLines: 500, SpendOnly: 50,
		Returned: 300, Twice: 100, Offline: 50}
}

// Weights of the hours from 10 to 21 and of the days from Sunday.
var (
	hourWeights    = [...]int{3, 4, 6, 7, 6, 6, 7, 9, 12, 12, 8, 3}
	weekdayWeights = [...]int{120, 80, 80, 85, 95, 110, 130} // of 100
)

// opens is the hour at which stores open.
const opens = 10

// Events are what the server hears, in order of Event.Time. An event is good
// until the next one. Every call begins the same shop anew.
func (s *Shop) Events() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		t := s.open(yield)
		for day := s.From; day <= s.To && t.going; day++ {
			t.trade(day)
		}
	}
}

// trade is a shop as it runs.
type trade struct {
	*Shop
	rnd      *rand.Rand
	goods    []good
	best     favourites // of goods
	regulars favourites // of members
	capacity int        // members there will be in the end
	enrolled int
	tills    []int // last number of every till's receipts
	later    queue // events whose time has not come
	made     int   // events put into later
	times    []kopilka.Time
	yield    func(*Event) bool
	going    bool
}

func (s *Shop) open(yield func(*Event) bool) *trade {
	t := &trade{Shop: s, rnd: rand.New(rand.NewPCG(s.Seed, 0x6b6f70696c6b61)), yield: yield, going: true}
	t.goods = shelf(t.rnd, s.Goods)
	t.best = newFavourites(s.Goods)
	t.capacity = s.Members + s.NewPerDay*(int(s.To)-int(s.From)+1)
	t.regulars = newFavourites(max(t.capacity, 1))
	t.tills = make([]int, s.Stores*s.TillsPerStore)
	return t
}

// trade is one day.
func (t *trade) trade(day kopilka.Day) {
	y, m, d := day.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, Zone)
	start := kopilka.TimeOf(midnight)
	if day == t.From {
		for n := range t.Members {
			if !t.Enrolled {
				t.send(t.enrolment(n, start))
			}
			if !t.going {
				return
			}
		}
		t.enrolled = t.Members
	}

	receipts := t.ReceiptsPerDay * weekdayWeights[midnight.Weekday()] / 100
	t.times = t.times[:0]
	for range receipts {
		t.times = append(t.times, start+t.hour())
	}
	slices.Sort(t.times)
	for i, at := range t.times {
		t.catchUp(at)
		// New members come evenly over the day's receipts.
		for due := t.NewPerDay * (i + 1) / receipts; t.enrolled < t.Members+t.NewPerDay*int(day-t.From)+due && t.going; t.enrolled++ {
			t.send(t.enrolment(t.enrolled, at))
		}
		t.visit(at)
		if !t.going {
			return
		}
	}
	t.catchUp(start + 24*60*60*1000 - 1)
}

// hour is a time of day at which somebody buys, in milliseconds.
func (t *trade) hour() kopilka.Time {
	sum := 0
	for _, w := range hourWeights {
		sum += w
	}
	x := t.rnd.IntN(sum)
	h := 0
	for x >= hourWeights[h] {
		x -= hourWeights[h]
		h++
	}
	return kopilka.Time((opens+h)*3_600_000) + kopilka.Time(t.rnd.IntN(3_600))*1000
}

func (t *trade) chance(share BP) bool { return BP(t.rnd.Int32N(int32(kopilka.BPWhole))) < share }

// visit is somebody at a till.
func (t *trade) visit(at kopilka.Time) {
	e := &Event{Op: Receipt, Time: at, Occurred: at, Buyer: Nobody}
	store := t.rnd.IntN(t.Stores)
	if !t.chance(t.Anonymous) && t.enrolled > 0 {
		e.Buyer = t.buyer()
		p := t.Person(e.Buyer)
		if t.rnd.IntN(5) > 0 {
			store = p.Home
		}
		if e.Card = p.Card; t.chance(t.ByPhone) {
			e.Card, e.Phone = "", p.Phone
		}
	}
	t.stamp(e, store, t.rnd.IntN(t.TillsPerStore))
	if e.Card != "" && t.chance(t.SpendOnly) {
		e.Op, e.Points = Redemption, kopilka.Points(1+t.rnd.Int64N(20))*1000
		t.sendTwice(e)
		return
	}

	// Most receipts are short.
	n := 1 + min(t.rnd.IntN(t.LinesMax), t.rnd.IntN(t.LinesMax))
	for range n {
		l := t.goods[t.best.draw(t.rnd)].line(t.rnd)
		e.Lines, e.Amount = append(e.Lines, l), e.Amount+l.Amount
	}
	switch {
	case e.Buyer != Nobody && t.chance(t.NoLines):
		e.Op, e.Lines = Accrual, nil
	case e.Card != "" && t.chance(t.RedeemMax):
		e.Redeem = kopilka.RedeemMax
	case e.Card != "" && t.chance(t.RedeemSum):
		e.Redeem = kopilka.Points(1+t.rnd.Int64N(10)) * 1000
	}
	if t.chance(t.Offline) {
		e.Time += kopilka.Time(t.rnd.Int64N(24 * 60 * 60 * 1000))
	}
	t.sendTwice(e)
	if e.Amount > 0 && t.chance(t.Returned) {
		t.bringBack(e)
	}
}

// stamp gives the event its place, number and id.
func (t *trade) stamp(e *Event, store, till int) {
	k := store*t.TillsPerStore + till
	t.tills[k]++
	e.Store = storeID(store)
	e.Till = "T" + strconv.Itoa(till+1)
	// The shift changes by the day; a till has one cashier at a time.
	c := (till + int(e.Occurred/(24*60*60*1000))*t.TillsPerStore) % t.CashiersPerStore
	e.Cashier = "C" + strconv.Itoa(store*t.CashiersPerStore+c+1)
	e.ReceiptNo = strconv.Itoa(t.tills[k])
	e.ID = t.Prefix + e.Store + e.Till + "-" + e.ReceiptNo
}

// buyer is a member who is enrolled already. Whom the draw of favourites finds
// too early is not there yet, and after a few such draws anyone will do.
func (t *trade) buyer() int {
	for range 8 {
		// A multiplication by a prime scatters the favourites over the books.
		if n := int(t.regulars.draw(t.rnd) * 2_147_483_647 % uint64(t.capacity)); n < t.enrolled {
			return n
		}
	}
	return t.rnd.IntN(t.enrolled)
}

// bringBack plans the return of a receipt: whole or in part, by lines or by
// amount, once or twice.
func (t *trade) bringBack(r *Event) {
	back := func(after kopilka.Time) *Event {
		const day = 24 * 60 * 60 * 1000
		at := after/day*day + day*kopilka.Time(1+t.rnd.IntN(7)) - 3*3_600_000 + t.hour()
		e := &Event{Op: Return, Time: at, Occurred: at, Buyer: r.Buyer, Receipt: r.ID}
		store := t.rnd.IntN(t.Stores)
		t.stamp(e, store, 0)
		return e
	}
	e := back(r.Time)
	switch kind := t.rnd.IntN(5); {
	case kind == 0:
		// Neither lines nor an amount: the whole receipt.
	case kind == 1:
		e.Amount = r.Amount
	case kind == 2 && len(r.Lines) > 0:
		for i := range r.Lines {
			e.ReturnLines = append(e.ReturnLines, kopilka.ReturnLine{Line: i, Amount: r.Lines[i].Amount})
		}
	case kind == 3 && len(r.Lines) > 1:
		first := t.rnd.IntN(len(r.Lines))
		e.ReturnLines = []kopilka.ReturnLine{{Line: first, Amount: r.Lines[first].Amount}}
		if t.rnd.IntN(4) == 0 {
			second := (first + 1) % len(r.Lines)
			again := back(e.Time)
			again.ReturnLines = []kopilka.ReturnLine{{Line: second, Amount: r.Lines[second].Amount}}
			t.sendTwice(again)
		}
	default:
		e.Amount = (r.Amount + 1) / 2
	}
	t.sendTwice(e)
}

// sendTwice plans the event for its time, and now and then once more.
func (t *trade) sendTwice(e *Event) {
	e.Twice = t.chance(t.Twice)
	t.put(e)
	if e.Twice {
		r := e.Clone()
		r.Retry = true
		// Seconds after, or when the till is online again.
		delay := 1 + t.rnd.Int64N(300)
		if t.rnd.IntN(10) == 0 {
			delay *= 100
		}
		r.Time += kopilka.Time(delay) * 1000
		t.put(r)
	}
}

func (t *trade) put(e *Event) {
	t.made++
	heap.Push(&t.later, planned{e, t.made})
}

// catchUp sends what was planned for times up to at.
func (t *trade) catchUp(at kopilka.Time) {
	for t.going && len(t.later) > 0 && t.later[0].Time <= at {
		t.send(heap.Pop(&t.later).(planned).Event)
	}
}

func (t *trade) send(e *Event) {
	if t.going {
		t.going = t.yield(e)
	}
}

// planned is an event with the order in which it was made, which decides
// between equal times.
type planned struct {
	*Event
	made int
}

// queue is a heap of planned events, the soonest first.
type queue []planned

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].Time != q[j].Time {
		return q[i].Time < q[j].Time
	}
	return q[i].made < q[j].made
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(planned)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = planned{}
	*q = (*q)[:last]
	return x
}
