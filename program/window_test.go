package program

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/seed"
)

func day(t *testing.T, s string) kopilka.Day {
	t.Helper()
	d, err := kopilka.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWindow(t *testing.T) {
	f := func(lead, valid int, month time.Month, date, year int, from, to string) {
		t.Helper()
		c := Certificate{LeadDays: lead, ValidDays: valid}
		a, b := c.Window(month, date, year)
		if a != day(t, from) || b != day(t, to) {
			t.Fatalf("%d %s %d: got %s..%s; want %s..%s", date, month, year, a, b, from, to)
		}
	}
	f(7, 22, time.June, 15, 2026, "2026-06-08", "2026-06-29")
	f(0, 1, time.June, 15, 2026, "2026-06-15", "2026-06-15")
	f(21, 22, time.June, 15, 2026, "2026-05-25", "2026-06-15")
	// Over New Year, either way: the year is that of the date.
	f(7, 22, time.January, 3, 2027, "2026-12-27", "2027-01-17")
	f(7, 22, time.December, 28, 2026, "2026-12-21", "2027-01-11")
	// 29 February is the 28th in common years.
	f(7, 22, time.February, 29, 2026, "2026-02-21", "2026-03-14")
	f(7, 22, time.February, 29, 2028, "2028-02-22", "2028-03-14")
	f(7, 22, time.February, 28, 2028, "2028-02-21", "2028-03-13")
	f(0, 1, time.February, 29, 2100, "2100-02-28", "2100-02-28")
	f(0, 1, time.February, 29, 2000, "2000-02-29", "2000-02-29")
	f(0, 366, time.January, 1, 2028, "2028-01-01", "2028-12-31")
	// At the ends of the calendar.
	f(7, 22, time.January, 1, 1970, "1970-01-01", "1970-01-15")
	f(0, 366, time.January, 1, 2149, "2149-01-01", "2149-06-05")
}

func TestDueOn(t *testing.T) {
	f := func(lead, valid int, month time.Month, date int, today string, year uint16, from, to string) {
		t.Helper()
		c := Certificate{LeadDays: lead, ValidDays: valid}
		y, a, b, ok := c.DueOn(month, date, day(t, today))
		if !ok {
			y, a, b = 0, 0, 0
		}
		if ok != (year > 0) || y != year || ok && (a != day(t, from) || b != day(t, to)) {
			t.Fatalf("%d %s on %s: got %v %d %s..%s; want %d %s..%s", date, month, today, ok, y, a, b, year, from, to)
		}
	}
	no := func(lead, valid int, month time.Month, date int, today string) {
		t.Helper()
		f(lead, valid, month, date, today, 0, "", "")
	}
	no(7, 22, time.June, 15, "2026-06-07")
	f(7, 22, time.June, 15, "2026-06-08", 2026, "2026-06-08", "2026-06-29")
	f(7, 22, time.June, 15, "2026-06-15", 2026, "2026-06-08", "2026-06-29")
	f(7, 22, time.June, 15, "2026-06-29", 2026, "2026-06-08", "2026-06-29")
	no(7, 22, time.June, 15, "2026-06-30")
	// Over New Year.
	no(7, 22, time.January, 3, "2026-12-26")
	f(7, 22, time.January, 3, "2026-12-27", 2027, "2026-12-27", "2027-01-17")
	f(7, 22, time.January, 3, "2027-01-17", 2027, "2026-12-27", "2027-01-17")
	no(7, 22, time.January, 3, "2027-01-18")
	f(7, 22, time.December, 28, "2027-01-11", 2026, "2026-12-21", "2027-01-11")
	no(7, 22, time.December, 28, "2027-01-12")
	// Windows of a whole year: the newer one where two meet.
	f(0, 366, time.June, 15, "2027-06-14", 2026, "2026-06-15", "2027-06-15")
	f(0, 366, time.June, 15, "2027-06-15", 2027, "2027-06-15", "2028-06-14")
	f(365, 366, time.June, 15, "2026-06-15", 2027, "2026-06-15", "2027-06-15")
	f(365, 366, time.June, 15, "2026-06-14", 2026, "2025-06-15", "2026-06-15")
	// The first day and the last.
	f(7, 22, time.January, 1, "1970-01-01", 1970, "1970-01-01", "1970-01-15")
	f(0, 366, time.June, 5, "2149-06-05", 2149, "2149-06-05", "2149-06-05")
}

// The plain twin walks from day to day with package time, and looks for the
// date in the days around.
func TestDueOnTwin(t *testing.T) {
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		c := Certificate{ValidDays: 1 + rng.IntN(366)}
		c.LeadDays = rng.IntN(c.ValidDays)
		month, date := time.Month(1+rng.IntN(12)), 1+rng.IntN(28)
		if rng.IntN(3) == 0 {
			month, date = time.February, 29
		}
		today := time.Date(1995+rng.IntN(120), time.Month(1+rng.IntN(12)), 1+rng.IntN(31), 0, 0, 0, 0, time.UTC)
		for range 400 {
			today = today.AddDate(0, 0, 1)
			isDate := func(d time.Time) bool {
				if month == time.February && date == 29 && d.AddDate(0, 0, 1).Month() == time.March && d.Month() == time.February {
					return true // the last day of February, whichever that is
				}
				return d.Month() == month && d.Day() == date
			}
			// The date of a window that holds today is at most LeadDays ahead.
			want, newest := false, time.Time{}
			for ahead := c.LeadDays; ahead > c.LeadDays-c.ValidDays; ahead-- {
				if d := today.AddDate(0, 0, ahead); isDate(d) {
					want, newest = true, d
					break
				}
			}
			now := kopilka.DayOfDate(today.Date())
			year, from, to, ok := c.DueOn(month, date, now)
			if ok != want || ok && (int(year) != newest.Year() ||
				from != kopilka.DayOfDate(newest.AddDate(0, 0, -c.LeadDays).Date()) || int(to-from) != c.ValidDays-1) {
				t.Fatalf("seed %d: %+v, %d %s on %s: got %v %d %s..%s; want %v %s", seed, c, date, month, now, ok, year, from, to, want, newest)
			}
		}
	}
}
