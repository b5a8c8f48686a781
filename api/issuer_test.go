package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka/engine"
)

// birthdayProgram is the corner shop with a certificate for the birthday, 7 days
// before it and 22 in all, and one for the wedding, on its day alone.
const birthdayProgram = testProgram + `
certificates:
  - {id: birthday, on: birth_date, points: 150000, lead_days: 7, valid_days: 22, max_redeem_bp: 500}
  - {id: wedding, on: attributes.wedding, points: 50000, valid_days: 1, max_redeem_bp: 10000}
  - {id: sorry, points: 20000, valid_days: 10}
`

// noon is noon in Berlin of a day; the tests walk from one to the next.
func noon(date string) time.Time {
	t, err := time.Parse("2006-01-02", date)
	if err != nil {
		panic(err)
	}
	return t.Add(11 * time.Hour)
}

// certificates is what a member has, in the order of the answer.
func (s *shop) certificates(card string) string {
	s.t.Helper()
	r := s.get("/v1/members/" + card).is(200)
	var all []string
	for i := range r.at("certificates").([]any) {
		at := fmt.Sprintf("certificates.%d.", i)
		all = append(all, fmt.Sprintf("%v %v %v..%v", r.at(at+"id"), r.at(at+"left"), r.at(at+"valid_from"), r.at(at+"valid_to")))
	}
	return strings.Join(all, ", ")
}

func (s *shop) has(card, want string) {
	s.t.Helper()
	if got := s.certificates(card); got != want {
		s.t.Fatalf("%s has %q; want %q", card, got, want)
	}
}

