package api

import (
	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
)

// entry is one line of a member's ledger: points that came or went, or were set
// aside. The points of all entries add up to balance + pending + held − debt, so
// those of a hold, which stay the member's, are 0.
type entry struct {
	kind   string
	points kopilka.Points   // signed
	lot    *kopilka.Lot     // of expire: which lot ran out
	leg    *kopilka.Leg     // of what another's command, or his own, gave beside a purchase
	held   kopilka.Points   // of hold: set aside
	freed  kopilka.Points   // of capture and void, and of a receipt with a hold: free again
	own    bool             // the command was about the member of the ledger
	buyer  kopilka.MemberNo // of a return that is not his own: whose purchase it was
}

// entriesOf gives the entries that one command made in a member's ledger, the
// newest first: what ran out before it was found when the member was touched, and
// so is the oldest; legs come after what the purchase earned. An entry of 0 points
// is there only where it says something else.
//
// A return of what another has bought, who was part of the member at the time and is
// not any more, is the other's.
func (s *Server) entriesOf(m kopilka.MemberNo, record *commit.Record) ([]entry, error) {
	list := entriesOf(m, record.Command, &record.Outcome)
	c, ok := record.Command.(*kopilka.Return)
	if !ok || c.Receipt == "" || record.Outcome.Member != m {
		return list, nil
	}
	sale, err := s.queue.Record(c.ReceiptSeq)
	if err != nil {
		return nil, err
	}
	if buyer := sale.Outcome.Member; !s.same(buyer, m) {
		for i := range list {
			if list[i].kind != "expire" {
				list[i].own, list[i].buyer = false, buyer
			}
		}
	}
	return list, nil
}

func entriesOf(m kopilka.MemberNo, c kopilka.Command, out *kopilka.Outcome) []entry {
	var list []entry
	own := out.Member == m
	for i := len(out.Legs) - 1; i >= 0; i-- {
		if l := &out.Legs[i]; l.Member == m && l.Points != 0 {
			list = append(list, entry{kind: legEntry(l.Kind), points: l.Points, leg: l, own: own})
		}
	}
	if own {
		list = append(list, ownEntries(c, out)...)
		list = append(list, expiries(out.Expired)...)
	}
	for i := len(out.LegsExpired) - 1; i >= 0; i-- {
		x := &out.LegsExpired[i]
		if out.Legs[x.Leg].Member == m {
			list = append(list, entry{kind: "expire", points: -x.Points, lot: &x.Lot, own: own})
		}
	}
	return list
}

// legEntry is the kind of entry that a leg makes.
func legEntry(k kopilka.LegKind) string {
	switch k {
	case kopilka.LegWelcome:
		return "welcome"
	case kopilka.LegReferrer, kopilka.LegReferee, kopilka.LegLevel1, kopilka.LegLevel2, kopilka.LegLevel3:
		return "referral"
	}
	return k.String()
}

// ownEntries gives the entries of a command in the ledger of the member whom it
// was about.
func ownEntries(c kopilka.Command, out *kopilka.Outcome) (list []entry) {
	add := func(v entry) {
		v.own = true
		list = append(list, v)
	}
	some := func(kind string, points kopilka.Points) {
		if points != 0 {
			add(entry{kind: kind, points: points})
		}
	}
	switch c := c.(type) {
	case *kopilka.Receipt:
		add(entry{kind: "earn", points: out.Earned}) // of 0 too: there was a purchase
		if out.Redeemed != 0 || out.HeldBack != 0 {
			add(entry{kind: "redeem", points: -out.Redeemed, freed: out.HeldBack})
		}
	case *kopilka.Redemption:
		some("redeem", -out.Redeemed)
	case *kopilka.Hold:
		add(entry{kind: "hold", held: c.Points})
	case *kopilka.Capture:
		add(entry{kind: "capture", points: -out.Redeemed, freed: out.HeldBack})
	case *kopilka.Void:
		add(entry{kind: "void", freed: out.HeldBack})
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
			add(entry{kind: "take"}) // goods came back, and no points moved
		}
	case *kopilka.Merge:
		some("merge", moved(out))
	case *kopilka.Unmerge:
		some("unmerge", -moved(out))
	case *kopilka.Erase:
		some("erase", out.Earned)
	}
	return list
}

// moved is what a merge brought over, or took back, less the debt that went with it.
func moved(out *kopilka.Outcome) (points kopilka.Points) {
	for i := range out.Moved {
		points += out.Moved[i].Points
	}
	return points - out.MovedDebt
}

