package seed

import "testing"

func TestOf(t *testing.T) {
	t.Setenv(Name, "")
	if a, b := Of(t), Of(t); a == b {
		t.Fatalf("%d came twice", a)
	}
	t.Setenv(Name, "18446744073709551615")
	if n := Of(t); n != 1<<64-1 {
		t.Fatalf("the seed is %d", n)
	}
}
