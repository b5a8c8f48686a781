package api

import (
	"fmt"
	"math"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// exportMember shows all that is known of a person, as he may ask for it: how he
// stands, and of every number that stands for him each version of the profile with its
// consents, each entry of the ledger, each receipt with its lines, and the audiences and
// mailings that it was part of; every certificate that he was ever given, all that he
// said of receipts, and what was written about him. It reads the log as far back as he
// is known and, for certificates and ratings, through.
func (s *Server) exportMember(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var m memberView
	var parts []engine.Member
	var numbers []kopilka.MemberNo
	var today kopilka.Day
	ok := false
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, ok = b.ByCard(c.param); !ok {
			return
		}
		m.read(b, no, s.queue.Now())
		numbers, today = b.Parts(no), b.Day()
		for _, part := range numbers {
			parts = append(parts, b.Row(part, s.queue.Now()))
		}
	})
	if !ok {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	given, p := s.certificatesOf(numbers, m.seq, today)
	if p != nil {
		return p
	}
	ratings, p := s.ratingsBy(numbers, m.seq)
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("member")
	if p := s.showMember(c, &m); p != nil {
		return p
	}
	intField(e, "invited", s.invited(m.No))
	e.FieldStart("numbers")
	e.ArrStart()
	for i := range parts {
		if p := s.exportNumber(e, &parts[i], m.No); p != nil {
			return p
		}
	}
	e.ArrEnd()
	e.FieldStart("certificates")
	s.givenList(e, given)
	e.FieldStart("ratings")
	e.ArrStart()
	for i := range ratings {
		if p := s.ratingShown(e, &ratings[i], true); p != nil {
			return p
		}
	}
	e.ArrEnd()
	e.FieldStart("notes")
	e.ArrStart()
	p = s.eachNote(m.No, m.seq+1, func(n *note) (bool, *problem) { return true, s.noteShown(c, n) })
	if p != nil {
		return p
	}
	e.ArrEnd()
	intField(e, "seq", int64(m.seq))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// exportNumber writes what is known of one number that stands for a member.
func (s *Server) exportNumber(e *jx.Encoder, row *engine.Member, member kopilka.MemberNo) *problem {
	e.ObjStart()
	strField(e, "member_id", s.ids.ID(row.No))
	strField(e, "card", row.Card)
	e.FieldStart("profiles")
	e.ArrStart()
	for v, err := s.version(row.ProfileAt); v != nil || err != nil; v, err = s.version(v.Base) {
		if err != nil {
			return s.failed(err)
		}
		s.versionShown(e, v)
	}
	e.ArrEnd()

	e.FieldStart("ledger")
	e.ArrStart()
	if row.No == member { // of a part, what runs out runs out with the member
		for _, x := range expiries(row.Expired) {
			s.entryShown(e, nil, x, false)
		}
	}
	var sales []commit.Record
	for at := row.LastEntry; at != 0; {
		record, err := s.queue.Record(at)
		if err != nil {
			return s.failed(err)
		}
		list, err := s.entriesOf(row.No, &record)
		if err != nil {
			return s.failed(err)
		}
		for _, x := range list {
			s.entryShown(e, &record, x, false)
		}
		if record.Outcome.Member == row.No && isSale(record.Command) {
			sales = append(sales, record)
		}
		prev, ok := before(row.No, &record.Outcome)
		if !ok {
			return s.failed(fmt.Errorf("export of member %d: position %d is in his ledger and not about him", row.No, at))
		}
		at = prev
	}
	e.ArrEnd()

	e.FieldStart("receipts")
	e.ArrStart()
	for i := range sales {
		id := kopilka.HeadOf(sales[i].Command).ID
		v, p := s.findSale(id, new(kopilka.Seq))
		if p != nil {
			return p
		}
		if p := s.saleShown(e, id, &v, math.MaxInt, true); p != nil {
			return p
		}
	}
	e.ArrEnd()
	s.exportContacts(e, row.No)
	e.ObjEnd()
	return nil
}

// exportContacts writes which audiences a number was frozen in, and what became of the
// messages of mailings to it.
func (s *Server) exportContacts(e *jx.Encoder, no kopilka.MemberNo) {
	type audience struct {
		id      string
		heldOut bool
	}
	type mailing struct {
		engine.Mailing
		audience string
		messages []engine.Message
	}
	var audiences []audience
	var mailings []mailing
	s.queue.View(func(b *engine.State) {
		for _, x := range b.Audiences() {
			if _, in := b.Place(&x, no); in {
				drawn, _ := b.Drawn(x.Seq)
				audiences = append(audiences, audience{x.ID, drawn.Held(no)})
			}
		}
		for _, m := range b.Mailings() {
			if messages := b.Messages(&m, no, s.queue.Now()); len(messages) > 0 {
				x, _ := b.Audience(m.Audience)
				mailings = append(mailings, mailing{m, x.ID, messages})
			}
		}
	})
	e.FieldStart("audiences")
	e.ArrStart()
	for _, x := range audiences {
		e.ObjStart()
		strField(e, "id", x.id)
		e.FieldStart("held_out")
		e.Bool(x.heldOut)
		e.ObjEnd()
	}
	e.ArrEnd()
	e.FieldStart("mailings")
	e.ArrStart()
	for i := range mailings {
		m := &mailings[i]
		e.ObjStart()
		strField(e, "id", m.ID)
		strField(e, "audience", m.audience)
		e.FieldStart("messages")
		e.ArrStart()
		for _, x := range m.messages {
			e.ObjStart()
			strField(e, "channel", m.Channels[x.Channel].Name)
			strField(e, "status", messageStatus(x))
			e.ObjEnd()
		}
		e.ArrEnd()
		e.ObjEnd()
	}
	e.ArrEnd()
}

func messageStatus(x engine.Message) string {
	switch {
	case x.Delivered:
		return "delivered"
	case x.Failed:
		return "failed"
	case x.TimedOut:
		return "timed_out"
	}
	return "dispatched"
}

func isSale(c kopilka.Command) bool {
	switch c.Kind() {
	case kopilka.KindReceipt, kopilka.KindRedemption, kopilka.KindCapture:
		return kopilka.HeadOf(c).ID != ""
	}
	return false
}

// versionShown writes a profile as one command left it.
func (s *Server) versionShown(e *jx.Encoder, v *version) {
	referrer := ""
	if v.Referrer != kopilka.NoMember {
		s.queue.View(func(b *engine.State) { referrer = b.Card(v.Referrer) })
	}
	e.ObjStart()
	intField(e, "seq", int64(v.seq))
	s.timeField(e, "recorded_at", v.at)
	strField(e, "state", v.State.String())
	e.FieldStart("blocked")
	e.Bool(v.Blocked)
	s.personal(e, v.Registered, referrer, &v.profile)
	e.ObjEnd()
}

// invited counts those whom a member has brought.
func (s *Server) invited(m kopilka.MemberNo) (n int64) {
	for no, more := kopilka.MemberNo(0), true; more; {
		s.queue.View(func(b *engine.State) {
			for range 1 << 14 {
				if more = int64(no) < int64(b.Members()); !more {
					return
				}
				if by := b.InvitedBy(no); by != kopilka.NoMember && b.Resolve(by) == m {
					n++
				}
				no++
			}
		})
	}
	return n
}
