package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// entriesMax bounds the entries that are read to add up what one member bought.
const entriesMax = 5_000

// categories lists what a member has bought of which category of goods and still has,
// from his own entries and those of his parts: nobody else's receipts are read.
func (s *Server) categories(c *call) *problem {
	if p := c.reads("from", "to"); p != nil {
		return p
	}
	from, _, p := c.day("from")
	if p != nil {
		return p
	}
	to, given, p := c.day("to")
	if p != nil {
		return p
	}
	var ledgers []engine.Member
	var seq kopilka.Seq
	s.queue.View(func(b *engine.State) {
		if no, ok := b.ByCard(c.param); ok {
			for _, part := range b.Parts(no) {
				ledgers = append(ledgers, b.Row(part, s.queue.Now()))
			}
		}
		seq = b.Seq()
		if !given {
			to = b.Day()
		}
	})
	if ledgers == nil {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	if from > to {
		return malformed("", "from is after to")
	}
	if p := s.passes.begin(); p != nil {
		return p
	}
	defer s.passes.end()
	f := basketFold{s: s, from: from, to: to, seq: seq, of: map[string]*basket{}}
	if p := f.read(ledgers, entriesMax); p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for _, name := range slices.Sorted(maps.Keys(f.of)) {
		x := f.of[name]
		e.ObjStart()
		optField(e, "category", name)
		intField(e, "receipts", x.receipts)
		intField(e, "lines", x.lines)
		intField(e, "amount", int64(x.amount))
		strField(e, "last_bought", x.last.String())
		e.ObjEnd()
	}
	e.ArrEnd()
	intField(e, "seq", int64(seq))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// basket is what a member has of a category.
type basket struct {
	receipts, lines int64
	amount          kopilka.Money
	last            kopilka.Day
	seen            kopilka.Seq // the receipt that was counted last
}

// basketFold adds up receipts of the days from from to to, as they stood at seq.
type basketFold struct {
	s        *Server
	from, to kopilka.Day
	seq      kopilka.Seq
	of       map[string]*basket
}

// read goes through the ledgers, the newest entry first. Nothing is recorded before it
// happened, so what was recorded before the first day need not be looked at.
func (f *basketFold) read(ledgers []engine.Member, most int) *problem {
	calendar := f.s.queue.Calendar()
	for i := range ledgers {
		m := ledgers[i].No
		for at := ledgers[i].LastEntry; at != 0; most-- {
			if most == 0 {
				return malformed("", fmt.Sprintf("the member has more than %d entries since from: ask with a later from", entriesMax))
			}
			record, err := f.s.queue.Record(at)
			if err != nil {
				return f.s.failed(err)
			}
			out := &record.Outcome
			if calendar.DayOf(out.Time) < f.from {
				break
			}
			if c, ok := record.Command.(*kopilka.Receipt); ok && out.Member == m && f.from <= c.Day && c.Day <= f.to {
				left, p := f.left(c.ID, &out.Left)
				if p != nil {
					return p
				}
				f.add(at, c, left)
			}
			prev, ok := before(m, out)
			if !ok {
				return f.s.failed(fmt.Errorf("categories of member %d: position %d is in his ledger and not about him", m, at))
			}
			at = prev
		}
	}
	return nil
}

// left is what is left of a receipt at the position. A return may be newer than that,
// and it may be in the ledger of who the buyer was part of: so it is looked up by the
// receipt.
func (f *basketFold) left(id string, sold *kopilka.Remains) (*kopilka.Remains, *problem) {
	if id == "" {
		return sold, nil
	}
	newest, err := f.s.queue.FindReturn(id)
	if err != nil {
		return nil, f.s.failed(err)
	}
	for at := newest.Seq; at != 0; {
		record, err := f.s.queue.Record(at)
		if err != nil {
			return nil, f.s.failed(err)
		}
		if at <= f.seq {
			return &record.Outcome.Left, nil
		}
		at = record.Command.(*kopilka.Return).LastReturn
	}
	return sold, nil
}

// add counts what is left of a receipt. One without lines is in no category, and has
// no lines to be counted.
func (f *basketFold) add(seq kopilka.Seq, c *kopilka.Receipt, left *kopilka.Remains) {
	for i := range left.Lines {
		goods := left.Lines[i].Goods
		if goods == 0 {
			continue
		}
		name, lines := "", int64(0)
		if len(c.Lines) > 0 {
			name, lines = c.Lines[i].Category, 1
		}
		x := f.of[name]
		if x == nil {
			x = &basket{}
			f.of[strings.Clone(name)] = x
		}
		if x.seen != seq {
			x.seen = seq
			x.receipts++
		}
		x.lines += lines
		x.amount += goods
		x.last = max(x.last, c.Day)
	}
}
