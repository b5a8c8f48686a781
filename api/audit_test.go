package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/limit"
)

// records reads a list of the audit records in small pages, the newest first.
func (s *shop) records(list string) (all []map[string]any) {
	s.t.Helper()
	for cursor := ""; ; {
		r := s.get("/v1/audit?list=" + list + "&limit=7" + cursor).is(200)
		for _, x := range r.json["data"].([]any) {
			all = append(all, x.(map[string]any))
		}
		next, more := r.json["next_cursor"].(string)
		if !more {
			return all
		}
		cursor = "&cursor=" + next
	}
}

// inShort is a record in short.
func inShort(r map[string]any) string {
	return fmt.Sprintf("%v %v %v id=%v seq=%v %v %v lines=%v", r["role"], r["key_id"], r["route"], r["id"], r["seq"] != nil, r["status"], r["code"], r["lines"])
}

// TestAudit: what an admin does and whoever is turned away is in the records, with who,
// from where and what became of it; what tills and analysts may do is not.
func TestAudit(t *testing.T) {
	g := newWatched(t, Limits{Key: limit.Rate{Count: 6, Per: minute}})
	g.keys["bad"] = "kpk_nobody_" + strings.Repeat("A", 43)
	g.keys["odd"] = "Ivan Petrov +79161234567"
	beforeA, beforeR := len(g.records("actions")), len(g.records("refusals"))
	if beforeR != 0 {
		t.Fatalf("%d refusals in a shop that has turned nobody away", beforeR)
	}
	g.as("", "GET", "/v1/members/79161234567", "").is(401)
	g.as("bad", "POST", "/v1/adjustments", `{"id":"x","card":"buyer","points":1,"reason":"r","actor":"a"}`).is(401)
	g.as("odd", "GET", "/v1/members?q=Petrov", "").is(401)
	g.as("revoked", "GET", "/v1/keys", "").is(401)
	g.as("till", "POST", "/v1/adjustments", `{"id":"x","card":"buyer","points":1,"reason":"r","actor":"a"}`).is(403)
	g.as("s2", "POST", "/v1/receipts", `{"id":"theirs","card":"buyer","amount":100,"store":"S1"}`).is(403)
	two := `{"op":"accrual","id":"l1","card":"buyer","amount":100,"store":"S1"}` + "\n" + `{"op":"accrual","id":"l2","card":"buyer","amount":100,"store":"S1"}` + "\n"
	g.as("s2", "POST", "/v1/batch", two).is(200)
	for range 6 {
		g.as("analyst", "GET", "/v1/segments", "").is(200)
	}
	g.as("analyst", "GET", "/v1/segments", "").is(429)
	g.post("/v1/receipts", `{"id":"fine","card":"buyer","amount":100}`).is(201)
	g.get("/v1/members/buyer").is(200)
	made := g.as("admin", "POST", "/v1/adjustments", `{"id":"mine","card":"buyer","points":1,"reason":"r","actor":"a"}`).is(201)
	g.as("admin", "POST", "/v1/adjustments", `{"id":"more","card":"buyer","points":-100000000,"reason":"r","actor":"a"}`)
	g.get("/v1/members/buyer/export").is(200)
	g.as("admin", "DELETE", "/v1/keys/spare", "").is(200)

	f := func(list string, before int, want ...string) {
		t.Helper()
		got := g.records(list)
		var fresh []string
		for _, r := range got[:len(got)-before] {
			if !strings.Contains(inShort(r), "/v1/audit") {
				fresh = append([]string{inShort(r)}, fresh...)
			}
			if r["address"] != "0.0.0.0" || r["certificate"] != nil { // of a connection in memory
				t.Errorf("from %v with %v", r["address"], r["certificate"])
			}
		}
		if a, b := strings.Join(fresh, "\n"), strings.Join(want, "\n"); a != b {
			t.Errorf("the %s are\n%s\nwant\n%s", list, a, b)
		}
	}
	f("refusals", 0,
		"<nil> <nil> GET /v1/members/{card} id=<nil> seq=false 401 unauthorized lines=0",
		"<nil> nobody POST /v1/adjustments id=<nil> seq=false 401 unauthorized lines=0",
		"<nil> <nil> GET /v1/members id=<nil> seq=false 401 unauthorized lines=0",
		"<nil> old GET /v1/keys id=<nil> seq=false 401 unauthorized lines=0",
		"till till POST /v1/adjustments id=<nil> seq=false 403 forbidden lines=0",
		"till s2 POST /v1/receipts id=theirs seq=false 403 forbidden lines=0",
		"till s2 POST /v1/batch id=<nil> seq=false 200 <nil> lines=2",
		"analyst analyst GET /v1/segments id=<nil> seq=false 429 rate-limited lines=0")
	f("actions", beforeA,
		"admin admin POST /v1/adjustments id=mine seq=true 201 <nil> lines=0",
		"admin admin POST /v1/adjustments id=more seq=false 409 insufficient-points lines=0",
		"admin admin GET /v1/members/{card}/export id=<nil> seq=false 200 <nil> lines=0",
		"admin admin DELETE /v1/keys/{key_id} id=<nil> seq=true 200 <nil> lines=0")

	// The position leads to the command, with its key.
	for _, r := range g.records("actions") {
		if r["id"] == "mine" {
			at, _ := r["seq"].(json.Number).Int64()
			record, err := g.queue.Record(kopilka.Seq(at))
			if err != nil || made.int("seq") != int(at) || kopilka.HeadOf(record.Command).By != "admin" || kopilka.HeadOf(record.Command).ID != "mine" {
				t.Fatalf("at %d stands %v, %v", at, record, err)
			}
		}
	}
	for _, who := range []string{"till", "analyst"} {
		g.wait(minute)
		g.as(who, "GET", "/v1/audit", "").refused(codeForbidden, "")
	}
	page := g.get("/v1/audit?limit=1").is(200)
	next := page.at("next_cursor").(string)
	g.get("/v1/audit?list=refusals&cursor="+next).refused(codeMalformed, "")
	g.get("/v1/audit?list=all").refused(codeMalformed, "")
	g.get("/v1/audit?limit=1001").refused(codeMalformed, "")

	// The records survive a restart, and nothing that was asked about is in them.
	n := len(g.records("actions"))
	g.restart(strangersProgram, Options{}, kopilka.TimeOf(testStart))
	if now := len(g.records("actions")); now < n {
		t.Fatalf("%d actions before the restart, %d after it", n, now)
	}
	files, err := filepath.Glob(filepath.Join(g.dir, "data", "audit", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"Petrov", "79161234567", "buyer", "kpk_"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %q", file, word)
			}
		}
	}
}
