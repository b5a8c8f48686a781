package api

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMember(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"id":"m1","phone":"+7 900 123-45-67","name":"Анна Каренина","birth_date":"1990-02-28",
		"sex":"f","store":"S1","source":"flyer","registered_at":"2025-05-06T10:00:00+02:00","state":"registered",
		"consent":{"text_version":"v1","at":"2025-05-06T10:00:00+02:00"},"attributes":{"shoe":38,"vip":true,"city":"Köln"}}`).is(201,
		"id", "m1", "card", "c1", "enrolled", true, "state", "registered", "balance", 0)
	s.as("till", "PUT", "/v1/members/c2", `{"referrer":"c1"}`).is(201, "state", "created")
	s.get("/v1/members/c1").is(200, "card", "c1", "phone", "+79001234567", "name", "Анна Каренина", "birth_date", "1990-02-28",
		"sex", "f", "store", "S1", "source", "flyer", "registered_at", "2025-05-06T10:00:00.000+02:00", "state", "registered",
		"consent.text_version", "v1", "attributes.shoe", 38, "attributes.vip", true, "attributes.city", "Köln",
		"balance", 0, "pending", 0, "held", 0, "debt", 0, "tier", "base", "tier_progress.metric", "spend", "tier_progress.value", 0,
		"tier_progress.next_tier", "gold", "tier_progress.missing", 1000000, "next_expiry", nil, "last_receipt", nil,
		"rfm.recency_days", nil, "rfm.r", 0, "segment", "none", "referrer", nil, "blocked", false)
	s.get("/v1/members/c2").is(200, "referrer", "c1", "name", nil)

	// What is left out stays, null clears.
	s.as("till", "PUT", "/v1/members/c1", `{"name":null,"attributes":{"vip":null,"size":"L"},"state":"installed"}`).is(200, "id", nil, "enrolled", false)
	s.get("/v1/members/c1").is(200, "name", nil, "phone", "+79001234567", "attributes.shoe", 38, "attributes.size", "L", "state", "installed")
	s.as("till", "PUT", "/v1/members/c1", `{"attributes":null,"consent":null}`).is(200)
	if r := s.get("/v1/members/c1").is(200, "consent", nil); strings.Contains(r.text, "shoe") {
		t.Fatalf("attributes are not cleared: %s", r.text)
	}
	s.as("till", "PUT", "/v1/members/c1", `{"id":"m1","name":"x"}`).refused(codeIdempotencyMismatch, "")

	s.sell("c1", 999999)
	s.sell("c1", 1)
	s.get("/v1/members/c1").is(200, "tier", "gold", "tier_progress.next_tier", nil, "last_receipt.amount", 1, "last_receipt.id", "sale-2",
		"rfm.frequency", 2, "rfm.monetary", 1000000, "rfm.recency_days", 0, "lots.0.left", 49999, "lots.0.activates_at", nil,
		"lots.0.expires_at", "2027-03-02T23:59:59.999+01:00")
}

func TestMemberRefusals(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"phone":"+79001234567","state":"installed"}`).is(201)
	s.as("till", "PUT", "/v1/members/c2", `{"referrer":"c1"}`).is(201)
	f := func(card, body string, code code, pointer string) {
		t.Helper()
		s.as("till", "PUT", "/v1/members/"+card, body).refused(code, pointer)
	}
	f("c1", `{"phne":"x"}`, codeMalformed, "/phne")
	f("c1", `{"phone":"123"}`, codeMalformed, "/phone")
	f("c1", `{"birth_date":"1990-02-30"}`, codeMalformed, "/birth_date")
	f("c1", `{"sex":"?"}`, codeMalformed, "/sex")
	f("c1", `{"state":"created"}`, codeMalformed, "/state")
	f("c1", `{"state":"registered"}`, codeMalformed, "/state")
	f("c1", `{"consent":{"text_version":"v"}}`, codeMalformed, "/consent/at")
	f("c1", `{"attributes":{"a":[1]}}`, codeMalformed, "/attributes/a")
	f("c1", `{"attributes":{"a":1,"a":2}}`, codeMalformed, "/attributes/a")
	f("c1", `{"attributes":[]}`, codeMalformed, "/attributes")
	for _, no := range []string{"1e400", "1E2", "12345678901234567890", "1234567890123456", "0.1234567890123456", "-1.000000000000000"} {
		f("c1", `{"attributes":{"ok":"1e400","n":`+no+`}}`, codeMalformed, "/attributes/n")
	}
	s.as("till", "PUT", "/v1/members/c1", `{"attributes":{"a":123456789012345,"b":-0.00123456789012345,"c":1.50,"d":0}}`).is(200)
	s.get("/v1/members/c1").is(200, "attributes.a", 123456789012345, "attributes.b", "-0.00123456789012345", "attributes.c", "1.50", "attributes.d", 0)
	f("c1", `{"blocked":true}`, codeForbidden, "/blocked")
	f("c1", `{"referrer":"c2"}`, codeReferralCycle, "")
	f("c1", `{"referrer":"c1"}`, codeReferralCycle, "")
	f("c9", `{"referrer":"nobody"}`, codeMemberNotFound, "/referrer")
	f("c9", `{"phone":"+79001234567"}`, codePhoneTaken, "")
	f("c9", `{"registered_at":"2026-03-03T00:00:00+01:00"}`, codeTooLate, "/registered_at")
	f("c9", `{"consent":{"text_version":"1","at":"2026-03-02T12:05:00.001+01:00"}}`, codeTooLate, "/consent/at")
	f(strings.Repeat("c", 33), `{}`, codeMalformed, "")
	f("a%2Fb", `{}`, codeMalformed, "")
	s.as("s1", "PUT", "/v1/members/c9", `{"store":"S2"}`).refused(codeForbidden, "/store")
	s.get("/v1/members/c9").refused(codeMemberNotFound, "")
}

