package api

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestReports asks for every report of an ordinary day.
func TestReports(t *testing.T) {
	s := open(t)
	for i := range 3 {
		s.enrol(fmt.Sprintf("c%d", i))
	}
	s.sell("c0", 100_000, `,"store":"S1","cashier":"ann"`)
	s.sell("c0", 50_000, `,"store":"S1","cashier":"ann","redeem":1000`)
	id := s.sell("c1", 30_000, `,"store":"S2","cashier":"bob"`)
	s.post("/v1/receipts", `{"id":"nobody","amount":20000,"store":"S2","cashier":"bob"}`).is(201)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"back","amount":10000,"store":"S2"}`).is(201)

	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	for name := range reports {
		path := "/v1/reports/" + name
		if name == "effect" {
			path += "?audience=all&from=2026-03-01"
		}
		s.as("analyst", "GET", path, "").is(200, "report", name, "from", "2026-03-01", "to", "2026-03-02")
		s.as("till", "GET", "/v1/reports/"+name, "").refused(codeForbidden, "")
	}
	s.get("/v1/reports/program").is(200, "contacts", 3, "enrolled", 3, "buyers", 2, "buyers_share_bp", 6666,
		"purchases", 3, "purchases_per_buyer_x100", 150, "turnover", 190_000, "sold", 200_000, "returned", 10_000,
		"turnover_members", 170_000, "average_receipt_members", 60_000, "average_receipt_anonymous", 20_000,
		"points_spent", 1000, "discount_bp", 58, "found_by_phone_share_bp", 0, "naming.0.by", "card", "naming.0.share_bp", 10_000)
	s.get("/v1/reports/stores").is(200, "stores.0.store", "S1", "stores.0.receipts", 2, "stores.0.identified_share_bp", 10_000,
		"stores.1.identified", 1, "stores.1.identified_share_bp", 5000, "stores.1.turnover", 40_000, "cashiers.1.cashier", "bob")
	r := s.get("/v1/reports/liability").is(200, "as_of", "2026-03-02", "owed.0.month", "2027-03", "owed.0.tier", "base")
	balance := 0
	for i := range 3 {
		balance += s.get(fmt.Sprintf("/v1/members/c%d", i)).is(200).int("balance")
	}
	if r.int("balance") != balance || r.int("owed.0.points") != balance {
		t.Fatalf("members have %d points\n%s", balance, r.text)
	}
}

func TestReportPeriod(t *testing.T) {
	s := open(t)
	s.enrol("c0")
	s.sell("c0", 1000)
	s.clock(testStart.Add(24 * time.Hour))
	s.sell("c0", 2000)
	s.sell("c0", 4000, `,"occurred_at":"2026-03-02T20:00:00+01:00"`) // a till that was offline
	f := func(query string, sold int) {
		t.Helper()
		s.get("/v1/reports/program?"+query).is(200, "sold", sold)
	}
	f("", 7000)
	f("from=2026-03-02&to=2026-03-02", 5000)
	f("from=2026-03-03", 2000)
	f("to=2026-03-02", 5000)
	f("to=2026-03-01", 0)
	f("to=2026-03-31", 7000) // a month that is not over
	s.get("/v1/reports/program?from=2026-03-03&to=2026-03-02").refused(codeMalformed, "")
	s.get("/v1/reports/program?from=March").refused(codeMalformed, "")
	s.get("/v1/reports/program?t0=2026-03-01").refused(codeMalformed, "")
	s.get("/v1/reports/liability?from=2026-03-01").refused(codeMalformed, "")
	s.get("/v1/reports/nothing").refused(codeNotFound, "")
	// What is empty is not absent.
	for _, path := range []string{"/v1/reports/program?from=", "/v1/reports/program?to=", "/v1/reports/program?from", "/v1/reports/reactivation?t0=",
		"/v1/segments?as_of=", "/v1/rfm?as_of=", "/v1/segments/core/members?as_of=", "/v1/rfm/members?as_of=",
		"/v1/reports/program?table=", "/v1/reports/program?table=zz", "/v1/reports/liability?table=figure"} {
		s.get(path).refused(codeMalformed, "")
	}
	s.as("admin", "PUT", "/v1/program?at=", reportProgram).refused(codeMalformed, "")
	s.get("/v1/reports/program?table=naming").is(200, "naming.0.by", "card")
	s.get("/v1/reports/program?table=figures").is(200, "found_by_phone_share_bp", 0)
	s.get("/v1/reports/program?to=2026-02-01").is(200, "found_by_phone_share_bp", nil)
}

func TestReportCSV(t *testing.T) {
	s := open(t)
	s.enrol("c0")
	s.sell("c0", 1000, `,"store":"A,\"B"`)
	f := func(path, want string) {
		t.Helper()
		r := s.as("analyst", "GET", path, "", "Accept", "text/csv")
		if r.status != 200 || r.text != want {
			t.Fatalf("%s: %d\n%s\nwant\n%s", path, r.status, r.text, want)
		}
	}
	f("/v1/reports/service", "store,visits,visits_members,timed,average_seconds,longest_seconds\n\"A,\"\"B\",1,1,0,,\n")
	f("/v1/reports/program?table=referral", "by,buyers,turnover,share_bp\nothers,1,1000,10000\nreferred,0,0,0\nanonymous,,0,0\n")
	if r := s.as("analyst", "GET", "/v1/reports/program", "", "Accept", "text/csv"); !strings.HasPrefix(r.text, "figure,value\ncontacts,1\n") {
		t.Fatal(r.text)
	}
	s.as("analyst", "GET", "/v1/reports/service?table=figures", "", "Accept", "text/csv").refused(codeMalformed, "")
	s.as("analyst", "GET", "/v1/reports/service", "", "Accept", "image/png").refused(codeNotAcceptable, "")
}

// TestReactivation: three fall asleep, and one of them comes back.
func TestReactivation(t *testing.T) {
	s := open(t)
	for i := range 4 {
		s.enrol(fmt.Sprintf("c%d", i))
	}
	for i := range 3 {
		s.sell(fmt.Sprintf("c%d", i), 1000)
		s.sell(fmt.Sprintf("c%d", i), 1000)
	}
	s.clock(testStart.Add(200 * 24 * time.Hour))
	from := testStart.Add(200 * 24 * time.Hour).Format("2006-01-02")
	s.sell("c1", 5000)
	s.sell("c3", 7000) // who was never awake
	r := s.get("/v1/reports/reactivation?from="+from).is(200, "members", 3, "buyers", 1, "buyers_share_bp", 3333, "purchases", 1, "turnover", 5000)
	if r.int("segments.0.members")+r.int("segments.1.members") != 3 {
		t.Fatal(r.text)
	}
	s.get("/v1/reports/reactivation?from="+from+"&t0=2026-03-02").is(200, "members", 0, "buyers_share_bp", nil)
	s.get("/v1/reports/reactivation?from="+from+"&t0="+from).refused(codeMalformed, "")
	s.get("/v1/reports/reactivation?t0=2148-01-01&from=2148-06-01&to=2148-12-31").refused(codeMalformed, "")
	s.get("/v1/reports/reactivation?from=2148-06-01&to=2148-12-31").refused(codeMalformed, "")
}

// TestReportOfWhatPointsPaid: a capture and a redemption sell nothing, so neither
// does their return take anything off what was sold.
func TestReportOfWhatPointsPaid(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 100_000, `,"store":"S1"`)
	s.post("/v1/holds", `{"id":"h1","card":"c1","points":1000,"store":"S1"}`).is(201)
	s.post("/v1/holds/h1/capture", `{"id":"k1","amount":90000,"store":"S1"}`).is(201)
	s.post("/v1/redemptions", `{"id":"rd1","card":"c1","points":500,"store":"S1"}`).is(201)
	s.post("/v1/receipts/k1/returns", `{"id":"b1","store":"S1"}`).is(201, "goods", 90_000)
	s.post("/v1/receipts/rd1/returns", `{"id":"b2"}`).is(201, "goods", 500)
	s.get("/v1/reports/program").is(200, "turnover", 100_000, "sold", 100_000, "returned", 0, "turnover_members", 100_000, "points_spent", 0)
	s.get("/v1/reports/stores").is(200, "stores.0.store", "S1", "stores.0.turnover", 100_000, "stores.0.returned", 0,
		"stores.0.turnover_members", 100_000, "stores.0.points_spent", 0)
}

// TestReturnWithoutStore: it belongs to the store of its receipt.
func TestReturnWithoutStore(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	id := s.sell("c1", 10_000, `,"store":"S1"`)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"b1","amount":4000}`).is(201)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"b2","amount":1000,"store":"S2"}`).is(201)
	r := s.get("/v1/reports/stores").is(200, "stores.0.store", "S1", "stores.0.returned", 4000, "stores.0.turnover", 6000,
		"stores.1.store", "S2", "stores.1.returned", 1000)
	if n := len(r.at("stores").([]any)); n != 2 {
		t.Fatalf("%d stores\n%s", n, r.text)
	}
}

// TestReportEndsInItsLookUps: a report that has read its records and looks sales up
// is given up when the server stops, as it is while it reads.
func TestReportEndsInItsLookUps(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	id := s.sell("c1", 10_000, `,"source":"flyer"`)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"b1","amount":4000}`).is(201)
	s.as("till", "PUT", "/v1/receipts/"+id+"/rating", `{"id":"n1","stars":4}`).is(201)
	s.server.stop()
	for _, name := range []string{"categories", "staff", "stores", "sources", "ratings"} {
		s.get("/v1/reports/"+name).refused(codeOverloaded, "")
	}
	s.get("/v1/reports/service").is(200) // has nothing to look up, and is made
}

