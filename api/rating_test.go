package api

import (
	"strings"
	"testing"
)

func TestRating(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"name":"Ann"}`).is(201)
	sale := s.sell("c1", 10000)
	put := func(receipt, body string) *reply {
		t.Helper()
		return s.as("till", "PUT", "/v1/receipts/"+receipt+"/rating", body)
	}
	s.get("/v1/receipts/"+sale).is(200, "rating", nil)
	put(sale, `{"id":"t1","stars":4,"text":"Warm, \"quick\""}`).is(201, "receipt", sale, "stars", 4)
	put(sale, `{"id":"t1","stars":4,"text":"Warm, \"quick\""}`).is(200, "stars", 4)
	put(sale, `{"id":"t1","stars":4,"text":"other"}`).refused(codeIdempotencyMismatch, "")
	s.get("/v1/receipts/"+sale).is(200, "rating.stars", 4, "rating.text", `Warm, "quick"`)
	// A later one stands in its place.
	put(sale, `{"stars":2}`).is(201)
	s.get("/v1/receipts/"+sale).is(200, "rating.stars", 2, "rating.text", nil)

	// Nobody's words have one key, however many there are.
	s.post("/v1/receipts", `{"id":"n1","amount":100}`).is(201)
	put("n1", `{"stars":5,"text":"fine"}`).is(201, "member_id", nil)
	s.get("/v1/receipts/n1").is(200, "rating.text", "fine")
	// So have those of a member of whom nothing was sealed before, who is told more later.
	s.enrol("c2")
	s.post("/v1/receipts", `{"id":"n2","card":"c2","amount":100}`).is(201)
	put("n2", `{"stars":5,"text":"fine"}`).is(201)
	s.as("till", "PUT", "/v1/members/c2", `{"name":"Bea"}`).is(200)
	s.get("/v1/receipts/n2").is(200, "rating.text", "fine")
	s.get("/v1/members/c2").is(200, "name", "Bea")

	put(sale, `{"stars":0}`).refused(codeMalformed, "/stars")
	put(sale, `{"stars":6}`).refused(codeMalformed, "/stars")
	put(sale, `{"text":"x"}`).refused(codeMalformed, "")
	put(sale, `{"stars":3,"text":"`+strings.Repeat("x", wordsMax+1)+`"}`).refused(codeMalformed, "/text")
	put("none", `{"stars":3}`).refused(codeNotFound, "")
	put("t1", `{"stars":3}`).refused(codeNotFound, "") // no receipt
	// It is no entry of the ledger.
	if r := s.get("/v1/members/c1/ledger").is(200, "data.0.kind", "earn"); len(r.json["data"].([]any)) != 1 {
		t.Fatal(r.text)
	}
}

// TestTillAndIdentity sells to a person with a lost card, to one of two who turn out
// to be the same, and to one who is forgotten.
func TestTillAndIdentity(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"name":"Ann"}`).is(201)
	s.as("till", "PUT", "/v1/members/c2", `{"name":"Ann P."}`).is(201)
	sale := s.sell("c2", 20000)
	s.post("/v1/holds", `{"id":"h1","card":"c2","points":400}`).is(201)

	s.as("admin", "PUT", "/v1/members/c2/cards/c2", `{"id":"x1","blocked":true}`).is(200)
	f := func(path, body string) {
		t.Helper()
		s.post(path, body).refused(codeMemberBlocked, "")
	}
	f("/v1/receipts", `{"id":"x","card":"c2","amount":100}`)
	f("/v1/quotes", `{"card":"c2","amount":100}`)
	f("/v1/redemptions", `{"id":"x","card":"c2","points":1}`)
	f("/v1/holds", `{"id":"x","card":"c2","points":1}`)
	f("/v1/holds/h1/capture", `{"id":"x","card":"c2"}`)
	s.post("/v1/receipts/"+sale+"/returns", `{"id":"b1","card":"c2","amount":1000}`).is(201, "points_taken", 50)
	s.as("admin", "PUT", "/v1/members/c2/cards/c2", `{"id":"x2","blocked":false}`).is(200)

	// The hold and the receipt of the one are the other's.
	s.as("admin", "POST", "/v1/members/c1/merge", `{"id":"m1","from":"c2","reason":"same phone","actor":"eve"}`).is(201)
	id := s.get("/v1/members/c1").is(200, "balance", 550, "held", 400).at("member_id")
	s.get("/v1/members/c2/ledger").is(200, "data.0.kind", "merge", "data.0.points", 950, "data.0.reason", "same phone")
	s.post("/v1/holds/h1/capture", `{"id":"k1","card":"c1"}`).is(201, "member_id", id, "redeemed", 400, "balance", 550)
	s.post("/v1/receipts/"+sale+"/returns", `{"id":"b2","card":"c1","amount":1000}`).is(201, "member_id", id, "points_taken", 50, "balance", 500)
	s.as("till", "PUT", "/v1/receipts/"+sale+"/rating", `{"stars":3,"text":"slow"}`).is(201, "member_id", id)
	s.get("/v1/receipts/"+sale).is(200, "rating.text", "slow")
	s.get("/v1/receipts/"+sale+"/explain").is(200, "tier.next.value", 20000)

	// Who is forgotten takes his words along; the stars stay.
	s.as("admin", "POST", "/v1/members/c1/erase", `{"id":"e1","reason":"asked","actor":"eve"}`).is(201)
	s.get("/v1/receipts/"+sale).is(200, "rating.stars", 3, "rating.text", nil)
	s.as("till", "PUT", "/v1/receipts/"+sale+"/rating", `{"stars":4}`).is(201)
	s.as("till", "PUT", "/v1/receipts/"+sale+"/rating", `{"stars":4,"text":"again"}`).refused(codeMemberNotFound, "")
	s.get("/v1/receipts/" + sale + "/explain").is(200)
}

// TestRatingOfPart rates the receipt of one who is part of another, and then forgets
// him by himself: the words go with him.
func TestRatingOfPart(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/into", `{"name":"Into"}`).is(201)
	s.as("till", "PUT", "/v1/members/from", `{"name":"From"}`).is(201)
	sale := s.sell("from", 1000)
	s.as("admin", "POST", "/v1/members/into/merge", `{"id":"m1","from":"from","reason":"r","actor":"o"}`).is(201)
	s.as("till", "PUT", "/v1/receipts/"+sale+"/rating", `{"stars":5,"text":"my name is From"}`).
		is(201, "member_id", s.get("/v1/members/into").at("member_id"))
	s.get("/v1/receipts/"+sale).is(200, "rating.text", "my name is From")
	s.as("admin", "POST", "/v1/merges/m1/undo", `{"id":"u1","reason":"r","actor":"o"}`).is(201)
	s.get("/v1/receipts/"+sale).is(200, "rating.text", "my name is From")
	s.as("admin", "POST", "/v1/members/from/erase", `{"id":"x1","reason":"r","actor":"o"}`).is(201)
	s.get("/v1/receipts/"+sale).is(200, "rating.stars", 5, "rating.text", nil)
	s.get("/v1/members/into").is(200, "name", "Into")
	s.as("till", "PUT", "/v1/receipts/"+sale+"/rating", `{"stars":4,"text":"again"}`).refused(codeMemberNotFound, "")
}
