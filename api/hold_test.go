package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHold(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000) // 1000 points
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":600,"store":"S1"}`).is(201, "id", "h1", "points", 600,
		"balance", 400, "held", 600, "expires_at", "2026-03-03T12:00:00.000+01:00")
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":600,"store":"S1"}`).is(200, "held", 600)
	s.get("/v1/holds/h1").is(200, "state", "open", "points", 600, "end", nil, "store", "S1")
	s.get("/v1/members/c1").is(200, "balance", 400, "held", 600)
	s.post("/v1/redemptions", `{"id":"x","card":"c1","points":401}`).refused(codeInsufficientPoints, "")

	// Captured in part: the rest is free.
	s.post("/v1/holds/h1/capture", `{"id":"k0","points":601}`).refused(codeInsufficientPoints, "").is(409, "available", 600)
	s.post("/v1/holds/h1/capture", `{"id":"k0","card":"c2"}`).refused(codeMemberNotFound, "")
	s.post("/v1/holds/h1/capture", `{"id":"k1","points":250,"amount":1000,"store":"S2","card":"c1"}`).is(201, "hold", "h1",
		"redeemed", 250, "freed", 350, "cash_due", 750, "balance", 750, "held", 0)
	s.post("/v1/holds/h1/capture", `{"id":"k1","points":250,"amount":1000,"store":"S2","card":"c1"}`).is(200, "redeemed", 250)
	s.post("/v1/holds/h1/capture", `{"id":"k2"}`).refused(codeHoldExpired, "")
	s.post("/v1/holds/h1/void", `{"id":"v1"}`).refused(codeHoldExpired, "")
	s.post("/v1/receipts", `{"id":"x","card":"c1","amount":1000,"hold":"h1"}`).refused(codeHoldExpired, "")
	s.get("/v1/holds/h1").is(200, "state", "captured", "end.id", "k1", "end.redeemed", 250, "end.freed", 350)

	// A capture comes back as a redemption does.
	s.get("/v1/receipts/k1").is(200, "kind", "capture", "amount", 1000, "redeemed", 250, "left", 1000)
	s.post("/v1/receipts/k1/returns", `{"id":"b1","amount":400}`).is(201, "points_restored", 100, "cash_refund", 300, "balance", 850)
	s.post("/v1/receipts/k1/returns", `{"id":"b2"}`).is(201, "points_restored", 150, "cash_refund", 450, "balance", 1000)
	s.post("/v1/receipts/k1/returns", `{"id":"b3"}`).refused(codeAlreadyReturned, "")

	s.post("/v1/holds", `{"id":"h2","card":"c1","points":1000}`).is(201, "balance", 0)
	s.post("/v1/holds/h2/void", `{"id":"v2"}`).is(201, "hold", "h2", "freed", 1000, "balance", 1000, "held", 0)
	s.get("/v1/holds/h2").is(200, "state", "voided", "end.kind", "void", "end.redeemed", 0)

	f := func(path, body string, code code, pointer string) {
		t.Helper()
		s.post(path, body).refused(code, pointer)
	}
	f("/v1/holds/nobody/void", `{"id":"x"}`, codeNotFound, "")
	f("/v1/holds/k1/void", `{"id":"x"}`, codeNotFound, "") // no hold
	f("/v1/holds", `{"id":"x","points":1}`, codeMalformed, "")
	f("/v1/holds", `{"id":"x","card":"c1"}`, codeMalformed, "")
	f("/v1/holds", `{"id":"x","card":"c1","points":0}`, codeMalformed, "/points")
	f("/v1/holds", `{"id":"x","card":"c1","points":1,"expires_at":"2026-03-02T12:00:00+01:00"}`, codeTooLate, "/expires_at")
	f("/v1/holds", `{"id":"x","card":"c1","points":1,"expires_at":"2027-03-02T12:00:01+01:00"}`, codeTooLate, "/expires_at")
	s.post("/v1/holds", `{"id":"h3","card":"c1","points":1,"expires_at":"2027-03-02T12:00:00+01:00"}`).is(201)
	f("/v1/holds/h3/capture", `{"id":"x","points":0}`, codeMalformed, "/points")
	s.get("/v1/holds/nobody").refused(codeNotFound, "")
}

