package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// street is a shop with members of several segments.
func street(t *testing.T) *shop {
	s := open(t)
	for i := range 10 {
		s.enrol(fmt.Sprintf("c%d", i))
	}
	s.as("till", "PUT", `/v1/members/a,"b`, `{}`).is(201)
	for i := range 6 {
		for range i {
			s.sell(fmt.Sprintf("c%d", i), 1000*i)
		}
	}
	return s
}

func TestSegments(t *testing.T) {
	s := street(t)
	r := s.get("/v1/segments").is(200, "as_of", "2026-03-02", "members", 11,
		"data.0.id", "core", "data.1.id", "loyal", "data.1.members", 3, "data.3.id", "new", "data.3.members", 2,
		"data.6.id", "none", "data.6.members", 6)
	members, shares := 0, 0
	for i := range r.at("data").([]any) {
		members += r.int(fmt.Sprintf("data.%d.members", i))
		shares += r.int(fmt.Sprintf("data.%d.share_bp", i))
	}
	if members != 11 || shares != 10000 {
		t.Fatalf("%d members, %d basis points", members, shares)
	}
	s.clock(testStart.Add(200 * 24 * time.Hour))
	s.get("/v1/segments").is(200, "data.4.id", "sleeping", "data.4.members", 3, "data.5.members", 2)
	s.get("/v1/segments?as_of=2026-03-02").is(200, "as_of", "2026-03-02", "data.1.members", 3, "data.6.members", 6)
	s.get("/v1/segments?as_of=2026-03-01").is(200, "members", 0)
	s.get("/v1/segments?as_of=2026-09-19").refused(codeMalformed, "")
	s.get("/v1/segments?as_of=today").refused(codeMalformed, "")
	s.as("till", "GET", "/v1/segments", "").refused(codeForbidden, "")
}

func TestSegmentMembers(t *testing.T) {
	s := street(t)
	for _, asOf := range []string{"", "&as_of=2026-03-02"} {
		var cards []string
		cursor := ""
		for {
			r := s.get("/v1/segments/none/members?limit=4" + asOf + cursor).is(200)
			for _, v := range r.at("data").([]any) {
				cards = append(cards, v.(map[string]any)["card"].(string))
			}
			next := r.at("next_cursor")
			if next == nil {
				break
			}
			cursor = "&cursor=" + next.(string)
		}
		if got := strings.Join(cards, " "); got != `c0 c6 c7 c8 c9 a,"b` {
			t.Fatalf("%s: %s", asOf, got)
		}
	}
	s.get("/v1/segments/loyal/members").is(200, "data.0.card", "c3", "data.0.frequency", 3, "data.0.monetary", 9000,
		"data.0.r", 5, "data.0.f", 3, "data.0.m", 1, "data.0.segment", "loyal")

	csv := s.as("analyst", "GET", "/v1/segments/new/members", "", "Accept", "text/csv")
	want := "member,recency_days,frequency,monetary,r,f,m,segment\nc1,0,1,1000,5,1,1,new\nc2,0,2,4000,5,2,1,new\n"
	if csv.text != want || csv.header.Get("Kopilka-As-Of") != "2026-03-02" {
		t.Fatalf("%v\n%s; want\n%s", csv.header, csv.text, want)
	}
	set := s.as("analyst", "GET", "/v1/segments/loyal/members", "", "Accept", "text/html, application/vnd.roaring;q=0.5")
	b := roaring.New()
	if err := b.UnmarshalBinary([]byte(set.text)); err != nil || b.String() != "{3,4,5}" {
		t.Fatalf("%v %v", b, err)
	}
	numbers := s.get("/v1/rfm/numbers")
	if !strings.HasPrefix(numbers.text, "number,card\n0,c0\n1,c1\n") || !strings.HasSuffix(numbers.text, "\n10,\"a,\"\"b\"\n") {
		t.Fatal(numbers.text)
	}
	s.as("analyst", "GET", "/v1/segments/new/members", "", "Accept", "text/html").refused(codeNotAcceptable, "")
	s.get("/v1/segments/nosuch/members").refused(codeNotFound, "")
	s.get("/v1/segments/none/members?cursor=x").refused(codeMalformed, "")
}

func TestRFM(t *testing.T) {
	s := street(t)
	r := s.get("/v1/rfm").is(200, "rule.window_days", 365, "rule.segments", "six", "boundaries.r.0", 30, "boundaries.m.0", 500000,
		"none.members", 6, "members", 11)
	members, receipts, amount := 0, 0, 0
	for i := range r.at("cells").([]any) {
		members += r.int(fmt.Sprintf("cells.%d.members", i))
		receipts += r.int(fmt.Sprintf("cells.%d.receipts", i))
		amount += r.int(fmt.Sprintf("cells.%d.amount", i))
	}
	if members != 5 || receipts != 15 || amount != 1000*(1+4+9+16+25) {
		t.Fatalf("cells add up to %d members, %d receipts, %d", members, receipts, amount)
	}
	all := s.get("/v1/rfm/members")
	if rows := strings.Split(strings.TrimSpace(all.text), "\n"); len(rows) != 12 ||
		rows[0] != "member,recency_days,frequency,monetary,r,f,m,segment" || rows[1] != "c0,,0,0,0,0,0,none" ||
		rows[6] != "c5,0,5,25000,5,4,1,loyal" || rows[11] != `"a,""b",,0,0,0,0,0,none` {
		t.Fatal(all.text)
	}
	s.as("admin", "POST", "/v1/rfm/refresh", `{"id":"f1"}`).is(201, "id", "f1")
	s.as("admin", "POST", "/v1/rfm/refresh", `{"id":"f1"}`).is(200)
	s.as("admin", "POST", "/v1/rfm/refresh", ``).is(201, "id", nil)
}
