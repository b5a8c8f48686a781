package kopilka

import (
	"testing"
	"time"
)

// testPrint prints under a secret of its own.
func testPrint(secret byte) ContentPrint {
	var p ContentPrint
	p.SetSecret(ContentSecret{secret})
	return p
}

// TestContentPrintIsSecret makes the fingerprint of one content under two secrets, and
// under none.
func TestContentPrintIsSecret(t *testing.T) {
	one, other := testPrint(1), testPrint(2)
	sale := Receipt{Deed: Deed{Member: NoMember}, Amount: 10}
	one.Receipt(ByPhone, "+79001234567", &sale)
	other.Receipt(ByPhone, "+79001234567", &sale)
	if one.Sum() == other.Sum() {
		t.Fatalf("both are %#x: whoever has the log can try phones", one.Sum())
	}
	defer func() {
		if recover() == nil {
			t.Fatal("a fingerprint was made under no secret")
		}
	}()
	var none ContentPrint
	none.Receipt(ByPhone, "+79001234567", &sale)
	none.Sum()
}

// TestContentPrintStays holds the fingerprints of commands against those that
// are in logs for ever: they do not change.
func TestContentPrintStays(t *testing.T) {
	p := testPrint(1)
	f := func(what string, want uint64, print func()) {
		t.Helper()
		print()
		if got := p.Sum(); got != want {
			t.Fatalf("%s: fingerprint %#x; want %#x, which is in logs", what, got, want)
		}
	}
	at := TimeOf(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))
	deed := Deed{Store: "S1", Till: "T1", Cashier: "k", ReceiptNo: "7", At: at, Source: "web"}

	f("receipt of lines", 0xb2cd991c998b15c6, func() {
		p.Receipt(ByCard, "c1", &Receipt{Deed: Deed{Store: "S1"}, Amount: 12990, Redeem: RedeemMax,
			Lines: []Line{{SKU: "a", Qty: "2", Amount: 12990, NoEarn: true}}})
	})
	f("receipt", 0xa651fb4b291bcf5e, func() {
		p.Receipt(ByCard, "c1", &Receipt{Deed: deed, Amount: 500, Redeem: 20, NoEarn: 1, NoRedeem: 2})
	})
	f("accrual", 0xa5ab752d0ef0d30e, func() { p.Accrual(ByCard, "c1", &Receipt{Deed: deed, Amount: 500}) })
	f("grant", 0x5c20e7ebbbc12278, func() { p.Grant(ByCard, "c1", &Grant{Points: 150, Reason: "opening balance"}) })
	f("redemption", 0x3596f5e7fe6ccfb7, func() { p.Redemption(ByCard, "c1", &Redemption{Deed: deed, Amount: 500, Points: 20}) })
	f("adjustment", 0x2dbe655809bd2cd5, func() {
		p.Adjustment(ByCard, "c1", &Adjustment{Deed: deed, Points: -20, Reason: "x", Actor: "y"})
	})
	f("return", 0x8f360e9e836a7be8, func() { p.Return(ByCard, "c1", &deed, "r1", 300) })
	f("return of lines", 0xdf6e9c9220e7a954, func() {
		p.Return(ByNobody, "", &Deed{}, "r1", 0)
		p.ReturnLine(1, "", "", 0, true)
		p.ReturnLine(0, "b", "0.5", 0, false)
	})
	f("member", 0xfa10ecaccebac1f0, func() {
		said := func(s string) Said[string] { return Said[string]{true, s} }
		p.Member(&MemberContent{Card: "c1", Phone: said("+79001234567"), Name: said("Ann"), BirthDate: said("1985-06-30"),
			Sex: said("f"), Store: said("S1"), Referrer: said("c2"), Source: said(""), RegisteredAt: Said[Time]{true, at}})
		if p.Set("state", true) {
			p.Number(int64(StateInstalled))
		}
		if p.Set("blocked", true) {
			p.Blocked(true)
		}
		if p.Set("consent", true) {
			p.Text("v1")
			p.Number(int64(at))
			p.Text("web")
		}
		if p.Set("attributes", true) {
			p.Text("a")
			p.Text("1")
		}
	})
	f("key", 0x42191066fb17c4be, func() { p.Key(&CreateKey{KeyID: "k1", Role: RoleTill, Store: "S1", Note: "till 1"}) })
	f("revocation", 0x43dd19323c4917be, func() { p.Revocation(&RevokeKey{KeyID: "k1"}) })
	f("refresh", 0x7c859e9c66ca9d94, p.Refresh)
	f("receipt with instruments", 0xed952b4655695706, func() {
		p.Receipt(ByCode, "1234567890123456", &Receipt{Deed: deed, Amount: 500, Certificate: CertificateMax,
			Coupons: []string{"SPRING", "2200000000019"}, Hold: HoldRef{ID: "h1"}, Started: at, Finished: at + 1})
	})
	f("hold", 0x7ea380eb2449060d, func() { p.Hold(ByCard, "c1", &Hold{Deed: deed, Points: 20}, at) })
	f("capture", 0xd45d9af2f77f306d, func() {
		p.Capture(ByNobody, "", &Capture{Deed: deed, Hold: HoldRef{ID: "h1"}, Amount: 500, Points: RedeemMax})
	})
	f("void", 0x454a0ff89317b4c, func() { p.Void(ByNobody, "", &Void{Deed: deed, Hold: HoldRef{ID: "h1"}}) })
	f("rating", 0xfd21b8c803777ce3, func() { p.Rating("r1", 5, "kind") })
}

