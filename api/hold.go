package api

import (
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/valyala/fasthttp"
)

// Points are set aside for an order by a hold, and spent by its capture, or by a
// receipt that names it. The id of the hold leads to its position in the log and
// to its member, so that whoever hands the order out need not know the buyer.

// holdOrder is a command about a hold on its way.
type holdOrder struct {
	hold    kopilka.Hold
	until   kopilka.Time // expires_at as it was said; 0 = left to the server
	capture kopilka.Capture
	void    kopilka.Void
}

// holdUsual is how long points are held when the client does not say, and
// holdMax how long at most.
const (
	holdUsual = 24 * time.Hour
	holdMax   = 365 * 24 * time.Hour
)

var holdFields = []string{"op", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "points", "expires_at", "source"}

// The field hold is known in batches only; elsewhere the path says it.
var captureFields = []string{"op", "hold", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "points", "amount", "source"}

var voidFields = []string{"op", "hold", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "source"}

// decodeHold reads points to be set aside.
func (o *order) decodeHold(r *reader, fields []string) {
	h := &o.hold
	c := &h.hold
	*c, h.until = kopilka.Hold{}, 0
	o.begin(c, &c.Head, &c.Deed)
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "points":
			c.Points = kopilka.Points(r.amount(1))
		case "expires_at":
			h.until = r.time()
		default:
			o.shared(r, f.name)
		}
	}
	o.named(r)
	if c.Points == 0 {
		r.failAt("", "points is missing")
	}
	o.print.Hold(o.who.by, o.who.text, c, h.until)
	c.Content = o.print.Sum()
}

// decodeCapture reads points of a hold to be spent: all of them when it says no
// number.
func (o *order) decodeCapture(r *reader, fields []string, hold string) {
	c := &o.hold.capture
	*c = kopilka.Capture{Hold: kopilka.HoldRef{ID: hold}, Points: kopilka.RedeemMax}
	o.begin(c, &c.Head, &c.Deed)
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "hold":
			c.Hold.ID = r.id()
		case "points":
			c.Points = r.redeem(1)
		case "amount":
			c.Amount = kopilka.Money(r.amount(1))
		default:
			o.shared(r, f.name)
		}
	}
	needsHold(r, c.Hold)
	o.print.Capture(o.who.by, o.who.text, c)
	c.Content = o.print.Sum()
}

// decodeVoid reads a hold to be given up.
func (o *order) decodeVoid(r *reader, fields []string, hold string) {
	c := &o.hold.void
	*c = kopilka.Void{Hold: kopilka.HoldRef{ID: hold}}
	o.begin(c, &c.Head, &c.Deed)
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "hold":
			c.Hold.ID = r.id()
		default:
			o.shared(r, f.name)
		}
	}
	needsHold(r, c.Hold)
	o.print.Void(o.who.by, o.who.text, c)
	c.Content = o.print.Sum()
}

func needsHold(r *reader, h kopilka.HoldRef) {
	if h.ID == "" {
		r.failAt("", "hold is missing: the id of the hold")
	}
}

// endsHold is where an order names the hold that it ends; nil when it ends none.
func (o *order) endsHold() *kopilka.HoldRef {
	switch c := o.cmd.(type) {
	case *kopilka.Capture:
		return &c.Hold
	case *kopilka.Void:
		return &c.Hold
	case *kopilka.Receipt:
		if c.Hold.ID != "" {
			return &c.Hold
		}
	}
	return nil
}

// holdID is the id of the hold that an order ends, or empty.
func (o *order) holdID() string {
	if h := o.endsHold(); h != nil {
		return h.ID
	}
	return ""
}

// lookUntil sets when a hold lapses.
func (s *Server) lookUntil(o *order) *problem {
	c, now := &o.hold.hold, s.queue.Now()
	c.Until = o.hold.until
	if c.Until == 0 {
		c.Until = now + kopilka.Time(holdUsual.Milliseconds())
	}
	detail := ""
	switch {
	case c.Until <= now:
		detail = "expires_at has passed"
	case c.Until > now+kopilka.Time(holdMax.Milliseconds()):
		detail = "expires_at is more than 365 days ahead"
	default:
		return nil
	}
	return &problem{code: codeTooLate, detail: detail, faults: []fault{{"/expires_at", detail}}}
}

