package program

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// faultsOf is what is wrong with a document, a line each: pointer, place and
// detail.
func faultsOf(t *testing.T, doc string) string {
	t.Helper()
	_, err := Parse([]byte(doc))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("parse %q: got error %v; want faults", doc, err)
	}
	var lines []string
	for _, f := range e.Faults {
		lines = append(lines, fmt.Sprintf("%s %d:%d %s", f.Pointer, f.Line, f.Column, f.Detail))
	}
	return strings.Join(lines, "\n")
}

func TestFaults(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		if got := faultsOf(t, doc); got != strings.Join(want, "\n") {
			t.Fatalf("%s\ngot:\n%s\nwant:\n%s", doc, got, strings.Join(want, "\n"))
		}
	}

	// Text that cannot be read.
	f("", " 0:0 cannot be read: no documents in stream")
	f("program: x\n---\nprogram: y", " 0:0 cannot be read: expected single document, found multiple")
	f("program: x\n\ttiers: 1", " 2:1 cannot be read: found a tab character that violates indentation, while scanning a plain scalar that begins at 1:10")
	f("{\"program\": \"x\"", " 2:1 cannot be read: did not find expected ',' or '}', while parsing a flow mapping that begins at 1:1")
	f("program: x\ntiers: \xff", " 2:8 is not UTF-8: byte 0xff")
	f("program: x\r\ncurrency: R\x1bB", " 2:12 has the control character 0x1b")
	f("program: *x", " 1:10 cannot be read: unknown anchor 'x' referenced")

	// Values that are not JSON's.
	f("program: x\npending_days: 010", "/pending_days 2:15 010 is not a whole number in plain decimal digits")
	f("program: x\npending_days: 1_0", "/pending_days 2:15 1_0 is not a whole number in plain decimal digits")
	f("program: x\npending_days: 1.0", "/pending_days 2:15 1.0 is not a whole number in plain decimal digits")
	f("program: x\npending_days: 1e1", "/pending_days 2:15 1e1 is not a whole number in plain decimal digits")
	f("program: x\npending_days: .nan", "/pending_days 2:15 .nan is not a whole number in plain decimal digits")
	f("program: x\npending_days: 9223372036854775808", "/pending_days 2:15 9223372036854775808 is not a whole number in plain decimal digits")
	f("program: x\ncurrency: !money RUB", "/currency 2:11 the tag !money means nothing in a program")
	f("program: x\ntiers: !!set {a}", "/tiers 2:8 the tag !!set means nothing in a program")
	f("program: \"a\\u0085b\"", "/program 1:10 holds the character U+0085, which does not print")
	f("program: x\n2: y", " 2:1 2 is no key: keys are plain words")
	f("program: x\n? [a]\n: y", " 2:3 a list or an object is no key: keys are plain words")
	f("a: &a {program: x}\n<<: *a", " 2:1 << is no key: keys are plain words")
	f("program: x\nprogram: y", "/program 2:1 the key stands here a second time, after 1:1")
	f("program: x\nrfm: {r: {quintiles: true, quintiles: true}}",
		"/rfm/r/quintiles 2:28 the key stands here a second time, after 2:11")

	// Keys.
	f("{}", " 1:1 lacks the key program")
	f("- program: x", " 1:1 is a list, not an object")
	f("program: x\nlottery: {points: 50000}", `/lottery 2:1 unknown key "lottery": this version has no such rule`)
	f("program: x\nteirs: []", `/teirs 2:1 unknown key "teirs": did you mean "tiers"?`)
	f("program: x\nreturns: {goods: keep}", `/returns/goods 2:11 unknown key "goods": this version has no such rule`)
	f("program: x\ntiers:\n- id: a\n  earnbp: 5", `/tiers/0/earnbp 4:3 unknown key "earnbp": did you mean "earn_bp"?`)
	f("program: x\nrfm:\n  segments:\n  - {id: a, nmae: {en: A}}", `/rfm/segments/0/nmae 4:13 unknown key "nmae": did you mean "name"?`)
	f("program: x\na/b~c: 1", `/a~1b~0c 2:1 unknown key "a/b~c": this version has no such rule`)
	f("program: x\ntiers: [{id: a, name: {English: A}}]", `/tiers/0/name/English 2:24 "English" is not a language tag such as en or pt-BR`)

	// Values against the schema.
	f("program: ''", `/program 1:10 "" does not have the form ^\S(.*\S)?$`)
	f("program: "+strings.Repeat("я", 65), "/program 1:10 has 65 characters, more than 64")
	f("program: 5", "/program 1:10 is a whole number, not a string")
	f("program: x\nexpiry:", "/expiry 2:8 is empty, not an object")
	f("program: x\ncurrency: rub", `/currency 2:11 "rub" does not have the form ^[A-Z]{3}$`)
	f("program: x\nminor_units: 5", "/minor_units 2:14 5 is above the most, 4")
	f("program: x\nminor_units: -1", "/minor_units 2:14 -1 is below the least, 0")
	f("program: x\nearn_base: payd", "/earn_base 2:12 payd is none of total, paid; did you mean paid?")
	f("program: x\nrounding: ceil", "/rounding 2:11 ceil is none of floor, half_up")
	f("program: x\ntiers: []", "/tiers 2:8 has 0 items, fewer than 1")
	f("program: x\ntiers: [{earn_bp: 1}]", "/tiers/0 2:9 lacks the key id")
	f("program: x\ntiers: [{id: Gold}]", `/tiers/0/id 2:14 "Gold" does not have the form ^[a-z0-9][a-z0-9_-]{0,31}$`)
	f("program: x\ntiers: [{id: a, earn_bp: 100001}]", "/tiers/0/earn_bp 2:26 100001 is above the most, 100000")
	f("program: x\ntiers: [{id: a, max_redeem_bp: 10001}]", "/tiers/0/max_redeem_bp 2:32 10001 is above the most, 10000")
	f("program: x\ntiers: [{id: a, name: {}}]", "/tiers/0/name 2:23 has 0 keys, fewer than 1")
	f("program: x\ntier_policy: {window_days: 36501}", "/tier_policy/window_days 2:28 36501 is above the most, 36500")
	f("program: x\nexpiry: {policy: lots}", "/expiry 2:9 lacks the key months")
	f("program: x\nexpiry: {months: 12}", "/expiry 2:9 lacks the key policy", "/expiry/months 2:10 means nothing beside the other keys here")
	f("program: x\nexpiry: {policy: none, months: 12}", "/expiry/months 2:24 means nothing beside the other keys here")
	f("program: x\nexpiry: {policy: lots, months: 1201}", "/expiry/months 2:32 1201 is above the most, 1200")
	f("program: x\nexpiry: {policy: lots, months: 0}", "/expiry/months 2:32 0 is below the least, 1")
	f("program: x\npending_days: 366", "/pending_days 2:15 366 is above the most, 365")
	f("program: x\nexpiry: {policy: lots, months: 1}\npending_days: 28",
		"/pending_days 3:15 points would run out before they can be spent: 28 days is not less than the shortest expiry, 1 months of 28 days")
	f("program: x\npending_days: 336\nexpiry: {policy: lots, months: 12}",
		"/pending_days 2:15 points would run out before they can be spent: 336 days is not less than the shortest expiry, 12 months of 28 days")
	f("program: x\nreturns: {spent_points: all}", "/returns/spent_points 2:25 all is none of only_pending, within_balance, unlimited")
	f("program: x\nredeem_allowed_by: [card, card]", "/redeem_allowed_by 2:20 items 1 and 2 are the same")
	f("program: x\nredeem_allowed_by: [name]", "/redeem_allowed_by/0 2:21 name is none of card, phone, code, member_id")
	f("program: x\nrfm: {r: {thresholds: [1, 2, 3]}}", "/rfm/r/thresholds 2:23 has 3 items, fewer than 4")
	f("program: x\nrfm: {r: {thresholds: [1, 2, 3, 65536]}}", "/rfm/r/thresholds/3 2:33 65536 is above the most, 65535")
	f("program: x\nrfm: {f: {thresholds: [0, 2, 3, 4]}}", "/rfm/f/thresholds/0 2:24 0 is below the least, 1")
	f("program: x\nrfm: {f: {}}", "/rfm/f 2:10 has 0 keys, fewer than 1")
	f("program: x\nrfm: {f: {quintiles: true, thresholds: [1, 2, 3, 4]}}", "/rfm/f 2:10 has 2 keys, more than 1")
	f("program: x\nrfm: {f: {quintiles: false}}", "/rfm/f/quintiles 2:22 false can only be true")
	f("program: x\nrfm: {segments: seven}", "/rfm/segments 2:17 seven can only be six")
	f("program: x\nrfm: {segments: []}", "/rfm/segments 2:17 has 0 items, fewer than 1")
	f("program: x\nrfm: {segments: [{id: a, r: [0, 5]}]}", "/rfm/segments/0/r/0 2:30 0 is below the least, 1")

	// What a schema cannot say.
	f("program: x\ntime_zone: Mars/Olympus", `/time_zone 2:12 "Mars/Olympus" is no time zone: unknown time zone Mars/Olympus`)
	f("program: x\ntime_zone: Local", `/time_zone 2:12 "Local" is no time zone: the zone of one machine is not that of a shop`)
	f("program: x\ntiers: [{id: a}, {id: a, threshold: 1}]", "/tiers/1/id 2:23 an earlier tier has the id a")
	f("program: x\ntiers: [{id: a, threshold: 1}]", "/tiers/0/threshold 2:28 the lowest tier begins at 0, or new members would have none")
	f("program: x\ntiers: [{id: a}, {id: b, threshold: 7}, {id: c, threshold: 7}]",
		"/tiers/2/threshold 2:60 the threshold 7 is not above that of the tier before, 7")
	f("program: x\ntiers: [{id: a}, {id: b}]", "/tiers/1 2:18 the threshold 0 is not above that of the tier before, 0")
	f("program: x\nrfm: {r: {thresholds: [1, 2, 2, 3]}}", "/rfm/r/thresholds/2 2:30 2 is not above the threshold before, 2")
	f("program: x\nrfm: {m: {thresholds: [4, 3, 5, 6]}}", "/rfm/m/thresholds/1 2:27 3 is not above the threshold before, 4")
	f("program: x\nrfm: {metric: avg, m: {quintiles: true}}",
		"/rfm/m/quintiles 2:35 fifths by average are not counted: take thresholds, or the metric sum")
	f("program: x\nrfm: {metric: avg, m: {thresholds: [1, 2, 3, 10000000000001]}}",
		"/rfm/m/thresholds/3 2:46 10000000000001 is above the most of one receipt, 10000000000000")
	f("program: x\nrfm: {segments: [{id: none}]}",
		"/rfm/segments/0/id 2:23 none is the segment of members without purchases: take another id")
	f("program: x\nrfm: {segments: [{id: a, r: [5, 4]}]}", "/rfm/segments/0/r 2:29 ends at 4, before it begins at 5")
	f("program: x\nrfm: {segments: [{id: a, r: [2, 5]}]}", "/rfm/segments 2:17 no entry holds r=1 f=1 m=1, and 24 more cells")
	f("program: x\nrfm: {segments: [{id: a, r: [2, 5]}, {id: b, f: [2, 5]}, {id: c, m: [1, 4]}]}",
		"/rfm/segments 2:17 no entry holds r=1 f=1 m=5")
	f("program: x\nrfm: {segments: [{id: a, name: {en: A}}, {id: a, name: {en: B}}]}",
		"/rfm/segments/1/name 2:56 an earlier entry of a has another name")
	many := "program: x\nrfm:\n  segments:\n"
	for i := range segmentsMax {
		many += fmt.Sprintf("  - {id: s%d}\n", i)
	}
	parse(t, many)
	f(many+"  - {id: s99}\n", "/rfm/segments/31 35:5 is segment 32; there may be 31")

	// Several at once, in the order of the text.
	f("zzz: 1\nprogram: 5\nrfm: {r: {thresholds: [9]}, f: 1}",
		`/zzz 1:1 unknown key "zzz": this version has no such rule`,
		"/program 2:10 is a whole number, not a string",
		"/rfm/r/thresholds 3:23 has 1 items, fewer than 4",
		"/rfm/f 3:32 is a whole number, not an object")
}

