package main

import (
	"testing"
	"time"
)

// TestSchedule holds the times of arrivals to their rate.
func TestSchedule(t *testing.T) {
	f := func(perSecond float64, poisson bool, seed uint64) {
		t.Helper()
		s := newSchedule(perSecond, poisson, seed)
		var last, at time.Duration
		const n = 100_000
		for i := range n {
			at = s.next()
			if at < last {
				t.Fatalf("seed %d: arrival %d at %s comes after %s", seed, i, at, last)
			}
			last = at
		}
		want := time.Duration(n / perSecond * float64(time.Second))
		if at < want*98/100 || at > want*102/100 {
			t.Fatalf("seed %d: %d arrivals in %s; want %s", seed, n, at, want)
		}
	}
	f(1, false, 1)
	f(3000, false, 1)
	f(3000, true, 1)
	f(0.5, true, 2)

	a, b := newSchedule(10, true, 7), newSchedule(10, true, 7)
	for range 1000 {
		if x, y := a.next(), b.next(); x != y {
			t.Fatalf("the same seed gives %s and %s", x, y)
		}
	}
}

// TestRing expects every arrival once, not before its time, with the time at
// which it was due, also when nobody takes them for a while.
func TestRing(t *testing.T) {
	start := time.Now()
	to := make(chan time.Time, 1000)
	missed := make(chan int64, 1)
	go func() { missed <- ring(newSchedule(1000, false, 1), start, 200*time.Millisecond, to) }()
	time.Sleep(50 * time.Millisecond)
	n := 0
	for at := range to {
		n++
		if want := start.Add(time.Duration(n) * time.Millisecond); !at.Equal(want) {
			t.Fatalf("arrival %d is due at %s; want %s", n, at.Sub(start), want.Sub(start))
		}
		if time.Now().Before(at) {
			t.Fatalf("arrival %d came before its time", n)
		}
	}
	if m := <-missed; n != 199 || m != 0 {
		t.Fatalf("%d arrivals, %d missed; want 199, 0", n, m)
	}
}

// TestRingOverload leaves a ring with nobody to hear it.
func TestRingOverload(t *testing.T) {
	to := make(chan time.Time, 10)
	missed := ring(newSchedule(1000, false, 1), time.Now(), 100*time.Millisecond, to)
	n := int64(0)
	for range to {
		n++
	}
	if n != 10 || missed != 99-10 {
		t.Fatalf("%d heard, %d missed; want 10 and 89", n, missed)
	}
}
