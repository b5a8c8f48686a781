package api

import (
	"cmp"
	"fmt"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// linesMax bounds the lines of one receipt.
const linesMax = 500

// receiptFields are in the order of the reference, which is the order in which
// reader expects them to come. The first is known in batches only.
var receiptFields = []string{"op", "id", "card", "phone", "code", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "amount", "lines", "redeem", "certificate", "coupons", "hold", "no_earn_amount", "no_redeem_amount",
	"started_at", "finished_at", "source"}

var lineFields = []string{"sku", "category", "qty", "amount", "flags"}

// decodeReceipt reads a sale. It is the body of quotes, too.
func (o *order) decodeReceipt(r *reader, fields []string) {
	c := &o.receipt
	*c = kopilka.Receipt{Lines: c.Lines[:0], Coupons: c.Coupons[:0], Imported: o.past, Earn: o.earns}
	o.begin(c, &c.Head, &c.Deed)
	o.sale = !o.past
	priced, lined := false, false
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "amount":
			c.Amount, priced = kopilka.Money(r.amount(0)), true
		case "lines":
			o.decodeLines(r)
			lined = true
		case "redeem":
			c.Redeem = r.redeem(0)
		case "certificate":
			c.Certificate = r.redeem(0)
		case "coupons":
			o.decodeCoupons(r)
		case "hold":
			c.Hold.ID = r.id()
		case "started_at":
			c.Started = r.time()
		case "finished_at":
			c.Finished = r.time()
		case "no_earn_amount":
			c.NoEarn = kopilka.Money(r.amount(0))
		case "no_redeem_amount":
			c.NoRedeem = kopilka.Money(r.amount(0))
		default:
			o.shared(r, f.name)
		}
	}
	if !priced {
		r.failAt("", "amount is missing")
	}
	if o.who.by == kopilka.ByNobody && c.Hold.ID == "" {
		if c.Redeem > 0 {
			r.failAt("/redeem", "nobody is named whose points could be spent")
		}
		if c.Certificate > 0 {
			r.failAt("/certificate", "nobody is named whose certificate it could be: a gift certificate goes into coupons")
		}
	}
	if o.past {
		o.checkPast(r)
	}
	if c.Started != 0 && c.Finished != 0 && c.Finished < c.Started {
		r.failAt("/finished_at", "is before started_at")
	}
	o.checkSums(r, lined)
	o.print.Receipt(o.who.by, o.who.text, c)
	c.Content = o.print.Sum()
}

// checkPast refuses in a receipt of a history what would be taken from the books of
// today. How many points were spent then may be told, and spends nothing.
func (o *order) checkPast(r *reader) {
	c := &o.receipt
	const spent = "a receipt of the past spends nothing"
	switch {
	case c.Hold.ID != "":
		r.failAt("/hold", spent)
	case c.Certificate != 0:
		r.failAt("/certificate", spent)
	case len(c.Coupons) > 0:
		r.failAt("/coupons", spent)
	case c.Redeem == kopilka.RedeemMax:
		r.failAt("/redeem", spent+": say how many points were spent then")
	}
}

// couponsMax bounds the instruments of one receipt, and couponMax the length of
// each in bytes.
const (
	couponsMax = 16
	couponMax  = 64
)

func (o *order) decodeCoupons(r *reader) {
	c := &o.receipt
	r.array(couponsMax, func() {
		said := r.string()
		if !r.bad && (len(said) > couponMax || !kopilka.ValidID(said)) {
			r.fail("must be a number or a code: 1 to 64 visible ASCII characters")
		}
		c.Coupons = append(c.Coupons, said)
	})
}

func (o *order) decodeLines(r *reader) {
	c := &o.receipt
	r.array(linesMax, func() {
		var l kopilka.Line
		priced := false
		for f := r.object(lineFields); f.next(); {
			switch f.name {
			case "sku":
				l.SKU = r.short()
			case "category":
				l.Category = r.short()
			case "qty":
				l.Qty = r.quantity()
			case "amount":
				l.Amount, priced = kopilka.Money(r.amount(0)), true
			case "flags":
				decodeFlags(r, &l)
			}
		}
		if !priced {
			r.fail("amount is missing")
		}
		c.Lines = append(c.Lines, l)
	})
}

