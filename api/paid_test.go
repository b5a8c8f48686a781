package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// offers are the test program's tiers and caps, with everything that a receipt can
// be paid with or earn by.
const offers = testProgram + `
welcome: {points: 700, trigger: first_purchase}
referral: {once: {referrer: 300, referee: 50, trigger: first_purchase}, levels_bp: [200, 100]}
certificates:
  - {id: birthday, name: {en: Birthday}, points: 5000, valid_days: 30, max_redeem_bp: 2000}
instruments:
  - {id: gift, kind: gift_certificate, value: 4000, valid_days: 90, prefix: "22"}
  - {id: spring, kind: coupon, percent_bp: 1000, code: SPRING, per_member: 1, min_amount: 3000}
  - {id: boots, kind: coupon, amount: 500, code: BOOTS, categories: [boots], stores: [S1]}
  - {id: once, kind: coupon, amount: 800, valid_days: 10, max_redeem_bp: 5000}
  - {id: plain5, kind: discount_card, percent_bp: 500, prefix: "29"}
campaigns:
  - {id: double, name: {en: Double}, starts_at: "2026-03-01", ends_at: "2026-04-01", categories: [boots], multiplier_bp: 20000}
  - {id: fifty, name: {en: Fifty}, min_amount: 9000, points: 50, budget: 60}
  - {id: may, name: {en: May}, starts_at: "2026-05-01", multiplier_bp: 30000}
  - {id: gold, name: {en: Gold}, tiers: [gold], stores: [S9], multiplier_bp: 30000}
offer_card: {min_amount: 3000}
fraud: {earns_per_day: 2}
`

// today is the business day on which all tests begin.
var today = kopilka.DayOfDate(testStart.Date())

// emit makes numbers of an instrument and gives them.
func (s *shop) emit(instrument, prefix string, count int, to kopilka.Day) (numbers []string) {
	s.t.Helper()
	a, err := s.queue.Submit(&kopilka.Emit{Instrument: instrument, Prefix: prefix, Count: count, To: to})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		s.t.Fatalf("emit: %v, %v", a.Outcome, err)
	}
	s.queue.View(func(b *engine.State) {
		for i := range uint32(count) {
			numbers = append(numbers, b.NumberAt(a.Outcome.First+i).Text)
		}
	})
	return numbers
}

// issue gives a member a birthday certificate.
func (s *shop) issue(card string) {
	s.t.Helper()
	var m kopilka.MemberNo
	s.queue.View(func(b *engine.State) { m, _ = b.ByCard(card) })
	a, err := s.queue.Submit(&kopilka.Issue{Due: []kopilka.CertificateDue{{Member: m, Rule: "birthday", From: today, To: today + 29}}})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		s.t.Fatalf("issue: %v, %v", a.Outcome, err)
	}
}

