package kopilka

import "testing"

func TestEAN13(t *testing.T) {
	f := func(s string, want bool) {
		t.Helper()
		if got := ValidEAN13(s); got != want {
			t.Fatalf("%q: %t; want %t", s, got, want)
		}
	}
	// Numbers from shelves.
	f("4006381333931", true)
	f("5901234123457", true)
	f("4600051000057", true)
	f("0000000000000", true)
	f("4006381333932", false)
	f("4006381339331", false) // two digits in each other's place
	f("400638133393", false)
	f("40063813339311", false)
	f("400638133393x", false)
	f("x006381333931", false)
	f("", false)
}
