package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka/program"
)

func TestProgram(t *testing.T) {
	s := open(t)
	s.get("/v1/program").is(200, "version", 1, "program.program", "corner-shop", "program.tiers.0.earn_bp", 500, "program.rounding", "floor")
	next := strings.Replace(testProgram, "earn_bp: 500", "earn_bp: 700", 1)
	put := func(doc, query string, headers ...string) *reply {
		t.Helper()
		return s.as("admin", "PUT", "/v1/program"+query, doc, headers...)
	}
	put(next, "?dry_run=true").is(200, "valid", true, "program.tiers.0.earn_bp", 700)
	s.get("/v1/program").is(200, "version", 1)
	put(strings.Replace(next, "earn_bp", "earn_pb", 1), "?dry_run=true").refused(codeProgramInvalid, "/tiers/0/earn_pb")
	put("[", "").refused(codeProgramInvalid, "")
	put(strings.Replace(next, "EUR", "USD", 1), "?dry_run=true").is(200, "valid", true) // nothing is sold yet
	put(next, "?dry_run=maybe").refused(codeMalformed, "")
	put(next, "?dry=true").refused(codeMalformed, "")
	s.get("/v1/program/history").is(200, "data.0.version", 1, "next_cursor", nil)

	s.enrol("c1")
	s.sell("c1", 10000)
	s.get("/v1/members/c1").is(200, "balance", 500)
	put(next, "", "Idempotency-Key", "v2").is(200, "version", 2, "id", "v2")
	if r := put(next, "", "Idempotency-Key", "v2").is(200, "version", 2); r.header.Get("Idempotent-Replayed") != "true" {
		t.Fatal("not a repetition")
	}
	put(testProgram, "", "Idempotency-Key", "v2").refused(codeIdempotencyMismatch, "")
	s.sell("c1", 10000)
	s.get("/v1/members/c1").is(200, "balance", 1200)
	for _, other := range []string{
		strings.Replace(next, "EUR", "USD", 1),
		strings.Replace(next, "Europe/Berlin", "Europe/Paris", 1),
		next + "minor_units: 3\n",
	} {
		for _, query := range []string{"?dry_run=true", ""} {
			put(other, query).refused(codeProgramFixed, "")
		}
	}
	r := s.get("/v1/program/history?limit=1").is(200, "data.0.version", 2)
	s.get("/v1/program/history?limit=1&cursor="+r.at("next_cursor").(string)).is(200, "data.0.version", 1, "next_cursor", nil)
	s.as("till", "PUT", "/v1/program", next).refused(codeForbidden, "")
}

// TestProgramAtAnInstantPast holds that a typo in the year changes no rules, and
// that a check says from when a program would hold.
func TestProgramAtAnInstantPast(t *testing.T) {
	s := open(t)
	next := strings.Replace(testProgram, "earn_bp: 500", "earn_bp: 700", 1)
	f := func(at string) *reply {
		t.Helper()
		dry := s.as("admin", "PUT", "/v1/program?dry_run=true&at="+at, next)
		if r := s.as("admin", "PUT", "/v1/program?at="+at, next); r.status != dry.status {
			t.Fatalf("%s: status %d, and of a check %d", at, r.status, dry.status)
		}
		s.as("admin", "DELETE", "/v1/program/scheduled", "")
		return dry
	}
	f("2020-12-01T00:00:00Z").refused(codeTooLate, "")
	f("2026-03-02T10:58:59.999Z").refused(codeTooLate, "")
	f("2026-03-02").refused(codeTooLate, "") // the start of today
	f("2026-13-01").refused(codeMalformed, "")
	s.get("/v1/program").is(200, "version", 1)

	f("2026-12-01T00:00:00Z").is(200, "in_force_from", "2026-12-01T01:00:00.000+01:00")
	f("2026-12-01T09:00").is(200, "in_force_from", "2026-12-01T09:00:00.000+01:00")
	f("2026-07-01").is(200, "in_force_from", "2026-07-01T00:00:00.000+02:00")
	s.get("/v1/program").is(200, "version", 1)

	// Sent as "now", it is in force, and the retry of an hour later gets its answer.
	put := func() *reply {
		t.Helper()
		return s.as("admin", "PUT", "/v1/program?at=2026-03-02T10:59:30Z", next, "Idempotency-Key", "now")
	}
	put().is(200, "version", 2)
	s.clock(testStart.Add(time.Hour))
	put().is(200, "version", 2)
}

