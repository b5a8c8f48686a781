package api

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/whatif"
	"github.com/valyala/fasthttp"
)

// yearDays is how many days are measured where nobody says which.
const yearDays = 365

var (
	paybackFields  = []string{"from", "to", "cost_per_month", "cost_once", "margin_bp", "expected"}
	expectedFields = []string{"turnover_per_month", "members_share_bp", "reward_share_bp", "uplift_bp"}
)

// payback answers whether a program pays, from numbers that are stated or measured.
func (s *Server) payback(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var plan whatif.Plan
	var from, to string
	cost, margin := false, false
	whole := int64(kopilka.BPWhole)
	r := &c.in
	r.start(c.body())
	for f := r.object(paybackFields); f.next(); {
		switch f.name {
		case "from":
			from = r.short()
		case "to":
			to = r.short()
		case "cost_per_month":
			plan.CostPerMonth, cost = r.amount(0), true
		case "cost_once":
			plan.CostOnce = r.amount(0)
		case "margin_bp":
			plan.MarginBP, margin = r.integer(0, whole), true
		case "expected":
			for f := r.object(expectedFields); f.next(); {
				switch f.name {
				case "turnover_per_month":
					plan.Turnover = whatif.State(r.amount(0))
				case "members_share_bp":
					plan.MembersBP = whatif.State(r.integer(0, whole))
				case "reward_share_bp":
					plan.RewardBP = whatif.State(r.integer(0, whole))
				case "uplift_bp":
					plan.UpliftBP = whatif.State(r.integer(0, whatif.UpliftMax))
				}
			}
		}
	}
	if !cost || !margin {
		r.failAt("", "cost_per_month and margin_bp are needed: no log knows them")
	}
	if p := r.end(); p != nil {
		return p
	}
	days, seq, p := s.measure(c, from, to)
	if p != nil {
		return p
	}
	if !plan.Fill(days) {
		return malformed("", "the turnover of these days is beyond what can be reckoned with: state turnover_per_month")
	}
	c.paybackShown(&plan, days, seq)
	return c.reply(fasthttp.StatusOK)
}

// measure reads the days over: the last 365 where nobody says which, or as many as
// the books have.
func (s *Server) measure(c *call, from, to string) (*whatif.Measured, kopilka.Seq, *problem) {
	var today, first kopilka.Day
	var seq kopilka.Seq
	s.queue.View(func(b *engine.State) { today, first, seq = b.Day(), b.Versions()[0].Day, b.Seq() })
	m := &whatif.Measured{To: today}
	if to != "" {
		var err error
		if m.To, err = kopilka.ParseDay(to); err != nil {
			return nil, 0, malformed("/to", err.Error())
		}
	}
	m.From = min(max(first, m.To.AddDays(1-yearDays)), m.To)
	if from != "" {
		var err error
		if m.From, err = kopilka.ParseDay(from); err != nil {
			return nil, 0, malformed("/from", err.Error())
		}
	}
	switch {
	case m.To > today:
		return nil, 0, malformed("/to", "is a day that has not come")
	case m.From > m.To:
		return nil, 0, malformed("/from", "is after to")
	}
	if p := s.passes.begin(); p != nil {
		return nil, 0, p
	}
	defer s.passes.end()
	// What happened on a day was recorded on it or later.
	start, err := s.queue.SeqSince(s.queue.Calendar().Start(m.From))
	if err == nil {
		err = eachRecord(s.queue, start, seq, whatif.MeasuredKinds, c.company().waits, func(r *whatif.Record) error { m.Add(r); return nil })
	}
	if err != nil {
		return nil, 0, s.unfinished("measure for a payback", err)
	}
	return m, seq, nil
}

// paybackNotes say what the answer is made of, to whoever shows it to others.
var paybackNotes = []string{
	"measured: the inputs that say so, from the log of the days from..to; a program that ran then has its effect in them",
	"assumed: uplift_bp, how much more members buy because of the program; no log tells what they would have bought without it",
	"assumed: points cost what they pay for when they are spent; points that are owed and not spent are no cost here",
}

func (c *call) paybackShown(plan *whatif.Plan, m *whatif.Measured, seq kopilka.Seq) {
	e := &c.out
	e.ObjStart()
	strField(e, "from", m.From.String())
	strField(e, "to", m.To.String())
	intField(e, "seq", int64(seq))
	e.FieldStart("inputs")
	e.ObjStart()
	for _, in := range []struct {
		name string
		whatif.Input
	}{
		{"cost_per_month", whatif.State(plan.CostPerMonth)}, {"cost_once", whatif.State(plan.CostOnce)}, {"margin_bp", whatif.State(plan.MarginBP)},
		{"turnover_per_month", plan.Turnover}, {"members_share_bp", plan.MembersBP}, {"reward_share_bp", plan.RewardBP}, {"uplift_bp", plan.UpliftBP},
	} {
		e.FieldStart(in.name)
		e.ObjStart()
		e.FieldStart("value")
		if in.Source == whatif.Unknown {
			e.Null()
		} else {
			e.Int64(in.Value)
		}
		strField(e, "source", in.Source.String())
		e.ObjEnd()
	}
	e.ObjEnd()
	v := plan.Reckon()
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"members_turnover", v.Members}, {"extra_turnover", v.Extra}, {"extra_margin", v.Gain}, {"reward_cost", v.Reward},
		{"cost", v.Cost}, {"net", v.Net}, {"roi_bp", v.ReturnBP}, {"payback_months", v.Months}, {"break_even_uplift_bp", v.BreakEvenBP},
	} {
		e.FieldStart(f.name)
		orNone(e, f.value)
	}
	e.FieldStart("notes")
	e.ArrStart()
	for _, note := range paybackNotes {
		e.Str(note)
	}
	e.ArrEnd()
	e.ObjEnd()
}
