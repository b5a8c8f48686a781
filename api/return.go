package api

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
)

// goodsBack is a return on its way: what the client said comes back, before it
// is held against what is left of the receipt.
type goodsBack struct {
	ret     kopilka.Return
	receipt string // id of the receipt; empty = a return of an import that names none
	amount  kopilka.Money
	lines   []lineBack
}

// lineBack names a line, by its place or by its goods, and how much of it comes
// back: goods of a value, a number of pieces, or all that is left.
type lineBack struct {
	line   int64 // counted from 1; 0 = by sku
	sku    string
	amount kopilka.Money
	valued bool // amount was given
	qty    string
}

// The field receipt is known in batches only; elsewhere the path says it.
var returnFields = []string{"op", "receipt", "id", "card", "phone", "code", "member_id", "store", "till", "cashier",
	"receipt_no", "occurred_at", "amount", "lines", "source"}

var returnLineFields = []string{"line", "sku", "category", "qty", "amount", "flags"}

// decodeReturn reads goods that come back to a receipt.
func (o *order) decodeReturn(r *reader, fields []string, receipt string) {
	b := &o.back
	*b = goodsBack{receipt: receipt, lines: b.lines[:0]}
	b.ret = kopilka.Return{Imported: o.past}
	o.begin(&b.ret, &b.ret.Head, &b.ret.Deed)
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "receipt":
			b.receipt = r.id()
		case "amount":
			b.amount = kopilka.Money(r.amount(1))
		case "lines":
			b.decodeLines(r)
		default:
			o.shared(r, f.name)
		}
	}
	switch {
	case b.amount != 0 && len(b.lines) > 0:
		r.failAt("/lines", "a return is by lines or by amount, not by both")
	case b.receipt != "":
	case !o.past:
		r.failAt("", "receipt is missing: the id of the receipt whose goods come back")
	case b.amount == 0:
		r.failAt("", "amount is missing, which a return without a receipt needs")
	}
	o.printReturn()
}

func (b *goodsBack) decodeLines(r *reader) {
	r.array(linesMax, func() {
		var l lineBack
		for f := r.object(returnLineFields); f.next(); {
			switch f.name {
			case "line":
				l.line = r.integer(1, linesMax)
			case "sku":
				l.sku = r.short()
			case "category":
				r.short()
			case "qty":
				l.qty = r.quantity()
			case "amount":
				l.amount, l.valued = kopilka.Money(r.amount(0)), true
			case "flags":
				decodeFlags(r, new(kopilka.Line))
			}
		}
		if l.line == 0 && l.sku == "" {
			r.fail("names no line: give line, counted from 1, or sku")
		}
		b.lines = append(b.lines, l)
	})
	if len(b.lines) == 0 {
		r.fail("is empty: leave lines out to return all that is left")
	}
}

func (o *order) printReturn() {
	b := &o.back
	p := &o.print
	p.Return(o.who.by, o.who.text, &b.ret.Deed, b.receipt, b.amount)
	for _, l := range b.lines {
		p.ReturnLine(l.line, l.sku, l.qty, l.amount, l.valued)
	}
	b.ret.Content = p.Sum()
}

