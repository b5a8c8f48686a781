package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func parse(t testing.TB, text string) *Expr {
	t.Helper()
	e, err := Parse(text, shopWords)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// agree holds what an expression selects against its meaning, member by member.
func agree(t testing.TB, e *Expr, all people, text string, means meaning) {
	t.Helper()
	words := e.Select(all)
	if len(words) != (len(all)+63)/64 {
		t.Fatalf("%d words for %d members", len(words), len(all))
	}
	for i := range all {
		got, want := words[i/64]>>(i%64)&1 != 0, !all[i].gone && means(&all[i])
		if got != want {
			t.Fatalf("%s\nselects member %d: %v; want %v\n%+v", text, i, got, want, all[i])
		}
	}
}

// TestTwin holds random expressions over random members against what they
// mean, as they were written and in their canonical form.
func TestTwin(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 3))
			all := make(people, rnd.IntN(400))
			for i := range all {
				all[i] = randomPerson(rnd)
			}
			for range 20 {
				text, means := randomText(rnd, rnd.IntN(4))
				e, err := Parse(text, shopWords)
				if err != nil {
					var f *Fault
					if errors.As(err, &f) && strings.Contains(f.Detail, "more than") {
						continue // a limit
					}
					t.Fatalf("%s: %v", text, err)
				}
				agree(t, e, all, text, means)
				agree(t, readAgain(t, e), all, e.String(), means)
			}
		})
	}
}

// readAgain sends the canonical form back, which must be read as the same.
func readAgain(t testing.TB, e *Expr) *Expr {
	t.Helper()
	again := parse(t, e.String())
	if !reflect.DeepEqual(again, e) {
		t.Fatalf("%s\nis read as\n%s", e, again)
	}
	return again
}

// TestCanonicalIsRead sends every bound of every number back, those beyond which
// nothing is included.
func TestCanonicalIsRead(t *testing.T) {
	read := 0
	for f := range fields {
		name := fields[f].name
		for _, compare := range comparisons {
			low, high := Field(f).bounds()
			for _, n := range []int64{low - 1, low, low + 1, -1, 0, 1, high - 1, high, high + 1} {
				texts := []string{fmt.Sprint(name, compare, n), fmt.Sprint(name, ":30d", compare, n),
					fmt.Sprint("attr.", name, compare, n), fmt.Sprint(name, compare, low, "..", n), fmt.Sprint(name, compare, n, "..", high)}
				for _, text := range texts {
					if e, err := Parse(text, shopWords); err == nil {
						readAgain(t, e)
						read++
					}
				}
			}
		}
	}
	if read < 500 {
		t.Fatalf("only %d texts are expressions", read)
	}
	f := func(text, want string) {
		t.Helper()
		if got := readAgain(t, parse(t, text)).String(); got != want {
			t.Fatalf("%s is %s; want %s", text, got, want)
		}
	}
	f("f>5", "f>5")
	f("balance>1000000000000000", "balance>1000000000000000")
	f("spent<-1000000000000000", "spent<-1000000000000000")
	f("age<1", "age:0")
	_, err := Parse(strings.Repeat(`core|`, 40)+`store:`+strings.Repeat("x", TextMax-206), shopWords)
	if err == nil || !strings.Contains(err.Error(), "written out") {
		t.Fatal(err)
	}
}

// TestOverBlocks has members in several blocks, the last of which is not full.
func TestOverBlocks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	some := make([]person, 1000)
	for i := range some {
		some[i] = randomPerson(rnd)
	}
	all := make(people, 2*BlockLen+77)
	for i := range all {
		all[i] = some[rnd.IntN(len(some))]
	}
	for range 8 {
		text, means := randomText(rnd, 2)
		agree(t, parse(t, text), all, text, means)
	}
}

