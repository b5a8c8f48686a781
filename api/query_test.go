package api

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// ask posts an expression and gives the answer.
func (s *shop) ask(expr string, more ...string) *reply {
	s.t.Helper()
	return s.as("analyst", "POST", "/v1/segments/query", fmt.Sprintf(`{"expr":%q%s}`, expr, strings.Join(more, "")))
}

// means checks which cards an expression means, in order of enrolment.
func (s *shop) means(expr string, cards ...string) {
	s.t.Helper()
	csv := s.as("analyst", "POST", "/v1/segments/query", fmt.Sprintf(`{"expr":%q}`, expr), "Accept", "text/csv").is(200)
	var got []string
	for _, row := range strings.Split(strings.TrimSpace(csv.text), "\n")[1:] {
		card, _, _ := strings.Cut(row, ",")
		got = append(got, card)
	}
	if strings.Join(got, " ") != strings.Join(cards, " ") {
		s.t.Fatalf("%s means %v; want %v", expr, got, cards)
	}
	s.ask(expr).is(200, "count", len(cards))
}

// TestQueryTerms asks every term of a few members.
func TestQueryTerms(t *testing.T) {
	s := open(t)
	put := func(card, body string) { s.as("till", "PUT", "/v1/members/"+card, body).is(201) }
	put("anna", `{"sex":"f","birth_date":"1990-03-02","store":"S12","source":"radio","phone":"+79001234567","registered_at":"2026-01-01T10:00:00+01:00",
		"consent":{"text_version":"1","at":"2026-01-01T10:00:00+01:00"},"attributes":{"shoe_size":38,"city":"Нижний Новгород","newsletter":true}}`)
	put("boris", `{"sex":"m","birth_date":"1990-03-03","store":"S1","referrer":"anna","attributes":{"shoe_size":42.5,"city":"Omsk","newsletter":false}}`)
	put("clara", `{"sex":"f","state":"installed","attributes":{"shoe_size":"38"}}`)
	s.as("admin", "PUT", "/v1/members/denis", `{"blocked":true}`).is(201)
	s.sell("anna", 100_000)
	s.clock(testStart.Add(40 * 24 * time.Hour)) // 11 April
	s.sell("anna", 600_000)
	sale := s.sell("boris", 20_000)
	s.sell("clara", 5_000_00)
	s.post("/v1/receipts/"+sale+"/returns", `{"id":"back","amount":20000}`).is(201)
	s.clock(testStart.Add(45 * 24 * time.Hour)) // 16 April

	s.means("new", "anna", "clara")
	s.means("segment:none", "boris", "denis")
	s.means("tier:gold")
	s.means("tier:base", "anna", "boris", "clara", "denis")
	s.means("r:5", "anna", "clara")
	s.means("f:2 & m:2..3", "anna")
	s.means("r:0", "boris", "denis")
	s.means("recency:5", "anna", "clara")
	s.means("recency:0..4")
	s.means("!recency>=0", "boris", "denis")
	s.means("registered>100", "anna")
	s.means("registered:45", "boris", "clara", "denis")
	s.means("frequency:2", "anna")
	s.means("monetary>=500000", "anna", "clara")
	s.means("purchases>=1", "anna", "clara")
	s.means("purchases:30d:1", "anna", "clara")
	s.means("purchases:46d:2", "anna")
	s.means("purchases:45d:2")
	s.means("purchases:2026-03-02..2026-03-02>=1", "anna")
	s.means("spent>=700000", "anna")
	s.means("spent:30d>=500000 & spent:30d<600000", "clara")
	s.means("spent:2026-03-03..2026-04-10>0")
	s.means("balance>=25001", "anna")
	s.means("balance:25000", "clara")
	s.means("balance:0", "boris", "denis")
	s.means("sex:f", "anna", "clara")
	s.means("age:36", "anna", "boris")
	s.means("age<37", "anna", "boris")
	s.means("store:S12", "anna")
	s.means(`source:"radio"`, "anna")
	s.means("state:installed", "clara")
	s.means("blocked", "denis")
	s.means("referred", "boris")
	s.means("attr.shoe_size>=38", "anna", "boris")
	s.means("attr.shoe_size:42.50", "boris")
	s.means("attr.shoe_size:38", "anna", "clara")
	s.means(`attr.city:"Нижний Новгород"`, "anna")
	s.means("!attr.newsletter:true", "boris", "clara", "denis")
	s.means("attr.nosuch:true")
	s.means("has:phone | has:birth_date", "anna", "boris")
	s.means("has:consent", "anna")
	s.means("(new | blocked) & !store:S12", "clara", "denis")

	// A change is seen at once, and what was cleared is gone.
	s.as("till", "PUT", "/v1/members/anna", `{"store":"S1","birth_date":null,"attributes":{"shoe_size":null}}`).is(200)
	s.means("store:S1", "anna", "boris")
	s.means("store:S12")
	s.means("age>=0", "boris")
	s.means("attr.shoe_size:38", "clara")
	s.means(`attr.city:"Нижний Новгород"`, "anna")
}

