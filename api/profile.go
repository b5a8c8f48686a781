package api

import (
	"encoding/json"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// memberView is what the books say of one member at one position of the log.
type memberView struct {
	engine.Member
	seq      kopilka.Seq
	rules    *program.Program
	at       index.Standing
	referrer string // card of the inviting member
	cards    []engine.Card
}

func (v *memberView) read(b *engine.State, no kopilka.MemberNo, at kopilka.Time) {
	v.Member = b.Member(no, at)
	v.seq, v.rules, v.at = b.Seq(), b.Program(), b.Index().Standing(v.No)
	v.cards = b.Cards(no)
	if v.Referrer != kopilka.NoMember {
		v.referrer = b.Card(v.Referrer)
	}
}

// getMember shows all that is known of the member of a card.
func (s *Server) getMember(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var m memberView
	ok := false
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, ok = b.ByCard(c.param); ok {
			m.read(b, no, s.queue.Now())
		}
	})
	if !ok {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	p := s.showMember(c, &m)
	if p != nil {
		return p
	}
	return c.reply(fasthttp.StatusOK)
}

// showMember writes a member.
func (s *Server) showMember(c *call, m *memberView) *problem {
	profile, p := s.profile(&m.Member)
	if p != nil {
		return p
	}
	last, p := s.lastReceipt(m.No, m.LastEntry)
	if p != nil {
		return p
	}
	written, p := s.notesOf(m.No)
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	strField(e, "member_id", s.ids.ID(m.No))
	strField(e, "card", m.Card)
	cards(e, m.cards)
	strField(e, "state", m.State.String())
	e.FieldStart("blocked")
	e.Bool(m.Blocked)
	intField(e, "balance", int64(m.Balance))
	intField(e, "pending", int64(m.Pending))
	intField(e, "held", int64(m.Held))
	intField(e, "debt", int64(m.Debt))
	strField(e, "tier", m.rules.Tiers[m.Tier].ID)
	progress(e, m)
	if p := s.holds(e, m.Holds); p != nil {
		return p
	}
	certificates(e, m.Certificates)
	s.lots(e, m)
	s.expiryField(e, m.NextExpiry)
	e.FieldStart("rfm")
	e.ObjStart()
	standingFields(e, &m.at)
	e.ObjEnd()
	strField(e, "segment", m.rules.RFM.Segments.Names[m.at.Segment].ID)
	e.FieldStart("last_receipt")
	if last == nil {
		e.Null()
	} else {
		e.ObjStart()
		strField(e, "id", last.ID)
		intField(e, "seq", int64(last.seq))
		s.timeField(e, "at", last.At)
		intField(e, "amount", int64(last.Amount))
		e.ObjEnd()
	}
	s.personal(e, m.Registered, m.referrer, &profile)
	intField(e, "notes", int64(written))
	intField(e, "seq", int64(m.seq))
	e.ObjEnd()
	return nil
}

// holds writes what is set aside for orders, the oldest first.
func (s *Server) holds(e *jx.Encoder, all []engine.HeldFor) *problem {
	e.FieldStart("holds")
	e.ArrStart()
	for _, x := range all {
		record, err := s.queue.Command(x.Seq)
		if err != nil {
			return s.failed(err)
		}
		e.ObjStart()
		strField(e, "id", kopilka.HeadOf(record.Command).ID)
		intField(e, "points", int64(x.Points))
		s.timeField(e, "expires_at", x.Until)
		e.ObjEnd()
	}
	e.ArrEnd()
	return nil
}

// progress writes how far the next tier is, in the metric of the policy. By hand and
// by segment there is no way to measure.
func progress(e *jx.Encoder, m *memberView) {
	e.FieldStart("tier_progress")
	e.ObjStart()
	metric := m.rules.TierPolicy.Metric
	strField(e, "metric", metric.String())
	intField(e, "value", m.TierMetric)
	next := int(m.Tier) + 1
	if next < len(m.rules.Tiers) && (metric == program.BySpend || metric == program.ByCount) {
		strField(e, "next_tier", m.rules.Tiers[next].ID)
		intField(e, "missing", max(0, m.rules.Tiers[next].Threshold-m.TierMetric))
	} else {
		nullField(e, "next_tier")
		nullField(e, "missing")
	}
	e.ObjEnd()
}