func TestCanonical(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := parse(t, text).String(); got != want {
			t.Fatalf("%s is %s; want %s", text, got, want)
		}
	}
	f("core", "segment:core")
	f(" ( core )&(blocked | referred) ", "segment:core & (blocked | referred)")
	f("core|blocked&referred", "segment:core | blocked & referred")
	f("(core|blocked)|(referred|new)", "segment:core | blocked | referred | segment:new")
	f("core&(blocked&(referred))", "segment:core & blocked & referred")
	f("!!core & !!!blocked", "segment:core & !blocked")
	f("!(core&blocked)", "!(segment:core & blocked)")
	f("!(blocked)", "!blocked")
	f("age:30..45", "age:30..45")
	f("age:0..45", "age<=45")
	f("age>30 & age<46", "age>=31 & age<=45")
	f("r=5 & f:4..5 & m<=3", "r:5 & f:4..5 & m<=3")
	f("recency>=0", "recency>=0")
	f("spent:30d >= 500000", "spent:30d>=500000")
	f("spent:-5..10", "spent:-5..10")
	f("purchases:2026-01-01..2026-03-31>=2", "purchases:2026-01-01..2026-03-31>=2")
	f("purchases:2026-01-01:2", "purchases:2026-01-01..2026-01-01:2")
	f("purchases:7d:1..2", "purchases:7d:1..2")
	f("purchases:2", "purchases:2")
	f("bought_at=S1", "bought_at:S1")
	f("bought_at:S1,30d", "bought_at:S1,30d")
	f(`bought_at : "S1" ,2026-01-01 & core`, "bought_at:S1,2026-01-01..2026-01-01 & segment:core")
	f("bought_in=shoes", "bought_in:shoes")
	f(`bought_in:"shoes, size 46" ,30d`, `bought_in:"shoes, size 46",30d`)
	f(`bought_at:"Москва, Арбат"`, `bought_at:"Москва, Арбат"`)
	f(`bought_at:"Москва, Арбат",30d | bought_at:"a|b"`, `bought_at:"Москва, Арбат",30d | bought_at:"a|b"`)
	f(`store:"S12" | store:"Москва, Арбат" | store:Москва`, `store:S12 | store:"Москва, Арбат" | store:Москва`)
	f(`source:"say \"hi\" \\"`, `source:"say \"hi\" \\"`)
	f("attr.shoe_size>=38", "attr.shoe_size>=38")
	f("attr.shoe_size<38.5", "attr.shoe_size<38.5")
	f("attr.shoe_size:38..42.5", "attr.shoe_size:38..42.5")
	f(`attr."shoe size":"38"`, `attr."shoe size":"38"`)
	f(`attr.city:"Нижний Новгород"`, `attr.city:"Нижний Новгород"`)
	f("attr.a.b=true", "attr.a.b:true")
	f("contacted", "contacted")
	f("contacted = 7d|!contacted", "contacted:7d | !contacted")
	f("contacted:0007d", "contacted:7d")
	f("core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !contacted:7d",
		"segment:core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !contacted:7d")
	f("core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !attr.newsletter:true",
		"segment:core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !attr.newsletter:true")
}

func TestFaults(t *testing.T) {
	f := func(text string, column int, detail string) {
		t.Helper()
		_, err := Parse(text, shopWords)
		var got *Fault
		if !errors.As(err, &got) {
			t.Fatalf("%s: %v", text, err)
		}
		if got.Column != column || !strings.Contains(got.Detail, detail) {
			t.Fatalf("%s: %v; want column %d: … %s …", text, err, column, detail)
		}
	}
	f("", 1, "expected a term")
	f("core &", 7, "expected a term")
	f("core & & new", 8, "expected a term")
	f("core new", 6, "expected & or | or the end")
	f("(core", 6, "expected & or | or )")
	f("core)", 5, "expected & or | or the end")
	f("cor", 1, "did you mean core?")
	f("core & stor:S12", 8, "did you mean store?")
	f("xyzzy", 1, "neither a field nor a segment")
	f("segment:gold", 9, "expected one of none, core, loyal, new")
	f("tier:sliver", 6, "expected one of silver, gold; did you mean silver?")
	f("sex:w", 5, "expected one of f, m, x")
	f("has:fone", 5, "did you mean phone?")
	f("age", 4, "expected one of : = >= > <= <")
	f("age:thirty", 5, "expected a whole number from 0")
	f("age:45..30", 5, "expected a range that goes up")
	f("age:30..", 5, "expected a whole number")
	f("age<0", 5, "below which there is nothing")
	f("r:6", 3, "from 0 to 5")
	f("age:-1", 5, "from 0")
	f("balance>=99999999999999999999", 10, "a whole number")
	f("spent:30d", 10, "expected one of")
	f("spent:0d>5", 7, "a whole number")
	f("purchases:2026-03-31..2026-01-01>=2", 11, "a whole number")
	f("bought_at", 10, "a colon")
	f("bought_at:", 11, "a store")
	f("bought_at:,30d", 11, "a store")
	f("bought_at:S1,", 11, "a comma and a period, such as S1,30d")
	f("bought_at:S1,month", 11, "a comma and a period")
	f(`core & bought_at:"S1",0d`, 18, "a comma and a period")
	f("bought_at:S1 30d", 14, "& or |")
	f("bought_at:S1 | bought_at:S1,1d | bought_at:S2,1d | spent:1d>0 | bought_at:S1,1d | bought_at:S3", 93, "more than 4 different periods, with their stores and categories")
	f("bought_in", 10, "a colon")
	f("bought_in:shoes,month", 11, "a category, alone or with a comma and a period")
	f("bought_at:a | bought_in:a | bought_at:b | bought_in:b | bought_in:a | bought_in:c", 81, "more than 4 different periods")
	f("contacted:", 11, "a number of days, such as contacted:7d")
	f("contacted:0d", 11, "a number of days")
	f("contacted:7", 11, "a number of days")
	f(`contacted:"7d"`, 11, "a number of days")
	f("contacted>=7d", 10, "expected & or |")
	f("contacted:2026-03-01..2026-03-31", 11, "only the last time is known")
	f("contacted:2026-03-01", 11, "only the last time is known")
	f("contacte:7d", 1, "did you mean contacted?")
	f("store:", 7, "a word, or text in quotes")
	f("store S1", 7, "a colon")
	f(`store:""`, 7, "a word, or text in quotes")
	f(`store:"S1`, 7, "no closing quote")
	f(`store:"S\1"`, 10, "a backslash")
	f("attr", 1, "expected attr.NAME")
	f("attr.:5", 1, "expected attr.NAME")
	f("attr.shoe", 10, "after the attribute")
	f("attr.shoe>=big", 12, "only numbers are compared")
	f(`attr.shoe>="38"`, 12, "only numbers are compared")
	f("attr.shoe:42..38", 11, "a range that goes up")
	f("attr.shoe:&", 11, "a word, a number")
	f("источник:a & (", 1, "neither a field")
	f("store:Москва & blocke", 16, "did you mean blocked?")
	f("core\x00", 5, "cannot be printed")
	f("core\xff", 1, "not UTF-8")
	f(strings.Repeat(" ", TextMax+1), 1, "4096")
	f(strings.Repeat("!", DepthMax+1)+"core", DepthMax+1, "deeper than 32")
	f(strings.Repeat("core|", TermsMax)+"core", 5*TermsMax+1, "more than 64 terms")
	f("spent:1d>0|spent:2d>0|spent:3d>0|spent:4d>0|spent:4d>1|spent:5d>0", 62, "more than 4 different periods")

	for _, ok := range []string{strings.Repeat("!", DepthMax) + "core", strings.Repeat("core|", TermsMax-1) + "core"} {
		parse(t, ok)
	}
}