// TestBirthdays walks over birthdays: a window, New Year, 29 February.
func TestBirthdays(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	put := func(card, body string) {
		t.Helper()
		if r := s.as("till", "PUT", "/v1/members/"+card, body); r.status != 200 && r.status != 201 {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	put("may", `{"birth_date":"1990-05-20"}`)
	put("january", `{"birth_date":"1990-01-03"}`)
	put("december", `{"birth_date":"1990-12-30"}`)
	put("leap", `{"birth_date":"1988-02-29"}`)
	put("nobody", `{}`)
	s.has("may", "")
	s.has("leap", "birthday 150000 2026-02-21..2026-03-14") // enrolled inside the window of 28 February
	s.clock(noon("2026-03-15"))
	s.has("leap", "")

	// [20 May − 7, − 7 + 22) is 13 May to 3 June.
	s.clock(noon("2026-05-12"))
	s.has("may", "")
	s.clock(noon("2026-05-13"))
	s.has("may", "birthday 150000 2026-05-13..2026-06-03")
	s.clock(noon("2026-06-03"))
	s.has("may", "birthday 150000 2026-05-13..2026-06-03")
	s.clock(noon("2026-06-04"))
	s.has("may", "")

	// Over New Year: it is that of 2027, and comes in 2026.
	s.clock(noon("2026-12-22"))
	s.has("december", "")
	s.clock(noon("2026-12-23"))
	s.has("december", "birthday 150000 2026-12-23..2027-01-13")
	s.has("january", "")
	s.clock(noon("2026-12-27"))
	s.has("january", "birthday 150000 2026-12-27..2027-01-17")
	s.clock(noon("2027-01-13"))
	s.has("december", "birthday 150000 2026-12-23..2027-01-13")
	s.clock(noon("2027-01-14"))
	s.has("december", "")

	// 29 February counts as the 28th in common years, and as itself in others.
	s.clock(noon("2027-02-20"))
	s.has("leap", "")
	s.clock(noon("2027-02-21"))
	s.has("leap", "birthday 150000 2027-02-21..2027-03-14")
	s.clock(noon("2028-02-22"))
	s.has("leap", "birthday 150000 2028-02-22..2028-03-14")

	// In one stride over years nobody misses a year, and nobody gets two of one.
	s.clock(noon("2030-06-30"))
	if n := s.count("birthday"); n != 18 {
		t.Fatalf("%d birthdays were given; want 18: 5 of May and of leap, 4 of January and of December", n)
	}
	s.has("may", "")
}

// count is how many certificates of a rule were ever given.
func (s *shop) count(rule string) (n int64) {
	s.t.Helper()
	s.queue.View(func(b *engine.State) {
		for _, term := range b.Terms() {
			if term.Kind == engine.TermCertificate && term.ID == rule {
				n = term.Count
			}
		}
	})
	return n
}

// TestBirthdayTold enrols inside a window and tells and moves dates.
func TestBirthdayTold(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	put := func(card, body string) {
		t.Helper()
		if r := s.as("till", "PUT", "/v1/members/"+card, body); r.status != 200 && r.status != 201 {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	const now = "birthday 150000 2026-03-01..2026-03-22"
	// Enrolled inside the window, and told later: at once.
	put("c1", `{"birth_date":"1990-03-08"}`)
	s.has("c1", now)
	put("c2", `{}`)
	put("c2", `{"birth_date":"1990-03-08","name":"Anna"}`)
	s.has("c2", now)
	put("c2", `{"name":"Anne"}`)
	s.has("c2", now)
	// The first and the last day, and those beside them.
	put("first", `{"birth_date":"1990-03-09"}`)
	s.has("first", "birthday 150000 2026-03-02..2026-03-23")
	put("early", `{"birth_date":"1990-03-10"}`)
	s.has("early", "")
	put("last", `{"birth_date":"1990-02-16"}`)
	s.has("last", "birthday 150000 2026-02-09..2026-03-02")
	put("late", `{"birth_date":"1990-02-15"}`)
	s.has("late", "")

	// A date that moves brings none of the same year, and the next one at its own time.
	put("c1", `{"birth_date":"1990-03-09"}`)
	s.has("c1", now)
	put("c1", `{"birth_date":"1990-06-01"}`)
	s.has("c1", now)
	s.clock(noon("2026-06-10"))
	s.has("c1", "")
	s.clock(noon("2027-05-25"))
	s.has("c1", "birthday 150000 2027-05-25..2027-06-15")
	// A date that is taken back brings nothing more.
	put("c1", `{"birth_date":null}`)
	s.clock(noon("2028-06-01"))
	s.has("c1", "")

	// Of an attribute, with its year or without.
	put("w1", `{"attributes":{"wedding":"06-02"}}`)
	put("w2", `{"attributes":{"wedding":"2015-06-02"}}`)
	put("w3", `{"attributes":{"jubilee":"2028-06-02"}}`)
	s.clock(noon("2028-06-02"))
	s.has("w1", "wedding 50000 2028-06-02..2028-06-02")
	s.has("w2", "wedding 50000 2028-06-02..2028-06-02")
	s.has("w3", "")
	s.clock(noon("2028-06-03"))
	s.has("w1", "")
}

// TestDatesOfANewProgram puts certificates in force by an attribute that nobody
// asked for before: the profiles are read again.
func TestDatesOfANewProgram(t *testing.T) {
	s := openWith(t, testProgram, Options{})
	s.as("till", "PUT", "/v1/members/c1", `{"birth_date":"1990-03-08","attributes":{"wedding":"03-03"}}`).is(201)
	s.clock(testStart.Add(time.Hour))
	s.as("admin", "PUT", "/v1/program", birthdayProgram, "Content-Type", "application/yaml").is(200)
	s.clock(testStart.Add(2 * time.Hour))
	s.has("c1", "birthday 150000 2026-03-01..2026-03-22")
	s.clock(noon("2026-03-03"))
	s.has("c1", "wedding 50000 2026-03-03..2026-03-03, birthday 150000 2026-03-01..2026-03-22")
}

// TestIssueMany gives birthdays to more members than one command takes.
func TestIssueMany(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	var lines strings.Builder
	const members = 2*issueMax + 3
	for i := range members {
		fmt.Fprintf(&lines, `{"op":"member","card":"c%d","birth_date":"1990-05-%02d"}`+"\n", i, 10+i%3)
	}
	s.as("till", "POST", "/v1/batch", lines.String(), "Content-Type", "application/x-ndjson").is(200)
	s.clock(noon("2026-05-03")) // the first window opens
	if n := s.count("birthday"); n != members/3+1 {
		t.Fatalf("%d; want %d", n, members/3+1)
	}
	s.clock(noon("2026-05-08"))
	// Whoever has his is not asked for again: a day is a tick, and no command.
	before := s.queue.Seq()
	s.clock(noon("2026-05-11"))
	if n := s.queue.Seq() - before; n != 3 {
		t.Fatalf("three days took %d commands", n)
	}
	s.clock(noon("2026-06-30"))
	if n := s.count("birthday"); n != members {
		t.Fatalf("%d; want %d", n, members)
	}
}

func TestCertificateByHand(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	s.enrol("c1")
	give := func(body string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/members/c1/certificates", body)
	}
	give(`{"id":"a","certificate":"sorry","reason":"r","actor":"olga"}`).is(201, "certificate", "sorry", "left", 20000,
		"valid_from", "2026-03-02", "valid_to", "2026-03-11")
	give(`{"id":"b","certificate":"sorry","points":700,"valid_days":1,"reason":"r","actor":"olga"}`).is(201, "left", 700, "valid_to", "2026-03-02")
	give(`{"id":"b","certificate":"sorry","points":700,"valid_days":1,"reason":"r","actor":"olga"}`).is(200, "left", 700)
	give(`{"id":"b","certificate":"sorry","points":701,"valid_days":1,"reason":"r","actor":"olga"}`).refused(codeIdempotencyMismatch, "")
	give(`{"id":"c","certificate":"birthday","reason":"r","actor":"olga"}`).is(201, "left", 150000, "valid_to", "2026-03-23")
	s.has("c1", "sorry 700 2026-03-02..2026-03-02, sorry 20000 2026-03-02..2026-03-11, birthday 150000 2026-03-02..2026-03-23")
	give(`{"id":"d","certificate":"none","reason":"r","actor":"olga"}`).refused(codeNotFound, "")
	give(`{"id":"d","certificate":"sorry","actor":"olga"}`).refused(codeMalformed, "")
	give(`{"id":"d","certificate":"sorry","reason":"r"}`).refused(codeMalformed, "")
	give(`{"id":"d","reason":"r","actor":"a"}`).refused(codeMalformed, "")
	give(`{"id":"d","certificate":"sorry","valid_days":367,"reason":"r","actor":"a"}`).refused(codeMalformed, "/valid_days")
	s.as("till", "POST", "/v1/members/c1/certificates", `{"id":"d","certificate":"sorry","reason":"r","actor":"a"}`).refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/members/c9/certificates", `{"id":"d","certificate":"sorry","reason":"r","actor":"a"}`).refused(codeMemberNotFound, "")
	// One by hand does not stand in the way of the year's.
	s.as("till", "PUT", "/v1/members/c1", `{"birth_date":"1990-03-02"}`).is(200)
	if all := s.certificates("c1"); strings.Count(all, "birthday") != 2 {
		t.Fatal(all)
	}
}

const instrumentProgram = testProgram + `
instruments:
  - {id: gift, kind: gift_certificate, value: 100000, valid_days: 365, prefix: "22"}
  - {id: spring, kind: coupon, percent_bp: 1000, code: SPRING, per_member: 1, budget: 10000, starts_at: "2026-03-03", ends_at: "2026-03-05"}
  - {id: plain5, kind: discount_card, percent_bp: 500, prefix: "29"}
`

func TestEmissions(t *testing.T) {
	s := openWith(t, instrumentProgram, Options{})
	emit := func(instrument, body string) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/instruments/"+instrument+"/emissions", body)
	}
	first := emit("gift", `{"id":"e1","count":2500}`).is(201, "count", 2500, "prefix", "22", "valid_from", "2026-03-02", "valid_to", "2027-03-01").at("first")
	emit("gift", `{"id":"e1","count":2500}`).is(200, "first", first)
	emit("plain5", `{"id":"e2","count":2}`).is(201, "prefix", "29", "valid_to", nil)
	emit("plain5", `{"id":"e3","count":2,"prefix":"7"}`).is(201, "prefix", "7")
	emit("plain5", `{"id":"e4","count":2,"prefix":"72"}`).refused(codePrefixTaken, "")
	emit("gift", `{"id":"e4","count":0}`).refused(codeMalformed, "/count")
	emit("gift", `{"id":"e4","count":1000001}`).refused(codeMalformed, "/count")
	emit("gift", `{"id":"e4","count":1,"prefix":"1234567"}`).refused(codeMalformed, "/prefix")
	emit("gift", `{"id":"e4","count":1,"prefix":"x"}`).refused(codeMalformed, "/prefix")
	emit("spring", `{"id":"e4","count":1}`).refused(codeInstrumentUnfit, "")
	emit("none", `{"id":"e4","count":1}`).refused(codeNotFound, "")
	s.as("till", "POST", "/v1/instruments/gift/emissions", `{"id":"e4","count":1}`).refused(codeForbidden, "")

	csv := func(path string) []string {
		t.Helper()
		r := s.get(path).is(200)
		return strings.Split(strings.TrimSpace(r.text), "\n")
	}
	rows := csv("/v1/instruments/gift/numbers?emission=e1")
	if len(rows) != 2501 || rows[0] != "number,instrument,valid_to" || rows[1] != fmt.Sprintf("%s,gift,2027-03-01", first) {
		t.Fatalf("%d rows: %s, %s", len(rows), rows[0], rows[1])
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		number, _, _ := strings.Cut(row, ",")
		if len(number) != 13 || number[:2] != "22" || seen[number] {
			t.Fatal(row)
		}
		seen[number] = true
	}
	if rows := csv("/v1/instruments/plain5/numbers?emission=e2"); len(rows) != 3 || !strings.HasSuffix(rows[1], ",plain5,") {
		t.Fatal(rows)
	}
	s.get("/v1/instruments/gift/numbers?emission=e2").refused(codeNotFound, "")
	s.get("/v1/instruments/gift/numbers?emission=nothing").refused(codeNotFound, "")
	s.get("/v1/instruments/gift/numbers").refused(codeMalformed, "")
	s.get("/v1/instruments").is(200, "data.0.id", "gift", "data.0.emitted", 2500, "data.1.code", "SPRING", "data.1.budget_left", 10000, "data.2.emitted", 4, "data.2.uses", 0)

	s.get("/v1/numbers/"+first.(string)).is(200, "instrument", "gift", "kind", "gift_certificate", "left", 100000, "value", 100000, "good", true, "uses", 0)
	s.as("till", "GET", "/v1/numbers/SPRING", "").is(200, "instrument", "spring", "kind", "coupon", "left", nil, "good", false)
	s.get("/v1/numbers/2200000000001").refused(codeNotFound, "")
	s.clock(noon("2026-03-03"))
	s.get("/v1/numbers/SPRING").is(200, "good", true)
	s.clock(noon("2026-03-05"))
	s.get("/v1/numbers/SPRING").is(200, "good", false)
	s.clock(noon("2027-03-02"))
	s.get("/v1/numbers/"+first.(string)).is(200, "good", false)
}

// TestAppCodes makes a code and pays with it until it is over.
func TestAppCodes(t *testing.T) {
	s := openWith(t, strings.Replace(testProgram, "redeem_allowed_by: [card, member_id]", "redeem_allowed_by: [code]\napp_code: {minutes: 10}", 1), Options{})
	s.enrol("c1")
	s.sell("c1", 10000)
	code := s.post("/v1/members/c1/codes", "").is(200, "expires_at", "2026-03-02T12:10:00.000+01:00").at("code").(string)
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r1","code":%q,"amount":1000,"redeem":100}`, code)).is(201, "redeemed", 100)
	s.post("/v1/members/c9/codes", "").refused(codeMemberNotFound, "")
	s.as("analyst", "POST", "/v1/members/c1/codes", "").refused(codeForbidden, "")
	s.as("s1", "POST", "/v1/members/c1/codes", "").refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/members/c1/codes", "").is(200)
	s.clock(testStart.Add(11 * time.Minute))
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r2","code":%q,"amount":1000}`, code)).refused(codeMemberNotFound, "")
	s.as("admin", "PUT", "/v1/members/c1", `{"blocked":true}`).is(200)
	s.post("/v1/members/c1/codes", "").refused(codeMemberBlocked, "")
}
