package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestReceipt(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.post("/v1/receipts", `{"id":"r1","card":"c1","amount":10000}`).is(201,
		"id", "r1", "earned", 500, "redeemed", 0, "certificate_used", 0, "cash_due", 10000, "balance", 500, "pending", 0,
		"tier", "base", "segment", "new", "next_expiry.points", 500, "next_expiry.at", "2027-03-02T23:59:59.999+01:00",
		"recorded_at", "2026-03-02T12:00:00.000+01:00")
	r := s.post("/v1/receipts", `{"id":"r2","card":"c1","amount":1000,"redeem":"max"}`).is(201, "redeemed", 500, "earned", 25, "cash_due", 500, "balance", 25)
	if r.header.Get("Idempotent-Replayed") != "" {
		t.Fatal("the first answer says that it is a repetition")
	}

	// Of nobody there is no balance.
	s.post("/v1/receipts", `{"id":"r3","amount":700}`).is(201, "member_id", nil, "balance", nil, "tier", nil, "earned", 0, "cash_due", 700)
	s.post("/v1/receipts", `{"id":"r3m","amount":700,"redeem":"max"}`).is(201, "member_id", nil, "redeemed", 0, "cash_due", 700)
	s.post("/v1/quotes", `{"amount":700,"redeem":"max"}`).is(200, "member_id", nil, "redeemed", 0, "cash_due", 700, "max_redeem", 0)
	s.post("/v1/receipts", `{"id":"r3n","amount":700,"redeem":1}`).refused(codeMalformed, "/redeem")
	s.post("/v1/quotes", `{"amount":700,"redeem":1}`).refused(codeMalformed, "/redeem")
	// By member_id as by card.
	id := s.get("/v1/members/c1").is(200, "balance", 25).at("member_id")
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r4","member_id":%q,"amount":100}`, id)).is(201, "balance", 30)
}

func TestReceiptRefusals(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.as("till", "PUT", "/v1/members/c2", `{"phone":"+79001234567"}`).is(201)
	s.sell("c1", 10000)

	f := func(body string, code code, pointer string, more ...any) {
		t.Helper()
		s.post("/v1/receipts", body).refused(code, pointer).is(kinds[code].status, more...)
	}
	f(`{"id":"x","card":"nobody","amount":1}`, codeMemberNotFound, "")
	f(`{"id":"x","phone":"+79009999999","amount":1}`, codeMemberNotFound, "")
	f(`{"id":"x","member_id":"m0000000000000","amount":1}`, codeMemberNotFound, "")
	f(`{"id":"x","card":"c1","amount":10000,"redeem":501}`, codeInsufficientPoints, "", "available", 500, "requested", 501)
	f(`{"id":"x","card":"c1","amount":900,"redeem":451}`, codeRedeemCapExceeded, "", "max_redeem", 450)
	f(`{"id":"x","phone":"+79001234567","amount":900,"redeem":1}`, codeRedeemNotPermitted, "")
	f(`{"id":"x","card":"c1","amount":1,"occurred_at":"2026-03-02T12:05:01+01:00"}`, codeTooLate, "/occurred_at")
	f(`{"id":"x","card":"c1","amount":1,"occurred_at":"2026-01-29T12:00:00+01:00"}`, codeTooLate, "/occurred_at")
	s.post("/v1/receipts", `{"id":"x","card":"c1","amount":0,"occurred_at":"2026-01-30T12:00:00+01:00"}`).is(201)
	s.post("/v1/receipts", `{"id":"y","card":"c1","amount":0,"occurred_at":"2026-03-02T12:05:00+01:00"}`).is(201)

	// Ahead, but never into a day that has not come.
	s.clock(time.Date(2026, 3, 2, 22, 58, 0, 0, time.UTC))
	s.post("/v1/receipts", `{"id":"z","card":"c1","amount":0,"occurred_at":"2026-03-02T23:59:59+01:00"}`).is(201)
	f(`{"id":"w","card":"c1","amount":0,"occurred_at":"2026-03-03T00:00:00+01:00"}`, codeTooLate, "/occurred_at")
}