// TestPaidInOrder pays one receipt with a certificate, a gift certificate, a coupon
// and points, as a quote said before, explains it, and takes it back.
func TestPaidInOrder(t *testing.T) {
	s := openWith(t, offers, Options{})
	s.enrol("c1")
	s.sell("c1", 40000) // 2000 earned, 50 of a campaign, 700 of the welcome
	s.get("/v1/members/c1").is(200, "balance", 2750)
	s.issue("c1")
	gift := s.emit("gift", "22", 1, kopilka.DayNever)[0]

	body := fmt.Sprintf(`"card":"c1","store":"S1","till":"T1","amount":10000,"redeem":"max","certificate":"max","coupons":[%q,"SPRING"],
		"started_at":"2026-03-02T11:50:00+01:00","finished_at":"2026-03-02T11:58:00+01:00",
		"lines":[{"sku":"a","category":"boots","amount":6000},{"sku":"b","amount":3000},{"sku":"c","amount":1000,"flags":["no_redeem"]}]`, gift)
	// Of 9000 the certificate may take 20 %, the gift certificate has 4000, the coupon
	// takes 10 %; points may take half, but 2300 is left.
	paid := []any{"certificate_used", 5800, "discount", 900, "redeemed", 2300, "cash_due", 1000, "earned", 60, "balance", 510,
		"certificates.0.id", "birthday", "certificates.0.points", 1800,
		"coupons.0.id", "gift", "coupons.0.kind", "gift_certificate", "coupons.0.coupon", gift, "coupons.0.points", 4000,
		"coupons.1.id", "spring", "coupons.1.kind", "coupon", "coupons.1.coupon", "SPRING", "coupons.1.points", 900,
		"campaigns.0.id", "fifty", "campaigns.0.points", 10}
	s.post("/v1/quotes", "{"+body+"}").is(200, paid...).is(200, "max_certificate", 1800, "max_redeem", 2300,
		"caps.redeemable", 9000, "caps.certificate.left", 9000, "caps.certificate.max", 1800, "caps.certificate.used", 5800,
		"caps.coupon.left", 3200, "caps.coupon.used", 900, "caps.points.left", 2300, "caps.points.max_redeem_bp", 5000,
		"caps.points.cap", 4500, "caps.points.max", 2300, "caps.points.used", 2300)
	s.post("/v1/receipts", `{"id":"r1",`+body+"}").is(201, paid...)
	s.post("/v1/receipts", `{"id":"r1",`+body+"}").is(200, paid...)
	s.get("/v1/receipts/r1").is(200, paid...).is(200, "started_at", "2026-03-02T11:50:00.000+01:00",
		"lines.0.certificate", 3867, "lines.1.certificate", 1933, "lines.0.discount", 600, "lines.2.certificate", 0)

	x := func() {
		t.Helper()
		s.get("/v1/receipts/r1/explain").is(200, "program.version", 1, "named_by", "card",
			"tier.before", "base", "tier.next.id", "gold", "tier.next.value", 50000, "tier.next.missing", 950000,
			"paying.redeemable", 9000,
			"paying.certificates.0.id", "birthday", "paying.certificates.0.cap", 1800, "paying.certificates.0.used", 1800, "paying.certificates.0.limited_by", "cap",
			"paying.coupons.0.left", 7200, "paying.coupons.0.cap", 9000, "paying.coupons.0.used", 4000, "paying.coupons.0.limited_by", "value",
			"paying.coupons.1.left", 3200, "paying.coupons.1.wants", 900, "paying.coupons.1.limited_by", "percent",
			"paying.points.asked", "max", "paying.points.left", 2300, "paying.points.cap", 4500, "paying.points.limited_by", "receipt",
			"earning.base", 1000, "earning.exact", "50", "earning.earned", 60, "earning.lines.2.base", 1000,
			"campaigns.applied.0.id", "fifty", "campaigns.applied.0.points", 10,
			"campaigns.nearly.0.id", "double", "campaigns.nearly.0.because.0", "no_base",
			"campaigns.nearly.1.id", "may", "campaigns.nearly.1.because.0", "not_begun", "campaigns.nearly.1.starts_at", "2026-05-01T00:00:00.000+02:00",
			"campaigns.nearly.2.id", "gold", "campaigns.nearly.2.because.0", "other_store", "campaigns.nearly.2.because.1", "other_tier",
			"lots.spent.0.points", 2300, "lots.earned.points", 60)
	}
	x()
	// Neither a new program nor what the member buys since changes it.
	s.as("admin", "PUT", "/v1/program", strings.Replace(offers, "earn_bp: 500", "earn_bp: 700", 1)).is(200)
	s.sell("c1", 3000)
	x()

	// One half of the receipt comes back by the rules of its day, then the other.
	s.post("/v1/receipts/r1/returns", `{"id":"b1","lines":[{"line":1,"amount":3000},{"line":2,"amount":1500},{"line":3,"amount":500}]}`).is(201,
		"goods", 5000, "certificate_restored", 2899, "points_restored", 1149, "certificate_lapsed", 0)
	s.post("/v1/receipts/r1/returns", `{"id":"b2"}`).is(201, "goods", 5000, "certificate_restored", 2901, "points_restored", 1151)
	s.get("/v1/receipts/r1").is(200, "left", 0, "returns.0.certificate_restored", 2899)
	// All is as it was: the numbers are good again, and the coupon may be used.
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r2","card":"c1","amount":9000,"coupons":[%q,"SPRING"]}`, gift)).is(201, "certificate_used", 4000, "discount", 900)
}

