package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/programs"
	"github.com/kopilka/kopilka/seed"
)

func parse(t *testing.T, doc string) *Program {
	t.Helper()
	p, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("parse:\n%s\n%s", doc, err)
	}
	return p
}

// roundTrip checks that the canonical form stands for the same program and is
// its own canonical form.
func roundTrip(t *testing.T, p *Program) {
	t.Helper()
	doc := p.Document()
	q := parse(t, string(doc))
	if again := q.Document(); !bytes.Equal(doc, again) {
		t.Fatalf("document is no fixed point:\n%s\n%s", doc, again)
	}
	a, b := *p, *q
	if a.Zone.String() != b.Zone.String() {
		t.Fatalf("zone: got %s; want %s", b.Zone, a.Zone)
	}
	a.Zone, b.Zone = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("read back:\ngot  %+v\nwant %+v", b, a)
	}
}

func TestAbsentKeys(t *testing.T) {
	p := parse(t, "program: small")
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %v; want %v", what, got, want)
		}
	}
	f("name", p.Name, "small")
	f("currency", p.Currency, "XXX")
	f("minor units", p.MinorUnits, 2)
	f("zone", p.Zone.String(), "UTC")
	f("earn base", p.EarnBase, Total)
	f("rounding", p.Rounding, kopilka.Floor)
	f("tiers", p.Tiers, []Tier{{ID: "base", Name: map[string]string{"en": "base"}, MaxRedeemBP: kopilka.BPWhole}})
	f("tier policy", p.TierPolicy, TierPolicy{BySpend, 365, DowngradeNone})
	f("expiry", p.Expiry, Expiry{})
	f("pending", p.PendingDays, 0)
	f("redeem", p.RedeemAllowedBy, [5]bool{false, true, true, true, true})
	f("returns", p.Returns, kopilka.WithinBalance)
	f("takes", p.Takes, kopilka.Takes(0))
	f("welcome", p.Welcome, Welcome{})
	f("referral", p.Referral, Referral{})
	f("offers", len(p.Certificates)+len(p.Instruments)+len(p.Campaigns)+len(p.Sources)+len(p.SegmentBP), 0)
	f("staff", p.Staff, Staff{})
	f("offer a card", p.OfferCard, kopilka.Money(0))
	f("fraud", p.Fraud, Fraud{})
	f("code life", p.CodeLife, 45*time.Minute)
	f("rfm", p.RFM, RFM{WindowDays: 365, R: Axis{Thresholds: [4]int64{30, 90, 180, 365}},
		F: Axis{Thresholds: [4]int64{2, 3, 5, 8}}, M: Axis{Thresholds: [4]int64{500000, 2000000, 5000000, 15000000}}, Segments: six()})
	roundTrip(t, p)
}

func TestAbsentParts(t *testing.T) {
	p := parse(t, `
program: parts
tiers: [{id: a}, {id: b, threshold: 5}]
tier_policy: {metric: count}
returns: {}
redeem_allowed_by: []
rfm: {f: {quintiles: true}, segments: [{id: all}]}
`)
	if want := []Tier{
		{"a", map[string]string{"en": "a"}, 0, 10000, 0, nil},
		{"b", map[string]string{"en": "b"}, 0, 10000, 5, nil},
	}; !reflect.DeepEqual(p.Tiers, want) {
		t.Fatalf("tiers: got %v; want %v", p.Tiers, want)
	}
	if want := (TierPolicy{ByCount, 365, DowngradeNone}); p.TierPolicy != want {
		t.Fatalf("tier policy: got %v; want %v", p.TierPolicy, want)
	}
	if p.RedeemAllowedBy != [5]bool{} {
		t.Fatalf("redeem allowed by: got %v; want nothing", p.RedeemAllowedBy)
	}
	if want := (Axis{Quintiles: true}); p.RFM.F != want {
		t.Fatalf("f: got %v; want %v", p.RFM.F, want)
	}
	if p.RFM.R.Thresholds[0] != 30 {
		t.Fatalf("r: got %v; want the default", p.RFM.R)
	}
	for i, n := range p.RFM.Segments.Cells {
		if n != 1 {
			t.Fatalf("cell %d: got segment %d; want 1", i, n)
		}
	}
	roundTrip(t, p)
}

func TestBuiltin(t *testing.T) {
	if p := parse(t, string(Builtin())); p.Name != "uds-rustore" {
		t.Fatalf("got the program %s", p.Name)
	}
}

func TestShippedPrograms(t *testing.T) {
	names, err := fs.Glob(programs.Files, "*.yaml")
	if err != nil || len(names) < 5 {
		t.Fatalf("shipped: got %v, %v", names, err)
	}
	for _, name := range names {
		doc, err := programs.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, string(doc))
		if p.Name+".yaml" != name {
			t.Fatalf("%s: has the name %s", name, p.Name)
		}
		roundTrip(t, p)
	}
}

