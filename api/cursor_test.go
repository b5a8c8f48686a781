package api

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/valyala/fasthttp"
)

// signed is a cursor as the server would make it, of a place that it would not.
func (s *shop) signed(path, param string, at, skip uint64) string {
	c := call{s: s.server, route: &route{path: path}, param: param, ctx: &fasthttp.RequestCtx{}}
	return c.mark(binary.AppendUvarint(binary.AppendUvarint(nil, at), skip))
}

// TestCursorsOfOtherPlaces asks lists of a member for places that are not his, or
// none, in cursors that are signed and in such that are not.
func TestCursorsOfOtherPlaces(t *testing.T) {
	s := open(t)
	s.enrol("c")
	s.sell("c", 1000)
	other := s.as("till", "PUT", "/v1/members/d", `{"consent":{"text_version":"1","at":"2026-03-01T00:00:00Z"}}`).is(201)
	sale := s.post("/v1/receipts", `{"id":"r","card":"d","amount":100}`).is(201)
	const ledger, consents = "/v1/members/{card}/ledger", "/v1/members/{card}/consents"
	f := func(list string, at, skip uint64) {
		t.Helper()
		path := "/v1/members/c" + list[len("/v1/members/{card}"):]
		cursor := s.signed(list, "c", at, skip)
		s.get(path+"?cursor="+cursor).refused(codeMalformed, "")
		b, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			t.Fatal(err)
		}
		clear(b[:markBytes])
		s.get(path+"?cursor="+base64.RawURLEncoding.EncodeToString(b)).refused(codeMalformed, "")
	}
	for _, list := range []string{ledger, consents} {
		f(list, uint64(other.int("seq")), 0)
		f(list, uint64(sale.int("seq")), 0)
		f(list, 1<<40, 0)
	}
	f(ledger, 0, 1<<63)
	f(ledger, uint64(sale.int("seq")), 1<<63)
	f(consents, 0, 0)
	f(consents, 1, 0)
}

// TestCursorOutlivesItsCard turns a page after the card became another member's.
func TestCursorOutlivesItsCard(t *testing.T) {
	s := open(t)
	for i := range 3 {
		s.as("till", "PUT", "/v1/members/c", fmt.Sprintf(`{"consent":{"text_version":"%d","at":"2026-03-01T00:00:00Z"}}`, i))
		s.sell("c", 1000)
	}
	cursors := map[string]any{}
	for _, list := range []string{"consents", "ledger"} {
		cursors[list] = s.get("/v1/members/c/" + list + "?limit=1").is(200).at("next_cursor")
	}
	s.as("admin", "POST", "/v1/members/c/erase", `{"id":"x","reason":"r","actor":"o"}`).is(201)
	s.as("till", "PUT", "/v1/members/c", `{"consent":{"text_version":"9","at":"2026-03-01T00:00:00Z"}}`).is(201)
	for list, cursor := range cursors {
		s.get(fmt.Sprintf("/v1/members/c/%s?cursor=%s", list, cursor)).refused(codeMalformed, "")
	}
}

// TestConsentsOfParts turns the pages of one who stands for two.
func TestConsentsOfParts(t *testing.T) {
	s := open(t)
	put := func(card, version string) {
		s.as("till", "PUT", "/v1/members/"+card, fmt.Sprintf(`{"consent":{"text_version":%q,"at":"2026-03-01T00:00:00Z"}}`, version))
	}
	put("from", "1")
	put("into", "2")
	put("from", "3")
	s.as("admin", "POST", "/v1/members/into/merge", `{"id":"m","from":"from","reason":"r","actor":"o"}`).is(201)
	put("from", "4") // of both by now
	for limit := 1; limit < 6; limit++ {
		got, next := "", ""
		for {
			r := s.get(fmt.Sprintf("/v1/members/from/consents?limit=%d%s", limit, next)).is(200)
			for i := range r.at("data").([]any) {
				got += fmt.Sprint(r.at(fmt.Sprintf("data.%d.text_version", i)), " ")
			}
			if r.at("next_cursor") == nil {
				break
			}
			next = fmt.Sprint("&cursor=", r.at("next_cursor"))
		}
		if got != "4 2 3 1 " {
			t.Fatalf("in pages of %d: %s", limit, got)
		}
	}
}

// TestConsentsBoundWhatIsOpened walks over more profiles than one request opens, of
// which few changed the consent.
func TestConsentsBoundWhatIsOpened(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c", `{"consent":{"text_version":"1","at":"2026-03-01T00:00:00Z"}}`).is(201)
	for i := range versionsMax {
		s.as("till", "PUT", "/v1/members/c", fmt.Sprintf(`{"name":"N%d"}`, i)).is(200)
	}
	r := s.get("/v1/members/c/consents").is(200)
	if n := len(r.at("data").([]any)); n != 0 {
		t.Fatalf("%d consents after %d profiles", n, versionsMax)
	}
	s.get(fmt.Sprint("/v1/members/c/consents?cursor=", r.at("next_cursor"))).is(200, "data.0.text_version", "1", "next_cursor", nil)
}
