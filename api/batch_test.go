package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// lines sends a batch and gives its answers.
func (s *shop) lines(role, path, body string) []*reply {
	s.t.Helper()
	r := s.as(role, "POST", path, body).is(200)
	var all []*reply
	for text := range strings.Lines(r.text) {
		one := &reply{t: s.t, text: text}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&one.json); err != nil {
			s.t.Fatalf("%v in %s", err, text)
		}
		one.status = one.int("status")
		all = append(all, one)
	}
	return all
}

func TestBatch(t *testing.T) {
	s := open(t)
	got := s.lines("till", "/v1/batch", strings.Join([]string{
		`{"op":"member","id":"m1","card":"c1","phone":"+79001234567"}`,
		`{"op":"receipt","id":"r1","card":"c1","amount":10000}`,           // sees the member above
		`{"op":"accrual","id":"a1","phone":"+79001234567","amount":2000}`, // and the phone
		`not json`,
		``,
		`{"op":"receipt","id":"r1","card":"c1","amount":10000}`, // a repetition inside the batch
		`{"op":"receipt","id":"r1","card":"c1","amount":10001}`,
		`{"op":"return","id":"t1","receipt":"r1","amount":5000}`, // sees the receipt
		`{"op":"return","id":"t2","receipt":"r1","amount":5001}`, // and the return
		`{"op":"return","id":"t3","receipt":"r1"}`,
		`{"op":"redemption","id":"d1","card":"c1","points":100}`,
		`{"op":"adjustment","id":"j1","card":"c1","points":5,"reason":"x","actor":"y"}`,
		`{"op":"accrual","id":"g1","card":"c1","points":5,"reason":"x"}`,
		`{"op":"receipt","card":"c1","amount":1}`,
		`{"op":"hold","id":"h"}`,
		`{"id":"h"}`,
		`[1]`,
		`{"op":"receipt","id":"z","card":"nobody","amount":1}`,
		`{"op":"member","card":"c1","name":"Anna"}`,
		`{"op":"receipt","id":"y","store":"S1","till":"T","receipt_no":"1","amount":1}`,
		`{"op":"receipt","id":"w","store":"S1","till":"T","receipt_no":"1","amount":1}`,
	}, "\n")+"\n")
	want := []struct {
		line, status int
		is           string
	}{
		{1, 201, ""}, {2, 201, ""}, {3, 201, ""}, {4, 400, "malformed"}, {6, 200, ""}, {7, 422, "idempotency-mismatch"},
		{8, 201, ""}, {9, 422, "return-exceeds-receipt"}, {10, 201, ""}, {11, 201, ""}, {12, 403, "forbidden"}, {13, 403, "forbidden"},
		{14, 400, "malformed"}, {15, 400, "malformed"}, {16, 400, "malformed"}, {17, 400, "malformed"}, {18, 404, "member-not-found"},
		{19, 200, ""}, {20, 201, ""}, {21, 409, "duplicate-receipt"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d answers; want %d", len(got), len(want))
	}
	for i, w := range want {
		got[i].is(w.status, "line", w.line, "replayed", w.line == 6)
		if w.is != "" {
			got[i].is(w.status, "code", w.is)
		}
	}
	got[4].is(200, "earned", 500, "balance", 500)
	s.get("/v1/members/c1").is(200, "balance", 0, "name", "Anna")

	// The same again: what was done is not done again, what was refused is judged anew.
	s.lines("till", "/v1/batch", `{"op":"redemption","id":"d1","card":"c1","points":100}`)[0].is(200, "replayed", true)
	s.as("till", "POST", "/v1/batch", "").is(200)
}

// TestBatchOfTenThousand is what a gateway may send after a night off line.
func TestBatchOfTenThousand(t *testing.T) {
	s := open(t)
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, `{"op":"member","card":"c%d"}`+"\n", i)
	}
	for i := range 10_000 {
		fmt.Fprintf(&b, `{"op":"receipt","id":"r%d","card":"c%d","amount":1000,"source":%q}`+"\n", i, i%10, strings.Repeat("x", 60))
	}
	for again := range 2 {
		for i, r := range s.lines("till", "/v1/batch", b.String()) {
			want := 201
			if again == 1 || again == 0 && i < 0 {
				want = 200
			}
			if i < 10 && again == 1 {
				continue
			}
			if r.status != want {
				t.Fatalf("line %d: %s", i, r.text)
			}
		}
		for i := range 10 {
			s.get(fmt.Sprintf("/v1/members/c%d", i)).is(200, "rfm.frequency", 1000, "rfm.monetary", 1_000_000)
		}
	}
}