func TestFindMembers(t *testing.T) {
	s := open(t)
	for i := range 5 {
		s.as("till", "PUT", fmt.Sprintf("/v1/members/c%d", i), fmt.Sprintf(`{"name":"Anna Petrova","phone":"+7900123456%d"}`, i)).is(201)
	}
	s.as("till", "PUT", "/v1/members/annab", `{"name":"Борис"}`).is(201)
	count := func(q string, want int) *reply {
		t.Helper()
		r := s.get("/v1/members?q=" + url.QueryEscape(q)).is(200)
		if got := len(r.at("data").([]any)); got != want {
			t.Fatalf("%s: %d members; want %d\n%s", q, got, want, r.text)
		}
		return r
	}
	count("c3", 1).is(200, "data.0.card", "c3", "data.0.name", "Anna Petrova")
	count("+79001234562", 1).is(200, "data.0.card", "c2")
	count("79001234562", 1)
	count("ann pet", 5)
	count("бор", 1)
	count("nobody", 0)
	s.get("/v1/members?q=+79001234562").is(200, "data.0.card", "c2")
	for _, no := range []string{"", "?q=a&q=a", "?q=a&q=b", "?q=", "?q=%FF", "?q=%C3%28", "?q=%", "?q=%4", "?q=%zz", "?q=ann&%ff=1", "?=ann", "?q=ann&=1",
		"?q=ann&cursor=garbage", "?q=ann&cursor=AAA", "?q=ann&cursor=", "?q=ann&limit=1&limit=1"} {
		s.get("/v1/members"+no).refused(codeMalformed, "")
	}

	seen := map[string]bool{}
	cursor := ""
	for page := 0; ; page++ {
		r := s.get("/v1/members?q=petr&limit=2" + cursor).is(200)
		for _, v := range r.at("data").([]any) {
			seen[v.(map[string]any)["card"].(string)] = true
		}
		next := r.at("next_cursor")
		if next == nil {
			if page != 2 || len(seen) != 5 {
				t.Fatalf("%d pages, %d members", page+1, len(seen))
			}
			break
		}
		cursor = "&cursor=" + next.(string)
	}
	// A cursor is good for the list that made it and for no other.
	next := s.get("/v1/members?q=petr&limit=2").at("next_cursor").(string)
	s.get("/v1/members?q=petr&limit=1&min_seq=1&cursor=" + next).is(200)
	for _, list := range []string{"/v1/members?q=pet", "/v1/members/c1/ledger?limit=1", "/v1/program/history?limit=1", "/v1/segments/none/members?limit=1", "/v1/keys?"} {
		s.get(list+"&cursor="+next).refused(codeMalformed, "")
	}
	for i := range next {
		bad := []byte(next)
		if bad[i]++; bad[i] == 'z'+1 {
			bad[i] = 'a'
		}
		s.get("/v1/members?q=petr&cursor="+string(bad)).refused(codeMalformed, "")
	}
	// A name that is no longer borne is not found.
	s.as("till", "PUT", "/v1/members/c0", `{"name":"Olga"}`).is(200)
	count("ann", 4)
	count("olg", 1)
}