// A document with every key.
func TestFullDocument(t *testing.T) {
	doc, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, string(doc))
	full := decode(t, p.Document())
	for key := range rules().plain["properties"].(map[string]any) {
		if _, ok := full[key]; !ok {
			t.Errorf("full.yaml lacks %s", key)
		}
	}
	roundTrip(t, p)
}

// The table of docs/reference/program.md, cell by cell.
func TestSix(t *testing.T) {
	s := six()
	ids := ""
	for _, n := range s.Names {
		ids += n.ID + " " + n.Name["en"] + " " + n.Name["ru"] + "\n"
	}
	if want := "none No purchases Без покупок\ncore Core Ядро\nloyal Loyal Лояльные\nwhales Whales Киты\nnew New Новички\nsleeping Sleeping Сони\nlost Lost Потерянные\n"; ids != want {
		t.Fatalf("names:\n%s\nwant:\n%s", ids, want)
	}
	table := map[int][4]string{ // Fhi Mhi, Fhi Mlo, Flo Mhi, Flo Mlo
		5: {"core", "loyal", "whales", "new"},
		4: {"core", "loyal", "whales", "new"},
		3: {"core", "loyal", "whales", "new"},
		2: {"sleeping", "sleeping", "sleeping", "lost"},
		1: {"lost", "lost", "lost", "lost"},
	}
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			for m := 1; m <= 5; m++ {
				column := 0
				if f < 3 {
					column += 2
				}
				if m < 4 {
					column++
				}
				if got := s.Names[s.Cells[Cell(r, f, m)]].ID; got != table[r][column] {
					t.Fatalf("r=%d f=%d m=%d: got %s; want %s", r, f, m, got, table[r][column])
				}
			}
		}
	}
}

func TestOwnSegments(t *testing.T) {
	p := parse(t, `
program: own
rfm:
  segments:
    - {id: champions, name: {en: Champions}, r: [4, 5], f: [4, 5], m: [4, 5]}
    - {id: rest, r: [1, 3]}
    - {id: champions, r: [5, 5], m: [5, 5]}
    - {id: shadowed, r: [1, 1]}
    - {id: shadowed, r: [2, 2]}
    - {id: rest}
`)
	s := p.RFM.Segments
	if len(s.Names) != 4 || s.Names[1].ID != "champions" || s.Names[2].ID != "rest" || s.Names[3].ID != "shadowed" {
		t.Fatalf("names: got %v", s.Names)
	}
	f := func(r, fr, m int, want string) {
		t.Helper()
		if got := s.Names[s.Cells[Cell(r, fr, m)]].ID; got != want {
			t.Fatalf("r=%d f=%d m=%d: got %s; want %s", r, fr, m, got, want)
		}
	}
	f(4, 4, 4, "champions")
	f(5, 5, 5, "champions")
	f(5, 1, 5, "champions")
	f(4, 1, 5, "rest")
	f(1, 5, 5, "rest")
	f(5, 5, 3, "rest")
	roundTrip(t, p)
	const want = `"segments":[{"id":"champions","name":{"en":"Champions"},"r":[4,5],"f":[4,5],"m":[4,5]},` +
		`{"id":"rest","name":{"en":"rest"},"r":[1,3],"f":[1,5],"m":[1,5]},` +
		`{"id":"champions","r":[5,5],"f":[1,5],"m":[5,5]},` +
		`{"id":"shadowed","name":{"en":"shadowed"},"r":[1,1],"f":[1,5],"m":[1,5]},` +
		`{"id":"shadowed","r":[2,2],"f":[1,5],"m":[1,5]},` +
		`{"id":"rest","r":[1,5],"f":[1,5],"m":[1,5]}]}}`
	if doc := string(p.Document()); !strings.HasSuffix(doc, want) {
		t.Fatalf("got  %s\nwant …%s", doc, want)
	}
}

// Tiers that staff set need no thresholds.
func TestTiersByHand(t *testing.T) {
	p := parse(t, "program: x\ntiers: [{id: a, threshold: 7}, {id: b}, {id: c}]\ntier_policy: {metric: manual}")
	if p.TierPolicy.Metric != ByHand || len(p.Tiers) != 3 {
		t.Fatalf("got %+v", p)
	}
	roundTrip(t, p)
}