// lookHold finds the hold that an order ends, and whose it is.
func (s *Server) lookHold(o *order) *problem {
	ref := o.endsHold()
	held, p := s.findHold(ref.ID, &o.head.Looked)
	if p != nil {
		return p
	}
	ref.Seq = held.record.Seq
	o.lapses = held.hold.Until
	if o.deed.Member != kopilka.NoMember && !s.same(o.deed.Member, held.record.Outcome.Member) {
		return problemOf(codeMemberNotFound, "the hold is another member's")
	}
	o.deed.Member = held.record.Outcome.Member
	if held.end != nil {
		return problemOf(codeHoldExpired, "the hold was ended by "+kopilka.HeadOf(held.end.Command).ID)
	}
	return nil
}

// held is a hold found in the log, with what ended it, if anything has.
type held struct {
	record commit.Record
	hold   *kopilka.Hold
	end    *commit.Record // a capture, a void, or a receipt
}

var noHold = problem{code: codeNotFound, detail: "no hold has this id"}

// findHold finds a hold, and lowers looked to where the log was searched.
func (s *Server) findHold(id string, looked *kopilka.Seq) (v held, p *problem) {
	found, err := s.queue.FindID(id)
	if err != nil {
		return v, s.failed(err)
	}
	*looked = min(*looked, found.Looked)
	if found.Seq == 0 {
		return v, &noHold
	}
	if v.record, err = s.queue.Record(found.Seq); err != nil {
		return v, s.failed(err)
	}
	var ok bool
	if v.hold, ok = v.record.Command.(*kopilka.Hold); !ok {
		return v, &noHold
	}
	end, err := s.queue.FindHold(id)
	if err != nil {
		return v, s.failed(err)
	}
	*looked = min(*looked, end.Looked)
	if end.Seq != 0 {
		record, err := s.queue.Record(end.Seq)
		if err != nil {
			return v, s.failed(err)
		}
		v.end = &record
	}
	return v, nil
}

// state is how a hold stands at an instant; forgotten is when its member was, who
// takes with him what he holds then.
func (v *held) state(now, forgotten kopilka.Time) string {
	if v.end == nil {
		switch {
		case forgotten < v.hold.Until:
			return "forfeited"
		case now >= v.hold.Until:
			return "lapsed"
		}
		return "open"
	}
	if v.end.Command.Kind() == kopilka.KindVoid {
		return "voided"
	}
	return "captured"
}

// postHold sets points aside.
func (s *Server) postHold(c *call) *problem {
	return c.command(func(r *reader) { c.order.decodeHold(r, holdFields[1:]) })
}

// postCapture spends points of a hold.
func (s *Server) postCapture(c *call) *problem {
	if !kopilka.ValidID(c.param) {
		return &noHold
	}
	return c.command(func(r *reader) { c.order.decodeCapture(r, captureFields[2:], c.param) })
}

// postVoid frees the points of a hold.
func (s *Server) postVoid(c *call) *problem {
	if !kopilka.ValidID(c.param) {
		return &noHold
	}
	return c.command(func(r *reader) { c.order.decodeVoid(r, voidFields[2:], c.param) })
}

// getHold shows a hold by its id.
func (s *Server) getHold(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	if !kopilka.ValidID(c.param) {
		return &noHold
	}
	v, p := s.findHold(c.param, new(kopilka.Seq))
	if p != nil {
		return p
	}
	forgotten, err := s.forgottenAt(v.record.Outcome.Member)
	if err != nil {
		return s.failed(err)
	}
	e := &c.out
	e.ObjStart()
	strField(e, "id", v.hold.ID)
	intField(e, "seq", int64(v.record.Seq))
	s.memberIDField(e, v.record.Outcome.Member)
	strField(e, "state", v.state(s.queue.Now(), forgotten))
	intField(e, "points", int64(v.hold.Points))
	s.timeField(e, "expires_at", v.hold.Until)
	e.FieldStart("end")
	if v.end == nil {
		e.Null()
	} else {
		out := &v.end.Outcome
		e.ObjStart()
		strField(e, "kind", v.end.Command.Kind().String())
		strField(e, "id", kopilka.HeadOf(v.end.Command).ID)
		intField(e, "seq", int64(v.end.Seq))
		intField(e, "redeemed", int64(v.hold.Points-out.HeldBack))
		intField(e, "freed", int64(out.HeldBack))
		s.timeField(e, "recorded_at", out.Time)
		e.ObjEnd()
	}
	s.deedFields(e, &v.hold.Deed)
	s.timeField(e, "recorded_at", v.record.Outcome.Time)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
