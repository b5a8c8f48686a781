package api

import (
	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// entry is one line of a member's ledger: points that came or went. The points
// of all entries add up to balance + pending + held − debt.
type entry struct {
	kind   string
	points kopilka.Points // signed
	lot    *kopilka.Lot   // of expire: which lot ran out
}

// entriesOf gives the entries that one command made, the newest first: what ran
// out before it was found when the member was touched, and so is the oldest.
func entriesOf(c kopilka.Command, out *kopilka.Outcome) []entry {
	var list []entry
	some := func(kind string, points kopilka.Points) {
		if points != 0 {
			list = append(list, entry{kind: kind, points: points})
		}
	}
	switch c.(type) {
	case *kopilka.Receipt:
		list = append(list, entry{kind: "earn", points: out.Earned})
		some("redeem", -out.Redeemed)
	case *kopilka.Redemption:
		some("redeem", -out.Redeemed)
	case *kopilka.Grant:
		some("grant", out.Earned)
	case *kopilka.Adjustment:
		some("adjust", out.Earned)
	case *kopilka.Return:
		some("debt", -out.DebtMade)
		some("take", -(out.Taken - out.DebtMade))
		some("lapse", -out.Lapsed)
		some("restore", out.Restored)
		if len(list) == 0 {
			list = append(list, entry{kind: "take"}) // goods came back, and no points moved
		}
	}
	return append(list, expiries(out.Expired)...)
}

func expiries(lots []kopilka.Lot) []entry {
	var list []entry
	for i := len(lots) - 1; i >= 0; i-- {
		list = append(list, entry{"expire", -lots[i].Points, &lots[i]})
	}
	return list
}

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
			s.entryShown(e, nil, gone[skip])
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
		if record.Outcome.Member != m.No {
			return malformed("", "cursor is not of this ledger")
		}
		list := entriesOf(record.Command, &record.Outcome)
		for ; skip < len(list) && shown < limit; skip++ {
			s.entryShown(e, &record, list[skip])
			shown++
		}
		if skip < len(list) {
			break
		}
		at, skip = record.Outcome.Prev, 0
	}
	e.ArrEnd()
	c.nextCursor(at != 0, cursor{uint64(at), uint64(skip)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// entryShown writes an entry; record is nil for what ran out since the last command.
func (s *Server) entryShown(e *jx.Encoder, record *commit.Record, v entry) {
	e.ObjStart()
	strField(e, "kind", v.kind)
	intField(e, "points", int64(v.points))
	if record == nil {
		nullField(e, "seq")
		nullField(e, "id")
		s.dayEndField(e, "at", v.lot.Expires)
		e.ObjEnd()
		return
	}
	intField(e, "seq", int64(record.Seq))
	optField(e, "id", kopilka.HeadOf(record.Command).ID)
	if v.lot != nil {
		s.dayEndField(e, "at", v.lot.Expires)
		e.ObjEnd()
		return
	}
	s.timeField(e, "at", deedOf(record.Command).At)
	switch c := record.Command.(type) {
	case *kopilka.Receipt:
		intField(e, "amount", int64(c.Amount))
	case *kopilka.Grant:
		strField(e, "reason", c.Reason)
	case *kopilka.Adjustment:
		strField(e, "reason", c.Reason)
		strField(e, "actor", c.Actor)
	case *kopilka.Return:
		optField(e, "receipt", c.Receipt)
		intField(e, "amount", int64(record.Outcome.Goods))
	}
	d := deedOf(record.Command)
	optField(e, "store", d.Store)
	s.timeField(e, "recorded_at", record.Outcome.Time)
	e.ObjEnd()
}

// deedOf is where and when a command of a till happened.
func deedOf(c kopilka.Command) *kopilka.Deed {
	switch c := c.(type) {
	case *kopilka.Receipt:
		return &c.Deed
	case *kopilka.Redemption:
		return &c.Deed
	case *kopilka.Grant:
		return &c.Deed
	case *kopilka.Adjustment:
		return &c.Deed
	case *kopilka.Return:
		return &c.Deed
	}
	panic("api: a " + c.Kind().String() + " is in a ledger")
}
