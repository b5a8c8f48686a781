package people

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/kopilka/kopilka"
)

// TestFacets holds the facets against the profiles themselves, over random
// changes and over members who are many or few, far apart or side by side.
func TestFacets(t *testing.T) {
	pick := func(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }
	random := func(rnd *rand.Rand) *Profile {
		p := &Profile{
			Phone: pick(rnd, "", "+79001234567"), Store: pick(rnd, "", "S1", "S2", fmt.Sprint("S", rnd.IntN(1000))), Source: pick(rnd, "", "radio"),
			Sex: pick(rnd, "", "m", "f", "x"), BirthDate: pick(rnd, "", "2000-02-29", "1985-04-30", "1900-01-01", "2026-01-22"),
		}
		if rnd.IntN(2) == 0 {
			p.Consent = &Consent{TextVersion: "1"}
		}
		if rnd.IntN(3) > 0 {
			p.Attributes = map[string]any{}
			for _, k := range []string{"shoe", "city", "mail", fmt.Sprint("key", rnd.IntN(50))} {
				switch rnd.IntN(4) {
				case 0:
					p.Attributes[k] = json.Number(fmt.Sprint(rnd.IntN(3)))
				case 1:
					p.Attributes[k] = pick(rnd, "Omsk", "Tver", "true", "1", fmt.Sprint(rnd.Uint32()))
				case 2:
					p.Attributes[k] = rnd.IntN(2) == 0
				}
			}
		}
		return p
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			members := []int{40, 3000, 30_000}[seed%3]
			x := NewFacets()
			have := map[kopilka.MemberNo]*Profile{}
			for range 3000 {
				m := kopilka.MemberNo(rnd.IntN(members))
				p := random(rnd)
				switch k := rnd.IntN(10); {
				case k == 0:
					x.Forget(m)
					have[m] = &Profile{}
				case k == 1:
					if x.Learn(m, p); have[m] == nil {
						have[m] = p
					}
				default:
					x.Put(m, p)
					have[m] = p
				}
			}
			day := kopilka.DayOfDate(2026+rnd.IntN(3), time.Month(2+rnd.IntN(2)*9), 22+rnd.IntN(7))
			compareFacets(t, x, have, members, day)

			for m := range have {
				x.Forget(m)
			}
			if len(x.attributes) != 0 || !x.store.values.empty() || !x.source.values.empty() || strings.Contains(fmt.Sprint(x.store.values, x.source.values), "S1") {
				t.Fatalf("all were forgotten, and left: %v, %v, %v", x.attributes, x.store.values, x.source.values)
			}
		})
	}
}

func compareFacets(t *testing.T, x *Facets, have map[kopilka.MemberNo]*Profile, members int, day kopilka.Day) {
	t.Helper()
	f := func(what string, fill func(from kopilka.MemberNo, to []int64), want func(*Profile) int64) {
		t.Helper()
		for from := 0; from < members+10; from += 1000 {
			to := make([]int64, 1000)
			for i := range to {
				to[i] = 99
			}
			fill(kopilka.MemberNo(from), to)
			for i, got := range to {
				p := have[kopilka.MemberNo(from+i)]
				if p == nil {
					p = &Profile{}
				}
				if got != want(p) {
					t.Fatalf("%s of member %d: %d; want %d of %+v", what, from+i, got, want(p), p)
				}
			}
		}
	}
	f("phone", x.HasPhone, func(p *Profile) int64 { return truth(p.Phone != "") })
	f("birth date", x.HasBirthDate, func(p *Profile) int64 { return truth(p.BirthDate != "") })
	f("consent", x.HasConsent, func(p *Profile) int64 { return truth(p.Consent != nil) })
	for _, sex := range []string{"m", "f", "x"} {
		f(sex, func(from kopilka.MemberNo, to []int64) { x.Sex(sex, from, to) }, func(p *Profile) int64 { return truth(p.Sex == sex) })
	}
	for _, s := range []string{"S1", "S500", "radio", "nosuch"} {
		f(s, func(from kopilka.MemberNo, to []int64) { x.Store(s, from, to) }, func(p *Profile) int64 { return truth(p.Store == s) })
		f(s, func(from kopilka.MemberNo, to []int64) { x.Source(s, from, to) }, func(p *Profile) int64 { return truth(p.Source == s) })
	}
	for _, key := range []string{"shoe", "city", "mail", "key7", "nosuch"} {
		for _, want := range []any{json.Number("1"), "1", "Omsk", true, false} {
			f(fmt.Sprint(key, want), func(from kopilka.MemberNo, to []int64) {
				x.Attribute(key, func(v any) bool { return v == want }, from, to)
			}, func(p *Profile) int64 { v, ok := p.Attributes[key]; return truth(ok && v == want) })
		}
	}
	f("age", func(from kopilka.MemberNo, to []int64) { x.Ages(day, from, to) }, func(p *Profile) int64 {
		if p.BirthDate == "" {
			return -1
		}
		birth, err := time.Parse("2006-01-02", p.BirthDate)
		if err != nil {
			t.Fatal(err)
		}
		year, month, d := day.Date()
		now := time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
		birthday := func(year int) time.Time {
			d := time.Date(year, birth.Month(), birth.Day(), 0, 0, 0, 0, time.UTC)
			if d.Month() != birth.Month() { // there is no 29 February
				d = d.AddDate(0, 0, -1)
			}
			return d
		}
		n := 0
		for !birthday(birth.Year() + n + 1).After(now) {
			n++
		}
		return int64(n)
	})
}

// TestFacetsKeepNothing: a profile's texts may lie in memory that is used again.
func TestFacetsKeepNothing(t *testing.T) {
	text := []byte("S12")
	x := NewFacets()
	x.Put(0, &Profile{Store: unsafe.String(&text[0], len(text))})
	copy(text, "xyz")
	var got [1]int64
	if x.Store("S12", 0, got[:]); got[0] != 1 {
		t.Fatal("the store is no longer what was put")
	}
}

func TestAges(t *testing.T) {
	f := func(birth, on string, want int64) {
		t.Helper()
		day, err := kopilka.ParseDay(on)
		if err != nil {
			t.Fatal(err)
		}
		x := NewFacets()
		x.Put(0, &Profile{BirthDate: birth})
		var got [2]int64
		if x.Ages(day, 0, got[:]); got != [2]int64{want, -1} {
			t.Fatalf("born on %s, on %s: %v; want %d", birth, on, got, want)
		}
	}
	f("1985-04-30", "2026-04-29", 40)
	f("1985-04-30", "2026-04-30", 41)
	f("2000-02-29", "2026-02-27", 25)
	f("2000-02-29", "2026-02-28", 26)
	f("2000-02-29", "2028-02-28", 27)
	f("2000-02-29", "2028-02-29", 28)
	f("2000-02-29", "2100-02-28", 100)
	f("2026-11-22", "2026-11-22", 0)
	f("1999-12-31", "2000-01-01", 0)
	f("", "2026-11-22", -1)
}
