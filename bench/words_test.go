package bench

import (
	"encoding/json"
	"testing"

	"github.com/kopilka/kopilka"
)

// typical is a receipt of three lines.
func typical() *kopilka.Receipt {
	return &kopilka.Receipt{
		Head: kopilka.Head{ID: "S07T2-1234567", Content: 0x123456789abcdef0, Looked: 123_456_789, By: "till7"},
		Deed: kopilka.Deed{Member: 1_234_567, NamedBy: kopilka.ByCard, At: now, Day: today, Store: "S07", Till: "T2", Cashier: "C31", ReceiptNo: "1234567"},
		Lines: []kopilka.Line{{SKU: "A10001", Category: "bakery", Qty: "1", Amount: 4_990}, {SKU: "A10002", Category: "fruit", Qty: "1.250", Amount: 12_000},
			{SKU: "A10003", Category: "tobacco", Qty: "1", Amount: 15_000, NoEarn: true}},
		Amount: 31_990, Redeem: kopilka.RedeemMax,
	}
}

// BenchmarkWrite: a receipt as the log has it. Twin: encoding/json.
func BenchmarkWrite(b *testing.B) {
	c := typical()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = kopilka.AppendCommand(buf[:0], c)
	}
	b.SetBytes(int64(len(buf)))
	beside(b, func() {
		if _, err := json.Marshal(c); err != nil {
			panic(err)
		}
	})
}

// BenchmarkRead: the same back. Twin: encoding/json.
func BenchmarkRead(b *testing.B) {
	c := typical()
	raw := kopilka.AppendCommand(nil, c)
	var d kopilka.Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, _, err := d.Next(raw); err != nil {
			b.Fatal(err)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		b.Fatal(err)
	}
	beside(b, func() {
		var r kopilka.Receipt
		if err := json.Unmarshal(text, &r); err != nil {
			panic(err)
		}
	})
}