// TestFaultsKeepSecrets: what was written may be personal, and is not repeated.
func TestFaultsKeepSecrets(t *testing.T) {
	for _, text := range []string{"attr.city:Ivanov Ivan", "store:S1 Ivanov", "Ivanov", "sex:Ivanov", "age:Ivanov", "attr.x>Ivanov", `"Ivanov"`} {
		if _, err := Parse(text, shopWords); err == nil || strings.Contains(err.Error(), "Ivan") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCompareDecimal(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got, back := compareDecimal(a, b), compareDecimal(b, a); (got > 0) != (want > 0) || (got < 0) != (want < 0) || (back > 0) != (want < 0) {
			t.Fatalf("%s and %s: %d, back %d; want %d", a, b, got, back, want)
		}
	}
	f("0", "-0", 0)
	f("0.0", "0", 0)
	f("-0.0", "0", 0)
	f("38", "38.000", 0)
	f("38", "38.5", -1)
	f("9", "10", -1)
	f("-9", "-10", 1)
	f("-1", "0.1", -1)
	f("0.09", "0.1", -1)
	f("0.3", "0.29999999999999999999999999999999999999999999999", 1)
	f("123456789012345", "123456789012345.000000000000000000001", -1)
}

func TestAttributeTypes(t *testing.T) {
	f := func(text string, v any, want bool) {
		t.Helper()
		if got := parse(t, text).Terms()[0].Is(v); got != want {
			t.Fatalf("%s of %#v: %v; want %v", text, v, got, want)
		}
	}
	f("attr.a:38", json.Number("38.0"), true)
	f("attr.a:38", "38", true)
	f("attr.a:38", "38.0", false)
	f(`attr.a:"38"`, json.Number("38"), false)
	f(`attr.a:"38"`, "38", true)
	f("attr.a:true", true, true)
	f("attr.a:true", "true", true)
	f(`attr.a:"true"`, true, false)
	f("attr.a:yes", true, false)
	f("attr.a>=38", "40", false)
	f("attr.a>=38", true, false)
	f("attr.a:1..2", "1..2", false)
	f(`attr.a:"1..2"`, "1..2", true)
	f(`attr.a:""`, "", true)
}

// TestReferenceHasEveryField looks for every field in the table of terms.
func TestReferenceHasEveryField(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/segments.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		row := regexp.MustCompile("(?m)^\\|.*`" + f.name + `([:>=.]|` + "`)")
		if !row.Match(text) {
			t.Errorf("segments.md has no term %s", f.name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"core & !(blocked | age:30..45)", `attr."x y">=38.5`, "spent:30d<=-5", "purchases:2026-01-01..2026-01-02:3", `store:"a\"b"`, "contacted:7d|!contacted"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text, shopWords)
		if err != nil {
			var fault *Fault
			if !errors.As(err, &fault) || fault.Column < 1 || fault.Column > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		readAgain(t, e)
	})
}

// FuzzSelect makes members and a meaning from a seed.
func FuzzSelect(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rnd := rand.New(rand.NewPCG(a, b))
		all := make(people, 70)
		for i := range all {
			all[i] = randomPerson(rnd)
		}
		text, means := randomText(rnd, 2)
		if e, err := Parse(text, shopWords); err == nil {
			agree(t, e, all, text, means)
		}
	})
}