func TestJSON(t *testing.T) {
	p := parse(t, "\ufeff{\n\t\"program\": \"j\",\n\t\"tiers\": [{\"id\": \"a\", \"name\": {\"en\": \"\\ud83e\\udd47 \\u0417\\\\\\\\ud83d/\"}}]\n}\n")
	if got, want := p.Tiers[0].Name["en"], "🥇 З\\\\ud83d/"; got != want {
		t.Fatalf("name: got %q; want %q", got, want)
	}
	roundTrip(t, p)
}

func TestDocument(t *testing.T) {
	got := string(parse(t, "program: small").Document())
	want := `{"program":"small","currency":"XXX","minor_units":2,"time_zone":"UTC","earn_base":"total","rounding":"floor",` +
		`"tiers":[{"id":"base","name":{"en":"base"},"earn_bp":0,"max_redeem_bp":10000,"threshold":0}],` +
		`"tier_policy":{"metric":"spend","window_days":365,"downgrade":"none"},"expiry":{"policy":"none"},"pending_days":0,` +
		`"returns":{"spent_points":"within_balance","welcome":"keep","once":"keep","tier":"keep"},` +
		`"redeem_allowed_by":["card","phone","code","member_id"],"app_code":{"minutes":45},` +
		`"rfm":{"window_days":365,"metric":"sum","boundaries":"live","r":{"thresholds":[30,90,180,365]},"f":{"thresholds":[2,3,5,8]},` +
		`"m":{"thresholds":[500000,2000000,5000000,15000000]},"segments":"six"}}`
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// Programs do not share what they are made of: whoever changes one by mistake
// must not change all.
func TestProgramsAreApart(t *testing.T) {
	a, b := parse(t, "program: a"), parse(t, "program: b")
	a.RFM.Segments.Names[1].Name["en"] = "changed"
	if b.RFM.Segments.Names[1].Name["en"] != "Core" {
		t.Fatal("two programs share a name")
	}
}

func TestRandomRoundTrip(t *testing.T) {
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		doc := randomDocument(rng)
		p, err := Parse([]byte(doc))
		if err != nil {
			t.Fatalf("seed %d: %s\n%s", seed, err, doc)
		}
		roundTrip(t, p)
	}
}

// randomDocument is a right document in YAML: each key there or not, values
// often at the ends of their ranges.
func randomDocument(rng *rand.Rand) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		if rng.IntN(2) == 0 {
			fmt.Fprintf(&b, format+"\n", args...)
		}
	}
	oneOf := func(words []string) string { return words[rng.IntN(len(words))] }
	end := func(lo, hi int) int {
		switch rng.IntN(3) {
		case 0:
			return lo
		case 1:
			return hi
		}
		return lo + rng.IntN(hi-lo+1)
	}
	axis := func(lo int) string {
		if rng.IntN(3) == 0 {
			return "{quintiles: true}"
		}
		v := [4]int{lo + rng.IntN(3)}
		for i := 1; i < 4; i++ {
			v[i] = v[i-1] + 1 + rng.IntN(1000)
		}
		return fmt.Sprintf("{thresholds: [%d, %d, %d, %d]}", v[0], v[1], v[2], v[3])
	}
	fmt.Fprintf(&b, "program: %q\n", oneOf([]string{"a", "Магазин у дома", "x & <y>"}))
	line("currency: %s", oneOf([]string{"RUB", "GBP", "JPY"}))
	line("minor_units: %d", end(0, 4))
	line("time_zone: %s", oneOf([]string{"Asia/Kathmandu", "Europe/Kyiv", "UTC"}))
	line("earn_base: %s", oneOf(earnBaseWords))
	line("rounding: %s", oneOf(roundingWords))
	tiers := []string{"base"}
	if rng.IntN(2) == 0 {
		b.WriteString("tiers:\n")
		tiers = nil
		for i := range 1 + rng.IntN(64) {
			tiers = append(tiers, fmt.Sprintf("t%d", i))
			name := ""
			if rng.IntN(2) == 0 {
				name = fmt.Sprintf(", name: {ru: 'Имя %d', pt-BR: \"\\\"x\\\"\"}", i)
			}
			fmt.Fprintf(&b, "  - {id: t%d%s, earn_bp: %d, max_redeem_bp: %d, threshold: %d}\n", i, name, end(0, 100000), end(0, 10000), i*1000)
		}
	}
	line("tier_policy: {metric: %s, window_days: %d, downgrade: %s}", oneOf(tierMetricWords[:3]), end(0, 36500), oneOf(downgradeWords))
	months := end(1, 1200)
	line("expiry: {policy: %s, months: %d}", oneOf(expiryWords[1:]), months)
	line("pending_days: %d", end(0, min(365, 28*months-1)))
	reward := []string{keepWord, takeWord}
	line("returns: {spent_points: %s, welcome: %s, once: %s, tier: %s}", oneOf(returnsWords), oneOf(reward), oneOf(reward), oneOf(reward))
	allowed := []string{"card", "phone", "code", "member_id"}
	rng.Shuffle(4, func(i, j int) { allowed[i], allowed[j] = allowed[j], allowed[i] })
	line("redeem_allowed_by: [%s]", strings.Join(allowed[:rng.IntN(5)], ", "))
	segments := []string{"none", "core", "loyal", "whales", "new", "sleeping", "lost"}
	if rng.IntN(4) > 0 {
		b.WriteString("rfm:\n  metric: sum\n")
		line("  window_days: %d", end(0, 36500))
		line("  boundaries: %s", oneOf(boundariesWords))
		line("  r: %s", axis(0))
		line("  f: %s", axis(1))
		line("  m: %s", axis(1))
		if rng.IntN(2) == 0 {
			b.WriteString("  segments:\n")
			for range rng.IntN(40) {
				lo, hi := 1+rng.IntN(5), 1+rng.IntN(5)
				lo, hi = min(lo, hi), max(lo, hi)
				fmt.Fprintf(&b, "    - {id: s%d, %s: [%d, %d]}\n", rng.IntN(30), oneOf([]string{"r", "f", "m"}), lo, hi)
			}
			b.WriteString("    - {id: rest}\n")
			segments = []string{"none", "rest"}
		}
	}
	b.WriteString(randomOffers(rng, tiers, segments))
	return b.String()
}

