package program

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// Absent keys inside the objects of a list.
func TestAbsentPartsOfOffers(t *testing.T) {
	p := parse(t, `
program: parts
welcome: {points: 5}
referral: {once: {referrer: 7}}
certificates: [{id: hand, points: 3, valid_days: 9}]
instruments:
  - {id: gift, kind: gift_certificate, value: 100}
  - {id: paper, kind: coupon, amount: 50}
  - {id: shared, kind: coupon, percent_bp: 1000, code: Shared}
  - {id: plain, kind: discount_card, percent_bp: 500}
campaigns: [{id: more, points: 1}]
staff: {plan: {per_week: 4}}
sources: [{id: flyer}]
offer_card: {min_amount: 10}
fraud: {dormant_days: 30}
`)
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v; want %+v", what, got, want)
		}
	}
	name := func(id string) map[string]string { return map[string]string{"en": id} }
	f("welcome", p.Welcome, Welcome{5, AtEnrolled})
	f("once", p.Referral.Once.Trigger, AtFirstPurchase)
	f("levels", p.Referral.Levels, []kopilka.BP(nil))
	f("certificates", p.Certificates, []Certificate{{ID: "hand", Name: name("hand"), Points: 3, ValidDays: 9, MaxRedeemBP: 10000}})
	f("instruments", p.Instruments, []Instrument{
		{ID: "gift", Name: name("gift"), Kind: kopilka.UseGift, Value: 100, MaxRedeemBP: 10000, Prefix: "20"},
		{ID: "paper", Name: name("paper"), Kind: kopilka.UseCoupon, Amount: 50, MaxRedeemBP: 10000, Uses: 1, Prefix: "20"},
		{ID: "shared", Name: name("shared"), Kind: kopilka.UseCoupon, PercentBP: 1000, MaxRedeemBP: 10000, Code: "Shared"},
		{ID: "plain", Name: name("plain"), Kind: kopilka.UseDiscount, PercentBP: 500, MaxRedeemBP: 10000, Prefix: "20"},
	})
	f("campaigns", p.Campaigns, []Campaign{{ID: "more", Name: name("more"), MultiplierBP: 10000, Points: 1}})
	f("staff", p.Staff, Staff{Plan: 4})
	f("sources", p.Sources, []Source{{ID: "flyer", Name: name("flyer")}})
	f("offer a card", p.OfferCard, kopilka.Money(10))
	f("fraud", p.Fraud, Fraud{DormantDays: 30})
	roundTrip(t, p)
}

// What says nothing is no rule, whatever is written beside it.
func TestOffersOfNothing(t *testing.T) {
	p := parse(t, `
program: small
welcome: {points: 0, trigger: installed}
referral: {once: {trigger: enrolled}, levels_bp: []}
certificates: []
instruments: []
campaigns: []
segment_multipliers_bp: {core: 10000}
staff: {}
sources: []
offer_card: {min_amount: 0}
fraud: {}
app_code: {}
`)
	if got, want := string(p.Document()), string(parse(t, "program: small").Document()); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	roundTrip(t, p)
}

