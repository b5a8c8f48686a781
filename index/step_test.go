package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// pair is the index and its twin, fed the same events.
type pair struct {
	t    testing.TB
	rnd  *rand.Rand
	x    *Index
	twin *twin
	did  []string // events, for the report of a failure

	picture *slab.Picture
	header  []byte
	then    *twin // as it stood when the picture was taken
	lock    sync.RWMutex
}

func newPair(t testing.TB, rnd *rand.Rand, start int) *pair {
	p := &pair{t: t, rnd: rnd, x: New(), twin: &twin{day: start, gone: map[int]bool{}}}
	p.x.Start(kopilka.Day(start))
	return p
}

func (p *pair) say(format string, args ...any) { p.did = append(p.did, fmt.Sprintf(format, args...)) }

func (p *pair) fail(format string, args ...any) {
	p.t.Helper()
	for _, s := range p.did {
		p.t.Log(s)
	}
	p.t.Fatalf("day %d: %s", p.twin.day, fmt.Sprintf(format, args...))
}

func (p *pair) setRule(r program.RFM, tier int) {
	p.say("rule window %d, metric %d, boundaries %d, R %v, F %v, M %v, tier window %d", r.WindowDays, r.Metric, r.Boundaries, r.R, r.F, r.M, tier)
	changed := !reflect.DeepEqual(r, p.twin.rule)
	p.twin.rule, p.twin.tierWindow = r, tier
	if changed {
		p.twin.refresh()
	}
	p.x.SetRule(&r, tier)
}

func (p *pair) enrol(registered int) {
	m := len(p.twin.registered)
	p.say("enrol %d on %d", m, registered)
	p.twin.registered = append(p.twin.registered, registered)
	p.x.Enrol(kopilka.MemberNo(m), kopilka.Day(registered))
}

func (p *pair) buy(m, day int, amount int64) {
	p.say("buy %d on %d for %d", m, day, amount)
	p.twin.receipts = append(p.twin.receipts, receipt{m, day, amount})
	live := 0
	if amount > 0 {
		live = 1
	}
	after := uint8(program.SegmentNone) // of who is gone
	if !p.twin.gone[m] {
		after = p.x.SegmentAfter(kopilka.MemberNo(m), kopilka.Day(day), kopilka.Money(amount))
	}
	p.x.Purchase(kopilka.MemberNo(m), kopilka.Day(day), live, kopilka.Money(amount))
	if now := p.x.Segment(kopilka.MemberNo(m)); live == 1 && now != after {
		p.t.Fatalf("a purchase of %d on day %d was to bring member %d into segment %d; it is in %d", amount, day, m, after, now)
	}
}

func (p *pair) giveBack(i int, amount int64) {
	c := &p.twin.receipts[i]
	p.say("return %d of receipt of %d on %d", amount, c.member, c.day)
	c.net -= amount
	live := 0
	if c.net == 0 {
		live = -1
	}
	p.x.Purchase(kopilka.MemberNo(c.member), kopilka.Day(c.day), live, -kopilka.Money(amount))
}

func (p *pair) refund(m, day int, amount int64) {
	p.say("refund %d on %d for %d", m, day, amount)
	p.twin.refunds = append(p.twin.refunds, refund{m, day, amount})
	p.x.Purchase(kopilka.MemberNo(m), kopilka.Day(day), 0, -kopilka.Money(amount))
}

// move makes what one member bought on some days another's: all of it, or what
// such a move brought. The twin gives the receipts themselves to the other, as many
// as there are of each day.
func (p *pair) move(from, to int, some bool) {
	var days []kopilka.Purchase
	for _, d := range p.x.Bought(kopilka.MemberNo(from), nil) {
		if !some || p.rnd.IntN(2) == 0 {
			days = append(days, d)
		}
	}
	p.say("move %v from %d to %d", days, from, to)
	for _, d := range days {
		for i := range p.twin.receipts {
			if c := &p.twin.receipts[i]; c.member == from && c.day == int(d.Day) {
				c.member = to
			}
		}
		for i := range p.twin.refunds {
			if c := &p.twin.refunds[i]; c.member == from && c.day == int(d.Day) {
				c.member = to
			}
		}
	}
	p.x.Move(kopilka.MemberNo(from), kopilka.MemberNo(to), days)
	if left := p.x.Bought(kopilka.MemberNo(from), nil); !some && len(left) > 0 {
		p.fail("after all was moved, member %d has bought %v", from, left)
	}
}

// leave and comeBack: a member becomes nobody, and somebody again.
func (p *pair) leave(m int) {
	p.say("leave %d", m)
	p.twin.gone[m] = true
	p.x.Leave(kopilka.MemberNo(m))
}

