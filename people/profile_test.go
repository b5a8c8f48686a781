package people

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
)

var today = kopilka.DayOfDate(2026, 11, 22)

func TestApply(t *testing.T) {
	f := func(p *Profile, c Change, want *Profile) {
		t.Helper()
		if err := p.Apply(&c, today); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, want) {
			t.Fatalf("got %+v; want %+v", p, want)
		}
	}

	f(full(), Change{}, full())

	everything := Change{
		Phone: To("+7 (900) 123-45-67"), Name: To("Ёлкина Анна"), BirthDate: To("1985-04-30"), Sex: To("f"),
		Store: To("S12"), RegisteredAt: To(kopilka.Time(1_700_000_000_000)), Source: To("flyer"),
		Consent:    To(&Consent{TextVersion: "3", At: 1_700_000_000_001, Source: "till"}),
		Attributes: To(map[string]any{"shoe": json.Number("38.5"), "vip": true, "note": "<b>\"x\"</b>"}),
	}
	f(&Profile{}, everything, full())

	// Absent keeps, null clears: field by field.
	one := full()
	one.Name = "Анна Иголкина"
	f(full(), Change{Name: To("Анна Иголкина")}, one)
	nothing := Change{Phone: To(""), Name: To(""), BirthDate: To(""), Sex: To(""), Store: To(""),
		RegisteredAt: To(kopilka.Time(0)), Source: To(""), Consent: To[*Consent](nil), Attributes: To[map[string]any](nil)}
	f(full(), nothing, &Profile{})
	one = full()
	one.Consent = nil
	f(full(), Change{Consent: To[*Consent](nil)}, one)

	// Attributes merge one by one.
	one = full()
	one.Attributes = map[string]any{"shoe": json.Number("39"), "vip": true, "new": "y"}
	f(full(), Change{Attributes: To(map[string]any{"shoe": 39, "note": nil, "new": "y"})}, one)
	one = full()
	one.Attributes = nil
	f(full(), Change{Attributes: To(map[string]any{"shoe": nil, "note": nil, "vip": nil, "never": nil})}, one)
	f(&Profile{}, Change{Attributes: To(map[string]any{"a": int64(-5), "b": 1.5, "c": false})},
		&Profile{Attributes: map[string]any{"a": json.Number("-5"), "b": json.Number("1.5"), "c": false}})

	// Ends of ranges.
	f(&Profile{}, Change{BirthDate: To("2026-11-22"), Name: To(strings.Repeat("я", 100))}, &Profile{BirthDate: "2026-11-22", Name: strings.Repeat("я", 100)})
	f(&Profile{}, Change{BirthDate: To("1900-01-01"), Sex: To("x")}, &Profile{BirthDate: "1900-01-01", Sex: "x"})
	f(&Profile{}, Change{BirthDate: To("2024-02-29"), Sex: To("m")}, &Profile{BirthDate: "2024-02-29", Sex: "m"})
}