func TestLimits(t *testing.T) {
	f := func(doc, want string) {
		t.Helper()
		if got := faultsOf(t, doc); !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Fatalf("got %s; want %s", got, want)
		}
	}
	f("program: x # "+strings.Repeat("x", SizeMax), "has 262157 bytes, more than the 262144")
	f(strings.Repeat("[", 10_000), "exceeded max depth of 32")
	f("program: "+strings.Repeat("[", 33)+strings.Repeat("]", 33), "exceeded max depth of 32")
	f("a: &a [*a, *a]", "1:4 is past what a program may hold")
	laughs := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	f(laughs, "is past what a program may hold")
	// The log takes a document with its aliases written out.
	wide := "program: x\ncampaigns:\n  - {id: c0, points: 1, stores: &all ["
	for i := range 64 {
		wide += fmt.Sprintf("s%063d, ", i)
	}
	wide = strings.TrimSuffix(wide, ", ") + "]}\n"
	for i := range 49 {
		wide += fmt.Sprintf("  - {id: c%d, points: 1, stores: *all}\n", i+1)
	}
	f(wide, "bytes in its canonical form, more than the 192512")

	var unknown strings.Builder
	unknown.WriteString("program: x\n")
	for i := range 1000 {
		fmt.Fprintf(&unknown, "key%d: 1\n", i)
	}
	got := strings.Split(faultsOf(t, unknown.String()), "\n")
	if len(got) != faultsMax+1 || got[faultsMax] != " 0:0 has 950 more faults" {
		t.Fatalf("got %d faults, the last %q", len(got), got[len(got)-1])
	}
}

