package api

import (
	"strings"
	"testing"
	"time"
)

// reportProgram has a rule for every figure: 10 % back, half of a receipt by
// certificates, a premium of 1 %, and one circle of referral.
const reportProgram = `
program: corner-shop
currency: EUR
time_zone: Europe/Berlin
tiers: [{id: base, name: {en: Base}, earn_bp: 1000, max_redeem_bp: 5000, threshold: 0}]
expiry: {policy: lots, months: 12}
redeem_allowed_by: [card, phone]
welcome: {points: 500, trigger: enrolled}
referral: {once: {referrer: 300, referee: 0, trigger: first_purchase}, levels_bp: [100]}
certificates: [{id: thanks, name: {en: Thanks}, points: 1000, valid_days: 5, max_redeem_bp: 5000}]
instruments:
  - {id: gift, name: {en: Gift}, kind: gift_certificate, value: 2000, valid_days: 30, prefix: "22"}
  - {id: spring, name: {en: Spring}, kind: coupon, amount: 150, code: SPRING, per_member: 1}
staff: {premium_bp: 100, plan: {per_week: 2, brackets: [{from: 2, payout: 700}]}}
sources: [{id: poster}]
`

// TestReportsOfAFortnight plays a shop in which everything happens that the reports
// tell, and reckons what they should say.
func TestReportsOfAFortnight(t *testing.T) {
	s := openWith(t, reportProgram, Options{})
	put := func(card, body string) {
		t.Helper()
		s.as("till", "PUT", "/v1/members/"+card, body).is(201)
	}
	put("ann", `{"cashier":"tom","carrier":"plastic","source":"poster","phone":"+491701234567"}`)
	put("bob", `{"cashier":"tom","carrier":"app","referrer":"ann"}`)
	put("eve", `{"cashier":"kim","carrier":"app","referrer":"bob"}`)
	place := `,"store":"S1","cashier":"tom"`

	// 100.00 with a certificate of 10.00, of which 4.00 come back with 40 % of the goods.
	s.as("admin", "POST", "/v1/members/ann/certificates", `{"id":"c1","certificate":"thanks","reason":"anger","actor":"zoe"}`).is(201)
	s.post("/v1/receipts", `{"id":"r1","card":"ann","amount":10000,"certificate":"max","started_at":"2026-03-02T10:00:00Z","finished_at":"2026-03-02T10:02:00Z"`+place+`}`).
		is(201, "certificate_used", 1000)
	s.post("/v1/receipts/r1/returns", `{"id":"b1","amount":4000,"store":"S2"}`).is(201)
	// bob buys for the first time, with a coupon and by phone of nobody else.
	s.post("/v1/receipts", `{"id":"r2","card":"bob","amount":3000,"coupons":["SPRING"]`+place+`}`).is(201)
	// A gift certificate pays for somebody without a card.
	s.as("admin", "POST", "/v1/instruments/gift/emissions", `{"id":"e1","count":3}`).is(201)
	s.post("/v1/receipts", `{"id":"r3","amount":5000,"store":"S2","cashier":"kim"}`).is(201)
	// ann is found by phone and spends what she was welcomed with.
	s.post("/v1/receipts", `{"id":"r4","phone":"+491701234567","amount":2000,"redeem":500,"store":"S2","cashier":"kim"}`).is(201)
	s.as("till", "PUT", "/v1/receipts/r1/rating", `{"stars":2,"text":"slow"}`).is(201)
	s.as("till", "PUT", "/v1/receipts/r4/rating", `{"stars":5}`).is(201)
	s.as("admin", "POST", "/v1/adjustments", `{"id":"a1","card":"eve","points":-100,"reason":"by mistake","actor":"zoe"}`).is(201)
	s.clock(testStart.Add(14 * 24 * time.Hour))

	s.get("/v1/reports/program").is(200, "to", "2026-03-16", "contacts", 3, "buyers", 2, "purchases", 3, "purchases_per_buyer_x100", 150,
		"found_by_phone_share_bp", 3333, "turnover", 16_000, "sold", 20_000, "returned", 4000, "turnover_members", 11_000, "turnover_anonymous", 5000,
		"average_receipt_members", 5000, "average_receipt_anonymous", 5000, "points_spent", 500, "discount_bp", 454,
		"referred", 2, "referred_ever", 2, "referred_buyers", 1, "referral_depth", 2, "ratings", 2, "average_stars_x100", 350, "reviews", 1,
		"certificates_issued", 1, "certificates_issued_value", 1000, "certificates_used", 1000, "certificate_receipts", 1, "certificate_turnover", 10_000,
		"sources.0.source", "", "sources.0.turnover", 3000, "sources.1.source", "poster", "sources.1.turnover", 8000, "sources.2.by", "anonymous",
		"referral.1.by", "referred", "referral.1.turnover", 3000)
	s.get("/v1/reports/staff").is(200, "cashiers.0.cashier", "kim", "cashiers.0.premium", 20, "cashiers.0.payout", 0,
		"cashiers.1.cashier", "tom", "cashiers.1.net", 9000, "cashiers.1.premium", 90, "cashiers.1.enrolled", 2, "cashiers.1.payout", 700,
		"weeks.1.week", "2026-03-02", "weeks.1.enrolled", 2, "weeks.1.plan", 2, "weeks.1.payout", 700)
	s.get("/v1/reports/stores").is(200, "stores.0.store", "S1", "stores.0.turnover", 13_000, "stores.1.turnover", 3000,
		"stores.1.receipts", 2, "stores.1.identified", 1, "stores.1.identified_share_bp", 5000)
	s.get("/v1/reports/instruments").is(200,
		"instruments.0.instrument", "gift", "instruments.0.emitted", 3, "instruments.0.emitted_value", 6000, "instruments.0.unused", 3, "instruments.0.value_left", 6000,
		"instruments.1.instrument", "spring", "instruments.1.uses", 1, "instruments.1.value_given", 150,
		"certificates.0.certificate", "thanks", "certificates.0.issued", 1, "certificates.0.uses", 1, "certificates.0.value_given", 600,
		"certificates.0.lapsed", 1, "certificates.0.lapsed_value", 400)
	s.get("/v1/reports/cards").is(200, "carriers.0.carrier", "app", "carriers.0.cards", 2, "carriers.1.new", 1, "months.0.month", "2026-03", "months.0.new", 2)
	s.get("/v1/reports/ratings").is(200, "stars.1.ratings", 1, "stars.1.share_bp", 5000, "stores.0.store", "S1", "stores.0.average_stars_x100", 200, "cashiers.1.cashier", "kim")
	s.get("/v1/reports/sources").is(200, "members.1.source", "poster", "members.1.enrolled", 1, "members.1.turnover", 8000)
	s.get("/v1/reports/flags").is(200, "actors.0.actor", "zoe", "actors.0.adjustments", 1, "actors.0.points_taken", 100)
	s.get("/v1/reports/service").is(200, "stores.0.visits", 2, "stores.0.timed", 1, "stores.0.average_seconds", 120)
	r := s.get("/v1/reports/liability").is(200)
	owed, all := 0, 0
	for i := range r.at("owed").([]any) {
		owed += r.int("owed." + decimal(uint64(i)) + ".points")
	}
	for _, card := range []string{"ann", "bob", "eve"} {
		all += s.get("/v1/members/" + card).is(200).int("balance")
	}
	if owed != all || r.int("balance")+r.int("pending")+r.int("held") != all {
		t.Fatalf("members have %d points; %s", all, r.text)
	}
}