// TestQueryForms asks one expression in every form, and turns pages.
func TestQueryForms(t *testing.T) {
	s := street(t)
	r := s.ask("none&!frequency>0").is(200, "count", 6, "as_of", "2026-03-02", "expr", "segment:none & !frequency>=1")
	if _, listed := r.json["data"]; listed {
		t.Fatal(r.text)
	}
	var cards []string
	cursor := ""
	for {
		r := s.ask("none", `,"limit":4`, cursor).is(200, "count", 6)
		for _, v := range r.at("data").([]any) {
			cards = append(cards, v.(map[string]any)["card"].(string))
		}
		next := r.at("next_cursor")
		if next == nil {
			break
		}
		s.ask("loyal", fmt.Sprintf(`,"limit":4,"cursor":%q`, next)).refused(codeMalformed, "")
		cursor = fmt.Sprintf(`,"cursor":%q`, next)
	}
	if got := strings.Join(cards, " "); got != `c0 c6 c7 c8 c9 a,"b` {
		t.Fatal(got)
	}
	csv := s.as("analyst", "POST", "/v1/segments/query", `{"expr":"spent:1d:1000..4000"}`, "Accept", "text/csv")
	want := "member,recency_days,frequency,monetary,r,f,m,segment\nc1,0,1,1000,5,1,1,new\nc2,0,2,4000,5,2,1,new\n"
	if csv.text != want || csv.header.Get("Kopilka-As-Of") != "2026-03-02" || csv.header.Get("Kopilka-Seq") == "" {
		t.Fatalf("%v\n%s; want\n%s", csv.header, csv.text, want)
	}
	set := s.as("analyst", "POST", "/v1/segments/query", `{"expr":"f>=3"}`, "Accept", "application/vnd.roaring")
	b := roaring.New()
	if err := b.UnmarshalBinary([]byte(set.text)); err != nil || b.String() != "{3,4,5}" {
		t.Fatalf("%v %v", b, err)
	}
}

func TestQueryRefusals(t *testing.T) {
	s := street(t)
	s.ask("core & stor:S12").refused(codeMalformed, "/expr").is(400, "column", 8,
		"detail", "column 8: neither a field nor a segment of the program has this name; did you mean store?")
	s.ask("").refused(codeMalformed, "/expr")
	s.ask("core", `,"limit":0`).refused(codeMalformed, "/limit")
	s.ask("core", `,"limit":1001`).refused(codeMalformed, "/limit")
	s.ask("core", `,"cursor":"x"`).refused(codeMalformed, "/limit")
	s.ask("core", `,"limit":5,"cursor":"x"`).refused(codeMalformed, "")
	s.ask("core", `,"as_of":"2026-03-01"`).refused(codeMalformed, "/as_of")
	s.as("analyst", "POST", "/v1/segments/query", `{"expr":"core","limit":5}`, "Accept", "text/csv").refused(codeMalformed, "/limit")
	s.as("analyst", "POST", "/v1/segments/query", `{"expr":"core"}`, "Accept", "text/html").refused(codeNotAcceptable, "")
	s.as("till", "POST", "/v1/segments/query", `{"expr":"core"}`).refused(codeForbidden, "")
	s.as("analyst", "POST", "/v1/segments/query", `{}`).refused(codeMalformed, "/expr")
	r := s.ask(`attr.name:"Ivanova" Ivanov`).refused(codeMalformed, "/expr")
	if strings.Contains(r.text, "Ivan") {
		t.Fatal(r.text)
	}
}

