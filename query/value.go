package query

import (
	"encoding/json"
	"strconv"
	"strings"
)

// value is what an attribute must be. Text in quotes is a string and nothing
// else; a word without quotes is whatever is written so: true is the boolean and
// the string, 38 the number, also as 38.0, and the string. Bounds are of
// numbers, and compare decimals as they are written, without rounding.
type value struct {
	text   string
	quoted bool
	// Bounds of a number, as decimals; empty where there is none. Over and under
	// leave out the bound itself.
	low, high   string
	over, under bool
}

func (w *value) is(v any) bool {
	n, numeric := v.(json.Number)
	switch {
	case w.low != "" || w.high != "":
		return numeric && w.within(string(n))
	case numeric:
		return !w.quoted && decimal(w.text) && compareDecimal(string(n), w.text) == 0
	}
	if b, is := v.(bool); is {
		return !w.quoted && w.text == strconv.FormatBool(b)
	}
	return v == w.text
}

func (w *value) within(n string) bool {
	if w.low != "" {
		if c := compareDecimal(n, w.low); c < 0 || c == 0 && w.over {
			return false
		}
	}
	if w.high != "" {
		if c := compareDecimal(n, w.high); c > 0 || c == 0 && w.under {
			return false
		}
	}
	return true
}

// decimal tells whether s is a plain decimal number: a sign, digits, and perhaps
// a point with digits after it.
func decimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, part, point := strings.Cut(s, ".")
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!point || digits(part))
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// compareDecimal orders two decimals by value, whatever their length.
func compareDecimal(a, b string) int {
	aMinus, aWhole, aPart := parts(a)
	bMinus, bWhole, bPart := parts(b)
	if aMinus != bMinus {
		if aMinus {
			return -1
		}
		return 1
	}
	c := len(aWhole) - len(bWhole)
	if c == 0 {
		c = strings.Compare(aWhole, bWhole)
	}
	if c == 0 {
		c = strings.Compare(aPart, bPart)
	}
	if aMinus {
		c = -c
	}
	return c
}

// parts takes a decimal apart: without the zeros that change nothing, and without
// the sign of zero.
func parts(s string) (minus bool, whole, part string) {
	rest, minus := strings.CutPrefix(s, "-")
	whole, part, _ = strings.Cut(rest, ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	return minus && whole+part != "", whole, part
}