func TestImport(t *testing.T) {
	s := open(t)
	got := s.lines("admin", "/v1/import", strings.Join([]string{
		`{"op":"receipt","id":"h1","card":"c1","amount":5000,"occurred_at":"2025-12-01T10:00:00+01:00"}`,
		`{"op":"receipt","id":"h2","card":"c1","amount":7000,"occurred_at":"2025-06-01T10:00:00+02:00"}`,
		`{"op":"return","id":"h3","card":"c2","amount":900,"occurred_at":"2025-06-03T10:00:00+02:00"}`,
		`{"op":"return","id":"h4","receipt":"h1","amount":1000,"occurred_at":"2025-12-02T10:00:00+01:00"}`,
		`{"op":"receipt","id":"h5","amount":100,"occurred_at":"2025-06-01T10:00:00+02:00"}`,
		`{"op":"receipt","id":"h1","card":"c1","amount":5000,"occurred_at":"2025-12-01T10:00:00+01:00"}`,
		`{"op":"receipt","id":"h6","card":"c1","amount":1,"occurred_at":"2027-06-01T10:00:00+02:00"}`,
		`{"op":"receipt","id":"h7","phone":"+79001234567","amount":1,"occurred_at":"2025-06-01T10:00:00+02:00"}`,
	}, "\n"))
	for i, want := range []int{201, 201, 201, 201, 201, 200, 422, 404} {
		got[i].is(want)
	}
	s.get("/v1/members/c1").is(200, "balance", 0, "rfm.frequency", 2, "rfm.monetary", 11000,
		"registered_at", "2025-06-01T00:00:00.000+02:00")
	s.get("/v1/members/c2").is(200, "rfm.monetary", -900, "rfm.r", 0, "segment", "none")
	// An earlier row in a later file moves the enrolment back; a later one does not.
	s.lines("admin", "/v1/import?earn=true", `{"op":"receipt","id":"h8","card":"c1","amount":100,"occurred_at":"2025-01-07T10:00:00+01:00"}`)[0].is(201, "earned", 5)
	s.get("/v1/members/c1").is(200, "registered_at", "2025-01-07T00:00:00.000+01:00")
	s.lines("admin", "/v1/import", `{"op":"receipt","id":"h9","card":"c1","amount":100,"occurred_at":"2025-02-07T10:00:00+01:00"}`)[0].is(201)
	s.get("/v1/members/c1").is(200, "registered_at", "2025-01-07T00:00:00.000+01:00")
	s.as("till", "POST", "/v1/import", "").refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/import?earn=yes", "").refused(codeMalformed, "")
}

// TestBatchProblemsNameTheirLine looks for id and request_id in the problems of
// lines, whatever is wrong with them.
func TestBatchProblemsNameTheirLine(t *testing.T) {
	s := open(t)
	f := func(line string, want any) {
		t.Helper()
		r := s.as("till", "POST", "/v1/batch", `{"op":"receipt","id":"before","amount":1}`+"\n"+line, "X-Request-Id", "req-7")
		_, text, _ := strings.Cut(r.text, "\n")
		one := &reply{t: t, text: text}
		if err := json.Unmarshal([]byte(text), &one.json); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		one.is(0, "line", 2, "replayed", false, "id", want, "request_id", "req-7")
		if one.json["code"] == nil {
			t.Fatalf("%s is taken: %s", line, text)
		}
	}
	f(`{"op":"receipt","id":"x","card":"nobody","amount":1}`, "x")
	f(`{"op":"receipt","id":"before","amount":2}`, "before")
	f(`{"op":"receipt","amount":1,"amonut":1,"id":"x"}`, "x")
	f(`{"op":"hold","id":"x"}`, "x")
	f(`{"id":"x"}`, "x")
	f(`{"op":"receipt","id":"\u0078","amount":-1}`, "x")
	f(`{"op":"receipt","id":"x","amount":`, "x")
	f(`{"op":"receipt","id":"x","pad":"`+strings.Repeat("x", bodyMax)+`"}`, "x")
	f(`{"op":"adjustment","id":"x","card":"c","points":1,"reason":"a","actor":"b"}`, "x")
	f(`{"op":"receipt","amount":1}`, nil)
	f(`{"op":"receipt","id":"a b","amount":1}`, nil)
	f(`{"op":"receipt","id":7,"amount":1}`, nil)
	f(`{"op":"member","card":"c1","referrer":"nobody"}`, nil)
	f(`{"op":"receipt","amount":,"id":"x"}`, nil)
	f(`[{"id":"x"}]`, nil)
	f(`x`, nil)
}

