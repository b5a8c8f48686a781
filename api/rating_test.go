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

	// Nobody's words have a key of their own.
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