func decodeFlags(r *reader, l *kopilka.Line) {
	r.array(2, func() {
		flag := &l.NoEarn
		switch r.string() {
		case "no_earn":
		case "no_redeem":
			flag = &l.NoRedeem
		default:
			r.fail("must be no_earn or no_redeem")
		}
		if *flag {
			r.fail("the flag comes twice")
		}
		*flag = true
	})
}

// checkSums holds the parts of a receipt against its amount. An empty list of
// lines adds up to nothing; no list says nothing.
func (o *order) checkSums(r *reader, lined bool) {
	c := &o.receipt
	if lined {
		var sum kopilka.Money
		for i := range c.Lines {
			sum += c.Lines[i].Amount
		}
		if sum != c.Amount {
			r.failAt("/lines", fmt.Sprintf("the lines add up to %d, the amount is %d", sum, c.Amount))
		}
		if c.NoEarn != 0 || c.NoRedeem != 0 {
			r.failAt("/lines", "no_earn_amount and no_redeem_amount are for receipts without lines: flag the lines")
		}
		return
	}
	if c.NoEarn+c.NoRedeem > c.Amount {
		r.failAt("/amount", "is less than no_earn_amount and no_redeem_amount together")
	}
}

// postReceipt takes one sale, earning and spending in one step.
func (s *Server) postReceipt(c *call) *problem {
	return c.command(func(r *reader) { c.order.decodeReceipt(r, receiptFields[1:]) })
}