// TestCoupons asks for instruments that are not good, and hears which one and why.
func TestCoupons(t *testing.T) {
	s := openWith(t, offers, Options{})
	s.enrol("c1")
	once := s.emit("once", "20", 2, today+9)
	card := s.emit("plain5", "29", 1, kopilka.DayNever)[0]
	f := func(more string, code code, pointer string) {
		t.Helper()
		s.post("/v1/receipts", `{"id":"x","amount":5000`+more+`}`).refused(code, pointer)
		s.post("/v1/quotes", `{"amount":5000`+more+`}`).refused(code, pointer)
	}
	f(`,"coupons":["NONE"]`, codeNotFound, "/coupons/0")
	f(`,"coupons":["SPRING"]`, codeInstrumentUnfit, "/coupons/0") // once a person, and nobody is named
	f(`,"card":"c1","store":"S2","coupons":["BOOTS"]`, codeInstrumentUnfit, "/coupons/0")
	f(`,"card":"c1","coupons":["SPRING","SPRING"]`, codeInstrumentUsed, "/coupons/1")
	f(`,"coupons":[""]`, codeMalformed, "/coupons/0")
	f(`,"coupons":"SPRING"`, codeMalformed, "/coupons")
	f(`,"certificate":1`, codeMalformed, "/certificate")
	f(`,"card":"c1","certificate":1`, codeInsufficientPoints, "")

	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r1","amount":5000,"coupons":[%q]}`, once[0])).is(201,
		"member_id", nil, "discount", 800, "cash_due", 4200, "coupons.0.coupon", once[0], "offer_card", true)
	f(fmt.Sprintf(`,"coupons":["BOOTZ",%q]`, once[0]), codeNotFound, "/coupons/0")
	f(fmt.Sprintf(`,"coupons":[%q,%q]`, once[1], once[0]), codeInstrumentUsed, "/coupons/1")

	// A discount card scanned where the member's card belongs is taken as what it is.
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r2","card":%q,"amount":2000}`, card)).is(201,
		"member_id", nil, "discount", 100, "cash_due", 1900, "coupons.0.kind", "discount_card", "offer_card", false)
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r2","card":%q,"amount":2000}`, card)).is(200, "discount", 100)
	f(fmt.Sprintf(`,"card":%q`, once[0]), codeInstrumentUsed, "/card")
	f(fmt.Sprintf(`,"card":%q,"coupons":["NONE"]`, card), codeNotFound, "/coupons/0")
	f(fmt.Sprintf(`,"card":%q,"redeem":1`, card), codeMemberNotFound, "")
	s.post("/v1/redemptions", fmt.Sprintf(`{"id":"x","card":%q,"points":1}`, card)).refused(codeMemberNotFound, "")

	s.clock(testStart.AddDate(0, 0, 10))
	f(fmt.Sprintf(`,"coupons":[%q]`, once[1]), codeInstrumentExpired, "/coupons/0")
	s.get("/v1/receipts/r1/explain").is(200, "member_id", nil, "tier", nil, "earning", nil,
		"paying.coupons.0.limited_by", "value", "paying.points", nil)
}

