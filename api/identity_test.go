package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

func TestCards(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"carrier":"plastic"}`).is(201)
	s.enrol("c2")
	s.as("till", "PUT", "/v1/members/c1/cards/w1", `{"id":"a","carrier":"wallet"}`).is(201, "card", "w1", "carrier", "wallet", "blocked", false)
	s.as("till", "PUT", "/v1/members/c1/cards/w1", `{"id":"a","carrier":"wallet"}`).is(200)
	s.as("till", "PUT", "/v1/members/c1/cards/w1", `{"id":"a","carrier":"app"}`).refused(codeIdempotencyMismatch, "")
	s.as("till", "PUT", "/v1/members/w1/cards/w2", `{}`).is(201, "id", nil, "carrier", nil)
	s.as("till", "PUT", "/v1/members/c2/cards/w1", `{}`).refused(codeCardTaken, "")
	s.as("till", "PUT", "/v1/members/c2/cards/c1", `{}`).refused(codeCardTaken, "")
	s.as("till", "PUT", "/v1/members/w1", `{"name":"Anna"}`).is(200) // changes the member, by any card
	s.as("till", "PUT", "/v1/members/c9/cards/w3", `{}`).refused(codeMemberNotFound, "")
	s.as("till", "PUT", "/v1/members/c1/cards/"+strings.Repeat("x", 33), `{}`).refused(codeMalformed, "")
	s.as("till", "PUT", "/v1/members/c1/cards/w1", `{"blocked":true}`).refused(codeForbidden, "/blocked")

	s.sell("w1", 10000)
	s.get("/v1/members/w2").is(200, "card", "c1", "name", "Anna", "balance", 500,
		"cards.0.card", "c1", "cards.0.carrier", "plastic", "cards.1.card", "w1", "cards.1.carrier", "wallet", "cards.2.card", "w2", "cards.2.carrier", nil)

	// A lost card is known, and does nothing; the others do.
	s.as("admin", "PUT", "/v1/members/c1/cards/c1", `{"blocked":true}`).is(200, "carrier", "plastic", "blocked", true)
	s.get("/v1/members/c1").is(200, "blocked", false, "cards.0.blocked", true, "cards.1.blocked", false)
	s.post("/v1/receipts", `{"id":"r1","card":"c1","amount":100}`).refused(codeMemberBlocked, "")
	s.post("/v1/members/c1/codes", "").refused(codeMemberBlocked, "")
	s.post("/v1/receipts", `{"id":"r1","card":"w1","amount":100}`).is(201)
	s.as("till", "PUT", "/v1/members/c1/cards/c1", `{"carrier":"old-plastic"}`).is(200, "blocked", true) // what is left out stays
	s.as("admin", "PUT", "/v1/members/c1/cards/c1", `{"blocked":false}`).is(200, "carrier", "old-plastic", "blocked", false)
	s.post("/v1/receipts", `{"id":"r2","card":"c1","amount":100}`).is(201)
	for _, bad := range []string{"Plastic", "old plastic", "", "abcdefghijklmnopq"} {
		s.as("admin", "PUT", "/v1/members/c1/cards/c1", `{"carrier":"`+bad+`"}`).refused(codeMalformed, "/carrier")
		s.as("till", "PUT", "/v1/members/c1", `{"carrier":"`+bad+`"}`).refused(codeMalformed, "/carrier")
	}
	s.get("/v1/members?q=w2").is(200, "data.0.card", "c1")
}

func TestMergeAndUndo(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/anna", `{"name":"Anna Petrova","phone":"+79001234567"}`).is(201)
	s.as("till", "PUT", "/v1/members/ania", `{"name":"Ania Petrova","phone":"+79001234568"}`).is(201)
	s.as("till", "PUT", "/v1/members/friend", `{"referrer":"ania"}`).is(201)
	s.sell("anna", 10000)
	kept := s.sell("ania", 20000)
	back := s.sell("ania", 4000)
	s.as("admin", "POST", "/v1/members/ania/notes", `{"id":"n1","text":"likes blue","actor":"olga"}`).is(201)
	s.as("admin", "POST", "/v1/members/anna/notes", `{"id":"n2","text":"likes red","actor":"olga"}`).is(201)

	merge := func(into, body string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/members/"+into+"/merge", body)
	}
	merge("anna", `{"id":"m1","from":"nobody","reason":"r","actor":"olga"}`).refused(codeMemberNotFound, "/from")
	merge("nobody", `{"id":"m1","from":"anna","reason":"r","actor":"olga"}`).refused(codeMemberNotFound, "")
	merge("anna", `{"id":"m1","from":"anna","reason":"r","actor":"olga"}`).refused(codeAlreadyMerged, "")
	merge("anna", `{"id":"m1","from":"ania","actor":"olga"}`).refused(codeMalformed, "")
	s.as("till", "POST", "/v1/members/anna/merge", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).refused(codeForbidden, "")
	merge("anna", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).is(201, "points_moved", 1200, "receipts_moved", 2, "amount_moved", 24000, "balance", 1700)
	merge("anna", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).is(200, "balance", 1700)
	merge("anna", `{"id":"m2","from":"ania","reason":"r","actor":"olga"}`).refused(codeAlreadyMerged, "")

	// Both names, phones and cards lead to one member, who is found once.
	s.get("/v1/members/ania").is(200, "card", "anna", "name", "Anna Petrova", "balance", 1700, "rfm.monetary", 34000, "rfm.frequency", 3, "notes", 2,
		"cards.0.card", "anna", "cards.1.card", "ania")
	for _, q := range []string{"petr", "anna", "ania", "+79001234567", "+79001234568"} {
		r := s.get("/v1/members?q="+url.QueryEscape(q)).is(200, "data.0.card", "anna")
		if n := len(r.at("data").([]any)); n != 1 {
			t.Fatalf("%s: %d members", q, n)
		}
	}
	s.get("/v1/members/friend").is(200, "referrer", "ania") // the card that was named, which leads to anna
	s.get("/v1/members/anna/notes").is(200, "data.0.text", "likes red", "data.1.text", "likes blue")
	page := s.get("/v1/members/anna/notes?limit=1").is(200, "data.0.text", "likes red")
	s.get("/v1/members/anna/notes?limit=1&cursor="+page.at("next_cursor").(string)).is(200, "data.0.text", "likes blue", "next_cursor", nil)

	// What comes back of the part's receipts is not given back again by the undo.
	s.post("/v1/receipts/"+back+"/returns", `{"id":"t1"}`).is(201, "points_taken", 200, "balance", 1500)
	s.post("/v1/receipts/"+kept+"/returns", `{"id":"t2","amount":5000}`).is(201, "points_taken", 250, "balance", 1250)
	s.sell("ania", 1000) // by the part's card: the member's
	s.get("/v1/members/anna").is(200, "rfm.monetary", 26000, "rfm.frequency", 3)

	undo := func(id, body string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/merges/"+id+"/undo", body)
	}
	undo("m9", `{"id":"u1","reason":"r","actor":"olga"}`).refused(codeNotFound, "")
	undo("n1", `{"id":"u1","reason":"r","actor":"olga"}`).refused(codeNotFound, "")
	undo("m1", `{"id":"u1","reason":"r"}`).refused(codeMalformed, "")
	undo("m1", `{"id":"u1","reason":"r","actor":"olga"}`).is(201, "merge", "m1", "receipts_moved", 1, "amount_moved", 15000)
	undo("m1", `{"id":"u1","reason":"r","actor":"olga"}`).is(200, "receipts_moved", 1)
	undo("m1", `{"id":"u2","reason":"r","actor":"olga"}`).refused(codeNotMerged, "")
	s.get("/v1/members/anna").is(200, "rfm.monetary", 11000, "rfm.frequency", 2, "notes", 1)
	s.get("/v1/members/ania").is(200, "card", "ania", "name", "Ania Petrova", "rfm.monetary", 15000, "rfm.frequency", 1, "notes", 1)
	s.get("/v1/members/friend").is(200, "referrer", "ania")
	if n := len(s.get("/v1/members?q=petr").is(200).at("data").([]any)); n != 2 {
		t.Fatalf("%d members", n)
	}
	total := s.get("/v1/members/anna").int("balance") + s.get("/v1/members/ania").int("balance")
	if total != 1300 { // 1700 − 200 − 250 + 50
		t.Fatalf("%d points; want 1300", total)
	}
	// And once more, after which returns of the part's receipt still find their way.
	merge("anna", `{"id":"m3","from":"ania","reason":"r","actor":"olga"}`).is(201)
	s.post("/v1/receipts/"+kept+"/returns", `{"id":"t3"}`).is(201, "goods", 15000)
	undo("m3", `{"id":"u3","reason":"r","actor":"olga"}`).is(201, "receipts_moved", 0, "amount_moved", 0)
	s.get("/v1/members/ania").is(200, "rfm.monetary", 0, "rfm.frequency", 0)
}

// TestPhoneOfPart gives a member the phone of his part: it is his from then on, also
// when the two stand for themselves again, and nobody's when he gives it up.
func TestPhoneOfPart(t *testing.T) {
	const phone = "+79001234568"
	f := func(then, ofAnna string) {
		t.Helper()
		s := open(t)
		s.enrol("anna")
		s.as("till", "PUT", "/v1/members/ania", `{"name":"Ania","phone":"`+phone+`"}`).is(201)
		s.as("admin", "POST", "/v1/members/anna/merge", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).is(201)
		s.as("till", "PUT", "/v1/members/anna", `{"phone":"`+phone+`"}`).is(200)
		if then != "" {
			s.as("till", "PUT", "/v1/members/anna", then).is(200)
		}
		s.as("admin", "POST", "/v1/merges/m1/undo", `{"id":"u1","reason":"r","actor":"olga"}`).is(201)
		var want any
		if ofAnna != "" {
			want = ofAnna
		}
		s.get("/v1/members/anna").is(200, "phone", want)
		s.get("/v1/members/ania").is(200, "phone", nil, "name", "Ania")
		n := map[bool]int{false: 0, true: 1}[ofAnna != ""]
		s.as("analyst", "POST", "/v1/segments/query", `{"expr":"has:phone"}`).is(200, "count", n)
		// Another change of the part does not bring the phone back.
		s.as("till", "PUT", "/v1/members/ania", `{"name":"Ania P"}`).is(200)
		s.get("/v1/members/ania").is(200, "phone", nil, "name", "Ania P")
		s.get("/v1/members/anna").is(200, "phone", want)
		r := s.get("/v1/members?q=" + url.QueryEscape(phone)).is(200)
		switch found := r.at("data").([]any); {
		case ofAnna == phone && r.at("data.0.card") == "anna", ofAnna != phone && len(found) == 0:
		default:
			t.Fatalf("after %s the phone leads to %s", then, r.text)
		}
		if ofAnna != phone {
			s.as("till", "PUT", "/v1/members/ania", `{"phone":"`+phone+`"}`).is(200)
			s.get("/v1/members/ania").is(200, "phone", phone)
		}
	}
	f("", phone)
	f(`{"phone":null}`, "")
	f(`{"phone":"+79001234569"}`, "+79001234569")
}

// TestMergeOfMerged undoes a merge whose part had a part of its own.
func TestMergeOfMerged(t *testing.T) {
	s := open(t)
	for _, card := range []string{"a", "b", "c"} {
		s.enrol(card)
	}
	s.sell("a", 10000)
	ofB := s.sell("b", 20000)
	s.sell("c", 40000)
	merge := func(id, into, from string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/members/"+into+"/merge", fmt.Sprintf(`{"id":%q,"from":%q,"reason":"r","actor":"olga"}`, id, from))
	}
	undo := func(merge, id string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/merges/"+merge+"/undo", fmt.Sprintf(`{"id":%q,"reason":"r","actor":"olga"}`, id))
	}
	merge("bc", "c", "b").is(201)
	merge("ca", "a", "c").is(201, "amount_moved", 60000)
	s.post("/v1/receipts/"+ofB+"/returns", `{"id":"t1","amount":5000}`).is(201)
	undo("bc", "u1").refused(codeNotMerged, "") // c is part of a by now
	undo("ca", "u2").is(201, "amount_moved", 55000, "receipts_moved", 2)
	undo("bc", "u3").is(201, "amount_moved", 15000, "receipts_moved", 1)
	s.get("/v1/members/a").is(200, "rfm.monetary", 10000)
	s.get("/v1/members/b").is(200, "rfm.monetary", 15000)
	s.get("/v1/members/c").is(200, "rfm.monetary", 40000)
}

func TestErase(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	s.as("till", "PUT", "/v1/members/anna", `{"name":"Anna Petrova","phone":"+79001234567","birth_date":"1990-05-20"}`).is(201)
	s.as("till", "PUT", "/v1/members/ania", `{"name":"Ania Petrova"}`).is(201)
	s.as("till", "PUT", "/v1/members/friend", `{"referrer":"anna","name":"Boris"}`).is(201)
	sale := s.sell("anna", 10000)
	s.as("admin", "POST", "/v1/members/anna/notes", `{"id":"n1","text":"secret","actor":"olga"}`).is(201)
	s.as("admin", "POST", "/v1/members/anna/merge", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).is(201)

	var slots []uint32
	var numbers []kopilka.MemberNo
	s.queue.View(func(b *engine.State) {
		no, _ := b.ByCard("anna")
		for _, part := range b.Parts(no) {
			numbers = append(numbers, part)
			slots = append(slots, b.Row(part, 0).KeySlot)
		}
	})
	if len(slots) != 2 || slots[0] == 0 || slots[1] == 0 {
		t.Fatal(slots)
	}
	body := `{"id":"x1","reason":"asked","actor":"olga"}`
	s.as("till", "POST", "/v1/members/anna/erase", body).refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/members/nobody/erase", body).refused(codeMemberNotFound, "")
	s.as("admin", "POST", "/v1/members/anna/erase", `{"id":"x1","actor":"olga"}`).refused(codeMalformed, "")
	s.as("admin", "POST", "/v1/members/anna/erase", body).is(201, "forfeited", 500, "erased", true)
	s.as("admin", "POST", "/v1/members/anna/erase", body).is(200, "forfeited", 500)
	for _, slot := range slots {
		if _, err := s.server.vault.OpenWords(slot, []byte{1}); err == nil || !strings.Contains(err.Error(), "erased") {
			t.Fatalf("the key in slot %d is not destroyed: %v", slot, err)
		}
	}
	for _, path := range []string{"anna", "ania", "anna/ledger", "anna/notes", "anna/consents", "anna/export"} {
		s.get("/v1/members/" + path).is(404)
	}
	for _, q := range []string{"petr", "anna", "ania", "+79001234567"} {
		if n := len(s.get("/v1/members?q=" + url.QueryEscape(q)).is(200).at("data").([]any)); n != 0 {
			t.Fatalf("%s is found", q)
		}
	}
	if n := s.server.names.Len(); n != 1 {
		t.Fatalf("%d words of names are held; want Boris", n)
	}
	s.get("/v1/members/friend").is(200, "referrer", nil)
	s.post("/v1/receipts/"+sale+"/returns", `{"id":"t1"}`).is(201, "goods", 10000)
	s.clock(testStart.AddDate(0, 6, 0)) // past the birthday, which is nobody's
	if n := s.count("birthday"); n != 0 {
		t.Fatalf("%d birthdays", n)
	}
	// Card and phone are free for another, who is another.
	s.as("till", "PUT", "/v1/members/anna", `{"phone":"+79001234567"}`).is(201, "enrolled", true, "balance", 0)
	s.get("/v1/members/anna").is(200, "name", nil, "notes", 0)
}

// TestEraseIsFinished stands for a crash between the books and the keys: the next
// start destroys what was left.
func TestEraseIsFinished(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/anna", `{"name":"Anna"}`).is(201)
	s.as("till", "PUT", "/v1/members/boris", `{"name":"Boris"}`).is(201)
	var anna engine.Member
	s.queue.View(func(b *engine.State) {
		no, _ := b.ByCard("anna")
		anna = b.Member(no, 0)
	})
	a, err := s.queue.Submit(&kopilka.Erase{Member: anna.No, Reason: "r", Actor: "a"})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		t.Fatal(a, err)
	}
	if err := s.server.eraseKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.server.vault.OpenWords(anna.KeySlot, []byte{1}); err == nil || !strings.Contains(err.Error(), "erased") {
		t.Fatal(err)
	}
	if err := s.server.eraseKeys(t.Context()); err != nil { // twice does no harm
		t.Fatal(err)
	}
	s.get("/v1/members/boris").is(200, "name", "Boris")
}

// TestSources enrols by a source with places and an end.
func TestSources(t *testing.T) {
	s := openWith(t, testProgram+`