// TestBatchTakesNoKey: an Idempotency-Key for many commands would be good for none.
func TestBatchTakesNoKey(t *testing.T) {
	s := open(t)
	for _, path := range []string{"/v1/batch", "/v1/import"} {
		s.as("admin", "POST", path, `{"op":"receipt","id":"a","amount":1}`, "Idempotency-Key", "k").refused(codeMalformed, "")
	}
	s.get("/v1/receipts/a").refused(codeNotFound, "")
}

// TestImportTellsEnrolled counts every card that was enrolled once, on a line
// that was done.
func TestImportTellsEnrolled(t *testing.T) {
	s := open(t)
	s.enrol("old")
	got := s.lines("admin", "/v1/import", strings.Join([]string{
		`{"op":"receipt","id":"h1","card":"old","amount":1}`,
		`{"op":"receipt","id":"h2","card":"c1","amount":1,"occurred_at":"2027-06-01T10:00:00+02:00"}`,
		`{"op":"receipt","id":"h3","card":"c1","amount":1,"occurred_at":"2025-12-01T10:00:00+01:00"}`,
		`{"op":"receipt","id":"h4","card":"c1","amount":1,"occurred_at":"2025-11-01T10:00:00+01:00"}`,
		`{"op":"return","id":"h5","card":"c2","amount":1,"occurred_at":"2025-11-01T10:00:00+01:00"}`,
		`{"op":"member","id":"h6","card":"c3"}`,
		`{"op":"receipt","id":"h7","card":"c3","amount":1}`,
		`{"op":"receipt","id":"h8","amount":1}`,
	}, "\n"))
	for i, want := range []any{nil, nil, true, nil, true, true, nil, nil} {
		if got[i].json["enrolled"] != want {
			t.Errorf("line %d: enrolled is %v; want %v: %s", i+1, got[i].json["enrolled"], want, got[i].text)
		}
	}
	again := s.lines("admin", "/v1/import", `{"op":"receipt","id":"h9","card":"c1","amount":1,"occurred_at":"2025-01-01T10:00:00+01:00"}`)
	if again[0].is(201).json["enrolled"] != nil {
		t.Errorf("a member of before is enrolled again: %s", again[0].text)
	}
}

// TestImportOfMembersWithoutIDs sends random members, of whom some carry no id, in one
// import and line by line into another shop: they are answered alike, and stand alike.
func TestImportOfMembersWithoutIDs(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 6))
		var lines []string
		cards := map[string]bool{}
		for i := range 120 {
			card := fmt.Sprintf("c%d", rng.IntN(40))
			cards[card] = true
			id := ""
			if rng.IntN(2) == 0 {
				id = fmt.Sprintf(`"id":"i%d",`, rng.IntN(60))
			}
			if rng.IntN(6) == 0 {
				lines = append(lines, fmt.Sprintf(`{"op":"receipt","id":"s%d","card":%q,"amount":%d,"occurred_at":"2026-0%d-01T10:00:00+01:00"}`,
					i, card, rng.IntN(900), 1+rng.IntN(2)))
				continue
			}
			more := ""
			switch rng.IntN(6) {
			case 0:
				more = fmt.Sprintf(`,"phone":"+7900123450%d"`, rng.IntN(9))
			case 1:
				more = fmt.Sprintf(`,"referrer":"c%d"`, rng.IntN(40))
			case 2:
				more = `,"name":null`
			case 3:
				more = `,"registered_at":"2025-05-06T10:00:00+02:00"`
			}
			lines = append(lines, fmt.Sprintf(`{"op":"member",%s"card":%q,"name":"N%d"%s}`, id, card, rng.IntN(5), more))
			if strings.Contains(more, "null") {
				lines[len(lines)-1] = fmt.Sprintf(`{"op":"member",%s"card":%q%s}`, id, card, more)
			}
		}
		one, other := open(t), open(t)
		together := one.lines("admin", "/v1/import", strings.Join(lines, "\n"))
		refused := 0
		for i, line := range lines {
			alone := other.lines("admin", "/v1/import", line)[0]
			for _, field := range []string{"status", "code", "replayed", "card", "balance"} {
				if got, want := together[i].json[field], alone.json[field]; got != want {
					t.Fatalf("seed %d, line %d: %s is %v; alone it is %v\n%s\n%s\n%s", seed, i+1, field, got, want, line, together[i].text, alone.text)
				}
			}
			if alone.json["code"] != nil {
				refused++
			}
		}
		if refused == 0 || refused > 60 {
			t.Fatalf("seed %d: %d of %d lines are refused", seed, refused, len(lines))
		}
		for card := range cards {
			got, want := one.get("/v1/members/"+card).json, other.get("/v1/members/"+card).json
			for _, field := range []string{"card", "code", "name", "phone", "referrer", "registered_at", "balance", "rfm"} {
				if !reflect.DeepEqual(got[field], want[field]) {
					t.Fatalf("seed %d: %s of %s is %v; line by line %v", seed, field, card, got[field], want[field])
				}
			}
		}
	}
}

