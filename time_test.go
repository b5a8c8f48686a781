package kopilka

import (
	"testing"
	"time"
	_ "time/tzdata"
)

func day(t testing.TB, s string) Day {
	t.Helper()
	if s == "never" {
		return DayNever
	}
	d, err := ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAddMonths(t *testing.T) {
	f := func(from string, months int, want string) {
		t.Helper()
		if got := day(t, from).AddMonths(months); got != day(t, want) {
			t.Fatalf("%s + %d months: %s; want %s", from, months, got, want)
		}
	}
	f("2026-11-22", 1, "2026-12-22")
	f("2026-11-22", 12, "2027-11-22")
	f("2026-12-31", 1, "2027-01-31")
	f("2027-01-31", 1, "2027-02-28")
	f("2028-01-31", 1, "2028-02-29")
	f("2027-01-30", 1, "2027-02-28")
	f("2027-01-28", 1, "2027-02-28")
	f("2027-03-31", 1, "2027-04-30")
	f("2027-05-31", 1, "2027-06-30")
	f("2027-08-31", 6, "2028-02-29")
	f("2028-02-29", 12, "2029-02-28")
	f("2028-02-29", 48, "2032-02-29")
	f("2028-02-29", 1, "2028-03-29")
	f("2100-01-31", 1, "2100-02-28") // 2100 is no leap year
	f("2000-01-31", 1, "2000-02-29")
	f("2026-11-22", 0, "2026-11-22")
	f("2026-11-22", 1200, "2126-11-22")
	f("2149-05-05", 1, "2149-06-05")
	f("2149-05-06", 1, "never")
	f("2100-01-01", 1200, "never")
	f("never", 1, "never")
}

// Every day that the books can hold, against package time.
func TestAddMonthsPlainly(t *testing.T) {
	for d := Day(0); d < DayNever; d++ {
		y, m, of := d.Date()
		for _, n := range []int{0, 1, 2, 11, 12, 13, 1200} {
			last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
			u := time.Date(y, m+time.Month(n), min(of, last), 0, 0, 0, 0, time.UTC).Unix() / 86400
			if want := Day(min(u, int64(DayNever))); d.AddMonths(n) != want {
				t.Fatalf("%s + %d months: %s; want %s", d, n, d.AddMonths(n), want)
			}
		}
	}
}

func TestAddDays(t *testing.T) {
	f := func(from string, days int, want string) {
		t.Helper()
		if got := day(t, from).AddDays(days); got != day(t, want) {
			t.Fatalf("%s + %d days: %s; want %s", from, days, got, want)
		}
	}
	f("2027-02-28", 1, "2027-03-01")
	f("2027-02-28", 0, "2027-02-28")
	f("2149-06-04", 1, "2149-06-05")
	f("2149-06-04", 2, "never")
	f("2149-06-05", 1<<40, "never")
}

func TestParseDay(t *testing.T) {
	f := func(s string, want Day) {
		t.Helper()
		if got, err := ParseDay(s); err != nil || got != want || got.String() != s {
			t.Fatalf("%s: %d %s, %v; want %d", s, got, got, err, want)
		}
	}
	f("1970-01-01", 0)
	f("1970-01-02", 1)
	f("2026-11-22", DayOfDate(2026, 11, 22))
	f("2149-06-05", DayNever-1)
	for _, s := range []string{"", "2026-11-31", "1969-12-31", "2149-06-06", "2149-06-07", "26-11-22", "2026-11-22T00:00:00Z", "never"} {
		if d, err := ParseDay(s); err == nil {
			t.Fatalf("%q was read as %s", s, d)
		}
	}
}

func TestTime(t *testing.T) {
	at := TimeOf(time.Date(2026, 11, 22, 10, 30, 0, 123_999_999, time.UTC))
	if at.String() != "2026-11-22T10:30:00.123Z" || TimeOf(at.Std()) != at {
		t.Fatalf("%s", at)
	}
}

// Days follow one another without gap or overlap in every zone, also where the
// clock jumps over midnight or shows it twice.
func TestCalendar(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Moscow", "Europe/London", "Asia/Kathmandu", "Pacific/Apia",
		"Africa/Cairo", "America/Sao_Paulo", "America/Havana", "America/Santiago", "Asia/Beirut", "America/Asuncion", "Asia/Tehran"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		c := Calendar{loc}
		for d := day(t, "2012-01-01"); d < day(t, "2032-01-01"); d++ {
			start, end := c.Start(d), c.End(d)
			if c.DayOf(start) != d || c.DayOf(end) != d || c.DayOf(start-1) != d-1 || end+1 != c.Start(d+1) {
				t.Fatalf("%s: %s is from %s, of %s, to %s, of %s", zone, d, start, c.DayOf(start), end, c.DayOf(end))
			}
		}
	}
}

func BenchmarkAddMonths(b *testing.B) {
	d := DayOfDate(2027, 1, 31)
	for b.Loop() {
		if d.AddMonths(12) == 0 {
			b.Fatal("no day")
		}
	}
}