func TestOffers(t *testing.T) {
	p := parse(t, `
program: offers
time_zone: Europe/Moscow
tiers: [{id: low}, {id: high, segments: [core, whales]}]
tier_policy: {metric: segment}
returns: {welcome: take, tier: take}
referral: {once: {referee: 3, trigger: registered}, levels_bp: [150, 0, 50]}
campaigns:
  - {id: a, starts_at: 2026-12-01, ends_at: 2027-01-01T00:00:00Z, segments: [none, lost], tiers: [high], stores: [S1], multiplier_bp: 30000}
segment_multipliers_bp: {core: 15000, none: 0}
staff: {premium_bp: 10, plan: {per_week: 10, brackets: [{from: 10, payout: 50000}, {from: 20, payout: 150000}]}}
`)
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v; want %+v", what, got, want)
		}
	}
	f("metric", p.TierPolicy.Metric, BySegment)
	f("segments of the tiers", [][]uint8{p.Tiers[0].Segments, p.Tiers[1].Segments}, [][]uint8{nil, {1, 3}})
	f("takes", p.Takes, kopilka.TakeWelcome|kopilka.TakeTier)
	f("levels", p.Referral.Levels, []kopilka.BP{150, 0, 50})
	f("once", p.Referral.Once.Trigger, AtRegistered)
	c := p.Campaigns[0]
	f("starts", c.StartsAt, kopilka.TimeOf(time.Date(2026, 11, 30, 21, 0, 0, 0, time.UTC)))
	f("ends", c.EndsAt, kopilka.TimeOf(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)))
	f("segments", c.Segments, []uint8{0, 6})
	f("tiers", c.Tiers, []uint8{1})
	f("multipliers", p.SegmentBP, []kopilka.BP{0, 15000, 10000, 10000, 10000, 10000, 10000})
	f("brackets", p.Staff.Brackets, []Bracket{{10, 50000}, {20, 150000}})
	roundTrip(t, p)
	if doc := string(p.Document()); !strings.Contains(doc, `"starts_at":"2026-12-01T00:00:00+03:00","ends_at":"2027-01-01T00:00:00Z"`) {
		t.Fatalf("instants: got %s", doc)
	}
}

func decode(t *testing.T, doc []byte) (v map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The published defaults of keys inside lists are those of the code.
func TestSchemaDefaultsInLists(t *testing.T) {
	defs := rules().plain["$defs"].(map[string]any)
	f := func(def, key, item string) {
		t.Helper()
		full := decode(t, parse(t, fmt.Sprintf("program: x\n%s: [%s]", key, item)).Document())
		written := full[key].([]any)[0].(map[string]any)
		for k, part := range defs[def].(map[string]any)["properties"].(map[string]any) {
			part := part.(map[string]any)
			want, ok := part["default"]
			if ref, _ := part["$ref"].(string); !ok && ref != "" {
				want, ok = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)["default"]
			}
			if !ok || strings.Contains(item, k+":") {
				continue
			}
			got, there := written[k]
			if !there && fmt.Sprint(want) == "0" {
				continue
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s.%s: the schema's default is %v; the code's %v", key, k, want, got)
			}
		}
	}
	f("tier", "tiers", "{id: a}")
	f("certificate", "certificates", "{id: a, points: 1, valid_days: 1}")
	f("instrument", "instruments", "{id: a, kind: coupon, amount: 1}")
	f("campaign", "campaigns", "{id: a, points: 1}")
	f("source", "sources", "{id: a}")
}