// TestRefusedLinesEnrolNobody sends lines of unknown cards that are refused, each for a
// reason of its own: the books stay as they are, and whoever is named by a good line of
// the same import too is enrolled by that one.
func TestRefusedLinesEnrolNobody(t *testing.T) {
	s := open(t)
	s.enrol("old")
	s.post("/v1/receipts", `{"id":"sold","card":"old","store":"S1","till":"T","receipt_no":"1","amount":100}`).is(201)
	before := s.as("analyst", "GET", "/v1/books?hash=true", "").is(200).json["hash"]
	lines := []struct{ line, code string }{
		{`{"op":"receipt","id":"x1","card":"g1","amount":1,"occurred_at":"2027-01-01T00:00:00Z"}`, "too-late"},
		{`{"op":"receipt","id":"x2","card":"g2","store":"S1","till":"T","receipt_no":"1","amount":1}`, "duplicate-receipt"},
		{`{"op":"accrual","id":"sold","card":"g3","amount":1}`, "idempotency-mismatch"},
		{`{"op":"return","id":"x4","card":"g4","receipt":"none","amount":1}`, "member-not-found"},
		{`{"op":"return","id":"x5","card":"g5","receipt":"sold","amount":1}`, "member-not-found"},
		{`{"op":"redemption","id":"x6","card":"g6","points":1}`, "member-not-found"},
		{`{"op":"hold","id":"x7","card":"g7","points":1}`, "member-not-found"},
		{`{"op":"adjustment","id":"x8","card":"g8","points":-1,"reason":"r","actor":"a"}`, "member-not-found"},
	}
	var body []string
	for _, l := range lines {
		body = append(body, l.line)
	}
	for i, got := range s.lines("admin", "/v1/import", strings.Join(body, "\n")) {
		if got.json["code"] != lines[i].code {
			t.Errorf("%s: %v; want %s: %s", lines[i].line, got.json["code"], lines[i].code, got.text)
		}
		s.get(fmt.Sprintf("/v1/members/g%d", i+1)).refused(codeMemberNotFound, "")
	}
	if after := s.as("analyst", "GET", "/v1/books?hash=true", "").is(200).json["hash"]; after != before {
		t.Errorf("refused lines changed the books from %v to %v", before, after)
	}

	got := s.lines("admin", "/v1/import", strings.Join([]string{
		`{"op":"receipt","id":"y1","card":"z1","store":"S1","till":"T","receipt_no":"7","amount":1}`,
		`{"op":"receipt","id":"y2","card":"z2","store":"S1","till":"T","receipt_no":"7","amount":1}`,
		`{"op":"receipt","id":"y1","card":"z3","amount":1}`,
		`{"op":"redemption","id":"y3","card":"z4","points":1}`,
		`{"op":"receipt","id":"y4","card":"z4","amount":0,"occurred_at":"2025-11-01T10:00:00+01:00"}`,
	}, "\n"))
	for i, want := range []int{201, 409, 422, 409, 201} {
		got[i].is(want)
	}
	for card, want := range map[string]int{"z1": 200, "z2": 404, "z3": 404, "z4": 200} {
		s.get("/v1/members/" + card).is(want)
	}
}

// TestImportTakesNothingOfToday imports receipts that name what is in the books today.
func TestImportTakesNothingOfToday(t *testing.T) {
	s := open(t)
	s.enrol("c")
	s.as("admin", "POST", "/v1/accruals", `{"id":"g","card":"c","points":1000,"reason":"x"}`).is(201)
	s.post("/v1/holds", `{"id":"h","card":"c","points":700}`).is(201)
	for i, field := range []string{`"hold":"h"`, `"certificate":5`, `"certificate":"max"`, `"coupons":["x"]`, `"redeem":"max"`} {
		name, _, _ := strings.Cut(field[1:], `"`)
		s.lines("admin", "/v1/import", fmt.Sprintf(`{"op":"receipt","id":"i%d","card":"c","amount":500,%s}`, i, field))[0].
			is(400, "code", codeMalformed, "errors.0.pointer", "/"+name)
	}
	s.lines("admin", "/v1/import", `{"op":"receipt","id":"i","card":"c","amount":500,"redeem":100}`)[0].is(201, "redeemed", 0, "balance", 300)
	s.post("/v1/holds/h/capture", `{"id":"k"}`).is(201, "redeemed", 700)
	s.get("/v1/members/c").is(200, "held", 0, "balance", 300)
}
