package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
)

// newOrder is an order that prints contents under a secret, as those of a server do.
func newOrder() order {
	var o order
	o.print.SetSecret(kopilka.ContentSecret{1})
	return o
}

// TestDecodeRefuses gives bodies with one thing wrong each, and where.
func TestDecodeRefuses(t *testing.T) {
	f := func(body, pointer, says string) {
		t.Helper()
		o := newOrder()
		var r reader
		r.start([]byte(body))
		o.decodeReceipt(&r, receiptFields[1:])
		p := r.end()
		if p == nil {
			t.Fatalf("%s is taken", cut(body))
		}
		if p.code != codeMalformed || p.faults[0].pointer != pointer || !strings.Contains(p.faults[0].detail, says) {
			t.Fatalf("%s: %s at %q: %s; want %q at %q", cut(body), p.code, p.faults[0].pointer, p.faults[0].detail, says, pointer)
		}
	}
	ok := `{"id":"a","amount":100`

	f(``, "", "must be an object")
	f(`[]`, "", "must be an object")
	f(`null`, "", "must be an object")
	f(`{`, "", "broken")
	f(ok, "", "broken")
	f(ok+`}}`, "", "after the end")
	f(ok+`}{}`, "", "after the end")
	f(ok+`} x`, "", "after the end")
	f(ok+`,}`, "", "broken")
	f("\xff", "", "UTF-8")
	f(`{"id":"`+"\xc3\x28"+`","amount":1}`, "", "UTF-8")

	f(ok+`,"redem":1}`, "/redem", `"redem" is not a field`)
	f(ok+`,"Amount":1}`, "/Amount", "not a field")
	f(ok+`,"op":"receipt"}`, "/op", "not a field")
	f(ok+`,"a/b~c":1}`, "/a~1b~0c", "not a field")
	f(ok+`,"certificates":0}`, "/certificates", "this version")
	f(ok+`,"vouchers":[]}`, "/vouchers", "this version")
	f(ok+`,"holds":"h"}`, "/holds", "this version")
	f(ok+`,"code":"1"}`, "/code", "16 digits")
	f(ok+`,"amount":100}`, "/amount", "twice")
	f(ok+`,"id":"b"}`, "/id", "twice")

	f(`{"id":"a"}`, "", "amount is missing")
	f(`{"id":1,"amount":1}`, "/id", "string")
	f(`{"id":null,"amount":1}`, "/id", "string")
	f(`{"id":"","amount":1}`, "/id", "1 to 64")
	f(`{"id":"a b","amount":1}`, "/id", "visible")
	f(`{"id":"é","amount":1}`, "/id", "visible")
	f(`{"id":"`+strings.Repeat("x", 65)+`","amount":1}`, "/id", "1 to 64")
	f(ok+`,"card":"a/b"}`, "/card", "without /")
	f(ok+`,"card":"`+strings.Repeat("x", 33)+`"}`, "/card", "1 to 32")
	f(ok+`,"card":"c","phone":"+79001234567"}`, "/phone", "exactly one")
	f(ok+`,"phone":"89001234567"}`, "/phone", "E.164")
	f(ok+`,"store":"`+strings.Repeat("x", 65)+`"}`, "/store", "64 bytes")
	f(ok+`,"store":"a\u0000"}`, "/store", "control")
	f(ok+`,"store":"\ud800"}`, "/store", "no character")

	f(`{"id":"a","amount":"100"}`, "/amount", "integer")
	f(`{"id":"a","amount":1.5}`, "/amount", "fraction")
	f(`{"id":"a","amount":1.0}`, "/amount", "fraction")
	f(`{"id":"a","amount":1e2}`, "/amount", "exponent")
	f(`{"id":"a","amount":01}`, "/amount", "broken")
	f(`{"id":"a","amount":+1}`, "/amount", "integer")
	f(`{"id":"a","amount":-1}`, "/amount", "from 0 to")
	f(`{"id":"a","amount":10000000000001}`, "/amount", "from 0 to 10000000000000")
	f(`{"id":"a","amount":99999999999999999999999999999999}`, "/amount", "from 0 to")
	f(`{"id":"a","amount":18446744073709551617}`, "/amount", "from 0 to")
	f(`{"id":"a","amount":true}`, "/amount", "integer")
	f(`{"id":"a","amount":[[[[[[[[1]]]]]]]]}`, "/amount", "integer")
	f(`{"id":"a","amount":`+strings.Repeat("[", 60000), "/amount", "integer")

	f(`{"id":"a","amount":-0}`, "/amount", "-0")
	f(ok+`,"no_earn_amount":-0}`, "/no_earn_amount", "-0")
	f(ok+`,"card":"c","redeem":-0}`, "/redeem", "-0")
	f(ok+`,"lines":[{"amount":100,"qty":-0}]}`, "/lines/0/qty", "integer or a decimal")

	f(ok+`,"redeem":1}`, "/redeem", "nobody")
	f(ok+`,"card":"c","redeem":"all"}`, "/redeem", `"max"`)
	f(ok+`,"card":"c","redeem":-1}`, "/redeem", "from 0")
	f(ok+`,"occurred_at":"2026-03-02"}`, "/occurred_at", "offset")
	f(ok+`,"occurred_at":"2026-03-02T10:00:00"}`, "/occurred_at", "offset")
	f(ok+`,"occurred_at":"2026-02-30T10:00:00Z"}`, "/occurred_at", "offset")
	for _, no := range []string{"2026-03-02T9:00:00Z", "2026-03-02T10:00:00,5Z", "2026-03-02T10:00:00+24:00", "2026-03-02T10:00:00+03:60",
		"2026-03-02T10:00:00.Z", "2026-03-02T10:00:00+3:00", "2026-03-02T10:00:00+0300", "2026-03-02t10:00:00z", "2026-03-02 10:00:00Z",
		"2026-03-02T10:00:00Z ", "2026-03-02T24:00:00Z", "2026-03-02T10:60:00Z", "2026-03-02T10:00:60Z", "2026-13-02T10:00:00Z",
		"2026-3-02T10:00:00Z", "+026-03-02T10:00:00Z", "2026-03-02T10:00Z", "2026-03-02T10:00:00Z0", "2026-03-02T10:00:00+03:00Z", "Z", ""} {
		f(ok+`,"occurred_at":"`+no+`"}`, "/occurred_at", "offset")
	}
	f(ok+`,"occurred_at":"1969-01-01T10:00:00Z"}`, "/occurred_at", "years")
	f(ok+`,"occurred_at":"2200-01-01T10:00:00Z"}`, "/occurred_at", "years")
	f(ok+`,"no_earn_amount":60,"no_redeem_amount":41}`, "/amount", "less than")

	f(ok+`,"lines":[]}`, "/lines", "add up to 0")
	f(`{"id":"a","amount":0,"lines":[],"no_earn_amount":0,"no_redeem_amount":1}`, "/lines", "without lines")
	f(ok+`,"lines":{}}`, "/lines", "array")
	f(ok+`,"lines":[1]}`, "/lines/0", "object")
	f(ok+`,"lines":[{"amount":100},{}]}`, "/lines/1", "amount is missing")
	f(ok+`,"lines":[{"amount":100,"price":1}]}`, "/lines/0/price", "not a field")
	f(ok+`,"lines":[{"amount":60},{"amount":41}]}`, "/lines", "add up to 101")
	f(ok+`,"lines":[{"amount":100,"flags":["no_earn","no_earn"]}]}`, "/lines/0/flags/1", "twice")
	f(ok+`,"lines":[{"amount":100,"flags":["free"]}]}`, "/lines/0/flags/0", "no_earn or no_redeem")
	f(ok+`,"lines":[{"amount":100}],"no_earn_amount":1}`, "/lines", "without lines")
	f(ok+`,"lines":[{"amount":100,"qty":1.5}]}`, "/lines/0/qty", "string")
	f(ok+`,"lines":[{"amount":100,"qty":-1}]}`, "/lines/0/qty", "integer or a decimal")
	f(ok+`,"lines":[{"amount":100,"qty":"1,5"}]}`, "/lines/0/qty", "decimal")
	f(ok+`,"lines":[{"amount":100,"qty":"1."}]}`, "/lines/0/qty", "decimal")
	f(ok+`,"lines":[{"amount":100,"qty":"1.1234567"}]}`, "/lines/0/qty", "decimal")
	f(ok+`,"lines":[{"amount":100}`+strings.Repeat(`,{"amount":0}`, 500)+`]}`, "/lines", "more than 500")
}

