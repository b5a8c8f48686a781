package api

import (
	"math"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// ledgerPage bounds the entries of a page, and by that how much of the log one
// request reads.
const ledgerPage = 500

// ledger lists a member's entries, the newest first. Lots that have run out and
// were not yet cleared away stand at its head as if they had been: they are not
// in the balance any more.
//
// A cursor is the position of the next command and how many of its entries were
// shown; position 0 is what has run out since.
func (s *Server) ledger(c *call) *problem {
	if p := c.reads("limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(50, ledgerPage)
	if p != nil {
		return p
	}
	from, given, p := c.cursor()
	if p != nil {
		return p
	}
	var m engine.Member
	ok := false
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, ok = b.ByCard(c.param); ok {
			m = b.Member(no, s.queue.Now())
		}
	})
	if !ok {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	if from.skip > math.MaxInt32 || kopilka.Seq(from.at) > s.queue.Seq() {
		return notOfThisList()
	}
	at, skip := m.LastEntry, int(from.skip)
	if given && from.at != 0 {
		at = kopilka.Seq(from.at)
	}

	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	shown := 0
	if !given || from.at == 0 {
		gone := expiries(m.Expired)
		for ; skip < len(gone) && shown < limit; skip++ {
			s.entryShown(e, nil, gone[skip], false)
			shown++
		}
		if skip < len(gone) {
			e.ArrEnd()
			c.nextCursor(true, cursor{0, uint64(skip)})
			e.ObjEnd()
			return c.reply(fasthttp.StatusOK)
		}
		skip = 0
	}
	for at != 0 && shown < limit {
		record, err := s.queue.Record(at)
		if err != nil {
			return s.failed(err)
		}
		prev, ok := before(m.No, &record.Outcome)
		if !ok {
			return notOfThisList()
		}
		list, err := s.entriesOf(m.No, &record)
		if err != nil {
			return s.failed(err)
		}
		for ; skip < len(list) && shown < limit; skip++ {
			s.entryShown(e, &record, list[skip], c.key.Role == kopilka.RoleAdmin)
			shown++
		}
		if skip < len(list) {
			break
		}
		at, skip = prev, 0
	}
	e.ArrEnd()
	c.nextCursor(at != 0, cursor{uint64(at), uint64(skip)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