func (p *pair) comeBack(m int) {
	p.say("come back %d", m)
	delete(p.twin.gone, m)
	p.x.Rejoin(kopilka.MemberNo(m))
}

// tick also checks that whoever lost something in the tier window is named.
func (p *pair) tick() {
	p.say("tick")
	var before []fact
	for m := range p.twin.registered {
		before = append(before, p.twin.fact(m, p.twin.day, p.twin.tierWindow))
	}
	fell := map[int]bool{}
	p.x.Tick(func(m kopilka.MemberNo) { fell[int(m)] = true })
	p.twin.day++
	for m := range p.twin.registered {
		after := p.twin.fact(m, p.twin.day, p.twin.tierWindow)
		if (after.f != before[m].f || after.m != before[m].m) && !fell[m] {
			p.fail("member %d fell from %d and %d to %d and %d for tiers, and Tick does not say so", m, before[m].f, before[m].m, after.f, after.m)
		}
	}
}

// restore goes on with an index that was written and read back.
func (p *pair) restore() {
	p.say("restore")
	var out bytes.Buffer
	pic := slab.Begin(p.lock.RLocker(), p.x.Columns()...)
	if _, err := pic.WriteTo(&out); err != nil {
		p.fail("%v", err)
	}
	pic.Close()
	p.x = p.read(&out, p.x.AppendHeader(nil))
}

func (p *pair) read(columns *bytes.Buffer, header []byte) *Index {
	x := New()
	if err := x.ReadHeader(header); err != nil {
		p.fail("%v", err)
	}
	if err := slab.Restore(columns, x.Columns()...); err != nil {
		p.fail("%v", err)
	}
	x.Restored()
	return x
}

// beginPicture and endPicture hold a snapshot that is written while the writer
// goes on against the twin of the moment when it began.
func (p *pair) beginPicture() {
	p.say("picture begins")
	p.picture = slab.Begin(p.lock.RLocker(), p.x.Columns()...)
	p.header = p.x.AppendHeader(nil)
	p.then = p.twin.clone()
}

func (p *pair) endPicture() {
	p.say("picture ends")
	var out bytes.Buffer
	if _, err := p.picture.WriteTo(&out); err != nil {
		p.fail("%v", err)
	}
	p.picture.Close()
	p.picture = nil
	now, twin := p.x, p.twin
	p.x, p.twin = p.read(&out, p.header), p.then
	p.compare()
	p.x, p.twin = now, twin
}

// compare asks the index everything and the twin the same.
func (p *pair) compare() {
	p.t.Helper()
	x, day := p.x, p.twin.day
	if int(x.Day()) != day || x.Members() != len(p.twin.registered) {
		p.fail("day %d with %d members; want %d with %d", x.Day(), x.Members(), day, len(p.twin.registered))
	}
	want := p.twin.standings(day)
	for i := range want {
		m := kopilka.MemberNo(i)
		if err := x.Check(m); err != nil {
			p.fail("%v", err)
		}
		if p.twin.gone[i] {
			if got, seg := x.Standing(m), x.Segment(m); got.Segment != program.SegmentNone || seg != program.SegmentNone || got.RecencyDays != -1 {
				p.fail("member %d is gone and stands at %+v in segment %d", m, got, seg)
			}
			continue
		}
		if got := x.Standing(m); got != *want[i] {
			p.fail("member %d: got %+v; want %+v", m, got, *want[i])
		}
		if got := x.Segment(m); got != want[i].Segment {
			p.fail("member %d: segment %d; want %d", m, got, want[i].Segment)
		}
		tier := p.twin.fact(i, day, p.twin.tierWindow)
		if int64(x.TierSpend(m)) != tier.m || int64(x.TierCount(m)) != tier.f {
			p.fail("member %d: %d and %d for tiers; want %d and %d", m, x.TierSpend(m), x.TierCount(m), tier.m, tier.f)
		}
		if last, ok := x.LastPurchase(m); ok != (tier.last >= 0) || ok && int(last) != tier.last {
			p.fail("member %d: last purchase %d, %t; want %d", m, last, ok, tier.last)
		}
		if x.WindowSpend(m) != want[i].Monetary {
			p.fail("member %d: spent %d; want %d", m, x.WindowSpend(m), want[i].Monetary)
		}
	}
	p.compareSummary("now", x.Summary(), day, want)
	for seg := range p.twin.rule.Segments.Names {
		p.compareBits("now", uint8(seg), x.Bits(uint8(seg)), want)
	}
	for _, asOf := range []int{day, max(0, day-1-p.rnd.IntN(10)), p.rnd.IntN(day + 1)} {
		if asOf == day || p.rnd.IntN(3) == 0 {
			p.compareTable(asOf)
		}
	}
}

