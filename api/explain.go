package api

import (
	"math/big"
	"slices"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// explain tells how a receipt came about: which rules decided, what capped each
// way of paying, what every line earned and why not more. It is made of the record
// and of the version of the program that stands in it, so it is the same for
// receipts of any age, whatever the rules and the member have become.
func (s *Server) explain(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	if !kopilka.ValidID(c.param) {
		return &noReceipt
	}
	v, p := s.findSale(c.param, new(kopilka.Seq))
	if p != nil {
		return p
	}
	x := s.explained(&v)
	e := &c.out
	e.ObjStart()
	strField(e, "kind", v.record.Command.Kind().String())
	strField(e, "id", c.param)
	intField(e, "seq", int64(v.record.Seq))
	s.memberIDField(e, x.out.Member)
	strField(e, "named_by", namedBy(&v, x.out))
	s.timeField(e, "occurred_at", v.deed.At)
	s.timeField(e, "recorded_at", x.out.Time)
	s.versionField(e, x)
	if x.out.Member == kopilka.NoMember {
		nullField(e, "tier")
		nullField(e, "segment")
	} else {
		if p := s.tierField(e, x); p != nil {
			return p
		}
		s.segmentField(e, x)
	}
	s.payingField(e, x)
	s.earningField(e, x)
	s.campaignsExplained(e, x)
	s.legsField(e, x.out.Legs)
	s.lotsField(e, x.out)
	flagsField(e, x.out.Flags, c.watches())
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// namedBy is how the buyer was named: by nothing but the hold, where whoever hands an
// order out need not know him.
func namedBy(v *sale, out *kopilka.Outcome) string {
	if v.deed.NamedBy == kopilka.ByNobody && out.Member != kopilka.NoMember {
		return "hold"
	}
	return v.deed.NamedBy.String()
}

// explained is a receipt with the rules that decided about it.
type explained struct {
	*sale
	out     *kopilka.Outcome
	receipt *kopilka.Receipt // nil of redemptions and captures
	number  int              // of the version
	version engine.Version   // whose rules were applied
	rules   *program.Program // of the version
	books   *program.Program // in force when it was recorded, of which Tier and SegmentBefore speak
	segment string           // id of the buyer's segment before it; empty = of nobody
	gave    map[string]bool  // ids of the campaigns that added something
}

func (s *Server) explained(v *sale) *explained {
	out := &v.record.Outcome
	x := &explained{sale: v, out: out, number: max(1, out.Program), books: s.program(v.record.Seq), gave: map[string]bool{}}
	for _, u := range out.Campaigns {
		x.gave[s.term(u.Term).ID] = true
	}
	x.receipt, _ = v.record.Command.(*kopilka.Receipt)
	s.queue.View(func(b *engine.State) { x.version = b.Versions()[x.number-1] })
	x.rules = x.version.Program
	if out.Member != kopilka.NoMember && x.receipt != nil {
		x.segment = x.books.RFM.Segments.Names[out.SegmentBefore].ID
	}
	return x
}

// versionField tells which version of the rules decided: the one that was in force
// when the sale happened, which may be older than the one when it arrived.
func (s *Server) versionField(e *jx.Encoder, x *explained) {
	e.FieldStart("program")
	e.ObjStart()
	strField(e, "name", x.rules.Name)
	intField(e, "version", int64(x.number))
	intField(e, "seq", int64(x.version.Seq))
	s.timeField(e, "in_force_since", x.version.Time)
	e.ObjEnd()
}

// tierField tells the tier whose rates were applied, the one after, and how far the
// next one was then.
func (s *Server) tierField(e *jx.Encoder, x *explained) *problem {
	e.FieldStart("tier")
	e.ObjStart()
	defer e.ObjEnd()
	if x.receipt != nil {
		t := &x.rules.Tiers[x.out.TierBefore]
		strField(e, "before", t.ID)
		intField(e, "earn_bp", int64(t.EarnBP))
		intField(e, "max_redeem_bp", int64(t.MaxRedeemBP))
	}
	strField(e, "after", x.books.Tiers[x.out.Tier].ID)
	metric, known, p := s.metricAt(x)
	if p != nil {
		return p
	}
	next := int(x.out.Tier) + 1
	if !known || next >= len(x.books.Tiers) {
		nullField(e, "next")
		return nil
	}
	e.FieldStart("next")
	e.ObjStart()
	strField(e, "id", x.books.Tiers[next].ID)
	strField(e, "metric", x.books.TierPolicy.Metric.String())
	intField(e, "value", metric)
	intField(e, "missing", max(0, x.books.Tiers[next].Threshold-metric))
	e.ObjEnd()
	return nil
}

// metricReads bounds how much of a ledger is read back to add up what a member had
// bought when a receipt was taken.
const metricReads = 500

// metricAt is what the buyer had of the metric of tiers when the receipt was
// taken, added up from the entries of the ledger before it; not known where tiers
// do not follow purchases, or where that would be too long to read.
func (s *Server) metricAt(x *explained) (metric int64, known bool, p *problem) {
	policy := &x.books.TierPolicy
	if policy.Metric != program.BySpend && policy.Metric != program.ByCount {
		return 0, false, nil
	}
	today := s.queue.Calendar().DayOf(x.out.Time)
	add := func(day kopilka.Day, live int64, amount kopilka.Money) {
		switch {
		case policy.WindowDays > 0 && int(day) <= int(today)-policy.WindowDays:
		case policy.Metric == program.ByCount:
			metric += live
		default:
			metric += int64(amount)
		}
	}
	m, at := x.out.Member, x.record.Seq
	for range metricReads {
		if at == 0 {
			return metric, true, nil
		}
		record, err := s.queue.Record(at)
		if err != nil {
			return 0, false, s.failed(err)
		}
		out := &record.Outcome
		if out.Member == m {
			bought(record.Command, out, add)
		}
		at, _ = before(m, out)
	}
	return 0, false, nil
}

// bought calls add with what a command changed in what its member has bought.
func bought(c kopilka.Command, out *kopilka.Outcome, add func(day kopilka.Day, live int64, amount kopilka.Money)) {
	switch c := c.(type) {
	case *kopilka.Receipt:
		if c.Amount > 0 {
			add(c.Day, 1, c.Amount)
		}
	case *kopilka.Return:
		switch {
		case c.Receipt == "":
			add(c.Day, 0, -c.Amount)
		case out.Left.Purchase && out.Left.Goods() == 0:
			add(out.Left.Day, -1, -out.Goods)
		case out.Left.Purchase:
			add(out.Left.Day, 0, -out.Goods)
		}
	case *kopilka.Merge:
		for _, b := range out.Purchases {
			add(b.Day, int64(b.Live), b.Amount)
		}
	case *kopilka.Unmerge:
		for _, b := range out.Purchases {
			add(b.Day, -int64(b.Live), -b.Amount)
		}
	}
}

// segmentField tells the segment whose multiplier was applied, and the one after.
func (s *Server) segmentField(e *jx.Encoder, x *explained) {
	e.FieldStart("segment")
	e.ObjStart()
	if x.receipt != nil {
		strField(e, "before", x.segment)
		intField(e, "multiplier_bp", int64(x.segmentBP()))
	}
	strField(e, "after", x.books.RFM.Segments.Names[x.out.Segment].ID)
	e.ObjEnd()
}

// segmentNo is the buyer's segment in the words of the version; -1 where it has
// none of this id.
func (x *explained) segmentNo() int {
	return slices.IndexFunc(x.rules.RFM.Segments.Names, func(n program.Segment) bool { return n.ID == x.segment })
}

// segmentBP is what the buyer's segment multiplied.
func (x *explained) segmentBP() kopilka.BP {
	if n := x.segmentNo(); n >= 0 && n < len(x.rules.SegmentBP) {
		return x.rules.SegmentBP[n]
	}
	return kopilka.BPWhole
}

// earns tells whether the receipt was one that earns: of somebody, and of no
// history that was imported without.
func (x *explained) earns() bool {
	return x.receipt != nil && x.out.Member != kopilka.NoMember && (!x.receipt.Imported || x.receipt.Earn)
}

// earningField tells what every line earned: its base by the rate of the tier, by
// the multiplier of the segment, by that of the campaign that won the line. exact
// is the sum before its one rounding, in points; what a campaign gives to a
// receipt as a whole, and what its budget cut off, come after it.
func (s *Server) earningField(e *jx.Encoder, x *explained) {
	e.FieldStart("earning")
	if !x.earns() {
		e.Null()
		return
	}
	e.ObjStart()
	strField(e, "earn_base", x.rules.EarnBase.String())
	strField(e, "rounding", x.rules.Rounding.String())
	tier, segment := x.rules.Tiers[x.out.TierBefore].EarnBP, x.segmentBP()
	exact, base := new(big.Int), kopilka.Money(0)
	e.FieldStart("lines")
	e.ArrStart()
	for i := range x.out.Left.Lines {
		l := &x.out.Left.Lines[i]
		won, rate := x.winner(i)
		term := big.NewInt(int64(l.Base))
		for _, bp := range [...]kopilka.BP{tier, segment, rate} {
			term.Mul(term, big.NewInt(int64(bp)))
		}
		exact.Add(exact, term)
		base += l.Base
		e.ObjStart()
		intField(e, "line", int64(i)+1)
		intField(e, "amount", int64(l.Goods))
		intField(e, "base", int64(l.Base))
		intField(e, "tier_bp", int64(tier))
		intField(e, "segment_bp", int64(segment))
		optField(e, "campaign", won)
		intField(e, "campaign_bp", int64(rate))
		intField(e, "earned", int64(l.Earned))
		e.ObjEnd()
	}
	e.ArrEnd()
	intField(e, "base", int64(base))
	strField(e, "exact", exactPoints(exact))
	intField(e, "earned", int64(x.out.Earned))
	e.ObjEnd()
}

// exactPoints writes a number of points that is counted in parts of 10¹², three times
// a basis point.
func exactPoints(n *big.Int) string {
	const places = 12
	s := n.String()
	s = strings.Repeat("0", max(0, places+1-len(s))) + s
	whole, part := s[:len(s)-places], strings.TrimRight(s[len(s)-places:], "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// lotsField tells which points were spent, by the lot they came from, and which lot
// the earned ones went to.
func (s *Server) lotsField(e *jx.Encoder, out *kopilka.Outcome) {
	calendar := s.queue.Calendar()
	lot := func(l kopilka.Lot) {
		e.ObjStart()
		intField(e, "points", int64(l.Points))
		if l.Activates == 0 {
			nullField(e, "activates_at")
		} else {
			s.timeField(e, "activates_at", calendar.Start(l.Activates))
		}
		s.dayEndField(e, "expires_at", l.Expires)
		e.ObjEnd()
	}
	list := func(name string, lots []kopilka.Lot) {
		e.FieldStart(name)
		e.ArrStart()
		for _, l := range lots {
			lot(l)
		}
		e.ArrEnd()
	}
	e.FieldStart("lots")
	e.ObjStart()
	list("spent", out.Left.Spent)
	if out.Left.Earned.Points == 0 {
		nullField(e, "earned")
	} else {
		e.FieldStart("earned")
		lot(out.Left.Earned)
	}
	list("expired", out.Expired)
	e.ObjEnd()
}

// bound is something that keeps a sum from being greater than a value.
type bound struct {
	word  string
	value int64
}

// limitedBy is the bound that kept a sum from being greater: the first that it
// reaches.
func limitedBy(sum int64, bounds ...bound) string {
	for _, b := range bounds {
		if sum >= b.value {
			return b.word
		}
	}
	return bounds[len(bounds)-1].word
}
