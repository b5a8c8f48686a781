package workload

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// TestSegmentsComeOut computes every member's segment with plain arithmetic,
// straight from docs/rfm.md, and expects the published counts to the member.
func TestSegmentsComeOut(t *testing.T) {
	asOf := kopilka.DayOfDate(2026, time.November, 22)
	if sum := 45_489 + 63_578 + 18_322 + 14_803 + 30_936 + 69_211; sum != 242_339 {
		t.Fatal(sum)
	}
	got, edges := plain(t, asOf, Segments242339(1, asOf, 1))
	if got != LoCards {
		t.Fatalf("got %v; want %v", got, LoCards)
	}
	for edge, n := range edges {
		if n == 0 {
			t.Errorf("nobody stands at %s", edge)
		}
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		var want Counts
		for i := range want {
			want[i] = rnd.IntN(200)
		}
		if got, _ := plain(t, asOf, Segments(seed, asOf, want)); got != want {
			t.Fatalf("seed %d: got %v; want %v", seed, got, want)
		}
	}
}

// plain is the whole rule, once over: thresholds 30/90/180/365, 2/3/5/8 and
// 500 000/2 000 000/5 000 000/15 000 000, window of 365 days, table of six.
func plain(t *testing.T, asOf kopilka.Day, events func(func(*Event) bool)) (Counts, map[string]int) {
	t.Helper()
	type sums struct {
		last kopilka.Day
		f    int
		m    kopilka.Money
	}
	members := map[string]*sums{}
	var before kopilka.Time
	for e := range events {
		if e.Time < before {
			t.Fatalf("%s at %s comes after %s", e.ID, e.Time, before)
		}
		before = e.Time
		if e.Op == Member {
			if members[e.Card] != nil {
				t.Fatalf("%s enrols twice", e.Card)
			}
			members[e.Card] = &sums{}
			continue
		}
		s, day := members[e.Card], kopilka.Calendar{Zone: Zone}.DayOf(e.Occurred)
		if e.Amount <= 0 || day > asOf {
			t.Fatalf("%s: %d on %s", e.ID, e.Amount, day)
		}
		s.last = max(s.last, day)
		if day > asOf-365 {
			s.f++
			s.m += e.Amount
		}
	}
	var counts Counts
	edges := map[string]int{}
	stand := func(edge string, there bool) {
		n := edges[edge]
		if there {
			n++
		}
		edges[edge] = n
	}
	for _, s := range members {
		age := asOf - s.last
		often, much := s.f >= 3, s.m >= 5_000_000
		switch {
		case age > 365 || age > 180 && !often && !much:
			counts[5]++
		case age > 180:
			counts[4]++
		case often && much:
			counts[0]++
		case often:
			counts[1]++
		case much:
			counts[2]++
		default:
			counts[3]++
		}
		stand("age 0", age == 0)
		stand("age 180", age == 180)
		stand("age 181", age == 181)
		stand("age 364", age == 364)
		stand("age 365", age == 365)
		stand("age 366", age == 366)
		stand("2 receipts", s.f == 2)
		stand("3 receipts", s.f == 3)
		stand("4 999 999", s.m == 4_999_999)
		stand("5 000 000", s.m == 5_000_000)
	}
	return counts, edges
}