// lookReturn finds the receipt, what is left of it, and what of that comes back.
func (s *Server) lookReturn(o *order) *problem {
	b := &o.back
	c := &b.ret
	c.Amount, c.Lines = b.amount, c.Lines[:0]
	if b.receipt == "" {
		return nil // an import's: lowers what was spent on its day and no more
	}
	sale, p := s.findSale(b.receipt, &o.head.Looked)
	if p != nil {
		return p
	}
	if o.who.by != kopilka.ByNobody && !s.same(c.Member, sale.record.Outcome.Member) {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	// The buyer as the books knew him, whichever number the till's name led to.
	c.Member = sale.record.Outcome.Member
	c.Receipt, c.ReceiptSeq, c.LastReturn = b.receipt, sale.record.Seq, sale.lastReturn
	c.Left = sale.left

	goods := c.Left.Goods()
	switch {
	case goods == 0:
		return problemOf(codeAlreadyReturned, "all of the receipt has come back")
	case len(b.lines) > 0:
		return b.claim(sale.lines)
	case b.amount == 0:
		c.Amount = goods
	case b.amount > goods:
		return exceeds(fmt.Sprintf("%d is left of the receipt", goods))
	}
	return nil
}

func exceeds(detail string) *problem { return problemOf(codeReturnExceeds, detail) }

// sale is a receipt or redemption found in the log, with what is left of it.
type sale struct {
	record     commit.Record
	deed       *kopilka.Deed
	amount     kopilka.Money
	lines      []kopilka.Line
	left       kopilka.Remains
	lastReturn kopilka.Seq
}

var noReceipt = problem{code: codeNotFound, detail: "no receipt and no redemption has this id"}

// findSale finds a receipt with what its returns have left, and lowers looked to
// where the log was searched.
func (s *Server) findSale(id string, looked *kopilka.Seq) (v sale, p *problem) {
	found, err := s.queue.FindID(id)
	if err != nil {
		return v, s.failed(err)
	}
	*looked = min(*looked, found.Looked)
	if found.Seq == 0 {
		return v, &noReceipt
	}
	if v.record, err = s.queue.Record(found.Seq); err != nil {
		return v, s.failed(err)
	}
	v.left = v.record.Outcome.Left
	switch c := v.record.Command.(type) {
	case *kopilka.Receipt:
		v.deed, v.amount, v.lines = &c.Deed, c.Amount, c.Lines
	case *kopilka.Redemption:
		v.deed, v.amount = &c.Deed, c.Amount
	case *kopilka.Capture:
		v.deed, v.amount = &c.Deed, c.Amount
	default:
		return v, &noReceipt
	}
	back, err := s.queue.FindReturn(id)
	if err != nil {
		return v, s.failed(err)
	}
	*looked = min(*looked, back.Looked)
	if back.Seq != 0 {
		newest, err := s.queue.Record(back.Seq)
		if err != nil {
			return v, s.failed(err)
		}
		v.lastReturn, v.left = back.Seq, newest.Outcome.Left
	}
	return v, nil
}

// claim turns what the client said of lines into goods of the receipt's lines.
func (b *goodsBack) claim(lines []kopilka.Line) *problem {
	c := &b.ret
	if len(lines) == 0 {
		return malformed("/lines", "the receipt has no lines: return it by amount")
	}
	left := make([]kopilka.Money, len(lines))
	for i := range lines {
		left[i] = c.Left.Lines[i].Goods
	}
	taken := make([]bool, len(lines))
	for at, l := range b.lines {
		pointer := fmt.Sprintf("/lines/%d", at)
		var named []int
		for i := range lines {
			if l.line == int64(i)+1 || l.line == 0 && lines[i].SKU == l.sku {
				named = append(named, i)
			}
		}
		if len(named) == 0 {
			return malformed(pointer, "the receipt has no such line")
		}
		if l.line != 0 && l.sku != "" && l.sku != lines[named[0]].SKU {
			return malformed(pointer+"/sku", "is not the sku of that line")
		}
		for _, i := range named {
			if taken[i] {
				return malformed(pointer, "names a line that one before it names")
			}
			taken[i] = true
		}
		if !l.take(lines, named, left) {
			return &problem{code: codeReturnExceeds, detail: "more comes back than is left of the line",
				faults: []fault{{pointer, "more than is left"}}}
		}
	}
	for i := range left {
		if n := c.Left.Lines[i].Goods - left[i]; n > 0 {
			c.Lines = append(c.Lines, kopilka.ReturnLine{Line: i, Amount: n})
		}
	}
	if len(c.Lines) == 0 {
		return malformed("/lines", "what comes back is worth nothing")
	}
	return nil
}

// take lowers what is left of the named lines, the first first; false when they
// have not enough.
func (l *lineBack) take(lines []kopilka.Line, named []int, left []kopilka.Money) bool {
	switch {
	case l.valued:
		want := l.amount
		for _, i := range named {
			n := min(want, left[i])
			left[i] -= n
			want -= n
		}
		return want == 0
	case l.qty != "":
		want, _ := parseQuantity(l.qty)
		for _, i := range named {
			want -= takePieces(lines[i], want, &left[i])
		}
		return want == 0
	}
	for _, i := range named {
		left[i] = 0
	}
	return true
}

// takePieces takes up to want millionths of a piece off a line and gives how
// many it took. The goods that have come back after k of q pieces are worth
// amount × k / q, rounded down, so that the last piece brings all that is left,
// whatever the pieces before it were rounded to. How many came back before is
// read off the goods: whole pieces or, of weights, the largest unit that
// divides both numbers.
func takePieces(line kopilka.Line, want int64, left *kopilka.Money) int64 {
	all := int64(piece)
	if line.Qty != "" {
		all, _ = parseQuantity(line.Qty)
	}
	amount := int64(line.Amount)
	if all == 0 || amount == 0 {
		return want // worth nothing, and so never missing
	}
	if want == 0 {
		return 0
	}
	unit := gcd(gcd(all, want), piece)
	back := amount - int64(*left)
	before := kopilka.PartFloor(all, back, amount) / unit * unit
	for kopilka.PartFloor(amount, before, all) < back {
		before += unit
	}
	n := min(want, all-before)
	*left = kopilka.Money(amount - kopilka.PartFloor(amount, before+n, all))
	return n
}

// piece is one piece in millionths.
const piece = 1_000_000

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// returnsOf lists the returns of a receipt, the oldest first: at most so many of the
// newest.
func (s *Server) returnsOf(newest kopilka.Seq, most int) ([]returned, *problem) {
	var list []returned
	for at := newest; at != 0 && len(list) < most; {
		record, err := s.queue.Record(at)
		if err != nil {
			return nil, s.failed(err)
		}
		c, ok := record.Command.(*kopilka.Return)
		if !ok {
			break
		}
		list = append(list, returned{c.ID, at, record.Outcome.Goods, record.Outcome.Restored, record.Outcome.Taken,
			record.Outcome.CertificateRestored, record.Outcome.Time})
		at = c.LastReturn
	}
	slices.Reverse(list)
	return list, nil
}

// returnsMax bounds how many returns of a receipt are listed to a till.
const returnsMax = 100

// returned is one return in the answer about its receipt.
type returned struct {
	id           string
	seq          kopilka.Seq
	goods        kopilka.Money
	restored     kopilka.Points
	taken        kopilka.Points
	certificates kopilka.Points
	at           kopilka.Time
}

// postReturn takes goods of a receipt back.
func (s *Server) postReturn(c *call) *problem {
	if !kopilka.ValidID(c.param) {
		return &noReceipt
	}
	return c.command(func(r *reader) { c.order.decodeReturn(r, returnFields[2:], c.param) })
}