// TestQueryNobody: numbers that are part of another member, or were forgotten, are
// in no answer, and their purchases are where they went.
func TestQueryNobody(t *testing.T) {
	s := open(t)
	for _, card := range []string{"a", "b", "c", "d"} {
		s.enrol(card)
		s.sell(card, 10_000)
	}
	no := func(card string) (m kopilka.MemberNo) {
		s.queue.View(func(b *engine.State) { m, _ = b.ByCard(card) })
		return m
	}
	merge := &kopilka.Merge{Head: kopilka.Head{ID: "merge"}, From: no("b"), Into: no("a"), Reason: "one person", Actor: "clerk"}
	if a, err := s.queue.Submit(merge); err != nil || a.Outcome.Refusal != kopilka.Accepted {
		t.Fatalf("%v, %v", a, err)
	}
	s.as("till", "PUT", "/v1/members/c", `{"store":"S12"}`).is(200)
	s.means("store:S12", "c")
	gone := no("c")
	s.as("admin", "POST", "/v1/members/c/erase", `{"id":"erase","reason":"asked","actor":"clerk"}`).is(201)
	var left [1]int64
	if s.server.facets.Store("S12", gone, left[:]); left[0] != 0 {
		t.Fatal("the store of a forgotten member is still known")
	}
	s.means("purchases>=0", "a", "d")
	s.means("purchases:1d:2 & spent:20000 & frequency:2", "a")
	s.means("!blocked", "a", "d")
	s.means("none")
}

// TestQueryAfterStart has a server learn from the log what another was told.
func TestQueryAfterStart(t *testing.T) {
	s := open(t)
	for i, body := range []string{`{"store":"S1","sex":"f","attributes":{"size":38}}`, `{"store":"S2","birth_date":"1990-01-01"}`, `{}`} {
		s.as("till", "PUT", fmt.Sprint("/v1/members/c", i), body).is(201)
	}
	s.as("till", "PUT", "/v1/members/c1", `{"store":"S1"}`).is(200)
	next, err := New(Options{}, s.queue, s.server.vault)
	if err != nil {
		t.Fatal(err)
	}
	next.learnNames(t.Context())
	close(next.issuer.learned)
	for expr, want := range map[string]uint64{"store:S1": 0b011, "store:S2": 0, "sex:f": 0b001, "age>30": 0b010, "attr.size:38": 0b001, "!sex:f": 0b110} {
		a, e, p := next.population(expr, false)
		if p != nil {
			t.Fatalf("%s: %+v", expr, p)
		}
		if got := e.Select(a)[0]; got != want {
			t.Errorf("%s: %b; want %b", expr, got, want)
		}
		next.passes.end()
	}
}

