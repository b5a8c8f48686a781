package api

import (
	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// instruments lists the instruments of the program in force, with what they have
// done over all of its versions.
func (s *Server) instruments(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var rules *program.Program
	var seq kopilka.Seq
	sums := map[string]engine.Term{}
	emitted := map[string]int64{}
	s.queue.View(func(b *engine.State) {
		rules, seq = b.Program(), b.Seq()
		for _, t := range b.Terms() {
			if t.Kind == engine.TermInstrument {
				sums[t.ID] = t
			}
		}
		for _, x := range b.Emissions() {
			emitted[x.Instrument] += int64(x.Count)
		}
	})
	e := &c.out
	e.ObjStart()
	intField(e, "seq", int64(seq))
	e.FieldStart("data")
	e.ArrStart()
	for i := range rules.Instruments {
		x := &rules.Instruments[i]
		e.ObjStart()
		strField(e, "id", x.ID)
		e.FieldStart("name")
		wordsShown(e, x.Name)
		strField(e, "kind", x.Kind.String())
		optField(e, "code", x.Code)
		intField(e, "emitted", emitted[x.ID])
		intField(e, "uses", sums[x.ID].Count)
		intField(e, "points", sums[x.ID].Used)
		budgetField(e, x, sums[x.ID].Used)
		s.instantField(e, "starts_at", x.StartsAt)
		s.instantField(e, "ends_at", x.EndsAt)
		e.ObjEnd()
	}
	e.ArrEnd()
	c.nextCursor(false, cursor{})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// budgetField writes what an instrument may still take off, or null where it has no bound.
func budgetField(e *jx.Encoder, x *program.Instrument, used int64) {
	if x.Budget == 0 {
		nullField(e, "budget_left")
		return
	}
	intField(e, "budget_left", max(0, int64(x.Budget)-used))
}

// instantField writes an instant of a rule, or null where it is open.
func (s *Server) instantField(e *jx.Encoder, name string, t kopilka.Time) {
	if t == 0 {
		nullField(e, name)
		return
	}
	s.timeField(e, name, t)
}

// getNumber tells what a number or a code is, which a till was shown.
func (s *Server) getNumber(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var n engine.Number
	var seq kopilka.Seq
	var today kopilka.Day
	var used int64 // of the instrument's budget
	ok := false
	s.queue.View(func(b *engine.State) {
		seq, today = b.Seq(), b.Day()
		if n, ok = b.FindNumber(c.param); ok {
			used = b.Term(n.Term).Used
		}
	})
	if !ok {
		return problemOf(codeNotFound, "no instrument has this number or code")
	}
	e := &c.out
	e.ObjStart()
	strField(e, "number", n.Text)
	strField(e, "instrument", n.Instrument)
	strField(e, "kind", n.Kind.String())
	if n.Kind == kopilka.UseGift {
		intField(e, "value", int64(n.Value))
		intField(e, "left", int64(n.Left))
	} else {
		nullField(e, "value")
		nullField(e, "left")
	}
	intField(e, "uses", n.Uses)
	if n.UsesMax == 0 {
		nullField(e, "uses_max")
	} else {
		intField(e, "uses_max", int64(n.UsesMax))
	}
	if n.Place == 0 {
		nullField(e, "valid_from")
	} else {
		strField(e, "valid_from", n.From.String())
	}
	lastDayField(e, "valid_to", n.To)
	e.FieldStart("good")
	e.Bool(s.good(&n, today, used))
	intField(e, "seq", int64(seq))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// good tells whether a number can be used now, as far as that does not depend on the
// receipt. What the program no longer has is good for those who have its numbers.
func (s *Server) good(n *engine.Number, today kopilka.Day, used int64) bool {
	switch {
	case today < n.From, n.To < today:
		return false
	case n.UsesMax > 0 && n.Uses >= int64(n.UsesMax):
		return false
	case n.Kind == kopilka.UseGift && n.Left == 0:
		return false
	}
	rule, now := s.instrumentOf(n.Instrument), s.queue.Now()
	return rule == nil || (rule.StartsAt == 0 || rule.StartsAt <= now) && (rule.EndsAt == 0 || now < rule.EndsAt) &&
		(rule.Budget == 0 || used < int64(rule.Budget))
}
