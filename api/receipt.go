package api

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// linesMax bounds the lines of one receipt.
const linesMax = 500

// receiptFields are in the order of the reference, which is the order in which
// reader expects them to come. The first is known in batches only.
var receiptFields = []string{"op", "id", "card", "phone", "member_id", "store", "till", "cashier", "receipt_no",
	"occurred_at", "amount", "lines", "redeem", "no_earn_amount", "no_redeem_amount", "source"}

var lineFields = []string{"sku", "category", "qty", "amount", "flags"}

// decodeReceipt reads a sale. It is the body of quotes, too.
func (o *order) decodeReceipt(r *reader, fields []string) {
	c := &o.receipt
	*c = kopilka.Receipt{Lines: c.Lines[:0], Imported: o.past, Earn: o.earns}
	o.begin(c, &c.Head, &c.Deed)
	priced := false
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "amount":
			c.Amount, priced = kopilka.Money(r.amount(0)), true
		case "lines":
			o.decodeLines(r)
		case "redeem":
			c.Redeem = r.redeem(0)
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
	if c.Redeem != 0 && o.who.by == kopilka.ByNobody {
		r.failAt("/redeem", "nobody is named whose points could be spent")
	}
	o.checkSums(r)
	o.printReceipt("receipt")
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

// checkSums holds the parts of a receipt against its amount.
func (o *order) checkSums(r *reader) {
	c := &o.receipt
	if len(c.Lines) > 0 {
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

func (o *order) printReceipt(op string) {
	c := &o.receipt
	f := o.print(op)
	f.number(tagAmount, int64(c.Amount))
	f.lines(c.Lines)
	f.number(tagRedeem, int64(c.Redeem))
	f.number(tagNoEarn, int64(c.NoEarn))
	f.number(tagNoRedeem, int64(c.NoRedeem))
	c.Content = f.sum()
}