func TestOfferFaults(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		doc = "program: x\n" + doc
		if got := faultsOf(t, doc); got != strings.Join(want, "\n") {
			t.Fatalf("%s\ngot:\n%s\nwant:\n%s", doc, got, strings.Join(want, "\n"))
		}
	}

	// Keys.
	f("welcom: {points: 5}", `/welcom 2:1 unknown key "welcom": did you mean "welcome"?`)
	f("certificate: []", `/certificate 2:1 unknown key "certificate": did you mean "certificates"?`)
	f("referal: {}", `/referal 2:1 unknown key "referal": did you mean "referral"?`)
	f("campaigns: [{id: a, multipier_bp: 20000}]", `/campaigns/0/multipier_bp 2:21 unknown key "multipier_bp": did you mean "multiplier_bp"?`)
	f("instruments: [{id: a, kind: cupon}]", `/instruments/0/kind 2:29 cupon is none of gift_certificate, coupon, discount_card; did you mean coupon?`)
	f("returns: {once: taken}", `/returns/once 2:17 taken is none of keep, take; did you mean take?`)

	// Values against the schema.
	f("welcome: {}", "/welcome 2:10 lacks the key points")
	f("welcome: {points: -1}", "/welcome/points 2:19 -1 is below the least, 0")
	f("welcome: {points: 10000000000001}", "/welcome/points 2:19 10000000000001 is above the most, 10000000000000")
	f("welcome: {points: 1, trigger: instaled}",
		"/welcome/trigger 2:31 instaled is none of enrolled, registered, installed, first_purchase; did you mean installed?")
	f("referral: {levels_bp: [1, 2, 3, 4]}", "/referral/levels_bp 2:23 has 4 items, more than 3")
	f("referral: {levels_bp: [10001]}", "/referral/levels_bp/0 2:24 10001 is above the most, 10000")
	f("certificates: [{id: a, points: 1}]", "/certificates/0 2:16 lacks the key valid_days")
	f("certificates: [{id: a, points: 0, valid_days: 1}]", "/certificates/0/points 2:32 0 is below the least, 1")
	f("certificates: [{id: a, points: 1, valid_days: 367}]", "/certificates/0/valid_days 2:47 367 is above the most, 366")
	f("certificates: [{id: a, points: 1, valid_days: 1, on: birthday}]",
		`/certificates/0/on 2:54 "birthday" does not have the form ^(birth_date|attributes\..{1,64})$`)
	f(`instruments: [{id: a, kind: discount_card, percent_bp: 1, prefix: 22}]`, "/instruments/0/prefix 2:67 is a whole number, not a string")
	f(`instruments: [{id: a, kind: discount_card, percent_bp: 1, prefix: "2222222"}]`,
		`/instruments/0/prefix 2:67 "2222222" does not have the form ^[0-9]{1,6}$`)
	f("instruments: [{id: a, kind: discount_card, percent_bp: 10001}]", "/instruments/0/percent_bp 2:56 10001 is above the most, 10000")
	f("campaigns: [{id: a, multiplier_bp: 9999}]", "/campaigns/0/multiplier_bp 2:36 9999 is below the least, 10000")
	f("campaigns: [{id: a, stores: [S, S], points: 1}]", "/campaigns/0/stores 2:29 items 1 and 2 are the same")
	f("segment_multipliers_bp: {core: 1000001}", "/segment_multipliers_bp/core 2:32 1000001 is above the most, 1000000")
	f("staff: {plan: {brackets: []}}", "/staff/plan 2:15 lacks the key per_week")
	f("app_code: {minutes: 0}", "/app_code/minutes 2:21 0 is below the least, 1")
	f("app_code: {minutes: 1441}", "/app_code/minutes 2:21 1441 is above the most, 1440")

	// Ids come once in their list.
	f("certificates: [{id: a, points: 1, valid_days: 1}, {id: a, points: 1, valid_days: 1}]", "/certificates/1/id 2:56 an earlier certificate has the id a")
	f("instruments: [{id: a, kind: coupon, amount: 1}, {id: a, kind: coupon, amount: 1}]", "/instruments/1/id 2:54 an earlier instrument has the id a")
	f("campaigns: [{id: a, points: 1}, {id: a, points: 1}]", "/campaigns/1/id 2:38 an earlier campaign has the id a")
	f("sources: [{id: a}, {id: a}]", "/sources/1/id 2:25 an earlier source has the id a")

	// Certificates.
	f("certificates: [{id: a, on: birth_date, points: 1, lead_days: 7, valid_days: 7}]",
		"/certificates/0/lead_days 2:62 would be over before its date: it begins 7 days before and is valid for 7")
	f("certificates: [{id: a, points: 1, lead_days: 7, valid_days: 8}]",
		"/certificates/0/lead_days 2:35 means nothing without the key on: a certificate given by hand has no date")

	// Kinds of instruments.
	f("instruments: [{id: a, kind: gift_certificate}]", "/instruments/0 2:15 a gift_certificate lacks the key value")
	f("instruments: [{id: a, kind: discount_card}]", "/instruments/0 2:15 a discount_card lacks the key percent_bp")
	f("instruments: [{id: a, kind: coupon}]", "/instruments/0 2:15 a coupon lacks the key percent_bp, or amount")
	f("instruments: [{id: a, kind: coupon, percent_bp: 1, amount: 1}]",
		"/instruments/0/amount 2:52 stands beside percent_bp: a coupon takes off a sum or a percentage")
	f("instruments: [{id: a, kind: coupon, amount: 1, value: 1}]", "/instruments/0/value 2:48 means nothing for a coupon")
	f("instruments: [{id: a, kind: discount_card, percent_bp: 1, amount: 1, code: A}]",
		"/instruments/0/amount 2:59 means nothing for a discount_card", "/instruments/0/code 2:70 means nothing for a discount_card")
	f("instruments: [{id: a, kind: gift_certificate, value: 1, percent_bp: 1, uses: 0, budget: 0, per_member: 1, categories: []}]",
		"/instruments/0/percent_bp 2:57 means nothing for a gift_certificate", "/instruments/0/uses 2:72 means nothing for a gift_certificate",
		"/instruments/0/budget 2:81 means nothing for a gift_certificate", "/instruments/0/per_member 2:92 means nothing for a gift_certificate",
		"/instruments/0/categories 2:107 means nothing for a gift_certificate")

	// Codes.
	f("instruments: [{id: a, kind: coupon, amount: 1, code: A}, {id: b, kind: coupon, amount: 1, code: A}]",
		"/instruments/1/code 2:97 an earlier instrument has the code A")
	f("instruments: [{id: a, kind: coupon, amount: 1, code: '2026'}]",
		"/instruments/0/code 2:54 2026 has nothing but digits, as the numbers that are emitted")
	f("instruments: [{id: a, kind: coupon, amount: 1, code: ВЕСНА}]", `/instruments/0/code 2:54 "ВЕСНА" is not 1 to 64 visible ASCII characters`)
	f("instruments: [{id: a, kind: coupon, amount: 1, code: A B}]", `/instruments/0/code 2:54 "A B" is not 1 to 64 visible ASCII characters`)
	f("instruments: [{id: a, kind: coupon, amount: 1, code: A, prefix: '2', valid_days: 5}]",
		"/instruments/0/prefix 2:57 means nothing beside a code: it has no numbers that are emitted",
		"/instruments/0/valid_days 2:70 means nothing beside a code: it has no numbers that are emitted")

	// Prefixes, of which one may be that of several, and none the beginning of another.
	f("instruments: [{id: a, kind: discount_card, percent_bp: 1, prefix: '22'}, {id: b, kind: discount_card, percent_bp: 1, prefix: '22'},"+
		" {id: c, kind: discount_card, percent_bp: 1, prefix: '2'}, {id: d, kind: discount_card, percent_bp: 1, prefix: '221'}]",
		"/instruments/2 2:133 its numbers begin with 2, and those of a with 22: of two prefixes one may not begin with the other",
		"/instruments/3 2:191 its numbers begin with 221, and those of a with 22: of two prefixes one may not begin with the other")

	// Campaigns, and the names they go by.
	f("campaigns: [{id: a, multiplier_bp: 10000}]", "/campaigns/0 2:13 adds nothing: it lacks a multiplier_bp above 10000, or points")
	f("campaigns: [{id: a, points: 1, tiers: [bas], segments: [loyl, kings]}]",
		"/campaigns/0/tiers/0 2:40 there is no tier bas: did you mean base?",
		"/campaigns/0/segments/0 2:57 there is no segment loyl: did you mean loyal?",
		"/campaigns/0/segments/1 2:63 there is no segment kings")
	f("segment_multipliers_bp: {core: 1, looyal: 2}", "/segment_multipliers_bp/looyal 2:35 there is no segment looyal: did you mean loyal?")

	// Instants.
	f("sources: [{id: a, starts_at: tomorrow}]",
		`/sources/0/starts_at 2:30 "tomorrow" is no instant: write 2026-12-01, 2026-12-01T09:00, or with an offset 2026-12-01T09:00:00+03:00`)
	f("sources: [{id: a, starts_at: 2026-12-01, ends_at: 2026-12-01}]", "/sources/0/ends_at 2:51 is not after the start, 2026-12-01")
	f("campaigns: [{id: a, points: 1, starts_at: 2026-12-02T00:00, ends_at: 2026-12-01T23:00:00Z}]",
		"/campaigns/0/ends_at 2:70 is not after the start, 2026-12-02T00:00")
	f("time_zone: Mars/Olympus\nsources: [{id: a, ends_at: 2026-02-30}]",
		`/time_zone 2:12 "Mars/Olympus" is no time zone: unknown time zone Mars/Olympus`,
		`/sources/0/ends_at 3:28 "2026-02-30" is no instant: write 2026-12-01, 2026-12-01T09:00, or with an offset 2026-12-01T09:00:00+03:00`)

	// Tiers by segment.
	f("tiers: [{id: a}, {id: b, threshold: 1, segments: [core]}]",
		"/tiers/1/segments 2:40 means nothing where the metric of tier_policy is spend, not segment")
	f("tier_policy: {metric: segment, downgrade: one}",
		"/tier_policy/downgrade 2:43 a tier by segment follows the segment both ways: there is nothing to downgrade")
	f("tier_policy: {metric: segment}\ntiers: [{id: a, segments: [lost]}, {id: b}]",
		"/tiers/0/segments 3:17 the first tier is for all whose segment no other tier lists",
		"/tiers/1 3:36 nobody would reach the tier: it lacks the key segments")
	f("tier_policy: {metric: segment}\ntiers: [{id: a}, {id: b, segments: [core]}, {id: c, segments: [new, core, cores]}]",
		"/tiers/2/segments/1 3:69 leads to the tier b already",
		"/tiers/2/segments/2 3:75 there is no segment cores: did you mean core?")

	// The rest.
	f("staff: {plan: {per_week: 1, brackets: [{from: 2, payout: 1}, {from: 2, payout: 2}]}}",
		"/staff/plan/brackets/1/from 2:69 2 is not above that of the bracket before, 2")
	f("fraud: {hold_days: 5}", "/fraud/hold_days 2:9 means nothing without earns_per_day: nothing is flagged that could wait")
	f("expiry: {policy: lots, months: 1}\npending_days: 14\nfraud: {earns_per_day: 5, hold_days: 14}",
		"/fraud/hold_days 4:38 points would run out before they can be spent: 28 days is not less than the shortest expiry, 1 months of 28 days")
	parse(t, "program: x\nexpiry: {policy: lots, months: 1}\npending_days: 14\nfraud: {earns_per_day: 5, hold_days: 13}")
}