func TestApplyRefuses(t *testing.T) {
	f := func(c Change, want ...string) {
		t.Helper()
		p := full()
		err := p.Apply(&c, today)
		var invalid Invalid
		if !errors.As(err, &invalid) {
			t.Fatalf("got %v; want faults %v", err, want)
		}
		var got []string
		for _, fault := range invalid {
			got = append(got, fault.Pointer+" "+fault.Detail)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q; want %q", got, want)
		}
		if !reflect.DeepEqual(p, full()) {
			t.Fatalf("a refused change changed the profile: %+v", p)
		}
	}
	const date = "/birth_date is not a date such as 1985-04-30 between 1900-01-01 and today"
	f(Change{BirthDate: To("2026-11-23")}, date)
	f(Change{BirthDate: To("1899-12-31")}, date)
	f(Change{BirthDate: To("2023-02-29")}, date)
	f(Change{BirthDate: To("30.04.1985")}, date)
	f(Change{BirthDate: To("1985-4-30")}, date)
	f(Change{Phone: To("89001234567")}, "/phone is not a number in the E.164 form, such as +79001234567")
	f(Change{Sex: To("F")}, "/sex is none of m, f, x")
	f(Change{Name: To(strings.Repeat("я", 100) + "x")}, "/name has 201 bytes, more than 200")
	f(Change{Name: To("a\nb")}, "/name has control characters")
	f(Change{Name: To("a\xff")}, "/name is not UTF-8")
	f(Change{Source: To(strings.Repeat("x", 65)), Store: To(strings.Repeat("x", 65))},
		"/store has 65 bytes, more than 64", "/source has 65 bytes, more than 64")
	f(Change{Consent: To(&Consent{})}, "/consent/text_version is missing: consent to what?", "/consent/at is missing: consent when?")
	f(Change{Consent: To(&Consent{TextVersion: strings.Repeat("x", 65), At: 1, Source: "\x00"})},
		"/consent/text_version has 65 bytes, more than 64", "/consent/source has control characters")
	attribute := func(v any) Change { return Change{Attributes: To(map[string]any{"a/b": v})} }
	f(attribute([]any{}), "/attributes/a~1b is neither a string, a number nor a boolean")
	f(attribute(map[string]any{}), "/attributes/a~1b is neither a string, a number nor a boolean")
	f(attribute(math.NaN()), "/attributes/a~1b is not a plain decimal number of at most 15 digits")
	f(attribute(math.Inf(-1)), "/attributes/a~1b is not a plain decimal number of at most 15 digits")
	f(attribute(int64(1_000_000_000_000_000)), "/attributes/a~1b is not a plain decimal number of at most 15 digits")
	for _, bad := range []json.Number{"", "1 ", " 1", "01", "true", `"1"`, "1e", "1e5", "1E-2", ".5", "5.", "-", "--1",
		"1234567890123456", "-12345678.90123456", json.Number("0." + strings.Repeat("0", 63) + "1")} {
		f(attribute(bad), "/attributes/a~1b is not a plain decimal number of at most 15 digits")
	}
	f(attribute(strings.Repeat("x", 1001)), "/attributes/a~1b has 1001 bytes, more than 1000")
	key := "/attributes has a key that is empty, longer than 64 bytes or not printable"
	f(Change{Attributes: To(map[string]any{"": 1})}, key)
	f(Change{Attributes: To(map[string]any{strings.Repeat("k", 65): nil})}, key)

	many, much := map[string]any{}, map[string]any{}
	for i := range 30 {
		many[fmt.Sprint("k", i)] = true
	}
	f(Change{Attributes: To(many)}, "/attributes would be 33, more than 32")
	for i := range 8 {
		much[fmt.Sprint("k", i)] = strings.Repeat("x", 1000)
	}
	f(Change{Attributes: To(much)}, "/attributes would have 8130 bytes, more than 8000")
}

// A profile keeps nothing that the maker of a change can still reach.
func TestApplyCopies(t *testing.T) {
	attributes, consent := map[string]any{"a": "1"}, &Consent{TextVersion: "1", At: 1}
	p := &Profile{}
	if err := p.Apply(&Change{Attributes: To(attributes), Consent: To(consent)}, today); err != nil {
		t.Fatal(err)
	}
	q := *p
	if err := q.Apply(&Change{Attributes: To(map[string]any{"a": "2"})}, today); err != nil {
		t.Fatal(err)
	}
	attributes["a"], consent.TextVersion = "3", "3"
	if p.Attributes["a"] != "1" || p.Consent.TextVersion != "1" {
		t.Fatalf("got %v, %v", p.Attributes, p.Consent)
	}
}

func TestEncode(t *testing.T) {
	want := `{"phone":"+79001234567","name":"Ёлкина Анна","birth_date":"1985-04-30","sex":"f","store":"S12",` +
		`"registered_at":1700000000000,"source":"flyer","consent":{"text_version":"3","at":1700000000001,"source":"till"},` +
		`"attributes":{"note":"\u003cb\u003e\"x\"\u003c/b\u003e","shoe":38.5,"vip":true}}`
	for range 10 {
		if got := string(full().encode()); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	if got := string((&Profile{}).encode()); got != "{}" {
		t.Fatalf("nothing: got %s", got)
	}
}

func TestNormalizePhone(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got, ok := NormalizePhone(s); got != want || ok != (want != "") {
			t.Fatalf("%q: got %q, %v; want %q", s, got, ok, want)
		}
	}
	f("+79001234567", "+79001234567")
	f("+7 (900) 123-45-67", "+79001234567")
	f("+1-202-555-01-23", "+12025550123")
	f("+12345678", "+12345678")
	f("+123456789012345", "+123456789012345")
	f("+1234567", "")
	f("+1234567890123456", "")
	f("79001234567", "")
	f("8 900 123-45-67", "")
	f("++79001234567", "")
	f("+7900123456x", "")
	f("+7.900.123.45.67", "")
	f("+07900123456", "")
	f(" +79001234567", "")
	f("+", "")
	f("", "")
	f("+٧٩٠٠١٢٣٤٥٦٧", "")
}