// TestQueryTwin holds every number that a member's own page shows against what
// queries say of him, while a seeded shop goes on.
func TestQueryTwin(t *testing.T) {
	const seed = 4
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := openWith(t, strings.Replace(testProgram, "months: 12}", "months: 1}\npending_days: 2", 1), Options{})
	now := testStart
	var sales []string
	for i := range 24 {
		s.as("till", "PUT", fmt.Sprint("/v1/members/c", i), `{}`).is(201)
	}
	for round := range 4 {
		for range 40 {
			card := fmt.Sprint("c", rnd.IntN(24))
			switch k := rnd.IntN(8); {
			case k == 0 && len(sales) > 0:
				s.id++
				s.post("/v1/receipts/"+sales[rnd.IntN(len(sales))]+"/returns", fmt.Sprintf(`{"id":"back-%d","amount":100}`, s.id))
			case k == 1:
				s.as("admin", "PUT", "/v1/members/"+card, fmt.Sprintf(`{"blocked":%v}`, rnd.IntN(3) == 0)).is(200)
			case k == 2:
				s.as("till", "PUT", "/v1/members/"+card, fmt.Sprintf(`{"state":%q}`, []string{"registered", "installed"}[rnd.IntN(2)]))
			default:
				s.id++
				id := fmt.Sprint("sale-", s.id)
				if r := s.post("/v1/receipts", fmt.Sprintf(`{"id":%q,"card":%q,"amount":%d,"redeem":"max"}`, id, card, 100*(1+rnd.IntN(4000)))); r.status == 201 {
					sales = append(sales, id)
				}
			}
		}
		now = now.Add(time.Duration(rnd.IntN(40)) * 24 * time.Hour)
		s.clock(now)
		for i := range 24 {
			card := fmt.Sprint("c", i)
			m := s.get("/v1/members/" + card)
			text := func(path string) string { return fmt.Sprint(m.at(path)) }
			terms := []string{
				"segment:" + text("segment"), "tier:" + text("tier"), "state:" + text("state"), "balance:" + text("balance"),
				"r:" + text("rfm.r"), "f:" + text("rfm.f"), "m:" + text("rfm.m"),
				"frequency:" + text("rfm.frequency"), "monetary:" + text("rfm.monetary"),
				"purchases:365d:" + text("rfm.frequency"), "spent:365d:" + text("rfm.monetary"),
			}
			if m.at("rfm.recency_days") == nil {
				terms = append(terms, "!recency>=0")
			} else {
				terms = append(terms, "recency:"+text("rfm.recency_days"))
			}
			if m.at("blocked") == true {
				terms = append(terms, "blocked")
			} else {
				terms = append(terms, "!blocked")
			}
			for _, term := range terms {
				r := s.ask(term, `,"limit":1000`).is(200)
				if !strings.Contains(r.text, fmt.Sprintf("%q", card)) {
					t.Fatalf("seed %d, round %d: %s does not mean %s\n%s\n%s", seed, round, term, card, m.text, r.text)
				}
				if n := len(r.at("data").([]any)); n != r.int("count") {
					t.Fatalf("%s: %d are shown of %d", term, n, r.int("count"))
				}
			}
		}
	}
}

// TestQueryOverLooks has more members than are read under one hold of the lock.
func TestQueryOverLooks(t *testing.T) {
	s := open(t)
	var lines strings.Builder
	const members = factsMax + 10
	for i := range members {
		fmt.Fprintf(&lines, "{\"op\":\"member\",\"card\":\"c%d\",\"store\":\"S%d\"}\n", i, i%3)
	}
	s.as("admin", "POST", "/v1/batch", lines.String(), "Content-Type", "application/x-ndjson").is(200)
	for _, i := range []int{7, factsMax - 1, factsMax, factsMax + 7} {
		s.as("admin", "PUT", fmt.Sprint("/v1/members/c", i), `{"blocked":true}`).is(200)
	}
	s.means("blocked", "c7", "c8191", "c8192", "c8199")
	s.means("blocked & store:S0", "c8199")
	s.means("blocked & !store:S1 & balance:0", "c8192", "c8199")
	s.ask("!blocked").is(200, "count", members-4)
}

// TestQueryTierOfSegment: where tiers follow segments, so do queries.
func TestQueryTierOfSegment(t *testing.T) {
	s := openWith(t, strings.NewReplacer(
		"threshold: 1000000}", "segments: [new]}", "threshold: 0}", "}",
		"tier_policy: {metric: spend, window_days: 365, downgrade: full}", "tier_policy: {metric: segment}").Replace(testProgram), Options{})
	s.enrol("a")
	s.enrol("b")
	s.sell("a", 1000)
	s.means("tier:gold", "a")
	s.means("tier:base", "b")
}
