package api

import (
	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// asOf reads the parameter as_of; false when it is absent, which is today.
func (c *call) asOf() (day kopilka.Day, given bool, p *problem) { return c.day("as_of") }

// standing is the segments at one position of the log, with the rule that made
// them: of today, or as they stood at the end of an earlier day.
type standing struct {
	index.Summary
	seq   kopilka.Seq
	rules *program.Program
	table *index.Table // nil when the summary was all that was asked for
}

// stand reads where everybody stands. With each, table is there to walk over
// all members outside the lock.
func (s *Server) stand(c *call, each bool) (v standing, p *problem) {
	day, given, p := c.asOf()
	if p != nil {
		return v, p
	}
	late, counted := false, false
	s.queue.View(func(b *engine.State) {
		x := b.Index()
		v.seq, v.rules = b.Seq(), b.Program()
		late = given && day > x.Day()
		if counted = !each && (!given || day == x.Day()) && !live(&v.rules.RFM); counted {
			v.Summary = x.Summary()
		}
	})
	switch {
	case late:
		return v, malformed("", "as_of is a day that has not come")
	case counted:
		return v, nil
	}
	if p := s.passes.begin(); p != nil {
		return v, p
	}
	defer s.passes.end()
	var history *index.History
	s.queue.View(func(b *engine.State) {
		x := b.Index()
		v.seq, v.rules = b.Seq(), b.Program()
		if !given {
			day = x.Day()
		}
		if !each && day == x.Day() {
			v.Summary = x.Summary()
			return
		}
		if made, ok := s.passes.find(day, v.seq, v.rules); ok {
			v = made
			return
		}
		history = x.AsOf(day)
	})
	if history != nil {
		v.table = history.Table()
		v.Summary = v.table.Summary
		if given {
			s.passes.keep(v)
		}
	}
	return v, nil
}

func (v *standing) segmentID(n uint8) string { return v.rules.RFM.Segments.Names[n].ID }

// segments counts the members of every segment. The counts of a day of no
// quintiles are kept, and take microseconds.
func (s *Server) segments(c *call) *problem {
	if p := c.reads("as_of"); p != nil {
		return p
	}
	v, p := s.stand(c, false)
	if p != nil {
		return p
	}
	names := v.rules.RFM.Segments.Names
	members := make([]int64, len(names))
	for i := range v.Segments {
		members[i] = v.Segments[i].Members
	}
	// Shares add up to the whole, as everything that is split here does.
	shares := make([]int64, len(names))
	if v.Members > 0 {
		kopilka.Split(int64(kopilka.BPWhole), members, shares)
	}
	e := &c.out
	e.ObjStart()
	strField(e, "as_of", v.Day.String())
	intField(e, "seq", int64(v.seq))
	intField(e, "members", int64(v.Members))
	e.FieldStart("data")
	e.ArrStart()
	one := func(i int) {
		e.ObjStart()
		strField(e, "id", names[i].ID)
		e.FieldStart("name")
		wordsShown(e, names[i].Name)
		intField(e, "members", members[i])
		intField(e, "share_bp", shares[i])
		intField(e, "turnover", int64(v.Segments[i].Amount))
		e.ObjEnd()
	}
	for i := 1; i < len(names); i++ {
		one(i)
	}
	one(program.SegmentNone) // those without a purchase come last
	e.ArrEnd()
	c.nextCursor(false, cursor{})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// segmentMembers lists the members of one segment in the form that Accept asks for.
func (s *Server) segmentMembers(c *call) *problem {
	if p := c.reads("as_of", "limit", "cursor"); p != nil {
		return p
	}
	form, p := c.form("application/json", "text/csv", "application/vnd.roaring")
	if p != nil {
		return p
	}
	segment, p := s.segmentNamed(c.param)
	if p != nil {
		return p
	}
	if form == "application/json" {
		return s.segmentPage(c, segment)
	}
	v, p := s.stand(c, true)
	if p != nil {
		return p
	}
	if form == "text/csv" {
		s.streamMembers(c, &v, func(_ kopilka.MemberNo, at *index.Standing) bool { return at.Segment == segment })
		return nil
	}
	return s.sendSet(c, &v, v.table.Bits(segment))
}

// sendSet sends one bit a member as a Roaring bitmap.
func (s *Server) sendSet(c *call, v *standing, words []uint64) *problem {
	set, err := index.Bitmap(words).ToBytes()
	if err != nil {
		return s.failed(err)
	}
	h := &c.ctx.Response
	h.Header.SetContentType("application/vnd.roaring")
	c.place(v)
	h.SetBodyRaw(set)
	return nil
}

// place says of which day and position an export is, as the JSON forms do.
func (c *call) place(v *standing) {
	h := &c.ctx.Response.Header
	h.Set("Kopilka-As-Of", v.Day.String())
	h.Set("Kopilka-Seq", decimal(uint64(v.seq)))
}

// segmentNamed finds the number of a segment in the program in force.
func (s *Server) segmentNamed(id string) (uint8, *problem) {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	for i := range rules.RFM.Segments.Names {
		if rules.RFM.Segments.Names[i].ID == id {
			return uint8(i), nil
		}
	}
	return 0, problemOf(codeNotFound, "no segment has this id")
}

// segmentPage shows some members of a segment in order of enrolment. A cursor
// is the outward id of the last one shown: numbers of members stay inside.
func (s *Server) segmentPage(c *call, segment uint8) *problem {
	limit, p := c.limit(100, 1000)
	if p != nil {
		return p
	}
	from := kopilka.MemberNo(0)
	last, given, p := c.marked()
	if p != nil {
		return p
	}
	if given {
		m, ok := s.ids.No(string(last))
		if !ok {
			return notOfThisList()
		}
		from = m + 1
	}
	v, page, more, p := s.inSegment(c, segment, from, limit)
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	strField(e, "as_of", v.Day.String())
	intField(e, "seq", int64(v.seq))
	s.pageFields(c, &v, page, more)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// pageFields writes a page of members, and where the next one begins.
func (s *Server) pageFields(c *call, v *standing, page []ranked, more bool) {
	cards := s.cards(page)
	e := &c.out
	e.FieldStart("data")
	e.ArrStart()
	for i, m := range page {
		e.ObjStart()
		strField(e, "member_id", s.ids.ID(m.no))
		strField(e, "card", cards[i])
		standingFields(e, &m.at)
		strField(e, "segment", v.segmentID(m.at.Segment))
		e.ObjEnd()
	}
	e.ArrEnd()
	next := ""
	if more {
		next = c.mark([]byte(s.ids.ID(page[len(page)-1].no)))
	}
	optField(e, "next_cursor", next)
}

// ranked is a member with where he stands.
type ranked struct {
	no kopilka.MemberNo
	at index.Standing
}

// inSegment gives up to limit members of a segment from a number on, and
// whether there are more.
func (s *Server) inSegment(c *call, segment uint8, from kopilka.MemberNo, limit int) (v standing, page []ranked, more bool, p *problem) {
	if _, given, p := c.asOf(); p != nil {
		return v, nil, false, p
	} else if given {
		if v, p = s.stand(c, true); p != nil {
			return v, nil, false, p
		}
		for no, at := range v.table.All() {
			if no < from || at.Segment != segment {
				continue
			}
			if len(page) == limit {
				return v, page, true, nil
			}
			page = append(page, ranked{no, at})
		}
		return v, page, false, nil
	}
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	if live(&rules.RFM) {
		if p := s.passes.begin(); p != nil {
			return v, nil, false, p
		}
		defer s.passes.end()
	}
	s.queue.View(func(b *engine.State) {
		x := b.Index()
		v.seq, v.rules, v.Day = b.Seq(), b.Program(), x.Day()
		for no := range eachBit(x.Bits(segment), from) {
			if len(page) == limit {
				more = true
				return
			}
			page = append(page, ranked{no, x.Standing(no)})
		}
	})
	return v, page, more, nil
}

// standingFields writes R, F and M and their scores.
func standingFields(e *jx.Encoder, at *index.Standing) {
	e.FieldStart("recency_days")
	if at.RecencyDays < 0 {
		e.Null()
	} else {
		e.Int64(int64(at.RecencyDays))
	}
	intField(e, "frequency", int64(at.Frequency))
	intField(e, "monetary", int64(at.Monetary))
	intField(e, "r", int64(at.R))
	intField(e, "f", int64(at.F))
	intField(e, "m", int64(at.M))
}