func expiries(lots []kopilka.Lot) []entry {
	var list []entry
	for i := len(lots) - 1; i >= 0; i-- {
		list = append(list, entry{kind: "expire", points: -lots[i].Points, lot: &lots[i], own: true})
	}
	return list
}

// before is the position of the entry before one in a member's ledger; false when
// the command at that one made no entry of his.
func before(m kopilka.MemberNo, out *kopilka.Outcome) (kopilka.Seq, bool) {
	if out.Member == m {
		return out.Prev, true
	}
	for i := range out.Legs {
		if out.Legs[i].Member == m {
			return out.Legs[i].Prev, true
		}
	}
	return 0, false
}

// entryShown writes an entry; record is nil for what ran out since the last
// command. Of another's command only what it brought is told: neither its id nor
// where and for how much he bought; unless named, for an admin who is asked why.
func (s *Server) entryShown(e *jx.Encoder, record *commit.Record, v entry, named bool) {
	e.ObjStart()
	defer e.ObjEnd()
	strField(e, "kind", v.kind)
	intField(e, "points", int64(v.points))
	if record == nil {
		nullField(e, "seq")
		nullField(e, "id")
		s.dayEndField(e, "at", v.lot.Expires)
		return
	}
	intField(e, "seq", int64(record.Seq))
	if v.own {
		optField(e, "id", kopilka.HeadOf(record.Command).ID)
	} else {
		nullField(e, "id")
	}
	if v.lot != nil {
		s.dayEndField(e, "at", v.lot.Expires)
		return
	}
	d := kopilka.DeedOf(record.Command)
	if d == nil {
		s.timeField(e, "at", record.Outcome.Time)
	} else {
		s.timeField(e, "at", d.At)
	}
	if grant, ok := record.Command.(*kopilka.AudienceGrant); ok {
		strField(e, "reason", grant.Reason)
		strField(e, "actor", grant.Actor)
	} else if v.leg != nil {
		strField(e, "leg", v.leg.Kind.String())
		if named && !v.own {
			s.friendFields(e, record, record.Outcome.Member)
		}
	} else if v.own {
		s.entryOf(e, record, v)
	} else if named {
		s.friendFields(e, record, v.buyer)
	}
	if d != nil && v.own {
		optField(e, "store", d.Store)
	}
	s.timeField(e, "recorded_at", record.Outcome.Time)
}

// friendFields writes whose purchase brought an entry, and which receipt.
func (s *Server) friendFields(e *jx.Encoder, record *commit.Record, friend kopilka.MemberNo) {
	receipt := ""
	switch c := record.Command.(type) {
	case *kopilka.Receipt:
		receipt = c.ID
	case *kopilka.Return:
		receipt = c.Receipt
	}
	optField(e, "receipt", receipt)
	card := ""
	s.queue.View(func(b *engine.State) { card = b.Card(friend) })
	e.FieldStart("friend")
	e.ObjStart()
	s.memberIDField(e, friend)
	optField(e, "card", card)
	e.ObjEnd()
}

// entryOf writes what entries of only some commands have.
func (s *Server) entryOf(e *jx.Encoder, record *commit.Record, v entry) {
	switch c := record.Command.(type) {
	case *kopilka.Receipt:
		intField(e, "amount", int64(c.Amount))
		if v.freed != 0 {
			intField(e, "freed", int64(v.freed))
		}
	case *kopilka.Hold:
		intField(e, "held", int64(v.held))
		s.timeField(e, "expires_at", c.Until)
	case *kopilka.Capture:
		strField(e, "hold", c.Hold.ID)
		intField(e, "freed", int64(v.freed))
	case *kopilka.Void:
		strField(e, "hold", c.Hold.ID)
		intField(e, "freed", int64(v.freed))
	case *kopilka.Grant:
		strField(e, "reason", c.Reason)
	case *kopilka.Adjustment:
		strField(e, "reason", c.Reason)
		strField(e, "actor", c.Actor)
	case *kopilka.Return:
		optField(e, "receipt", c.Receipt)
		intField(e, "amount", int64(record.Outcome.Goods))
	case *kopilka.Merge:
		strField(e, "reason", c.Reason)
		strField(e, "actor", c.Actor)
	case *kopilka.Unmerge:
		strField(e, "reason", c.Reason)
		strField(e, "actor", c.Actor)
	case *kopilka.Erase:
		strField(e, "reason", c.Reason)
		strField(e, "actor", c.Actor)
	}
}