func TestDecodeReceipt(t *testing.T) {
	f := func(body string, want func(o *order) bool) {
		t.Helper()
		o := newOrder()
		var r reader
		r.start([]byte(body))
		o.decodeReceipt(&r, receiptFields[1:])
		if p := r.end(); p != nil {
			t.Fatalf("%s: %s %v", body, p.detail, p.faults)
		}
		if !want(&o) {
			t.Fatalf("%s: %+v", body, o.receipt)
		}
	}
	f(` { "amount" : 10000000000000 , "id" : "~!" } `, func(o *order) bool { return o.receipt.Amount == kopilka.AmountMax })
	f(`{"amount":0,"\u0069d":"a"}`, func(o *order) bool { return o.receipt.ID == "a" })
	f(`{"amount":0,"store":"\ud83d\ude00"}`, func(o *order) bool { return o.receipt.Store == "😀" })
	f(`{"amount":0,"phone":"+7 (900) 123-45-67"}`, func(o *order) bool { return o.who.text == "+79001234567" })
	f(`{"amount":7,"card":"c","redeem":"max"}`, func(o *order) bool { return o.receipt.Redeem == kopilka.RedeemMax })
	f(`{"amount":0,"lines":[]}`, func(o *order) bool { return len(o.receipt.Lines) == 0 })
	f(`{"amount":7,"redeem":"max"}`, func(o *order) bool { return o.receipt.Redeem == kopilka.RedeemMax && o.who.by == kopilka.ByNobody })
	for s, want := range map[string]kopilka.Time{"2026-03-02T10:00:00Z": 0, "2026-03-02T13:00:00.123456+03:00": 123, "2026-03-01T10:01:00.5-23:59": 500,
		"2026-03-02T10:00:00-00:00": 0} {
		f(`{"amount":0,"occurred_at":"`+s+`"}`, func(o *order) bool { return o.receipt.At == 1772445600000+want })
	}
	f(`{"amount":9,"lines":[{"amount":4,"qty":"0.350","sku":"s","flags":["no_redeem"]},{"amount":5,"qty":2}]}`, func(o *order) bool {
		l := o.receipt.Lines
		return len(l) == 2 && l[0].Qty == "0.350" && l[0].NoRedeem && !l[0].NoEarn && l[1].Qty == "2"
	})
}

