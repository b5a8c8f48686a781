package limit

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka/seed"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	f := func(text string, want Rate) {
		t.Helper()
		got, err := Parse(text)
		if err != nil || got != want {
			t.Fatalf("%q: %v, %v", text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Fatalf("%q is written %q", text, got)
		}
	}
	f("", Rate{})
	f("0", Rate{})
	f("1/s", Rate{1, time.Second})
	f("30/m", Rate{30, time.Minute})
	f("1000000/h", Rate{1_000_000, time.Hour})
	for _, bad := range []string{"30", "30/", "/m", "0/m", "-1/m", "1000001/h", "1.5/s", "30/d", "30/m/m", " 30/m", "m"} {
		if r, err := Parse(bad); err == nil {
			t.Errorf("%q is read as %v", bad, r)
		}
	}
}

// TestTake stands on the edges: the last of the allowance, one more, a nanosecond
// before the next and the next.
func TestTake(t *testing.T) {
	table := New[string](Rate{60, time.Minute}, 10)
	take := func(who string, at time.Duration, want time.Duration) {
		t.Helper()
		if before := table.Wait(who, noon.Add(at)); before != want {
			t.Fatalf("%s at %s is to wait %s; want %s", who, at, before, want)
		}
		if got := table.Take(who, noon.Add(at)); got != want {
			t.Fatalf("%s at %s waits %s; want %s", who, at, got, want)
		}
	}
	for range 60 {
		take("a", 0, 0)
	}
	take("a", 0, time.Second)
	take("a", 0, time.Second) // being turned away costs nothing
	take("b", 0, 0)           // nobody waits for another
	take("a", time.Second-time.Millisecond, time.Millisecond)
	take("a", time.Second, 0)
	take("a", time.Second, time.Second)
	take("a", 3*time.Second, 0)
	take("a", 3*time.Second, 0)
	take("a", 3*time.Second, time.Second)
	for range 60 { // no more is saved up than the allowance
		take("a", time.Hour, 0)
	}
	take("a", time.Hour, time.Second)
}

// TestCharge: what was overdrawn is waited for.
func TestCharge(t *testing.T) {
	table := New[string](Rate{2, 2 * time.Second}, 10)
	f := func(at, want time.Duration) {
		t.Helper()
		if got := table.Wait("a", noon.Add(at)); got != want {
			t.Fatalf("at %s is to wait %s; want %s", at, got, want)
		}
	}
	f(0, 0)
	for range 5 {
		table.Charge("a", noon)
	}
	f(0, 4*time.Second)
	f(3*time.Second, time.Second)
	f(4*time.Second, 0)
}

// TestOff: no limit is no table, and a nil table turns nobody away.
func TestOff(t *testing.T) {
	table := New[string](Rate{}, 10)
	for range 1000 {
		table.Charge("a", noon)
		if table.Take("a", noon) != 0 || table.Wait("a", noon) != 0 || table.Len() != 0 {
			t.Fatal("somebody is turned away")
		}
	}
}

// TestBound: a table holds the newest; whoever was let go begins anew, and whoever
// comes all the time is never let go.
func TestBound(t *testing.T) {
	table := New[int](Rate{1, time.Hour}, 100)
	for i := range 10_000 {
		if wait := table.Take(i, noon); wait != 0 {
			t.Fatalf("%d waits %s", i, wait)
		}
		if i > 0 && table.Take(0, noon) == 0 {
			t.Fatalf("after %d others, the one who comes all the time was forgotten", i)
		}
	}
	if table.Len() != 100 {
		t.Fatalf("%d are held", table.Len())
	}
	if table.Take(5000, noon) != 0 || table.Take(9999, noon) == 0 {
		t.Fatal("not the newest are held")
	}
}

// TestTwin: at random instants no more is let through than a plain list of all that
// was let through allows, and whoever waits as long as he is told is let through.
func TestTwin(t *testing.T) {
	seed := seed.Of(t)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		r := Rate{1 + random.IntN(20), []time.Duration{time.Second, time.Minute, time.Hour}[random.IntN(3)]}
		table, now := New[int](r, 1), noon
		var taken []time.Time
		for range 300 {
			now = now.Add(time.Duration(random.Int64N(int64(r.Per) / int64(r.Count) * 2)))
			wait := table.Take(0, now)
			if wait == 0 {
				taken = append(taken, now)
			} else if random.IntN(4) == 0 {
				now = now.Add(wait)
				if again := table.Take(0, now); again > time.Microsecond {
					t.Fatalf("seed %d, %s: told to wait %s, and then %s more", seed, r, wait, again)
				} else if again == 0 {
					taken = append(taken, now)
				}
			}
		}
		// Over any stretch: the allowance, and what has come back in the meantime.
		for i := range taken {
			for k := i; k < len(taken); k++ {
				stretch := taken[k].Sub(taken[i]) + time.Microsecond
				if most := float64(r.Count) + stretch.Seconds()/r.Per.Seconds()*float64(r.Count); float64(k-i+1) > most {
					t.Fatalf("seed %d, %s: %d in %s", seed, r, k-i+1, stretch)
				}
			}
		}
	}
}

// TestAtOnce: many at once take exactly the allowance.
func TestAtOnce(t *testing.T) {
	table := New[string](Rate{100, time.Hour}, 10)
	var wait sync.WaitGroup
	var mu sync.Mutex
	through := 0
	for range 16 {
		wait.Go(func() {
			for range 100 {
				if table.Take("a", noon) == 0 {
					mu.Lock()
					through++
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if through != 100 {
		t.Fatalf("%d of 1600 were let through; want 100", through)
	}
}

func BenchmarkTake(b *testing.B) {
	table := New[uint32](Rate{1_000_000, time.Second}, 1<<17)
	now := time.Now()
	for i := range uint32(1 << 18) { // the table is full, and each is let go for another
		table.Take(i, now)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := rand.Uint32()
		for pb.Next() {
			i++
			table.Take(i%(1<<16), now)
		}
	})
}