sources:
  - {id: poster, cap: 2}
  - {id: spring, ends_at: "2026-03-03"}
`, Options{})
	put := func(card, source string) *reply {
		t.Helper()
		return s.as("till", "PUT", "/v1/members/"+card, fmt.Sprintf(`{"source":%q,"store":"S1","cashier":"olga"}`, source))
	}
	put("c1", "poster").is(201)
	put("c2", "poster").is(201)
	put("c3", "poster").refused(codeSourceClosed, "")
	put("c2", "poster").is(200) // is enrolled already
	put("c3", "flyer").is(201)  // is not listed: free
	put("c4", "spring").is(201)
	s.clock(testStart.Add(24 * time.Hour))
	put("c5", "spring").refused(codeSourceClosed, "")
	s.get("/v1/members/c5").refused(codeMemberNotFound, "")
}

// TestEnrolmentIsFixed changes store and source later: what the first command said
// stands in the log for reports.
func TestEnrolmentIsFixed(t *testing.T) {
	s := open(t)
	first := s.as("till", "PUT", "/v1/members/c1", `{"source":"poster","store":"S1","cashier":"olga"}`).is(201)
	later := s.as("till", "PUT", "/v1/members/c1", `{"source":"flyer","store":"S2","cashier":"ivan"}`).is(200)
	bound := s.as("s1", "PUT", "/v1/members/c2", `{"source":"poster"}`).is(201)
	f := func(r *reply, store, source, cashier string) {
		t.Helper()
		record, err := s.queue.Command(kopilka.Seq(r.int("seq")))
		if err != nil {
			t.Fatal(err)
		}
		c := record.Command.(*kopilka.PutMember)
		if c.Store != store || c.Source != source || c.Cashier != cashier {
			t.Fatalf("%q %q %q; want %q %q %q", c.Store, c.Source, c.Cashier, store, source, cashier)
		}
	}
	f(first, "S1", "poster", "olga")
	f(later, "", "", "")
	f(bound, "S1", "poster", "")
	s.get("/v1/members/c1").is(200, "source", "flyer", "store", "S2")
}

// TestExportIsWhole exports more returns of a receipt than a till is shown.
func TestExportIsWhole(t *testing.T) {
	s := open(t)
	s.enrol("c")
	sale := s.sell("c", 1000)
	for i := range returnsMax + 1 {
		s.post("/v1/receipts/"+sale+"/returns", fmt.Sprintf(`{"id":"b%d","amount":1}`, i)).is(201)
	}
	if n := len(s.get("/v1/receipts/" + sale).at("returns").([]any)); n != returnsMax {
		t.Fatalf("%d returns are shown", n)
	}
	if n := len(s.get("/v1/members/c/export").is(200).at("numbers.0.receipts.0.returns").([]any)); n != returnsMax+1 {
		t.Fatalf("%d returns are exported", n)
	}
}

func TestExport(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/anna", `{"name":"Anna","birth_date":"1990-05-20"}`).is(201)
	s.as("till", "PUT", "/v1/members/anna", `{"name":"Anne"}`).is(200)
	s.as("till", "PUT", "/v1/members/ania", `{"name":"Ania"}`).is(201)
	for _, friend := range []string{"f1", "f2"} {
		s.as("till", "PUT", "/v1/members/"+friend, `{"referrer":"anna"}`).is(201)
	}
	s.as("till", "PUT", "/v1/members/f3", `{"referrer":"ania"}`).is(201)
	s.post("/v1/receipts", `{"id":"r1","card":"anna","amount":3000,"lines":[{"sku":"a","amount":1000},{"sku":"b","amount":2000}]}`).is(201)
	s.as("till", "PUT", "/v1/receipts/r1/rating", `{"stars":5,"text":"kind"}`)
	s.sell("ania", 1000)
	s.as("admin", "POST", "/v1/members/ania/notes", `{"id":"n1","text":"likes blue","actor":"olga"}`).is(201)
	s.as("admin", "POST", "/v1/members/anna/merge", `{"id":"m1","from":"ania","reason":"r","actor":"olga"}`).is(201)
	r := s.get("/v1/members/ania/export").is(200, "member.card", "anna", "invited", 3, "notes.0.text", "likes blue",
		"numbers.0.card", "anna", "numbers.0.profiles.0.name", "Anne", "numbers.0.profiles.1.name", "Anna", "numbers.0.profiles.1.birth_date", "1990-05-20",
		"numbers.0.receipts.0.id", "r1", "numbers.0.receipts.0.lines.1.sku", "b", "numbers.0.receipts.0.rating.text", "kind",
		"numbers.1.card", "ania", "numbers.1.profiles.0.name", "Ania", "numbers.1.receipts.0.amount", 1000)
	sum := 0
	for n := range 2 {
		for i := range r.at(fmt.Sprintf("numbers.%d.ledger", n)).([]any) {
			sum += r.int(fmt.Sprintf("numbers.%d.ledger.%d.points", n, i))
		}
	}
	if sum != r.int("member.balance") {
		t.Fatalf("entries add up to %d, the member has %d", sum, r.int("member.balance"))
	}
	s.as("till", "GET", "/v1/members/anna/export", "").refused(codeForbidden, "")
	s.get("/v1/members/nobody/export").refused(codeMemberNotFound, "")
}

// TestTierByHand sets tiers by hand where the program leaves them to staff.
func TestTierByHand(t *testing.T) {
	s := openWith(t, strings.Replace(testProgram, "{metric: spend, window_days: 365, downgrade: full}", "{metric: manual}", 1), Options{})
	s.enrol("c1")
	s.as("till", "PUT", "/v1/members/c1", `{"tier":"gold"}`).refused(codeForbidden, "/tier")
	s.as("admin", "PUT", "/v1/members/c1", `{"tier":""}`).refused(codeMalformed, "/tier")
	s.as("admin", "PUT", "/v1/members/c1", `{"tier":"platinum"}`).refused(codeNotFound, "")
	s.as("admin", "PUT", "/v1/members/c1", `{"tier":"gold"}`).is(200, "tier", "gold")
	s.get("/v1/members/c1").is(200, "tier", "gold", "tier_progress.metric", "manual", "tier_progress.next_tier", nil)
	s.sell("c1", 1000)
	s.get("/v1/members/c1").is(200, "balance", 100)
	other := open(t)
	other.as("admin", "PUT", "/v1/members/c1", `{"tier":"gold"}`).refused(codeTierNotByHand, "")
}

// TestMembersOfABatch sends what a member can have in lines of a batch.
func TestMembersOfABatch(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	lines := `{"op":"member","id":"b1","card":"c1","birth_date":"1990-03-08","carrier":"app","cashier":"olga","source":"poster","store":"S1"}
{"op":"member","id":"b2","card":"c1","tier":"gold"}
`
	r := s.as("till", "POST", "/v1/batch", lines, "Content-Type", "application/x-ndjson").is(200)
	answers := strings.Split(strings.TrimSpace(r.text), "\n")
	if len(answers) != 2 || !strings.Contains(answers[0], `"enrolled":true`) || !strings.Contains(answers[1], `"forbidden"`) {
		t.Fatal(r.text)
	}
	s.get("/v1/members/c1").is(200, "cards.0.carrier", "app")
	s.has("c1", "birthday 150000 2026-03-01..2026-03-22")
}
