package api

import "testing"

// TestFeedTellsGrantsToAudiences: points that come by a grant to an audience are in the
// feed like any others, also of who is given them by a step that the server goes on with.
func TestFeedTellsGrantsToAudiences(t *testing.T) {
	s := open(t)
	s.enrol("a")
	s.enrol("b")
	s.post("/v1/receipts", `{"id":"r","card":"a","amount":100000}`).is(201, "balance", 5000)
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201, "members", 2)
	after := s.as("analyst", "GET", "/v1/events?limit=5000", "").is(200).at("next_after")
	s.as("admin", "POST", "/v1/audiences/all/grants", `{"id":"g","points":777,"reason":"thanks","actor":"olga"}`).is(201, "members", 2)
	r := s.as("analyst", "GET", "/v1/events?types=balance&after="+after.(interface{ String() string }).String(), "").is(200)
	if told := r.at("data").([]any); len(told) != 2 {
		t.Fatalf("%d balances are told: %s", len(told), r.text)
	}
	r.is(200, "data.0.card", "a", "data.0.balance", 5777, "data.0.cause", "audience-grant", "data.1.card", "b", "data.1.balance", 777)
}