// TestFingerprint tells apart what differs in one field, and nothing else.
func TestFingerprint(t *testing.T) {
	content := func(body string) uint64 {
		o := newOrder()
		var r reader
		r.start([]byte(body))
		o.decodeReceipt(&r, receiptFields[1:])
		if p := r.end(); p != nil {
			t.Fatalf("%s: %s", body, p.detail)
		}
		return o.receipt.Content
	}
	seen := map[uint64]string{}
	for _, body := range []string{
		`{"amount":10}`, `{"amount":11}`, `{"amount":10,"card":"a"}`, `{"amount":10,"card":"b"}`,
		`{"amount":10,"store":"a"}`, `{"amount":10,"till":"a"}`, `{"amount":10,"cashier":"a"}`, `{"amount":10,"receipt_no":"a"}`,
		`{"amount":10,"source":"a"}`, `{"amount":10,"store":"a","till":"b"}`, `{"amount":10,"store":"ab"}`,
		`{"amount":10,"no_earn_amount":1}`, `{"amount":10,"no_redeem_amount":1}`, `{"amount":10,"card":"a","redeem":1}`,
		`{"amount":10,"card":"a","redeem":"max"}`, `{"amount":10,"occurred_at":"2026-03-02T10:00:00Z"}`,
		`{"amount":10,"lines":[{"amount":10}]}`, `{"amount":10,"lines":[{"amount":10,"qty":1}]}`,
		`{"amount":10,"lines":[{"amount":10,"sku":"a"}]}`, `{"amount":10,"lines":[{"amount":10,"category":"a"}]}`,
		`{"amount":10,"lines":[{"amount":10,"flags":["no_earn"]}]}`, `{"amount":10,"lines":[{"amount":10,"flags":["no_redeem"]}]}`,
		`{"amount":10,"lines":[{"amount":4},{"amount":6}]}`, `{"amount":10,"lines":[{"amount":6},{"amount":4}]}`,
	} {
		c := content(body)
		if other, twice := seen[c]; twice || c == 0 {
			t.Fatalf("%s and %s have one fingerprint, %x", body, other, c)
		}
		seen[c] = body
	}
	// It is kept in logs for ever: it does not change.
	const want = 0xb2cd991c998b15c6
	if got := content(`{"id":"r1","card":"c1","store":"S1","amount":12990,"redeem":"max","lines":[{"sku":"a","qty":2,"amount":12990,"flags":["no_earn"]}]}`); got != want {
		t.Fatalf("fingerprint %#x; want %#x, which is in logs", got, uint64(want))
	}
}