func TestErrorText(t *testing.T) {
	f := func(doc, want string) {
		t.Helper()
		_, err := Parse([]byte(doc))
		if err == nil || err.Error() != want {
			t.Fatalf("got:\n%v\nwant:\n%s", err, want)
		}
	}
	f("program: x\nteirs: []\n", `/teirs at 2:1: unknown key "teirs": did you mean "tiers"?
   2 | teirs: []
     | ^`)
	f("{\"program\": \"ж\",\r\n\t\"rfm\":\t5, \"currency\": \"\"}", "2 faults in the program\n"+
		"/rfm at 2:9: is a whole number, not an object\n"+
		"   2 | \t\"rfm\":\t5, \"currency\": \"\"}\n"+
		"     | \t      \t^\n"+
		"/currency at 2:24: \"\" does not have the form ^[A-Z]{3}$\n"+
		"   2 | \t\"rfm\":\t5, \"currency\": \"\"}\n"+
		"     | \t      \t               ^")
	f("", "document: cannot be read: no documents in stream")
	f("program: x\x1b[31m", "document at 1:11: has the control character 0x1b\n   1 | program: x\ufffd[31m\n     |           ^")
	long := "{\"program\": \"x\", " + strings.Repeat(" ", 300) + "\"currency\": 1" + strings.Repeat(" ", 300) + "}"
	f(long, "/currency at 1:330: is a whole number, not a string\n"+
		"   1 | "+strings.Repeat(" ", 38)+"\"currency\": 1"+strings.Repeat(" ", 49)+"\n"+
		"     | "+strings.Repeat(" ", 50)+"^")
}

func TestLikely(t *testing.T) {
	words := []string{"tiers", "tier_policy", "rfm", "returns", "r"}
	f := func(word, want string) {
		t.Helper()
		if got := likely(word, words); got != want {
			t.Fatalf("%s: got %q; want %q", word, got, want)
		}
	}
	f("teirs", "tiers")
	f("tier", "tiers")
	f("tier-policy", "tier_policy")
	f("tierpolcy", "tier_policy")
	f("rmf", "rfm")
	f("rxx", "")
	f("q", "")
	f("retruns", "returns")
	f("return", "returns")
	f("welcome", "")
}
