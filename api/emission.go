package api

import (
	"bufio"
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

var emissionFields = []string{"id", "count", "prefix"}

// postEmission makes numbers of an instrument, which are good from today.
func (s *Server) postEmission(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Emit{Instrument: c.param}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	prefix := ""
	r := &c.in
	r.start(c.body())
	for f := r.object(emissionFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "count":
			cmd.Count = int(r.integer(1, engine.EmissionMax))
		case "prefix":
			prefix = r.prefix()
		}
	}
	if cmd.Count == 0 {
		r.failAt("", "count is missing")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Emission(c.param, prefix, cmd.Count)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem {
		known := s.instrumentOf(c.param)
		switch {
		case known == nil:
			return problemOf(codeNotFound, "no instrument of the program has this id")
		case known.Code != "":
			return problemOf(codeInstrumentUnfit, "the instrument has a code that all share, and so no numbers")
		}
		if cmd.Prefix = prefix; prefix == "" {
			cmd.Prefix = known.Prefix
		}
		cmd.From, cmd.To = s.queue.Calendar().DayOf(s.queue.Now()), kopilka.DayNever
		if known.ValidDays > 0 {
			cmd.To = cmd.From.AddDays(known.ValidDays - 1)
		}
		return nil
	}
	return c.carry(created)
}

// prefix reads the digits that numbers are to begin with.
func (r *reader) prefix() string {
	s := r.string()
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			r.fail("has something else than digits")
			return ""
		}
	}
	if !r.bad && (s == "" || len(s) > engine.PrefixMax) {
		r.fail("must be 1 to 6 digits")
	}
	return s
}

// instrumentOf finds an instrument in the program in force.
func (s *Server) instrumentOf(id string) *program.Instrument {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	for i := range rules.Instruments {
		if rules.Instruments[i].ID == id {
			return &rules.Instruments[i]
		}
	}
	return nil
}

// emissionAnswer writes an emission with the first of its numbers.
func (s *Server) emissionAnswer(e *jx.Encoder, c *kopilka.Emit, out *kopilka.Outcome) {
	var first engine.Number
	s.queue.View(func(b *engine.State) { first = b.NumberAt(out.First) })
	strField(e, "instrument", c.Instrument)
	strField(e, "prefix", c.Prefix)
	intField(e, "count", int64(c.Count))
	strField(e, "first", first.Text)
	strField(e, "valid_from", c.From.String())
	lastDayField(e, "valid_to", c.To)
}

// emissions lists the emissions of an instrument, the newest first, so that whoever
// has lost the id of one can print it again.
func (s *Server) emissions(c *call) *problem {
	if p := c.reads("limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(20, 100)
	if p != nil {
		return p
	}
	from, given, p := c.cursor()
	if p != nil {
		return p
	}
	var all []engine.Emission
	known := s.instrumentOf(c.param) != nil
	s.queue.View(func(b *engine.State) {
		for _, x := range slices.Backward(b.Emissions()) {
			if x.Instrument == c.param && (!given || uint64(x.Seq) <= from.at) {
				all = append(all, x)
			}
		}
	})
	if len(all) == 0 && !known {
		return problemOf(codeNotFound, "no instrument of the program has this id")
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for _, x := range all[:min(limit, len(all))] {
		record, err := s.queue.Record(x.Seq)
		if err != nil {
			return s.failed(err)
		}
		e.ObjStart()
		s.answer(e, &result{seq: x.Seq, cmd: record.Command, outcome: &record.Outcome})
		e.ObjEnd()
	}
	e.ArrEnd()
	next := cursor{}
	if len(all) > limit {
		next.at = uint64(all[limit].Seq)
	}
	c.nextCursor(len(all) > limit, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// lastDayField writes a day, or null for the one that does not come.
func lastDayField(e *jx.Encoder, name string, d kopilka.Day) {
	if d == kopilka.DayNever {
		nullField(e, name)
		return
	}
	strField(e, name, d.String())
}

// numbers sends the numbers of an emission as CSV, for whoever prints them.
func (s *Server) numbers(c *call) *problem {
	if p := c.reads("emission"); p != nil {
		return p
	}
	id := c.query("emission")
	if !kopilka.ValidID(id) {
		return malformed("", "emission is the id of one of the instrument's emissions")
	}
	found, err := s.queue.FindID(id)
	if err != nil {
		return s.failed(err)
	}
	var made engine.Emission
	ok := false
	if found.Seq != 0 {
		s.queue.View(func(b *engine.State) { made, ok = b.Emission(found.Seq) })
	}
	if !ok || made.Instrument != c.param {
		return problemOf(codeNotFound, "no emission of the instrument has this id")
	}
	c.ctx.Response.Header.Set("Kopilka-Seq", decimal(uint64(made.Seq)))
	s.stream(c, "number,instrument,valid_to\n", func(w *bufio.Writer) {
		page := make([]engine.Number, 0, cardsMax)
		for next, end := made.First, made.First+uint32(made.Count); next < end; {
			page = page[:0]
			s.queue.View(func(b *engine.State) {
				for ; next < end && len(page) < cardsMax; next++ {
					page = append(page, b.NumberAt(next))
				}
			})
			for i := range page {
				if _, err := w.Write(appendNumber(nil, &page[i])); err != nil {
					return // the client has gone
				}
			}
		}
	})
	return nil
}

func appendNumber(b []byte, n *engine.Number) []byte {
	b = append(append(b, n.Text...), ',')
	b = append(appendCSV(b, n.Instrument), ',')
	if n.To != kopilka.DayNever {
		b = append(b, n.To.String()...)
	}
	return append(b, '\n')
}
