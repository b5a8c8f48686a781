package importer

import (
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

func TestParseAmount(t *testing.T) {
	f := func(s string, decimals int, want kopilka.Money) {
		t.Helper()
		if got, err := parseAmount(s, decimals); err != nil || got != want {
			t.Fatalf("%q with %d decimals: %d, %v; want %d", s, decimals, got, err, want)
		}
	}
	f("0", 0, 0)
	f("12990", 0, 12990)
	f("-5", 0, -5)
	f("-5", 2, -500)
	f("22.20", 2, 2220)
	f("22.2", 2, 2220)
	f("22", 2, 2200)
	f("-168469.60", 2, -16846960)
	f("0.01", 2, 1)
	f("-0.01", 2, -1)
	f("-0.00", 2, 0)
	f("007", 0, 7)
	f("1.2345", 4, 12345)
	f("10000000000000", 0, kopilka.AmountMax)
	f("100000000000.00", 2, kopilka.AmountMax)
	f("-100000000000", 2, -kopilka.AmountMax)

	bad := func(s string, decimals int, want string) {
		t.Helper()
		if got, err := parseAmount(s, decimals); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%q with %d decimals: %d, %v; want %q", s, decimals, got, err, want)
		}
	}
	bad("22.20", 0, "--decimals")
	bad("22.200", 2, "more than 2 digits")
	bad("10000000000001", 0, "more than 10000000000000 minor units")
	bad("100000000000.01", 2, "minor units")
	bad("99999999999999999999999999999999", 0, "minor units")
	for _, s := range []string{"", "-", ".", "-.", "1.", ".5", "1,234.50", "1 234", "1e3", "1E3", "+5", "--5", "0x10", "1_000",
		"1.2.3", "12a", "NaN", "Inf", "٣", "−5", "$5", "5 ", "1,5"} {
		bad(s, 2, "not a plain decimal number")
	}
}

func TestParseTime(t *testing.T) {
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	f := func(s, want string) {
		t.Helper()
		if got, err := parseTime(s, moscow); err != nil || got.String() != want {
			t.Fatalf("%q: %s, %v; want %s", s, got, err, want)
		}
	}
	f("2026-11-22T18:30:00+05:00", "2026-11-22T13:30:00.000Z")
	f("2026-11-22T18:30:00Z", "2026-11-22T18:30:00.000Z")
	f("2026-11-22T18:30:00.250Z", "2026-11-22T18:30:00.250Z")
	f("2026-11-22 18:30:00", "2026-11-22T15:30:00.000Z")
	f("2026-11-22T18:30:00", "2026-11-22T15:30:00.000Z")
	f("2026-11-22", "2026-11-21T21:00:00.000Z")
	for _, s := range []string{"22.11.2026", "2026-11-22 18:30", "2026-13-01", "2026-02-30", "2026-11-22 25:00:00", "1700000000",
		"11/22/2026 18:30", "1970-12-31", "2149-01-01", "2026-11-22T18:30:00 +05:00", "26-11-22"} {
		if got, err := parseTime(s, moscow); err == nil {
			t.Fatalf("%q was read as %s", s, got)
		}
	}
}

func TestParseCard(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got, err := parseCard(s); got != want || (err == nil) != (want != "") {
			t.Fatalf("%q: %q, %v; want %q", s, got, err, want)
		}
	}
	f("17850", "17850")
	f("Abbey O'Reilly", "Abbey_O'Reilly")
	f("a  b", "a__b")
	f(strings.Repeat("x", 32), strings.Repeat("x", 32))
	f(strings.Repeat("x", 33), "")
	f("a/b", "")
	f("Жанна", "")
	f("a\tb", "")
}
