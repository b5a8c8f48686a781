package limit

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Table holds everybody to one rate. A nil table holds nobody to anything. It is
// for many goroutines. Time comes with every question, so that a test can tell it.
type Table[K comparable] struct {
	rate Rate
	who  *lru.Cache[K, *rate.Limiter]
}

// New makes a table of the size newest; nil where there is no limit.
func New[K comparable](r Rate, size int) *Table[K] {
	if r.Count == 0 {
		return nil
	}
	who, err := lru.New[K, *rate.Limiter](size)
	if err != nil {
		panic(err) // a size of nothing
	}
	return &Table[K]{rate: r, who: who}
}

func (t *Table[K]) of(who K) *rate.Limiter {
	if l, ok := t.who.Get(who); ok {
		return l
	}
	fresh := rate.NewLimiter(rate.Limit(float64(t.rate.Count)/t.rate.Per.Seconds()), t.rate.Count)
	if l, ok, _ := t.who.PeekOrAdd(who, fresh); ok {
		return l // another was faster
	}
	return fresh
}

// Take does it once, or says after how long it can be done and takes nothing.
func (t *Table[K]) Take(who K, now time.Time) (wait time.Duration) {
	if t == nil {
		return 0
	}
	l := t.of(who)
	if l.AllowN(now, 1) {
		return 0
	}
	return max(1, left(l, now))
}

// Wait says after how long it can be done, and takes nothing.
func (t *Table[K]) Wait(who K, now time.Time) (wait time.Duration) {
	if t == nil {
		return 0
	}
	l, ok := t.who.Get(who)
	if !ok {
		return 0
	}
	return left(l, now)
}

// left is how long it is until l has one. Reserving it and taking that back would
// say so too, but of two who do that at once one is not given back.
func left(l *rate.Limiter, now time.Time) time.Duration {
	lack := 1 - l.TokensAt(now)
	return max(0, time.Duration(lack/float64(l.Limit())*float64(time.Second)))
}

// Charge takes what was done already, also where nothing is left: what was
// overdrawn by many at once is waited for afterwards, so that in the long run
// nobody is faster than the rate.
func (t *Table[K]) Charge(who K, now time.Time) {
	if t != nil {
		t.of(who).ReserveN(now, 1)
	}
}

// Len is how many the table holds.
func (t *Table[K]) Len() int {
	if t == nil {
		return 0
	}
	return t.who.Len()
}