// quote tells what a receipt would be answered now, and changes nothing.
func (s *Server) quote(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	o := &c.order
	c.in.start(c.body())
	o.decodeReceipt(&c.in, receiptFields[1:])
	if p := c.in.end(); p != nil {
		return p
	}
	if p := c.admit(o); p != nil {
		return p
	}
	if p := s.place(o); p != nil {
		return p
	}
	if o.holdID() != "" {
		if p := s.lookHold(o); p != nil {
			return p
		}
	}
	var out kopilka.Outcome
	var at kopilka.Seq
	s.queue.View(func(b *engine.State) {
		at = b.Seq()
		b.Quote(s.queue.Now(), &o.receipt, &out)
	})
	if out.Refusal != kopilka.Accepted {
		return s.whyNot(o, &out)
	}
	out.Time = s.queue.Now()
	c.out.ObjStart()
	s.answer(&c.out, &result{seq: at, cmd: &o.receipt, outcome: &out, watched: c.watches()})
	intField(&c.out, "max_certificate", int64(out.MaxCertificate))
	intField(&c.out, "max_redeem", int64(out.MaxRedeem))
	s.capsField(&c.out, &o.receipt, &out)
	c.out.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// getReceipt shows a receipt or redemption by its id.
func (s *Server) getReceipt(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	return s.showReceipt(c, c.param)
}

// findReceipt shows the receipt that a till printed under a number on a day.
func (s *Server) findReceipt(c *call) *problem {
	if p := c.reads("store", "till", "receipt_no", "day"); p != nil {
		return p
	}
	store, till, no := c.query("store"), c.query("till"), c.query("receipt_no")
	if store == "" || till == "" || no == "" {
		return malformed("", "store, till, receipt_no and day are needed together")
	}
	day, err := kopilka.ParseDay(c.query("day"))
	if err != nil {
		return malformed("", "day: "+err.Error())
	}
	for _, kind := range [...]kopilka.Kind{kopilka.KindReceipt, kopilka.KindRedemption} {
		found, err := s.queue.FindReceiptNo(kind, store, till, no, day)
		if err != nil {
			return s.failed(err)
		}
		if found.Seq == 0 {
			continue
		}
		record, err := s.queue.Record(found.Seq)
		if err != nil {
			return s.failed(err)
		}
		return s.showReceipt(c, kopilka.HeadOf(record.Command).ID)
	}
	return problemOf(codeNotFound, "no receipt has this store, till, receipt_no and day")
}

func (s *Server) showReceipt(c *call, id string) *problem {
	if !kopilka.ValidID(id) {
		return &noReceipt
	}
	v, p := s.findSale(id, new(kopilka.Seq))
	if p != nil {
		return p
	}
	if p := s.saleShown(&c.out, id, &v, returnsMax, c.watches()); p != nil {
		return p
	}
	return c.reply(fasthttp.StatusOK)
}

// saleShown writes a receipt with what has become of it, with at most so many of its
// returns.
func (s *Server) saleShown(e *jx.Encoder, id string, v *sale, returnsMax int, watched bool) *problem {
	returns, p := s.returnsOf(v.lastReturn, returnsMax)
	if p != nil {
		return p
	}
	e.ObjStart()
	strField(e, "kind", v.record.Command.Kind().String())
	s.answer(e, &result{seq: v.record.Seq, cmd: v.record.Command, outcome: &v.record.Outcome, watched: watched})
	s.deedFields(e, v.deed)
	if c, ok := v.record.Command.(*kopilka.Receipt); ok {
		s.servedFields(e, c)
	}
	intField(e, "amount", int64(v.amount))
	e.FieldStart("lines")
	e.ArrStart()
	for i := range v.lines {
		lineShown(e, &v.lines[i], &v.record.Outcome.Left.Lines[i], &v.left.Lines[i])
	}
	e.ArrEnd()
	intField(e, "left", int64(v.left.Goods()))
	e.FieldStart("returns")
	e.ArrStart()
	for _, b := range returns {
		e.ObjStart()
		strField(e, "id", b.id)
		intField(e, "seq", int64(b.seq))
		intField(e, "goods", int64(b.goods))
		intField(e, "points_restored", int64(b.restored))
		intField(e, "points_taken", int64(b.taken))
		intField(e, "certificate_restored", int64(b.certificates))
		s.timeField(e, "recorded_at", b.at)
		e.ObjEnd()
	}
	e.ArrEnd()
	if p := s.ratingField(e, id); p != nil {
		return p
	}
	e.ObjEnd()
	return nil
}

// deedFields writes where and when something happened.
func (s *Server) deedFields(e *jx.Encoder, d *kopilka.Deed) {
	optField(e, "store", d.Store)
	optField(e, "till", d.Till)
	optField(e, "cashier", d.Cashier)
	optField(e, "receipt_no", d.ReceiptNo)
	optField(e, "source", d.Source)
	s.timeField(e, "occurred_at", d.At)
	strField(e, "day", d.Day.String())
}

// servedFields writes between when and when the buyer was served.
func (s *Server) servedFields(e *jx.Encoder, c *kopilka.Receipt) {
	at := func(name string, t kopilka.Time) {
		if t == 0 {
			nullField(e, name)
			return
		}
		s.timeField(e, name, t)
	}
	at("started_at", c.Started)
	at("finished_at", c.Finished)
}

func lineShown(e *jx.Encoder, l *kopilka.Line, sold, left *kopilka.RemainsLine) {
	e.ObjStart()
	optField(e, "sku", l.SKU)
	optField(e, "category", l.Category)
	strField(e, "qty", cmp.Or(l.Qty, "1"))
	intField(e, "amount", int64(l.Amount))
	e.FieldStart("flags")
	e.ArrStart()
	if l.NoEarn {
		e.Str("no_earn")
	}
	if l.NoRedeem {
		e.Str("no_redeem")
	}
	e.ArrEnd()
	intField(e, "certificate", int64(sold.Certificate))
	intField(e, "discount", int64(sold.Discount))
	intField(e, "redeemed", int64(sold.Spent))
	intField(e, "earned", int64(sold.Earned))
	intField(e, "left", int64(left.Goods))
	e.ObjEnd()
}