func TestParseQuantity(t *testing.T) {
	f := func(s string, want int64, ok bool) {
		t.Helper()
		if got, is := parseQuantity(s); got != want || is != ok {
			t.Fatalf("%q: %d, %t; want %d, %t", s, got, is, want, ok)
		}
	}
	f("0", 0, true)
	f("1", 1_000_000, true)
	f("0.350", 350_000, true)
	f("999999999.999999", 999_999_999_999_999, true)
	f("1000000000", 0, false)
	f("1.0000001", 0, false)
	f("", 0, false)
	f(".5", 0, false)
	f("5.", 0, false)
	f("-1", 0, false)
	f("1e3", 0, false)
}

func FuzzDecodeReceipt(f *testing.F) {
	f.Add([]byte(tillBody))
	f.Add([]byte(`{"id":"a","amount":1,"lines":[{"amount":1,"flags":["no_earn"],"qty":"1.5"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o := newOrder()
		var r reader
		r.start(body)
		o.decodeReceipt(&r, receiptFields[1:])
		if p := r.end(); p != nil {
			return
		}
		// What is taken adds up, and survives the way into the log.
		c := &o.receipt
		var sum kopilka.Money
		for i := range c.Lines {
			sum += c.Lines[i].Amount
		}
		if len(c.Lines) > 0 && sum != c.Amount || c.Amount < 0 || c.Amount > kopilka.AmountMax {
			t.Fatalf("%s: %+v", body, c)
		}
		var d kopilka.Decoder
		back, _, err := d.Next(kopilka.AppendCommand(nil, c))
		if err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", c) {
			t.Fatalf("%s: %+v came back as %+v, %v", body, c, back, err)
		}
	})
}

// tillBody is a receipt as a till sends it: 300 bytes, two lines.
const tillBody = `{"id":"S012-T03-2026-03-02-000417","card":"2200001234567","store":"S012","till":"T03","cashier":"k17",` +
	`"receipt_no":"000417","occurred_at":"2026-03-02T11:58:03+01:00","amount":12990,"lines":[` +
	`{"sku":"4607001234567","category":"phones","qty":1,"amount":9990},{"sku":"4607007654321","qty":2,"amount":3000,"flags":["no_redeem"]}],"redeem":"max"}`

// BenchmarkDecodeReceipt decodes a till's body and takes its fingerprint.
func BenchmarkDecodeReceipt(b *testing.B) {
	body := []byte(tillBody)
	o := newOrder()
	var r reader
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r.start(body)
		o.decodeReceipt(&r, receiptFields[1:])
		if p := r.end(); p != nil {
			b.Fatal(p.detail)
		}
	}
}

// TestDecodeAllocatesNothing keeps the till's way free of garbage.
func TestDecodeAllocatesNothing(t *testing.T) {
	body := []byte(tillBody)
	o := newOrder()
	var r reader
	if n := testing.AllocsPerRun(100, func() {
		r.start(body)
		o.decodeReceipt(&r, receiptFields[1:])
		if p := r.end(); p != nil {
			t.Fatal(p.detail)
		}
	}); n > 0 {
		t.Fatalf("%v allocations", n)
	}
}