// TestLegs lets a friend buy, and looks what stands in whose ledger.
func TestLegs(t *testing.T) {
	s := openWith(t, offers, Options{})
	s.enrol("top")
	for _, pair := range [...][2]string{{"mid", "top"}, {"friend", "mid"}} {
		s.as("till", "PUT", "/v1/members/"+pair[0], `{"referrer":"`+pair[1]+`"}`).is(201)
	}
	r := s.post("/v1/receipts", `{"id":"r1","card":"friend","store":"S1","amount":8000}`).is(201, "earned", 400, "balance", 400+700+50)
	var kinds []string
	for _, l := range r.json["legs"].([]any) {
		leg := l.(map[string]any)
		kinds = append(kinds, fmt.Sprint(leg["kind"], " ", leg["points"]))
	}
	if got := strings.Join(kinds, ", "); got != "welcome 700, referrer 300, referee 50, level_1 160, level_2 80" {
		t.Fatalf("%s\n%s", got, r.text)
	}
	r = s.as("till", "GET", "/v1/members/mid/ledger", "").is(200, "data.0.kind", "referral", "data.0.leg", "level_1", "data.0.points", 160, "data.0.id", nil,
		"data.1.leg", "referrer", "data.1.points", 300)
	if n := len(r.json["data"].([]any)); n != 2 || strings.Contains(r.text, "r1") || strings.Contains(r.text, "8000") || strings.Contains(r.text, "store") {
		t.Fatalf("%d entries: %s", n, r.text)
	}
	s.get("/v1/members/mid").is(200, "balance", 460)
	s.get("/v1/members/top/ledger").is(200, "data.0.leg", "level_2", "data.0.points", 80)
	s.get("/v1/members/friend/ledger").is(200, "data.0.leg", "referee", "data.0.id", "r1", "data.1.kind", "welcome", "data.2.kind", "earn")

	// A half comes back, and half of the circles' shares with it.
	s.post("/v1/receipts/r1/returns", `{"id":"b1","amount":4000}`).is(201, "points_taken", 200, "legs.0.kind", "level_1", "legs.0.points", -80, "legs.1.points", -40)
	s.get("/v1/members/mid/ledger").is(200, "data.0.kind", "referral", "data.0.points", -80, "data.0.id", nil)
	// Pages of one entry are one ledger.
	var seen []string
	for path := "/v1/members/friend/ledger?limit=1"; ; {
		page := s.get(path).is(200)
		for _, v := range page.json["data"].([]any) {
			seen = append(seen, fmt.Sprint(v.(map[string]any)["points"]))
		}
		next, ok := page.json["next_cursor"].(string)
		if !ok {
			break
		}
		path = "/v1/members/friend/ledger?limit=1&cursor=" + next
	}
	if got := strings.Join(seen, " "); got != "-200 50 700 400" {
		t.Fatal(got)
	}
}