func TestKeys(t *testing.T) {
	s := open(t)
	r := s.as("admin", "POST", "/v1/keys", `{"id":"k1","role":"till","store":"S7","note":"door"}`).is(201, "role", "till", "store", "S7")
	s.keys["new"] = r.at("key").(string)
	id := r.at("key_id").(string)
	if got, _, ok := ParseKey(s.keys["new"]); !ok || got != id {
		t.Fatalf("%q is not a key of %s", s.keys["new"], id)
	}
	s.enrol("c1")
	s.as("new", "POST", "/v1/receipts", `{"id":"a","card":"c1","amount":5,"store":"S1"}`).refused(codeForbidden, "/store")
	s.as("new", "POST", "/v1/receipts", `{"id":"a","card":"c1","amount":5}`).is(201)
	// It is shown once.
	s.as("admin", "POST", "/v1/keys", `{"id":"k1","role":"till","store":"S7","note":"door"}`).is(200, "key", nil, "key_id", id)
	s.as("admin", "POST", "/v1/keys", `{"id":"k1","role":"admin"}`).refused(codeIdempotencyMismatch, "")
	s.as("admin", "POST", "/v1/keys", `{"id":"k2","key_id":"till","role":"till"}`).refused(codeKeyTaken, "")
	s.as("admin", "POST", "/v1/keys", `{"id":"k2","key_id":"T","role":"till"}`).refused(codeMalformed, "/key_id")
	s.as("admin", "POST", "/v1/keys", `{"id":"k2","role":"root"}`).refused(codeMalformed, "/role")
	s.as("admin", "POST", "/v1/keys", `{"id":"k2","role":"analyst","store":"S1"}`).refused(codeMalformed, "/store")
	s.as("admin", "POST", "/v1/keys", `{"role":"till"}`).refused(codeMalformed, "")
	if list := s.get("/v1/keys").is(200, "data.4.key_id", id, "data.4.note", "door", "data.4.revoked", false); strings.Contains(list.text, s.keys["new"]) {
		t.Fatal("the secret is shown twice")
	}
	s.as("admin", "DELETE", "/v1/keys/"+id, "").is(200, "key_id", id, "revoked", true)
	s.as("new", "POST", "/v1/receipts", `{"id":"b","card":"c1","amount":5}`).refused(codeUnauthorized, "")
	s.as("admin", "DELETE", "/v1/keys/nosuch", "").refused(codeNotFound, "")
	s.get("/v1/keys").is(200, "data.4.revoked", true, "next_cursor", nil)
	first := s.get("/v1/keys?limit=3").is(200, "data.2.key_id", "analyst")
	s.get(fmt.Sprintf("/v1/keys?limit=3&cursor=%v", first.at("next_cursor"))).is(200, "data.1.revoked", true, "next_cursor", nil)
}

func TestBooks(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 10000)
	s.post("/v1/redemptions", `{"id":"x","card":"c1","points":100}`).is(201)
	r := s.get("/v1/books?hash=true").is(200, "members", 1, "receipts", 1, "points", 400, "earned", 500, "redeemed", 100)
	// The hash leaves out the position: a refusal changes nothing else.
	s.post("/v1/redemptions", `{"id":"y","card":"c1","points":1000}`).refused(codeInsufficientPoints, "")
	s.get("/v1/books?hash=true").is(200, "hash", r.at("hash"), "seq", r.int("seq")+1)
	s.get("/v1/books?hash=1").refused(codeMalformed, "")
}