func TestSameIDGivesFirstAnswer(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	body := `{"id":"r1","card":"c1","amount":10000,"occurred_at":"2026-03-02T11:00:00+01:00"}`
	first := s.post("/v1/receipts", body).is(201)
	s.sell("c1", 5000, `,"redeem":"max"`)
	again := func() {
		t.Helper()
		r := s.post("/v1/receipts", body).is(200)
		if r.text != first.text || r.header.Get("Idempotent-Replayed") != "true" {
			t.Fatalf("%s\nis not the first answer\n%s", r.text, first.text)
		}
	}
	again()
	// Other words for the same content are the same content.
	s.post("/v1/receipts", `{"amount":10000, "occurred_at":"2026-03-02T10:00:00Z", "card":"\u00631","id":"r1","redeem":0}`).is(200)
	s.post("/v1/receipts", strings.Replace(body, "10000", "10001", 1)).refused(codeIdempotencyMismatch, "")
	// One name space over all routes.
	s.post("/v1/redemptions", `{"id":"r1","card":"c1","points":1}`).refused(codeIdempotencyMismatch, "")
	// Neither the calendar nor the member's state is asked.
	s.as("admin", "PUT", "/v1/members/c1", `{"blocked":true}`).is(200)
	s.clock(testStart.AddDate(1, 2, 0))
	again()
	s.post("/v1/receipts", `{"id":"r9","card":"c1","amount":10000}`).refused(codeMemberBlocked, "")

	// A refusal leaves the id free.
	s.as("admin", "PUT", "/v1/members/c1", `{"blocked":false}`).is(200)
	s.post("/v1/receipts", `{"id":"r9","card":"c1","amount":10000}`).is(201)
}

func TestIdempotencyKeyIsAnAlias(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.as("till", "POST", "/v1/receipts", `{"card":"c1","amount":100}`, "Idempotency-Key", "k1").is(201, "id", "k1")
	s.as("till", "POST", "/v1/receipts", `{"card":"c1","amount":100,"id":"k1"}`, "Idempotency-Key", "k1").is(200)
	s.as("till", "POST", "/v1/receipts", `{"card":"c1","amount":100,"id":"k2"}`, "Idempotency-Key", "k1").refused(codeMalformed, "/id")
	s.as("till", "POST", "/v1/receipts", `{"card":"c1","amount":100}`).refused(codeMalformed, "")
	s.as("till", "POST", "/v1/receipts", `{"card":"c1","amount":100}`, "Idempotency-Key", strings.Repeat("k", 65)).refused(codeMalformed, "")
}

func TestSecondKey(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	body := `{"id":%q,"card":"c1","amount":100,"store":"S1","till":"T1","receipt_no":%q,"occurred_at":%q}`
	const day1, day2 = "2026-03-01T23:59:59+01:00", "2026-03-02T00:00:00+01:00"
	s.post("/v1/receipts", fmt.Sprintf(body, "a", "7", day1)).is(201)
	s.post("/v1/receipts", fmt.Sprintf(body, "b", "7", day1)).refused(codeDuplicateReceipt, "")
	s.post("/v1/receipts", fmt.Sprintf(body, "b", "7", day2)).is(201)
	s.post("/v1/receipts", fmt.Sprintf(body, "c", "8", day1)).is(201)
	s.post("/v1/receipts", `{"id":"d","card":"c1","amount":100,"store":"S1","receipt_no":"7"}`).is(201)
	s.get("/v1/receipts?store=S1&till=T1&receipt_no=7&day=2026-03-02").is(200, "id", "b", "amount", 100, "left", 100)
	s.get("/v1/receipts?store=S1&till=T1&receipt_no=7&day=2026-02-28").refused(codeNotFound, "")
	s.get("/v1/receipts?store=S1&till=T1&day=2026-02-28").refused(codeMalformed, "")
}