// TestFlagsAndCodes names a member by the code of the app, until it has run out, and
// buys more often than the program thinks a buyer does.
func TestFlagsAndCodes(t *testing.T) {
	s := openWith(t, strings.Replace(offers, "redeem_allowed_by: [card, member_id]", "redeem_allowed_by: [code]", 1), Options{})
	s.enrol("c1")
	s.sell("c1", 20000)
	code := s.as("till", "POST", "/v1/members/c1/codes", "").is(200).at("code")
	s.post("/v1/receipts", `{"id":"r0","card":"c1","amount":1000,"redeem":1}`).refused(codeRedeemNotPermitted, "")
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r1","code":%q,"amount":1000,"redeem":"max"}`, code)).is(201, "redeemed", 500, "flags", []any{})
	// Tills do not hear of it, nor does a thief behind one; analysts and admins do.
	s.post("/v1/quotes", `{"card":"c1","amount":1000}`).is(200, "flags", []any{})
	r := s.post("/v1/receipts", `{"id":"r2","card":"c1","amount":1000}`).is(201, "flags", []any{})
	s.post("/v1/receipts", `{"id":"r2","card":"c1","amount":1000}`).is(200, "flags", []any{})
	s.as("admin", "POST", "/v1/receipts", `{"id":"r2","card":"c1","amount":1000}`).is(200, "flags", []any{"earns_often"})
	s.as("admin", "POST", "/v1/quotes", `{"card":"c1","amount":1000}`).is(200, "flags", []any{"earns_often"})
	s.lines("till", "/v1/batch", `{"op":"receipt","id":"r2","card":"c1","amount":1000}`)[0].is(200, "flags", []any{})
	for _, path := range []string{"/v1/receipts/r2", "/v1/receipts/r2/explain"} {
		s.as("till", "GET", path, "").is(200, "flags", []any{})
		s.as("analyst", "GET", path, "").is(200, "flags", []any{"earns_often"})
	}
	if r.int("earned") == 0 {
		t.Fatal("a flag has refused something")
	}
	s.get("/v1/receipts/r2/explain").is(200, "flags", []any{"earns_often"}, "paying.points.allowed", false, "paying.points.limited_by", "asked")
	s.get("/v1/receipts/r1/explain").is(200, "named_by", "code", "paying.points.limited_by", "cap")

	s.post("/v1/receipts", `{"id":"x","code":"123","amount":1}`).refused(codeMalformed, "/code")
	s.post("/v1/receipts", `{"id":"x","code":"0000000000000000","amount":1}`).refused(codeMemberNotFound, "")
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"x","code":%q,"card":"c1","amount":1}`, code)).refused(codeMalformed, "/card")
	// It is good at the instant of the sale, and its id answers for ever.
	s.clock(testStart.Add(50 * time.Minute))
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r3","code":%q,"amount":1000}`, code)).refused(codeMemberNotFound, "")
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r3","code":%q,"amount":1000,"occurred_at":%q}`, code, testStart.Add(40*time.Minute).Format(time.RFC3339))).is(201)
	s.post("/v1/receipts", fmt.Sprintf(`{"id":"r1","code":%q,"amount":1000,"redeem":"max"}`, code)).is(200, "redeemed", 500)
}

// TestExplainCampaigns asks of every campaign why it added nothing.
func TestExplainCampaigns(t *testing.T) {
	s := openWith(t, strings.Replace(offers, "campaigns:\n", `campaigns:
  - {id: less, categories: [boots], multiplier_bp: 15000}
  - {id: past, ends_at: "2026-02-01", multiplier_bp: 20000}
`, 1), Options{})
	s.enrol("c1")
	receipt := func(id string, amount int, category string) *reply {
		t.Helper()
		s.post("/v1/receipts", fmt.Sprintf(`{"id":%q,"card":"c1","amount":%d,"lines":[{"category":%q,"amount":%d}]}`, id, amount, category, amount)).is(201)
		return s.get("/v1/receipts/" + id + "/explain").is(200)
	}
	why := func(r *reply, want string) {
		t.Helper()
		var got []string
		for _, v := range r.at("campaigns.nearly").([]any) {
			x := v.(map[string]any)
			got = append(got, fmt.Sprint(x["id"], x["because"]))
		}
		if strings.Join(got, " ") != want {
			t.Fatalf("%s; want %s\n%s", got, want, r.text)
		}
	}
	r := receipt("r1", 3001, "boots").is(200, "earning.lines.0.campaign", "double", "earning.lines.0.campaign_bp", 20000,
		"earning.exact", "300.1", "earning.earned", 300, "campaigns.applied.0.id", "double", "campaigns.applied.0.points", 150)
	why(r, "less[outdone] past[ended] fifty[below_min_amount] may[not_begun] gold[other_store other_tier]")
	r.is(200, "campaigns.nearly.1.ends_at", "2026-02-01T00:00:00.000+01:00", "campaigns.nearly.2.missing_amount", 5999)
	why(receipt("r2", 9000, "bread").is(200, "campaigns.applied.0.points", 50, "earning.earned", 500),
		"less[other_category] past[ended] double[other_category] may[not_begun] gold[other_store other_tier]")
	receipt("r3", 9000, "bread").is(200, "campaigns.applied.0.points", 10)
	why(receipt("r4", 9000, "bread").is(200, "earning.earned", 450),
		"less[other_category] past[ended] double[other_category] fifty[budget_gone] may[not_begun] gold[other_store other_tier]")
}