// lots writes the points with the instants between which they can be spent.
// Where inactivity takes them, that is the end of every lot.
func (s *Server) lots(e *jx.Encoder, m *memberView) {
	e.FieldStart("lots")
	e.ArrStart()
	for _, l := range m.Lots {
		e.ObjStart()
		intField(e, "left", int64(l.Points))
		if l.Activates == 0 {
			nullField(e, "activates_at") // they can be spent now
		} else {
			s.timeField(e, "activates_at", s.queue.Calendar().Start(l.Activates))
		}
		s.dayEndField(e, "expires_at", min(l.Expires, m.LastDay))
		e.ObjEnd()
	}
	e.ArrEnd()
}

// personal writes what was opened of a profile, with the card of whoever invited.
func (s *Server) personal(e *jx.Encoder, registered kopilka.Day, referrer string, p *people.Profile) {
	optField(e, "phone", p.Phone)
	optField(e, "name", p.Name)
	optField(e, "birth_date", p.BirthDate)
	optField(e, "sex", p.Sex)
	optField(e, "store", p.Store)
	optField(e, "source", p.Source)
	at := p.RegisteredAt
	if at == 0 {
		at = s.queue.Calendar().Start(registered)
	}
	s.timeField(e, "registered_at", at)
	optField(e, "referrer", referrer)
	e.FieldStart("consent")
	if p.Consent == nil {
		e.Null()
	} else {
		e.ObjStart()
		strField(e, "text_version", p.Consent.TextVersion)
		s.timeField(e, "at", p.Consent.At)
		optField(e, "source", p.Consent.Source)
		e.ObjEnd()
	}
	e.FieldStart("attributes")
	if len(p.Attributes) == 0 {
		e.ObjEmpty()
		return
	}
	b, err := json.Marshal(p.Attributes)
	if err != nil {
		panic("api: attributes that were JSON are not: " + err.Error())
	}
	e.Raw(b)
}

// purchase is a member's newest receipt.
type purchase struct {
	*kopilka.Receipt
	seq kopilka.Seq
}

// lastReceiptMax bounds how many entries are read to find the newest receipt.
const lastReceiptMax = 64

// lastReceipt walks the ledger of a member back to the newest receipt, and the ledgers
// of those who became part of him; of the receipts found it is the one of the latest
// instant. Receipts of others, which brought him a leg, are not his.
func (s *Server) lastReceipt(m kopilka.MemberNo, from kopilka.Seq) (last *purchase, p *problem) {
	type ledger struct {
		member kopilka.MemberNo
		at     kopilka.Seq
	}
	ledgers := []ledger{{m, from}}
	parted := map[kopilka.MemberNo]bool{} // an unmerge stands before its merge on the way back
	for reads := 0; len(ledgers) > 0 && reads < lastReceiptMax; reads++ {
		x := &ledgers[0]
		if x.at == 0 {
			ledgers = ledgers[1:]
			continue
		}
		record, err := s.queue.Record(x.at)
		if err != nil {
			return nil, s.failed(err)
		}
		out, at := &record.Outcome, x.at
		x.at, _ = before(x.member, out)
		if out.Member != x.member {
			continue
		}
		switch c := record.Command.(type) {
		case *kopilka.Receipt:
			if last == nil || c.At > last.At {
				last = &purchase{c, at}
			}
			ledgers = ledgers[1:]
		case *kopilka.Unmerge:
			parted[c.From] = true
		case *kopilka.Merge:
			if parted[c.From] {
				delete(parted, c.From)
				continue
			}
			if prev, ok := before(c.From, out); ok {
				ledgers = append(ledgers, ledger{c.From, prev})
			}
		}
	}
	return last, nil
}