// TestContentPrintTellsApart gives two commands that differ in one field two
// fingerprints, and a command that comes again the same one.
func TestContentPrintTellsApart(t *testing.T) {
	receipt := func(by Naming, name string, change func(c *Receipt)) func(p *ContentPrint) {
		return func(p *ContentPrint) {
			c := Receipt{Deed: Deed{Member: NoMember}, Amount: 10}
			change(&c)
			p.Receipt(by, name, &c)
		}
	}
	member := func(change func(c *MemberContent)) func(p *ContentPrint) {
		return func(p *ContentPrint) {
			c := MemberContent{Card: "a"}
			change(&c)
			p.Member(&c)
		}
	}
	all := []func(p *ContentPrint){
		receipt(ByNobody, "", func(c *Receipt) {}),
		receipt(ByNobody, "", func(c *Receipt) { c.Amount = 11 }),
		receipt(ByCard, "a", func(c *Receipt) {}),
		receipt(ByCard, "b", func(c *Receipt) {}),
		receipt(ByPhone, "a", func(c *Receipt) {}),
		receipt(ByNobody, "", func(c *Receipt) { c.Store = "a" }),
		receipt(ByNobody, "", func(c *Receipt) { c.Till = "a" }),
		receipt(ByNobody, "", func(c *Receipt) { c.Cashier = "a" }),
		receipt(ByNobody, "", func(c *Receipt) { c.ReceiptNo = "a" }),
		receipt(ByNobody, "", func(c *Receipt) { c.Source = "a" }),
		receipt(ByNobody, "", func(c *Receipt) { c.Store, c.Till = "a", "b" }),
		receipt(ByNobody, "", func(c *Receipt) { c.Store = "ab" }),
		receipt(ByNobody, "", func(c *Receipt) { c.At = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.NoEarn = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.NoRedeem = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.Redeem = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.Redeem = RedeemMax }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10, Qty: "1"}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10, SKU: "a"}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10, Category: "a"}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10, NoEarn: true}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 10, NoRedeem: true}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 4}, {Amount: 6}} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Lines = []Line{{Amount: 6}, {Amount: 4}} }),
		receipt(ByCode, "a", func(c *Receipt) {}),
		receipt(ByNobody, "", func(c *Receipt) { c.Certificate = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.Certificate = CertificateMax }),
		receipt(ByNobody, "", func(c *Receipt) { c.Coupons = []string{"a"} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Coupons = []string{"a", "b"} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Coupons = []string{"b", "a"} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Hold = HoldRef{ID: "a"} }),
		receipt(ByNobody, "", func(c *Receipt) { c.Started = 1 }),
		receipt(ByNobody, "", func(c *Receipt) { c.Finished = 1 }),
		func(p *ContentPrint) { p.Hold(ByNobody, "", &Hold{Points: 10}, 0) },
		func(p *ContentPrint) { p.Hold(ByNobody, "", &Hold{Points: 10}, 1) },
		func(p *ContentPrint) { p.Capture(ByNobody, "", &Capture{Hold: HoldRef{ID: "a"}}) },
		func(p *ContentPrint) { p.Capture(ByNobody, "", &Capture{Hold: HoldRef{ID: "a"}, Points: 10}) },
		func(p *ContentPrint) { p.Capture(ByNobody, "", &Capture{Hold: HoldRef{ID: "a"}, Amount: 10}) },
		func(p *ContentPrint) { p.Void(ByNobody, "", &Void{Hold: HoldRef{ID: "a"}}) },
		func(p *ContentPrint) { p.Void(ByNobody, "", &Void{Hold: HoldRef{ID: "b"}}) },
		func(p *ContentPrint) { p.Rating("a", 1, "") },
		func(p *ContentPrint) { p.Rating("a", 2, "") },
		func(p *ContentPrint) { p.Rating("a", 1, "b") },
		func(p *ContentPrint) { p.Accrual(ByNobody, "", &Receipt{Amount: 10}) },
		func(p *ContentPrint) { p.Return(ByNobody, "", &Deed{}, "", 10) },
		func(p *ContentPrint) { p.Return(ByNobody, "", &Deed{}, "a", 10) },
		member(func(c *MemberContent) {}),
		member(func(c *MemberContent) { c.Card = "b" }),
		member(func(c *MemberContent) { c.Name = Said[string]{Set: true} }),
		member(func(c *MemberContent) { c.Name = Said[string]{true, "a"} }),
		member(func(c *MemberContent) { c.Sex = Said[string]{true, "a"} }),
		member(func(c *MemberContent) { c.Referrer = Said[string]{true, "a"} }),
		member(func(c *MemberContent) { c.RegisteredAt = Said[Time]{Set: true} }),
		member(func(c *MemberContent) { c.RegisteredAt = Said[Time]{true, 1} }),
	}
	p, fresh := testPrint(1), testPrint(1)
	seen := map[uint64]int{}
	for i, print := range all {
		print(&p)
		if other, twice := seen[p.Sum()]; twice || p.Sum() == 0 {
			t.Fatalf("%d and %d have one fingerprint, %#x", i, other, p.Sum())
		}
		seen[p.Sum()] = i
		fresh = testPrint(1)
		if print(&fresh); fresh.Sum() != p.Sum() {
			t.Fatalf("%d: %#x; at first %#x", i, fresh.Sum(), p.Sum())
		}
	}
}
