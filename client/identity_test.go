package client_test

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/kopilka/kopilka/client"
)

// TestIdentity walks two members who are one person through everything that the
// client can say of them.
func TestIdentity(t *testing.T) {
	c := serve(t)
	document, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	document = append(document, `
certificates: [{id: sorry, points: 20000, valid_days: 10}]
instruments: [{id: gift, kind: gift_certificate, value: 100000, valid_days: 365, prefix: "22"}]
`...)
	if err := c.PutProgram("p-1", document); err != nil {
		t.Fatal(err)
	}
	put := must[*client.Answer](t)
	put(c.PutMember(client.PutMember{Card: "anna", Name: "Anna", Carrier: "plastic", Cashier: "olga"}))
	put(c.PutMember(client.PutMember{Card: "ania", Name: "Ania"}))
	put(c.PutMember(client.PutMember{Card: "friend", Referrer: "anna"}))

	lost := true
	card := must[*client.Card](t)(c.PutCard("anna", "w1", client.PutCard{ID: "c-1", Carrier: "wallet", Blocked: &lost}))
	if card.Card != "w1" || card.Carrier != "wallet" || !card.Blocked {
		t.Fatalf("%+v", card)
	}
	if code := must[*client.AppCode](t)(c.NewCode("anna")); len(code.Code) != 16 || code.ExpiresAt.IsZero() {
		t.Fatalf("%+v", code)
	}
	why := func(id string) client.ByHand { return client.ByHand{ID: id, Reason: "the same phone", Actor: "olga"} }
	given := must[*client.Certificate](t)(c.GiveCertificate("ania", client.NewCertificate{ID: "s-1", Certificate: "sorry", Reason: "r", Actor: "olga"}))
	if given.ID != "sorry" || given.Left != 20000 || given.ValidFrom != "2026-06-01" || given.ValidTo != "2026-06-10" {
		t.Fatalf("%+v", given)
	}
	if err := c.AddNote("ania", client.Note{ID: "n-1", Text: "likes blue", Actor: "olga"}); err != nil {
		t.Fatal(err)
	}

	merged := must[*client.Merged](t)(c.Merge("anna", "ania", why("m-1")))
	if again := must[*client.Merged](t)(c.Merge("anna", "ania", why("m-1"))); !again.Replayed || again.Seq != merged.Seq {
		t.Fatalf("%+v", again)
	}
	m := must[*client.Member](t)(c.Member("ania", merged.Seq))
	if m.Card != "anna" || len(m.Cards) != 3 || m.Notes != 1 || len(m.Certificates) != 1 || m.Certificates[0] != *given {
		t.Fatalf("%+v", m)
	}
	for n, err := range c.Notes("anna") {
		if err != nil || n.Text != "likes blue" || n.Actor != "olga" {
			t.Fatal(n, err)
		}
	}
	if undone := must[*client.Merged](t)(c.UndoMerge("m-1", why("u-1"))); undone.FromMemberID != merged.FromMemberID {
		t.Fatalf("%+v", undone)
	}
	if export := must[[]byte](t)(func() ([]byte, error) { e, err := c.Export("anna"); return e, err }()); !bytes.Contains(export, []byte(`"invited":1`)) {
		t.Fatalf("%s", export)
	}
	if err := c.Erase("anna", why("x-1")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Member("anna", 0)
	code(t, err, "member-not-found")
	for range c.Consents("ania") {
		t.Fatal("nobody has agreed to anything")
	}

	emission := must[*client.Emission](t)(c.Emit("gift", "e-1", 3, ""))
	var csv bytes.Buffer
	if err := c.Numbers(&csv, "gift", "e-1"); err != nil || strings.Count(csv.String(), "\n") != 4 || !strings.Contains(csv.String(), emission.First) {
		t.Fatal(csv.String(), err)
	}
	if n := must[*client.Number](t)(c.Number(emission.First)); n.Instrument != "gift" || n.Left != 100000 || !n.Good {
		t.Fatalf("%+v", n)
	}
	if all := must[[]client.Instrument](t)(c.Instruments()); len(all) != 1 || all[0].Emitted != 3 {
		t.Fatalf("%+v", all)
	}
}

// An audience is frozen, given points, and read back.
func TestAudience(t *testing.T) {
	c := serve(t)
	must[*client.Answer](t)(c.PutMember(client.PutMember{Card: "ania"}))
	made := must[*client.Audience](t)(c.Freeze(client.NewAudience{ID: "all", Expr: "!blocked"}))
	g := must[*client.AudienceGrant](t)(c.GrantAudience("all", 50, client.ByHand{ID: "g", Reason: "r", Actor: "a"}))
	read := must[*client.Audience](t)(c.Audience("all"))
	if made.Members == 0 || g.Members != made.Addressed || len(read.Grants) != 1 || read.Grants[0].Members != g.Members {
		t.Fatalf("%+v, %+v, %+v", made, g, read)
	}
	for x, err := range c.Audiences() {
		if err != nil || x.Seq != made.Seq {
			t.Fatalf("%+v, %v", x, err)
		}
	}
	var csv strings.Builder
	if err := c.AudienceCSV(&csv, "all", "addressed"); err != nil || !strings.Contains(csv.String(), "ania") {
		t.Fatalf("%q, %v", csv.String(), err)
	}
}

// A mailing is begun, its members are handed out once, and what was heard is read back.
func TestMailing(t *testing.T) {
	c := serve(t)
	must[*client.Answer](t)(c.PutMember(client.PutMember{Card: "ania"}))
	must[*client.Audience](t)(c.Freeze(client.NewAudience{ID: "all", Expr: "!blocked"}))
	made := must[*client.Mailing](t)(c.Mail(client.NewMailing{ID: "boots", Audience: "all",
		Channels: []client.NewChannel{{Channel: "push", Timeout: 60}, {Channel: "sms", Timeout: 60, Cost: 350}}}))
	first := must[*client.Dispatch](t)(c.Dispatch("boots", "d", "push", 0))
	again := must[*client.Dispatch](t)(c.Dispatch("boots", "d", "push", 0))
	if made.StartsAt != nil || len(first.Members) == 0 || !reflect.DeepEqual(first, again) {
		t.Fatalf("%+v, %+v, %+v", made, first, again)
	}
	heard := must[*client.Heard](t)(c.Deliver("boots", "h", "push", []client.Delivery{{MemberID: first.Members[0].MemberID, Status: "failed"}}))
	sms := must[*client.Dispatch](t)(c.Dispatch("boots", "d2", "sms", 1000))
	read := must[*client.Mailing](t)(c.Mailing("boots"))
	if heard.Failed != 1 || len(sms.Members) != 1 || sms.Members[0] != first.Members[0] || read.Channels[1].TotalCost != 350 || read.Channels[0].Failed != 1 {
		t.Fatalf("%+v, %+v, %+v", heard, sms, read)
	}
	for x, err := range c.Mailings() {
		if err != nil || x.Seq != made.Seq {
			t.Fatalf("%+v, %v", x, err)
		}
	}
}
