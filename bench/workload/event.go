package workload

import (
	"slices"
	"strconv"

	"github.com/kopilka/kopilka"
)

// Op is what a till or a desk does, in the words of the batch route.
type Op string

// Ops that a shop's events have.
const (
	Member     Op = "member"
	Receipt    Op = "receipt"
	Accrual    Op = "accrual"
	Redemption Op = "redemption"
	Return     Op = "return"
)

// Event is one command on its way to the server. Fields that an op does not
// have are zero and are not written.
type Event struct {
	Op    Op
	Time  kopilka.Time // when it reaches the server; after Occurred when a till was offline
	Buyer int          // number of the member; Nobody for an anonymous receipt
	Twice bool         // it is one of two events with the same id and content
	Retry bool         // it is the second one

	ID    string
	Card  string
	Phone string

	// Of a member.
	Name, BirthDate, Sex, Source, Referrer string

	// Of everything a till does.
	Store, Till, Cashier, ReceiptNo string

	Occurred kopilka.Time // 0: not sent, so the server's now
	Amount   kopilka.Money
	Lines    []kopilka.Line
	Redeem   kopilka.Points // or kopilka.RedeemMax
	Points   kopilka.Points // of a redemption; or kopilka.RedeemMax

	Receipt     string               // id of the receipt that a return brings back
	ReturnLines []kopilka.ReturnLine // what comes back; without it and without Amount, all that is left
}

// Nobody is the buyer of an anonymous receipt.
const Nobody = -1

// Clone is a copy that shares nothing with e.
func (e *Event) Clone() *Event {
	c := *e
	c.Lines, c.ReturnLines = slices.Clone(e.Lines), slices.Clone(e.ReturnLines)
	return &c
}

// AppendLine writes the event as a line of POST /v1/batch, without the line's end.
func (e *Event) AppendLine(b []byte) []byte {
	b = append(b, `{"op":"`...)
	b = append(b, e.Op...)
	b = append(b, '"')
	if e.Op == Return {
		b = appendField(b, "receipt", e.Receipt)
	}
	if e.Op == Member {
		b = appendField(b, "card", e.Card)
	}
	return e.appendFields(b)
}

// AppendBody writes the event as the body of its own route; see Path.
func (e *Event) AppendBody(b []byte) []byte { return e.appendFields(append(b, '{')) }

// Path is the method and the path of the event's own route.
func (e *Event) Path() (method, path string) {
	switch e.Op {
	case Member:
		return "PUT", "/v1/members/" + e.Card
	case Return:
		return "POST", "/v1/receipts/" + e.Receipt + "/returns"
	case Accrual:
		return "POST", "/v1/accruals"
	case Redemption:
		return "POST", "/v1/redemptions"
	}
	return "POST", "/v1/receipts"
}

// appendFields writes what the line and the body have in common, up to the
// closing brace. No string of a shop needs escaping.
func (e *Event) appendFields(b []byte) []byte {
	b = appendField(b, "id", e.ID)
	if e.Op == Member {
		b = appendField(b, "phone", e.Phone)
		b = appendField(b, "name", e.Name)
		b = appendField(b, "birth_date", e.BirthDate)
		b = appendField(b, "sex", e.Sex)
		b = appendField(b, "store", e.Store)
		b = appendField(b, "source", e.Source)
		b = appendField(b, "referrer", e.Referrer)
		if e.Occurred != 0 {
			b = appendTime(b, "registered_at", e.Occurred)
		}
		return append(b, '}')
	}
	b = appendField(b, "card", e.Card)
	b = appendField(b, "phone", e.Phone)
	b = appendField(b, "store", e.Store)
	b = appendField(b, "till", e.Till)
	b = appendField(b, "cashier", e.Cashier)
	b = appendField(b, "receipt_no", e.ReceiptNo)
	if e.Occurred != 0 {
		b = appendTime(b, "occurred_at", e.Occurred)
	}
	if e.Amount != 0 || e.Op == Receipt || e.Op == Accrual {
		b = appendInt(b, "amount", int64(e.Amount))
	}
	if len(e.Lines) > 0 {
		b = append(b, `,"lines":[`...)
		for i := range e.Lines {
			b = appendLine(b, &e.Lines[i])
		}
		b[len(b)-1] = ']' // instead of the last comma
	}
	b = appendPoints(b, "redeem", e.Redeem)
	b = appendPoints(b, "points", e.Points)
	if len(e.ReturnLines) > 0 {
		b = append(b, `,"lines":[`...)
		for _, l := range e.ReturnLines {
			b = append(b, `{"line":`...)
			b = strconv.AppendInt(b, int64(l.Line)+1, 10) // counted from 1 on the wire
			b = appendInt(b, "amount", int64(l.Amount))
			b = append(b, "},"...)
		}
		b[len(b)-1] = ']'
	}
	return append(b, '}')
}

func appendLine(b []byte, l *kopilka.Line) []byte {
	b = append(b, '{')
	b = appendField(b, "sku", l.SKU)
	b = appendField(b, "category", l.Category)
	b = appendField(b, "qty", l.Qty)
	b = appendInt(b, "amount", int64(l.Amount))
	switch {
	case l.NoEarn && l.NoRedeem:
		b = append(b, `,"flags":["no_earn","no_redeem"]`...)
	case l.NoEarn:
		b = append(b, `,"flags":["no_earn"]`...)
	case l.NoRedeem:
		b = append(b, `,"flags":["no_redeem"]`...)
	}
	return append(b, "},"...)
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(appendName(b, name), '"')
	b = append(b, value...)
	return append(b, '"')
}

func appendInt(b []byte, name string, v int64) []byte {
	return strconv.AppendInt(appendName(b, name), v, 10)
}

func appendPoints(b []byte, name string, p kopilka.Points) []byte {
	switch p {
	case 0:
		return b
	case kopilka.RedeemMax:
		return appendField(b, name, "max")
	}
	return appendInt(b, name, int64(p))
}

func appendTime(b []byte, name string, t kopilka.Time) []byte {
	b = append(appendName(b, name), '"')
	b = t.Std().In(Zone).AppendFormat(b, "2006-01-02T15:04:05Z07:00")
	return append(b, '"')
}