func (p *pair) compareTable(day int) {
	p.t.Helper()
	// What happens after the view was taken does not show in the table.
	table := p.x.AsOf(kopilka.Day(day)).Table()
	want := p.twin.standings(day)
	next := 0
	for m, got := range table.All() {
		for want[next] == nil {
			next++
		}
		if int(m) != next || got != *want[next] {
			p.fail("as of %d: member %d: got %+v; want %d: %+v", day, m, got, next, *want[next])
		}
		next++
	}
	what := fmt.Sprint("as of ", day)
	p.compareSummary(what, table.Summary, day, want)
	for seg := range p.twin.rule.Segments.Names {
		p.compareBits(what, uint8(seg), table.Bits(uint8(seg)), want)
		if got, w := table.Bitmap(uint8(seg)).GetCardinality(), table.Segments[seg].Members; got != uint64(w) {
			p.fail("%s: bitmap of segment %d has %d; want %d", what, seg, got, w)
		}
	}
}

func (p *pair) compareSummary(what string, got Summary, day int, all []*Standing) {
	p.t.Helper()
	want := p.twin.summary(all)
	want.Day, want.Boundaries = kopilka.Day(day), got.Boundaries
	if !reflect.DeepEqual(got, want) {
		p.fail("%s: got %+v; want %+v", what, got, want)
	}
	// A boundary is the first value with its score.
	values := p.twin.frozen
	if p.twin.rule.Boundaries == program.Live {
		values = population(p.twin.facts(day), day)
	}
	for axis, a := range []program.Axis{p.twin.rule.R, p.twin.rule.F, p.twin.rule.M} {
		cuts := [][4]int64{got.Boundaries.R, got.Boundaries.F, got.Boundaries.M}[axis]
		if !a.Quintiles {
			if cuts != a.Thresholds {
				p.fail("%s: boundaries of axis %d are %v; want %v", what, axis, cuts, a.Thresholds)
			}
			continue
		}
		for i, c := range cuts {
			score, before := i+2, c-1
			if axis == 0 {
				score, before = 5-i, c+1
			}
			v := values[axis]
			if len(v) > 0 && (quintile(axis, v, c) < score || quintile(axis, v, before) >= score) {
				p.fail("%s: boundary %d of score %d on axis %d among %v", what, c, score, axis, v)
			}
		}
	}
}

func (p *pair) compareBits(what string, seg uint8, words []uint64, want []*Standing) {
	p.t.Helper()
	if len(words) != (len(want)+63)/64 {
		p.fail("%s: %d words for %d members", what, len(words), len(want))
	}
	for m := range len(words) * 64 {
		in := m < len(want) && want[m] != nil && want[m].Segment == seg
		if words[m/64]>>(m%64)&1 != 0 != in {
			p.fail("%s: member %d in segment %d: got %t", what, m, seg, !in)
		}
	}
}

// randomRule is a rule with small numbers, so that members meet its edges.
func randomRule(rnd *rand.Rand) (program.RFM, int) {
	pick := func(of ...[4]int64) [4]int64 { return of[rnd.IntN(len(of))] }
	windows := []int{0, 1, 2, 7, 7, 30, 90, 365}
	r := program.RFM{
		WindowDays: windows[rnd.IntN(len(windows))],
		R:          program.Axis{Thresholds: pick([4]int64{1, 2, 4, 7}, [4]int64{0, 1, 2, 3}, [4]int64{2, 2, 5, 9}, [4]int64{30, 90, 180, 365})},
		F:          program.Axis{Thresholds: pick([4]int64{2, 3, 5, 8}, [4]int64{1, 2, 3, 4})},
		M:          program.Axis{Thresholds: pick([4]int64{100, 200, 500, 1000}, [4]int64{1, 50, 100, 1 << 33}, [4]int64{500000, 2000000, 5000000, 15000000})},
		Segments:   six(),
	}
	if rnd.IntN(3) == 0 {
		r.Segments.Names = append(r.Segments.Names, program.Segment{ID: "other"})
		for i := range r.Segments.Cells {
			r.Segments.Cells[i] = uint8(rnd.IntN(len(r.Segments.Names)))
		}
	}
	if rnd.IntN(4) == 0 {
		r.Metric = program.Avg
	}
	if rnd.IntN(2) == 0 {
		r.R.Quintiles = rnd.IntN(2) == 0
		r.F.Quintiles = rnd.IntN(2) == 0
		r.M.Quintiles = rnd.IntN(2) == 0 && r.Metric == program.Sum
	}
	if rnd.IntN(2) == 0 {
		r.Boundaries = program.Frozen
	}
	for _, a := range []*program.Axis{&r.R, &r.F, &r.M} {
		if a.Quintiles {
			a.Thresholds = [4]int64{}
		}
	}
	tier := r.WindowDays
	if rnd.IntN(2) == 0 {
		tier = windows[rnd.IntN(len(windows))]
	}
	return r, tier
}