func TestGrantsAreAdmins(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.post("/v1/accruals", `{"id":"g","card":"c1","points":5,"reason":"gift"}`).refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/accruals", `{"id":"g","card":"c1","points":5,"reason":"gift"}`).is(201, "earned", 5, "balance", 5)
	s.post("/v1/accruals", `{"id":"a","card":"c1","amount":2000}`).is(201, "earned", 100, "balance", 105, "cash_due", 2000)
	s.get("/v1/members/c1").is(200, "rfm.frequency", 1)
	f := func(body, pointer string) {
		t.Helper()
		s.as("admin", "POST", "/v1/accruals", body).refused(codeMalformed, pointer)
	}
	f(`{"id":"b","card":"c1"}`, "")
	f(`{"id":"b","card":"c1","points":5}`, "")
	f(`{"id":"b","card":"c1","points":0,"reason":"x"}`, "/points")
	f(`{"id":"b","card":"c1","points":5,"amount":5,"reason":"x"}`, "")
	f(`{"id":"b","card":"c1","points":5,"reason":"x","lines":[]}`, "/points")
	f(`{"id":"b","card":"c1","amount":5,"lines":[]}`, "/lines")
	f(`{"id":"b","card":"c1","amount":5,"reason":"x"}`, "/reason")
	f(`{"id":"b","card":"c1","points":5,"reason":"`+strings.Repeat("x", 201)+`"}`, "/reason")
	f(`{"id":"b","amount":5}`, "")
	f(`{"id":"b","card":"c1","amount":5,"redeem":1}`, "/redeem")
	s.post("/v1/adjustments", `{"id":"j","card":"c1","points":5,"reason":"x","actor":"y"}`).refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/adjustments", `{"id":"j","card":"c1","points":-105,"reason":"x","actor":"y"}`).is(201, "balance", 0)
	s.as("admin", "POST", "/v1/adjustments", `{"id":"k","card":"c1","points":-1,"reason":"x","actor":"y"}`).refused(codeInsufficientPoints, "")
	s.as("admin", "POST", "/v1/adjustments", `{"id":"k","card":"c1","points":0,"reason":"x","actor":"y"}`).refused(codeMalformed, "/points")
	s.as("admin", "POST", "/v1/adjustments", `{"id":"k","card":"c1","points":1,"actor":"y"}`).refused(codeMalformed, "")
	s.as("admin", "POST", "/v1/adjustments", `{"id":"k","card":"c1","points":1,"reason":"y"}`).refused(codeMalformed, "")
}

func TestRedemption(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 10000)
	s.post("/v1/redemptions", `{"id":"a","card":"c1","points":100,"amount":150}`).refused(codeRedeemCapExceeded, "").is(422, "max_redeem", 75)
	s.post("/v1/redemptions", `{"id":"a","card":"c1","points":"max","amount":150}`).is(201, "redeemed", 75, "cash_due", 75, "balance", 425)
	s.post("/v1/redemptions", `{"id":"b","card":"c1","points":"max"}`).is(201, "redeemed", 425, "balance", 0)
	s.post("/v1/redemptions", `{"id":"c","card":"c1","points":0}`).refused(codeMalformed, "/points")
	s.post("/v1/redemptions", `{"id":"c","points":1}`).refused(codeMalformed, "")
	s.post("/v1/redemptions", `{"id":"c","card":"c1"}`).refused(codeMalformed, "")
}

// TestLargeProgram: the route takes what the parser takes, and what it takes goes
// into the log.
func TestLargeProgram(t *testing.T) {
	s := open(t)
	put := func(doc string) *reply {
		t.Helper()
		return s.as("admin", "PUT", "/v1/program", doc)
	}
	next := strings.Replace(testProgram, "earn_bp: 500", "earn_bp: 700", 1)
	put(next+"# "+strings.Repeat("x", program.SizeMax-len(next)-2)).is(200, "version", 2)
	put(next+"# "+strings.Repeat("x", program.SizeMax-len(next)-1)).refused(codeTooLarge, "")
	wide := testProgram + "campaigns:\n"
	for i := range 256 {
		wide += fmt.Sprintf("  - {id: c%d, points: 1, stores: [%q]}\n", i, strings.Repeat("s", 64))
	}
	put(wide).is(200, "version", 3)
	s.get("/v1/program").is(200, "program.campaigns.255.points", 1)
}

// TestScheduledInstant: at is written as the document's instants are.
func TestScheduledInstant(t *testing.T) {
	s := open(t)
	next := strings.Replace(testProgram, "earn_bp: 500", "earn_bp: 700", 1)
	f := func(at, want string) {
		t.Helper()
		s.as("admin", "PUT", "/v1/program?at="+at, next).is(200, "in_force_from", want)
	}
	f("2026-12-01", "2026-12-01T00:00:00.000+01:00")
	f("2026-07-01T09:30", "2026-07-01T09:30:00.000+02:00")
	f("2026-07-01T09:30:00Z", "2026-07-01T11:30:00.000+02:00")
	f("2026-07-01T09:30:00%2B02:00", "2026-07-01T09:30:00.000+02:00")
	f("2026-07-01T09:30:00+02:00", "2026-07-01T09:30:00.000+02:00") // arrives with a space
	for _, at := range []string{"tomorrow", "2026-13-01", "1960-01-01"} {
		s.as("admin", "PUT", "/v1/program?at="+at, next).refused(codeMalformed, "")
	}
}
