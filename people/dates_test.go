package people

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/seed"
)

func TestDateOfProfile(t *testing.T) {
	p := &Profile{BirthDate: "1988-02-29", Attributes: map[string]any{"wedding": "07-15", "pet": "2020-12-31", "size": 42, "city": "Köln", "odd": "02-30"}}
	f := func(name, want string) {
		t.Helper()
		got := ""
		if month, day, ok := p.Date(name); ok {
			got = fmt.Sprintf("%02d-%02d", month, day)
		}
		if got != want {
			t.Fatalf("%s: %q; want %q", name, got, want)
		}
	}
	f("birth_date", "02-29")
	f("attributes.wedding", "07-15")
	f("attributes.pet", "12-31")
	f("attributes.size", "")
	f("attributes.city", "")
	f("attributes.odd", "")
	f("attributes.", "")
	f("attributes.none", "")
	f("name", "")
	f("", "")
}

// TestDatesAgainstMap puts, learns and forgets at random, and compares with a map.
func TestDatesAgainstMap(t *testing.T) {
	seed := seed.Of(t)
	r := rand.New(rand.NewPCG(seed, 1))
	x := NewDates()
	if !x.Keep(BirthDate) || !x.Keep("attributes.wedding") || x.Keep(BirthDate) {
		t.Fatal("a date is kept once")
	}
	const members = 3*datesAtOnce + 17
	told := map[kopilka.MemberNo]bool{}
	births, weddings := map[kopilka.MemberNo]Date{}, map[kopilka.MemberNo]Date{}
	for range 20_000 {
		m := kopilka.MemberNo(r.IntN(members))
		p := &Profile{}
		var birth, wedding Date
		if r.IntN(3) > 0 {
			d := time.Date(1990, 1, 1+r.IntN(365), 0, 0, 0, 0, time.UTC)
			p.BirthDate = d.Format("2006-01-02")
			birth = Date{m, d.Month(), d.Day()}
		}
		if r.IntN(3) == 0 {
			d := time.Date(2000, 1, 1+r.IntN(366), 0, 0, 0, 0, time.UTC)
			p.Attributes = map[string]any{"wedding": d.Format("01-02")}
			wedding = Date{m, d.Month(), d.Day()}
		}
		switch r.IntN(4) {
		case 0:
			x.Learn(m, p)
			if told[m] {
				continue
			}
		case 1:
			x.Forget(m)
			birth, wedding = Date{}, Date{}
		default:
			x.Put(m, p)
		}
		told[m] = true
		births[m], weddings[m] = birth, wedding
	}
	compare := func(name string, want map[kopilka.MemberNo]Date) {
		t.Helper()
		var all []Date
		for _, d := range want {
			if d.Day != 0 {
				all = append(all, d)
			}
		}
		slices.SortFunc(all, func(a, b Date) int { return int(a.Member) - int(b.Member) })
		if got := slices.Collect(x.All(name)); !slices.Equal(got, all) {
			t.Fatalf("seed %d: %s: %d dates; want %d", seed, name, len(got), len(all))
		}
	}
	compare(BirthDate, births)
	compare("attributes.wedding", weddings)
	compare("attributes.none", nil)
	for range x.All(BirthDate) {
		break // nothing is held when the caller has seen enough
	}
	x.Put(0, &Profile{})
}