// day is a day in the past or today, often one at the edge of something.
func (p *pair) day() int {
	r := &p.twin.rule
	back := 0
	switch p.rnd.IntN(6) {
	case 0:
		back = p.rnd.IntN(12)
	case 1:
		back = p.rnd.IntN(p.twin.day + 1)
	case 2:
		back = int(r.R.Thresholds[p.rnd.IntN(4)]) + p.rnd.IntN(2)
	case 3:
		back = []int{r.WindowDays, p.twin.tierWindow}[p.rnd.IntN(2)] - p.rnd.IntN(3)
	}
	return p.twin.day - min(max(back, 0), p.twin.day)
}

// amount often brings the member to a boundary of M, exactly or by one unit.
func (p *pair) amount(m int) int64 {
	switch p.rnd.IntN(8) {
	case 0:
		return 0
	case 1:
		return []int64{1<<31 - 1, 1 << 31, 1<<31 + 1, 10_000_000_000_000}[p.rnd.IntN(4)]
	case 2, 3, 4:
		at := p.twin.fact(m, p.twin.day, p.twin.rule.WindowDays)
		per := int64(1)
		if p.twin.rule.Metric == program.Avg {
			per = at.f + 1
		}
		return max(1, p.twin.rule.M.Thresholds[p.rnd.IntN(4)]*per-at.m+int64(p.rnd.IntN(3))-1)
	}
	return 1 + p.rnd.Int64N(300)
}

func (p *pair) step() {
	members := len(p.twin.registered)
	switch k := p.rnd.IntN(100); {
	case members == 0 || k < 6 && members < 12:
		p.enrol(p.twin.day - p.rnd.IntN(min(20, p.twin.day+1)))
	case k < 8:
		m := p.rnd.IntN(members)
		p.twin.registered[m] = p.day()
		p.say("member %d registered %d", m, p.twin.registered[m])
		p.x.Enrol(kopilka.MemberNo(m), kopilka.Day(p.twin.registered[m]))
	case k < 48:
		m := p.rnd.IntN(members)
		p.buy(m, p.day(), p.amount(m))
	case k < 68:
		var left []int
		for i, c := range p.twin.receipts {
			if c.net > 0 {
				left = append(left, i)
			}
		}
		if len(left) == 0 {
			return
		}
		// The newest receipts are the ones that hold the last day.
		i := left[p.rnd.IntN(len(left))]
		if p.rnd.IntN(2) == 0 {
			i = slices.MaxFunc(left, func(a, b int) int { return p.twin.receipts[a].day - p.twin.receipts[b].day })
		}
		net := p.twin.receipts[i].net
		if p.rnd.IntN(3) == 0 {
			net = 1 + p.rnd.Int64N(net)
		}
		p.giveBack(i, net)
	case k < 72:
		m := p.rnd.IntN(members)
		p.refund(m, p.day(), 1+p.rnd.Int64N(400))
	case k < 74:
		m := p.rnd.IntN(members)
		if p.twin.gone[m] && p.rnd.IntN(3) > 0 {
			p.comeBack(m)
		} else {
			p.leave(m)
		}
	case k < 76 && members > 1:
		from := p.rnd.IntN(members)
		p.move(from, (from+1+p.rnd.IntN(members-1))%members, p.rnd.IntN(2) == 0)
	case k < 90:
		p.tick()
	case k < 93:
		r, tier := randomRule(p.rnd)
		switch p.rnd.IntN(4) {
		case 0: // only the tier window changes
			r = p.twin.rule
		case 1: // only the window of RFM changes
			window := r.WindowDays
			r = p.twin.rule
			r.WindowDays, tier = window, p.twin.tierWindow
		}
		p.setRule(r, tier)
	case k < 95:
		p.say("refresh")
		p.twin.refresh()
		p.x.Refresh()
	case k < 97 && p.picture == nil:
		p.restore()
	case p.picture == nil:
		p.beginPicture()
	case k >= 97:
		p.endPicture()
	}
}

// TestStepOracle holds the index against its twin after every event.
func TestStepOracle(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			// Some books begin on day 0, where windows reach before all time.
			p := newPair(t, rnd, []int{0, 3, 400}[rnd.IntN(3)])
			if rnd.IntN(4) > 0 {
				p.setRule(randomRule(rnd))
			} else {
				p.setRule(program.RFM{Segments: program.Segments{Names: []program.Segment{{ID: "none"}}}}, 0)
			}
			for range 120 {
				p.step()
				p.compare()
			}
			for range 40 {
				p.tick()
				p.compare()
			}
		})
	}
}