// TestSourceOfReturn: goods come back from the source of their receipt.
func TestSourceOfReturn(t *testing.T) {
	s := open(t)
	s.enrol("ann")
	id := s.sell("ann", 10_000, `,"source":"poster"`)
	s.sell("ann", 3000)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"b1","amount":4000}`).is(201)
	s.post("/v1/receipts/"+id+"/returns", `{"id":"b2","amount":1000}`).is(201)
	s.get("/v1/reports/sources").is(200, "receipts.0.source", "", "receipts.0.receipts", 1, "receipts.0.turnover", 3000,
		"receipts.1.source", "poster", "receipts.1.receipts", 1, "receipts.1.turnover", 5000)
}

// TestPremiumOfReturn: goods that come back take the premium off that the sale
// brought, whatever the premium is on that day, or became at the instant of the sale.
func TestPremiumOfReturn(t *testing.T) {
	f := func(sold, back string, later time.Duration) {
		t.Helper()
		rules := func(premium string) string {
			return strings.Replace(reportProgram, "premium_bp: 100", "premium_bp: "+premium, 1)
		}
		s := openWith(t, rules(sold), Options{})
		s.enrol("ann")
		id := s.sell("ann", 10_000, `,"store":"S1","cashier":"tom"`)
		s.clock(testStart.Add(later))
		s.as("admin", "PUT", "/v1/program", rules(back)).is(200)
		s.post("/v1/receipts/"+id+"/returns", `{"id":"b1","store":"S2","cashier":"kim"}`).is(201)
		r := s.get("/v1/reports/staff").is(200, "cashiers.0.cashier", "tom", "cashiers.0.net", 0, "cashiers.0.returned", 10_000, "cashiers.0.premium", 0)
		if n := len(r.at("cashiers").([]any)); n != 1 {
			t.Fatalf("%d cashiers\n%s", n, r.text)
		}
	}
	for _, later := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		f("100", "0", later)
		f("0", "100", later)
	}
}