// TestHoldLapses looks at a hold on both sides of its instant, without a command
// between.
func TestHoldLapses(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	end := testStart.Add(90 * time.Minute)
	s.post("/v1/holds", fmt.Sprintf(`{"id":"h1","card":"c1","points":600,"expires_at":%q}`, end.Format(time.RFC3339))).is(201)
	s.clock(end.Add(-time.Second))
	s.get("/v1/holds/h1").is(200, "state", "open")
	s.get("/v1/members/c1").is(200, "balance", 400, "held", 600)
	s.clock(end)
	s.get("/v1/holds/h1").is(200, "state", "lapsed", "end", nil)
	s.get("/v1/members/c1").is(200, "balance", 1000, "held", 0)
	s.post("/v1/holds/h1/capture", `{"id":"k1"}`).refused(codeHoldExpired, "")
	s.post("/v1/redemptions", `{"id":"d1","card":"c1","points":1000}`).is(201, "balance", 0, "held", 0)
}

// TestHoldInBatch plays an order in one body: each line sees what those before it did.
func TestHoldInBatch(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	r := s.post("/v1/batch", `{"op":"hold","id":"h1","card":"c1","points":300}
{"op":"capture","id":"k1","hold":"h1","points":200}
{"op":"void","id":"v1","hold":"h1"}
{"op":"return","id":"b1","receipt":"k1"}
{"op":"hold","id":"h2","card":"c1","points":300}
{"op":"void","id":"v2","hold":"h2"}
{"op":"capture","id":"k2"}
`)
	var status []string
	for line := range strings.Lines(r.text) {
		_, rest, _ := strings.Cut(line, `"status":`)
		status = append(status, rest[:3])
	}
	if got := strings.Join(status, " "); got != "201 201 410 201 201 201 400" {
		t.Fatalf("%s\n%s", got, r.text)
	}
	s.get("/v1/members/c1").is(200, "balance", 1000, "held", 0)
}

// TestHoldCapturedOnce lets twenty tills capture one hold at once.
func TestHoldCapturedOnce(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":600}`).is(201)
	var tills sync.WaitGroup
	status := make([]int, 20)
	for i := range status {
		tills.Go(func() {
			status[i] = s.post("/v1/holds/h1/capture", fmt.Sprintf(`{"id":"k%d","points":600}`, i)).status
		})
	}
	tills.Wait()
	done := 0
	for _, n := range status {
		if n == 201 {
			done++
		} else if n != 410 {
			t.Fatalf("status %d", n)
		}
	}
	if done != 1 {
		t.Fatalf("captured %d times", done)
	}
	s.get("/v1/members/c1").is(200, "balance", 400, "held", 0)
}

func TestLedgerOfHolds(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":600}`).is(201)
	s.post("/v1/holds/h1/capture", `{"id":"k1","points":250}`).is(201)
	s.post("/v1/holds", `{"id":"h2","card":"c1","points":100}`).is(201)
	s.post("/v1/holds/h2/void", `{"id":"v2"}`).is(201)
	r := s.get("/v1/members/c1/ledger").is(200,
		"data.0.kind", "void", "data.0.points", 0, "data.0.freed", 100, "data.0.hold", "h2",
		"data.1.kind", "hold", "data.1.points", 0, "data.1.held", 100,
		"data.2.kind", "capture", "data.2.points", -250, "data.2.freed", 350, "data.2.hold", "h1",
		"data.3.kind", "hold", "data.3.held", 600,
		"data.4.kind", "earn", "data.4.points", 1000)
	if n := len(r.json["data"].([]any)); n != 5 {
		t.Fatalf("%d entries: %s", n, r.text)
	}
}

// TestHoldForfeited forgets the member of a hold: nothing is set aside any more.
func TestHoldForfeited(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":600}`).is(201)
	s.get("/v1/holds/h1").is(200, "state", "open")
	s.as("admin", "POST", "/v1/members/c1/erase", `{"id":"e1","reason":"r","actor":"olga"}`).is(201)
	s.get("/v1/holds/h1").is(200, "state", "forfeited", "end", nil)
}
