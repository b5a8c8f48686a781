package api

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/whatif"
	"github.com/valyala/fasthttp"
)

// What a simulation says no to.
var (
	errFixed  = errors.New("the log counts in another currency, in other units or in days of another time zone")
	errNotYet = errors.New("from is a day that has not come")
)

// Simulate folds the queue's log again under a program that is in force from a
// business day on; from 0 is the first day of the books. waits is asked now and
// then, and ends the work when it fails. It takes the memory of a second set of
// books.
func Simulate(q *commit.Queue, p *program.Program, from kopilka.Day, waits func() error) (whatif.Result, error) {
	ask := whatif.Question{Program: p}
	var seq kopilka.Seq
	var err error
	q.View(func(b *engine.State) {
		switch now := b.Program(); {
		case p.Currency != now.Currency || p.MinorUnits != now.MinorUnits || p.TimeZone != now.TimeZone:
			err = errFixed
		case from > b.Day():
			err = errNotYet
		}
	})
	if err == nil {
		err = q.Copy(func(b *engine.State) {
			seq, ask.From, ask.Actual = b.Seq(), max(from, b.Versions()[0].Day), whatif.Stand(b)
		})
	}
	if err != nil {
		return whatif.Result{}, err
	}
	ask.Start = q.Calendar().Start(ask.From)
	if err := eachRecord(q, 1, seq, whatif.LaterKinds, waits, func(r *whatif.Record) error { ask.Later.Add(r); return nil }); err != nil {
		return whatif.Result{}, err
	}
	fold := whatif.New(ask)
	if err := eachRecord(q, 1, seq, kopilka.AllKinds, waits, fold.Apply); err != nil {
		return whatif.Result{}, err
	}
	return fold.Result(), nil
}

// eachRecord reads the log between two positions, both included.
func eachRecord(q *commit.Queue, from, to kopilka.Seq, kinds kopilka.Kinds, waits func() error, f func(*whatif.Record) error) error {
	n := 0
	var one whatif.Record
	return q.Records(from, to, kinds, func(r *commit.Record) error {
		if n++; n%stopLook == 0 {
			if err := waits(); err != nil {
				return err
			}
		}
		one = whatif.Record{Seq: r.Seq, Time: r.Time, Command: r.Command, Outcome: &r.Outcome}
		return f(&one)
	})
}

// simulateProgram answers what would have been under the program in the body. One
// is reckoned at a time: it takes the memory of a second set of books.
func (s *Server) simulateProgram(c *call) *problem {
	if p := c.reads("from"); p != nil {
		return p
	}
	from, _, p := c.day("from")
	if p != nil {
		return p
	}
	rules, err := program.Parse(bytes.Clone(c.body()))
	if err != nil {
		return invalidProgram(err)
	}
	if p := s.passes.begin(); p != nil {
		return p
	}
	defer s.passes.end()
	if !s.simulating.TryLock() {
		return problemOf(codeOverloaded, "another simulation is being reckoned")
	}
	defer s.simulating.Unlock()
	r, err := Simulate(s.queue, rules, from, c.company().waits)
	switch {
	case errors.Is(err, errFixed):
		return refused(&kopilka.Outcome{Refusal: kopilka.ProgramFixed})
	case errors.Is(err, errNotYet), errors.Is(err, whatif.ErrEnrol):
		return malformed("", err.Error())
	case err != nil:
		return s.unfinished("simulate a program", err)
	}
	c.simulated(&r)
	return c.reply(fasthttp.StatusOK)
}

// unfinished is the answer of a long work that was not done.
func (s *Server) unfinished(what string, err error) *problem {
	switch {
	case errors.Is(err, errStopping):
		return problemOf(codeOverloaded, "the server is shutting down")
	case errors.Is(err, errGone):
		return problemOf(codeOverloaded, errGone.Error())
	}
	return s.failed(fmt.Errorf("%s: %w", what, err))
}

// simulated writes both worlds and their difference.
func (c *call) simulated(r *whatif.Result) {
	e := &c.out
	e.ObjStart()
	strField(e, "from", r.From.String())
	strField(e, "to", r.To.String())
	intField(e, "seq", int64(r.Seq))
	e.FieldStart("warnings")
	e.ArrStart()
	for _, w := range r.Warnings {
		e.Str(w)
	}
	e.ArrEnd()
	for _, side := range r.Sides() {
		e.FieldStart(side.Name)
		e.ObjStart()
		for f, n := range side.Sums {
			e.FieldStart(whatif.Figure(f).String())
			orNone(e, n)
		}
		e.FieldStart("tiers")
		e.ArrStart()
		for i := range side.Tiers {
			t := &side.Tiers[i]
			e.ObjStart()
			strField(e, "tier", t.ID)
			intField(e, "members", t.Members)
			intField(e, "receipts", t.Receipts)
			intField(e, "turnover", t.Turnover)
			intField(e, "earned", t.Earned)
			intField(e, "redeemed", t.Redeemed)
			e.FieldStart("given_share_bp")
			orNone(e, t.GivenBP)
			e.ObjEnd()
		}
		e.ArrEnd()
		e.ObjEnd()
	}
	e.ObjEnd()
}

func orNone(e *jx.Encoder, n int64) {
	if n == whatif.None {
		e.Null()
	} else {
		e.Int64(n)
	}
}