// The published schema and the code have one set of defaults.
func TestSchemaDefaults(t *testing.T) {
	var full map[string]any
	if err := json.Unmarshal(parse(t, "program: small").Document(), &full); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]map[string]any
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	// value is the default of a schema of an object or of anything else.
	var value func(s map[string]any) any
	value = func(s map[string]any) any {
		if d, ok := s["default"]; ok {
			return d
		}
		object := map[string]any{}
		properties, _ := s["properties"].(map[string]any)
		for key, p := range properties {
			if v := value(p.(map[string]any)); !reflect.DeepEqual(v, map[string]any{}) {
				object[key] = v
			}
		}
		return object
	}
	var noRule []string
	for key, s := range schema.Properties {
		if _, written := full[key]; !written {
			noRule = append(noRule, key)
			continue
		}
		if key == "program" {
			continue
		}
		if got, want := value(s), full[key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the schema's default is %v; the code's %v", key, got, want)
		}
	}
	slices.Sort(noRule)
	if want := []string{"campaigns", "certificates", "fraud", "instruments", "offer_card", "referral",
		"segment_multipliers_bp", "sources", "staff", "welcome"}; !slices.Equal(noRule, want) {
		t.Errorf("keys that are not in a document without rules: got %v; want %v", noRule, want)
	}
}

// Words in the schema and in the code are the same, in any order.
func TestSchemaWords(t *testing.T) {
	f := func(words []string, path ...string) {
		t.Helper()
		part := rules().plain
		for _, key := range path {
			if in, ok := part[key]; ok { // $defs, and what they define
				part = in.(map[string]any)
			} else {
				part = part["properties"].(map[string]any)[key].(map[string]any)
			}
		}
		var listed []string
		for _, w := range part["enum"].([]any) {
			listed = append(listed, w.(string))
		}
		slices.Sort(listed)
		if sorted := slices.Sorted(slices.Values(words)); !slices.Equal(listed, sorted) {
			t.Fatalf("%v: the schema has %v; the code %v", path, listed, sorted)
		}
	}
	f(earnBaseWords, "earn_base")
	f(roundingWords, "rounding")
	f(tierMetricWords, "tier_policy", "metric")
	f(downgradeWords, "tier_policy", "downgrade")
	f(expiryWords, "expiry", "policy")
	f(returnsWords, "returns", "spent_points")
	f(metricWords, "rfm", "metric")
	f(boundariesWords, "rfm", "boundaries")
	f(triggerWords, "$defs", "trigger")
	f([]string{keepWord, takeWord}, "$defs", "claw_back")
	var kinds []string
	for _, k := range instrumentKinds {
		kinds = append(kinds, k.String())
	}
	f(kinds, "$defs", "instrument", "kind")
}

func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("seeds: %v, %v", seeds, err)
	}
	for _, name := range seeds {
		doc, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add(Builtin())
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := Parse(doc)
		if err == nil {
			roundTrip(t, p)
			return
		}
		var e *Error
		if !errors.As(err, &e) || len(e.Faults) == 0 || p != nil {
			t.Fatalf("error without faults: %v", err)
		}
		for _, fault := range e.Faults {
			if fault.Detail == "" || fault.Line > 0 && fault.Column < 1 {
				t.Fatalf("fault %+v", fault)
			}
		}
	})
}