func TestQuoteChangesNothing(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 10000)
	seq := s.queue.Seq()
	for range 3 {
		s.post("/v1/quotes", `{"id":"q","card":"c1","amount":600,"redeem":"max"}`).is(200,
			"id", "q", "redeemed", 300, "earned", 15, "cash_due", 300, "balance", 215, "max_redeem", 300)
	}
	s.post("/v1/quotes", `{"card":"c1","amount":600}`).is(200, "id", nil, "redeemed", 0, "max_redeem", 300)
	s.post("/v1/quotes", `{"card":"c1","amount":600,"redeem":301}`).refused(codeRedeemCapExceeded, "")
	if s.queue.Seq() != seq {
		t.Fatal("a quote went into the log")
	}
	s.post("/v1/receipts", `{"id":"q","card":"c1","amount":600,"redeem":"max"}`).is(201, "redeemed", 300, "balance", 215)
}

// TestManyTills lets fifty tills spend from one card at once: what was there is
// spent once.
func TestManyTills(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 100000) // 5000 points
	var wg sync.WaitGroup
	var mu sync.Mutex
	done, short := 0, 0
	for i := range 50 {
		wg.Go(func() {
			for k := range 4 {
				r := s.post("/v1/redemptions", fmt.Sprintf(`{"id":"x%d-%d","card":"c1","points":100}`, i, k))
				mu.Lock()
				switch r.status {
				case 201:
					done++
				case 409:
					short++
				default:
					t.Errorf("status %d: %s", r.status, r.text)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if done != 50 || short != 150 {
		t.Fatalf("%d redemptions and %d refusals; want 50 and 150", done, short)
	}
	s.get("/v1/members/c1").is(200, "balance", 0)
}

// TestOneIDAtOnce sends one command from many tills at once: it is done once,
// and everybody hears the same.
func TestOneIDAtOnce(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	var wg sync.WaitGroup
	texts := make([]string, 20)
	for i := range texts {
		wg.Go(func() {
			r := s.post("/v1/receipts", `{"id":"one","card":"c1","amount":10000}`)
			if r.status != 200 && r.status != 201 {
				t.Errorf("status %d: %s", r.status, r.text)
			}
			texts[i] = r.text
		})
	}
	wg.Wait()
	for _, text := range texts {
		if text != texts[0] {
			t.Fatalf("%s\ndiffers from\n%s", text, texts[0])
		}
	}
	s.get("/v1/members/c1").is(200, "balance", 500)
}

func TestStoreOfTheKey(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.as("s1", "POST", "/v1/receipts", `{"id":"a","card":"c1","amount":1,"store":"S2"}`).refused(codeForbidden, "/store")
	s.as("s1", "POST", "/v1/receipts", `{"id":"a","card":"c1","amount":1,"till":"T","receipt_no":"1"}`).is(201)
	s.get("/v1/receipts/a").is(200, "store", "S1")
	s.as("s1", "POST", "/v1/receipts", `{"id":"b","card":"c1","amount":1,"till":"T","receipt_no":"1","store":"S1"}`).refused(codeDuplicateReceipt, "")
	// The same content, whether the key filled in the store or not.
	s.as("s1", "POST", "/v1/receipts", `{"id":"a","card":"c1","amount":1,"till":"T","receipt_no":"1"}`).is(200)
}

func TestClockOnlyForward(t *testing.T) {
	s := open(t)
	s.as("admin", "POST", "/v1/clock", `{"now":"2026-03-02T10:59:59Z"}`).refused(codeMalformed, "/now").
		is(400, "errors.0.detail", "the clock only moves forward; it stands at 2026-03-02T12:00:00.000+01:00")
	s.clock(testStart.Add(48 * time.Hour))
	s.get("/v1/clock").is(200, "now", "2026-03-04T12:00:00.000+01:00", "day", "2026-03-04", "test_clock", true)
	s.as("till", "POST", "/v1/clock", `{"now":"2026-03-09T10:59:59Z"}`).refused(codeForbidden, "")
}
