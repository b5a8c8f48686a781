package importer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
)

// decimalsMax is the most digits after the point that an amount has: those of
// the currencies with the smallest minor units.
const decimalsMax = 4

// parseAmount reads a plain decimal number, exactly, in integers: digits, at most
// one point with at most so many digits after it, a minus before. No plus, no
// separators of thousands, no exponent.
func parseAmount(s string, decimals int) (kopilka.Money, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, part, point := strings.Cut(digits, ".")
	if whole == "" || point && part == "" || !allDigits(whole) || !allDigits(part) {
		return 0, fmt.Errorf("%q is not a plain decimal number", cut(s))
	}
	if len(part) > decimals {
		if decimals == 0 {
			return 0, fmt.Errorf("%q has a point; amounts are integers in minor units unless --decimals says otherwise", cut(s))
		}
		return 0, fmt.Errorf("%q has more than %d digits after the point", cut(s), decimals)
	}
	var v int64
	take := func(c byte) bool {
		v = v*10 + int64(c-'0')
		return v <= kopilka.AmountMax
	}
	fits := true
	for i := 0; i < len(whole) && fits; i++ {
		fits = take(whole[i])
	}
	for i := 0; i < decimals && fits; i++ {
		c := byte('0')
		if i < len(part) {
			c = part[i]
		}
		fits = take(c)
	}
	if !fits {
		return 0, fmt.Errorf("%q is more than %d minor units", cut(s), int64(kopilka.AmountMax))
	}
	if negative {
		v = -v
	}
	return kopilka.Money(v), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Years that times may lie in: days are held from 1970 to 2149, in any zone.
const (
	yearMin = 1971
	yearMax = 2148
)

// parseTime reads RFC 3339, or a local time in zone: 2006-01-02 15:04:05, with
// a T between, or the date alone, which is its first instant.
func parseTime(s string, zone *time.Location) (kopilka.Time, error) {
	layout := time.RFC3339
	switch {
	case len(s) == len(time.DateOnly):
		layout = time.DateOnly
	case len(s) == len(time.DateTime) && s[10] == ' ':
		layout = time.DateTime
	case len(s) == len(time.DateTime):
		layout = "2006-01-02T15:04:05"
	}
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time such as 2026-11-22T18:30:00+03:00, 2026-11-22 18:30:00 or 2026-11-22", cut(s))
	}
	if t.Year() < yearMin || t.Year() > yearMax {
		return 0, fmt.Errorf("%q is outside the years %d to %d", cut(s), yearMin, yearMax)
	}
	return kopilka.TimeOf(t), nil
}

// parseCard makes a card of what other systems call their customers by: spaces
// become '_'. What is no card then is refused.
func parseCard(s string) (string, error) {
	if kopilka.ValidCard(s) {
		return s, nil
	}
	if card := strings.ReplaceAll(s, " ", "_"); kopilka.ValidCard(card) {
		return card, nil
	}
	return "", fmt.Errorf("%q is not a card: 1 to %d visible ASCII characters without /", cut(s), kopilka.CardMax)
}

// parseID checks an id that the file gives.
func parseID(s string) (string, error) {
	if !kopilka.ValidID(s) {
		return "", fmt.Errorf("%q is not an id: 1 to %d visible ASCII characters", cut(s), kopilka.IDMax)
	}
	return s, nil
}

// parsePhone makes E.164 of a phone with its country.
func parsePhone(s string) (string, error) {
	phone, ok := people.NormalizePhone(s)
	if !ok {
		return "", fmt.Errorf("%q is not a phone in the E.164 form, such as +79001234567", cut(s))
	}
	return phone, nil
}

// parseBirthDate checks a date; a birthday may lie before the days of the books.
func parseBirthDate(s string) (string, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1900 {
		return "", fmt.Errorf("%q is not a date of birth such as 1985-06-30", cut(s))
	}
	return s, nil
}

// parseSex reads f, m and x, or the words.
func parseSex(s string) (string, error) {
	switch strings.ToLower(s) {
	case "f", "female":
		return "f", nil
	case "m", "male":
		return "m", nil
	case "x":
		return "x", nil
	}
	return "", fmt.Errorf("%q is none of f, m and x", cut(s))
}

// Bounds of texts in bytes: names of stores and tills, and names of people.
const (
	shortMax = 64
	nameMax  = 200
)

func parseText(s string, max int) (string, error) {
	if len(s) > max {
		return "", fmt.Errorf("%q is longer than %d bytes", cut(s), max)
	}
	if !utf8.ValidString(s) {
		return "", errors.New("is not valid UTF-8")
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "", fmt.Errorf("%q has a control character", cut(s))
		}
	}
	return s, nil
}

// cut keeps the beginning of a long text for a reason.
func cut(s string) string {
	const max = 60
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "") + "…"
}
