package kopilka

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A code is good up to the end of the minute of its end, and names its member.
func TestCode(t *testing.T) {
	c := NewCodes([16]byte{3})
	f := func(m MemberNo, now, until Time, good bool) {
		t.Helper()
		code := c.Code(m, until)
		if got, ok := c.Find(code, now); ok != good || ok && got != m {
			t.Fatalf("the code %s of member %d until %s is at %s of %d, %t; want %t", code, m, until, now, got, ok, good)
		}
		if len(code) != 16 {
			t.Fatalf("the code %q", code)
		}
	}
	const now = Time(1_800_000_000_000) // the beginning of a minute
	for _, m := range []MemberNo{0, 1, 99_999_999, NoMember - 1} {
		f(m, now, now+45*60_000, true)
		f(m, now, now+1440*60_000, true)
		f(m, now+59_999, now+1440*60_000+59_999, true)
		f(m, now, now+1, true)
		f(m, now, now, false)
		f(m, now+59_999, now+1, true)
		f(m, now+60_000, now+1, false)
		f(m, now+45*60_000-1, now+45*60_000, true)
		f(m, now+45*60_000, now+45*60_000, false)
		f(m, now, now+1442*60_000, false) // further ahead than any code
		f(m, now+365*24*3600_000, now+60_000, false)
		f(m, now+codeWrap*60_000-60_000, now+codeWrap*60_000, true) // over the wrap
	}
	for _, code := range []string{"", "123", "12345678901234567", "123456789012345x", " 123456789012345"} {
		if _, ok := c.Find(code, now); ok {
			t.Fatalf("%q is a code", code)
		}
	}
}

// What is made up is no code: of a million members one guess in 200 million hits.
func TestCodeGuessed(t *testing.T) {
	c, rng := NewCodes([16]byte{3}), rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		code := fmt.Sprintf("%016d", rng.Uint64N(codeSpace))
		if m, ok := c.Find(code, 1_800_000_000_000); ok && m < 1_000_000 {
			t.Fatalf("%s is the code of member %d", code, m)
		}
	}
}
