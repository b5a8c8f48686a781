package api

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// getProgram shows the rules in force, completed with their defaults.
func (s *Server) getProgram(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var versions []engine.Version
	var next engine.Scheduled
	s.queue.View(func(b *engine.State) { versions, next = b.Versions(), b.Scheduled() })
	v := versions[len(versions)-1]
	e := &c.out
	e.ObjStart()
	intField(e, "version", int64(len(versions)))
	intField(e, "seq", int64(v.Seq))
	s.timeField(e, "in_force_since", v.Time)
	e.FieldStart("program")
	e.Raw(compact(v.Program.Document()))
	e.FieldStart("scheduled")
	if next.At == 0 {
		e.Null()
	} else {
		e.ObjStart()
		intField(e, "seq", int64(next.Seq))
		s.timeField(e, "in_force_from", next.At)
		e.FieldStart("program")
		e.Raw(compact(next.Program.Document()))
		e.ObjEnd()
	}
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// compact makes one line of JSON.
func compact(doc []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, doc); err != nil {
		panic("api: the program's own document is not JSON: " + err.Error())
	}
	return b.Bytes()
}

// programHistory lists all versions that were ever in force, the newest first.
func (s *Server) programHistory(c *call) *problem {
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
	var versions []engine.Version
	s.queue.View(func(b *engine.State) { versions = b.Versions() })
	next := len(versions)
	if given {
		next = min(next, int(min(from.at, 1<<20)))
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for ; next > 0 && limit > 0; next, limit = next-1, limit-1 {
		v := versions[next-1]
		e.ObjStart()
		intField(e, "version", int64(next))
		intField(e, "seq", int64(v.Seq))
		s.timeField(e, "in_force_since", v.Time)
		e.FieldStart("program")
		e.Raw(compact(v.Program.Document()))
		e.ObjEnd()
	}
	e.ArrEnd()
	c.nextCursor(next > 0, cursor{at: uint64(next)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// putProgram puts a document in force from here on or from an instant on, or only
// says what is wrong with it. The body is the document itself, in YAML or JSON, so
// an id can only come in the header.
func (s *Server) putProgram(c *call) *problem {
	if p := c.onlyQuery("dry_run", "at"); p != nil {
		return p
	}
	dry, p := c.flag("dry_run")
	if p != nil {
		return p
	}
	at, p := s.instant(c, "at")
	if p != nil {
		return p
	}
	// Parse keeps strings of the document, and the books keep what it makes.
	doc := bytes.Clone(c.body())
	rules, err := program.Parse(doc)
	if err != nil {
		return invalidProgram(err)
	}
	if p := s.passed(at); dry && p != nil {
		return p
	}
	if dry {
		fixed := false
		s.queue.View(func(b *engine.State) {
			now := b.Program()
			fixed = (b.Sold() || at > s.queue.Now()) && (rules.Currency != now.Currency || rules.MinorUnits != now.MinorUnits || rules.TimeZone != now.TimeZone)
		})
		if fixed {
			return refused(&kopilka.Outcome{Refusal: kopilka.ProgramFixed})
		}
		e := &c.out
		e.ObjStart()
		e.FieldStart("valid")
		e.Bool(true)
		if at != 0 {
			s.timeField(e, "in_force_from", at)
		}
		e.FieldStart("program")
		e.Raw(compact(rules.Document()))
		e.ObjEnd()
		return c.reply(fasthttp.StatusOK)
	}
	set := &kopilka.SetProgram{Document: rules.Document(), At: at}
	if at != 0 {
		set.Day = s.queue.Calendar().DayOf(at)
	}
	return s.carryProgram(c, set)
}

// deleteScheduled withdraws the program that waits for its instant.
func (s *Server) deleteScheduled(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	return s.carryProgram(c, &kopilka.SetProgram{})
}

func (s *Server) carryProgram(c *call, set *kopilka.SetProgram) *problem {
	c.order.begin(set, &set.Head, nil)
	content := set.Document
	if set.At != 0 {
		content = binary.LittleEndian.AppendUint64(bytes.Clone(content), uint64(set.At))
	}
	set.Content = max(xxhash.Sum64(content), 1)
	c.order.complete = func() *problem { return s.passed(set.At) }
	p := c.carry(changed)
	if p == nil {
		s.rulesMoved()
	}
	return p
}

// passedMax is how far behind an instant may be from which a program is to hold, so
// that one meant as "now" is not late by its way here. A program is in force at once
// then; one of an instant long past is a slip of the pen.
const passedMax = kopilka.Time(60 * 1000)

// passed refuses an instant that has passed; 0 is none.
func (s *Server) passed(at kopilka.Time) *problem {
	if at == 0 || at >= s.queue.Now()-passedMax {
		return nil
	}
	return problemOf(codeTooLate, "at has passed; without it the program is in force at once")
}

// instant reads a parameter that is a time, in the forms that a program's instants
// have; 0 when it is absent.
func (s *Server) instant(c *call, name string) (kopilka.Time, *problem) {
	if !c.ctx.QueryArgs().Has(name) {
		return 0, nil
	}
	text := c.query(name)
	// A plus that was not escaped arrives as a space.
	text = strings.Replace(text, " ", "+", 1)
	t, err := program.ReadInstant(text, s.queue.Calendar().Zone)
	if err != nil {
		return 0, malformed("", name+" "+err.Error())
	}
	return t, nil
}

// invalidProgram tells all that is wrong with a document, each fault with its
// pointer, line and column.
func invalidProgram(err error) *problem {
	p := problemOf(codeProgramInvalid, err.Error())
	var faults *program.Error
	if errors.As(err, &faults) {
		p.detail = "nothing was changed"
		for i := range faults.Faults {
			f := &faults.Faults[i]
			text, _, _ := strings.Cut(f.String(), "\n")
			p.faults = append(p.faults, fault{f.Pointer, text})
		}
	}
	return p
}