// randomOffers writes what a random document offers: each key there or not. The
// document has the tiers and segments that are given.
func randomOffers(rng *rand.Rand, tiers, segments []string) string {
	var b strings.Builder
	some := func() bool { return rng.IntN(2) == 0 }
	line := func(format string, args ...any) {
		if some() {
			fmt.Fprintf(&b, format+"\n", args...)
		}
	}
	oneOf := func(words []string) string { return words[rng.IntN(len(words))] }
	several := func(words []string) string {
		words = append([]string(nil), words...)
		rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		return "[" + strings.Join(words[:rng.IntN(len(words)+1)], ", ") + "]"
	}
	to := func(most int) int {
		switch rng.IntN(3) {
		case 0:
			return 0
		case 1:
			return most
		}
		return rng.IntN(most + 1)
	}
	starts := []string{"2026-01-01", "2026-01-01T08:15", "2026-01-01T08:15:01", "2026-01-01T08:15:01.5-09:30"}
	ends := []string{"2026-06-01", "2026-06-01T08:15", "2026-06-01T08:15:01Z", "2149-06-04T00:00:00+05:45"}
	list := func(key string, most int, item func()) {
		if some() {
			fmt.Fprintf(&b, "%s:\n", key)
			for i := range 1 + rng.IntN(most) {
				fmt.Fprintf(&b, "  - id: x%d\n", i)
				line("    name: {en: 'Name %d', ru: \"Имя\"}", i)
				item()
			}
		}
	}
	span := func() {
		line("    starts_at: %s", oneOf(starts))
		line("    ends_at: %s", oneOf(ends))
	}
	const most = 10_000_000_000_000
	line("welcome: {points: %d, trigger: %s}", to(most), oneOf(triggerWords))
	line("referral: {once: {referrer: %d, referee: %d, trigger: %s}, levels_bp: %s}", to(most), to(most), oneOf(triggerWords),
		several([]string{"0", "150", "10000"}))
	list("certificates", 5, func() {
		valid := 1 + to(365)
		fmt.Fprintf(&b, "    points: %d\n    valid_days: %d\n", 1+to(most-1), valid)
		if some() {
			fmt.Fprintf(&b, "    on: %s\n    lead_days: %d\n", oneOf([]string{"birth_date", "attributes.день", "'attributes.a: \"b\"'"}), to(valid-1))
		}
		line("    max_redeem_bp: %d", to(10000))
	})
	codes := 0
	list("instruments", 6, func() {
		kind := instrumentKinds[rng.IntN(len(instrumentKinds))]
		fmt.Fprintf(&b, "    kind: %s\n", kind)
		span()
		line("    max_redeem_bp: %d", to(10000))
		line("    min_amount: %d", to(most))
		line("    stores: %s", several([]string{"S1", "'0'", "\"a, b\""}))
		code := false
		switch kind {
		case kopilka.UseGift:
			fmt.Fprintf(&b, "    value: %d\n", 1+to(most-1))
		case kopilka.UseCoupon:
			if some() {
				fmt.Fprintf(&b, "    amount: %d\n", 1+to(most-1))
			} else {
				fmt.Fprintf(&b, "    percent_bp: %d\n", 1+to(9999))
			}
			if code = some(); code {
				codes++
				fmt.Fprintf(&b, "    code: \"<&%d>\"\n", codes)
			}
		default:
			fmt.Fprintf(&b, "    percent_bp: %d\n", 1+to(9999))
		}
		if !code {
			line("    prefix: %q", oneOf([]string{"21", "000000", "22"}))
			line("    valid_days: %d", to(36500))
		}
		if kind != kopilka.UseGift {
			line("    uses: %d", to(1e9))
			line("    per_member: %d", to(1e6))
			line("    budget: %d", to(1e15))
			line("    categories: %s", several([]string{"boots", "Обувь"}))
		}
	})
	list("campaigns", 5, func() {
		span()
		line("    stores: %s", several([]string{"S1", "S2"}))
		line("    categories: %s", several([]string{"boots", "hats"}))
		line("    segments: %s", several(segments))
		line("    tiers: %s", several(tiers))
		line("    min_amount: %d", to(most))
		line("    multiplier_bp: %d", 10000+to(990000))
		line("    budget: %d", to(1e15))
		fmt.Fprintf(&b, "    points: %d\n", 1+to(most-1))
	})
	if some() {
		b.WriteString("segment_multipliers_bp:\n")
		for _, s := range segments {
			fmt.Fprintf(&b, "  %s: %d\n", s, to(1e6))
		}
	}
	if some() {
		fmt.Fprintf(&b, "staff:\n  premium_bp: %d\n", to(10000))
		if some() {
			fmt.Fprintf(&b, "  plan:\n    per_week: %d\n    brackets:\n", 1+to(999999))
			for i := range 1 + rng.IntN(64) {
				fmt.Fprintf(&b, "      - {from: %d, payout: %d}\n", 1+i*100, to(most))
			}
		}
	}
	list("sources", 9, func() {
		span()
		line("    cap: %d", to(1e9))
	})
	line("offer_card: {min_amount: %d}", to(most))
	line("fraud: {earns_per_day: %d, adjusted_per_day: %d, dormant_days: %d}", to(10000), to(most), to(36500))
	line("app_code: {minutes: %d}", 1+to(1439))
	return b.String()
}