// TestCampaignsReport: what campaigns added, to whom, and what is left of budgets.
func TestCampaignsReport(t *testing.T) {
	s := openWith(t, `
program: corner-shop
currency: EUR
time_zone: Europe/Berlin
tiers: [{id: base, name: {en: Base}, earn_bp: 1000, max_redeem_bp: 5000, threshold: 0}]
campaigns:
  - {id: double, multiplier_bp: 20000, stores: [S1], budget: 1500}
  - {id: gift, points: 100}
  - {id: later, starts_at: 2026-04-01, points: 100}
`, Options{})
	s.enrol("c1")
	s.enrol("c2")
	first := s.sell("c1", 10_000, `,"store":"S1"`) // 1000 more, and 100
	s.sell("c1", 10_000, `,"store":"S1"`)          // the 500 that are left, and 100
	s.sell("c2", 3000, `,"store":"S2"`)            // 100
	s.post("/v1/receipts/"+first+"/returns", `{"id":"b1"}`).is(201)
	s.clock(testStart.Add(24 * time.Hour))
	s.sell("c2", 4000, `,"store":"S1"`) // 100: the budget is gone
	s.get("/v1/reports/campaigns?to=2026-03-02").is(200,
		"campaigns.0.campaign", "double", "campaigns.0.receipts", 2, "campaigns.0.buyers", 1, "campaigns.0.sold", 20_000,
		"campaigns.0.points", 1500, "campaigns.0.budget", 1500, "campaigns.0.budget_left", 0,
		"campaigns.1.campaign", "gift", "campaigns.1.receipts", 3, "campaigns.1.buyers", 2, "campaigns.1.sold", 23_000,
		"campaigns.1.points", 300, "campaigns.1.budget", nil, "campaigns.1.budget_left", nil,
		"campaigns.2.campaign", "later", "campaigns.2.receipts", 0)
	s.get("/v1/reports/campaigns").is(200, "campaigns.0.receipts", 2, "campaigns.1.receipts", 4, "campaigns.1.points", 400)
}