// TestLedgerAddsUp walks a member's year and adds all entries up on every day.
func TestLedgerAddsUp(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.enrol("other")
	check := func() {
		t.Helper()
		for _, limit := range []int{1, 3, 500} {
			sum, cursor := 0, ""
			for {
				r := s.get(fmt.Sprintf("/v1/members/c1/ledger?limit=%d%s", limit, cursor)).is(200)
				data := r.at("data").([]any)
				if len(data) > limit {
					t.Fatalf("a page of %d; limit %d", len(data), limit)
				}
				for i := range data {
					sum += r.int(fmt.Sprintf("data.%d.points", i))
				}
				next := r.at("next_cursor")
				if next == nil {
					break
				}
				cursor = "&cursor=" + next.(string)
			}
			m := s.get("/v1/members/c1")
			if want := m.int("balance") + m.int("pending") + m.int("held") - m.int("debt"); sum != want {
				t.Fatalf("pages of %d: entries add up to %d, the member has %d\n%s", limit, sum, want, m.text)
			}
		}
	}
	day := testStart
	for step := range 14 {
		sale := s.sell("c1", 10000+step)
		s.sell("c1", 500, `,"redeem":"max"`)
		if step%3 == 0 {
			s.post("/v1/receipts/"+sale+"/returns", fmt.Sprintf(`{"id":"ret%d","amount":%d}`, step, 4000)).is(201)
		}
		if step%4 == 0 {
			s.as("admin", "POST", "/v1/adjustments", fmt.Sprintf(`{"id":"adj%d","card":"c1","points":-7,"reason":"r","actor":"a"}`, step)).is(201)
			s.as("admin", "POST", "/v1/accruals", fmt.Sprintf(`{"id":"gr%d","card":"c1","points":9,"reason":"r"}`, step)).is(201)
		}
		check()
		day = day.AddDate(0, 1, 3)
		s.clock(day)
		check() // what ran out meanwhile shows, though nobody has touched the member
	}
	day = day.AddDate(2, 0, 0)
	s.clock(day)
	check()
	s.get("/v1/members/c1").is(200, "balance", 0)
	r := s.get("/v1/members/c1/ledger?limit=1").is(200, "data.0.kind", "expire", "data.0.seq", nil)
	s.get("/v1/members/other/ledger?cursor="+fmt.Sprint(s.get("/v1/members/c1/ledger?limit=40").at("next_cursor"))).refused(codeMalformed, "")
	s.get("/v1/members/c1/ledger?cursor=%21").refused(codeMalformed, "")
	s.get("/v1/members/nobody/ledger").refused(codeMemberNotFound, "")
	s.get("/v1/members/c1/ledger?limit=501").refused(codeMalformed, "")
	_ = r
}

// TestLedgerKinds names every kind of entry once.
func TestLedgerKinds(t *testing.T) {
	s := openWith(t, strings.Replace(testProgram, "redeem_allowed_by", "returns: {spent_points: unlimited}\nredeem_allowed_by", 1), Options{})
	s.enrol("c1")
	sale := s.sell("c1", 10000)         // earn 500
	s.sell("c1", 1000, `,"redeem":500`) // earn 25, redeem 500
	s.post("/v1/receipts/"+sale+"/returns", `{"id":"t"}`).is(201, "points_taken", 500, "debt", 475, "balance", 0)
	s.as("admin", "POST", "/v1/accruals", `{"id":"g","card":"c1","points":600,"reason":"sorry"}`).is(201, "earned", 600, "balance", 125)
	s.as("admin", "POST", "/v1/adjustments", `{"id":"j","card":"c1","points":-5,"reason":"typo","actor":"me"}`).is(201, "points", -5, "balance", 120)
	s.clock(testStart.Add(400 * 24 * time.Hour))
	r := s.get("/v1/members/c1/ledger").is(200)
	var kinds []string
	for i := range r.at("data").([]any) {
		kinds = append(kinds, fmt.Sprintf("%v %d", r.at(fmt.Sprintf("data.%d.kind", i)), r.int(fmt.Sprintf("data.%d.points", i))))
	}
	want := "expire -120, adjust -5, grant 600, debt -475, take -25, earn 25, redeem -500, earn 500"
	if got := strings.Join(kinds, ", "); got != want {
		t.Fatalf("%s; want %s", got, want)
	}
}

// TestManyPutsAtOnce changes one member from many tills at once: all are heard.
func TestManyPutsAtOnce(t *testing.T) {
	s := open(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r := s.as("till", "PUT", "/v1/members/c1", fmt.Sprintf(`{"id":"p%d","attributes":{"a%d":%d}}`, i, i%30, i))
			if r.status != 200 && r.status != 201 {
				t.Errorf("status %d: %s", r.status, r.text)
			}
		})
	}
	wg.Wait()
	if n := len(s.get("/v1/members/c1").at("attributes").(map[string]any)); n != 30 {
		t.Fatalf("%d attributes; want 30", n)
	}
}
