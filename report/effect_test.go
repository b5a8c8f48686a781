package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kopilka/kopilka"
)

// effectOf is the differences of random groups of which the first buys more by a factor.
func effectOf(seed uint64, more float64) []int64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	f := Effect(nil, EffectGroup{"addressed", make([]uint64, 40)}, EffectGroup{"held_out", make([]uint64, 40)}).(*effectFold)
	for m := range kopilka.MemberNo(40 * 64) {
		first := rng.IntN(10) < 7
		g, odds := &f.groups[1], 0.2
		if first {
			g, odds = &f.groups[0], 0.2*more
		}
		g.Bits[m/64] |= 1 << (m % 64)
		var e effect
		if rng.Float64() < odds {
			e = effect{net: int64(rng.ExpFloat64() * 300_000), purchases: 1}
		}
		f.bought = append(f.bought, e)
	}
	r, _ := f.Report()
	return r.Tables[1].Rows[0].Values
}

// Of two groups that are treated alike the interval holds nothing in about 95 of 100
// shops, and an effect that is there is found.
func TestEffectIntervals(t *testing.T) {
	conversion, turnover, found := 0, 0, 0
	for seed := range uint64(100) {
		v := effectOf(seed, 1)
		if v[1] <= 0 && 0 <= v[2] {
			conversion++
		}
		if v[4] <= 0 && 0 <= v[5] {
			turnover++
		}
		if v = effectOf(seed, 1.5); v[1] > 0 && v[4] > 0 {
			found++
		}
	}
	if conversion < 88 || turnover < 88 || conversion == 100 && turnover == 100 || found < 90 {
		t.Fatalf("of 100 shops without an effect %d and %d hold nothing; %d effects are found of 100", conversion, turnover, found)
	}
	t.Logf("%d, %d, %d", conversion, turnover, found)
}

// Newcombe's own example, 56 of 70 against 48 of 80, and groups of nobody.
func TestEffectByHand(t *testing.T) {
	v := conversions(&sample{members: 70, buyers: 56}, &sample{members: 80, buyers: 48})
	if v[0] != 2000 || v[1] != 524 || v[2] != 3339 {
		t.Errorf("%d; Newcombe has 0.2000, 0.0524 and 0.3339", v)
	}
	if v := turnovers(&sample{}, &sample{members: 1}); v[0] != None || v[1] != None {
		t.Errorf("of nobody: %d", v)
	}
	if v := turnovers(&sample{members: 1, net: 5}, &sample{members: 1}); v[0] != 5 || v[1] != None {
		t.Errorf("of one each: %d", v)
	}
	// Published tables; between them, and where the two ways meet, it only falls.
	for degrees, want := range map[float64]float64{1: 12.706, 2: 4.303, 3: 3.182, 5: 2.571, 10: 2.228, 30: 2.042, 60: 2.000, 120: 1.980} {
		if q := student95(degrees); math.Abs(q-want) > 0.0006 {
			t.Errorf("t of %v degrees is %f; want %f", degrees, q, want)
		}
	}
	for v := 1.0; v < 40; v += 0.25 {
		if student95(v+0.25) >= student95(v) {
			t.Errorf("t of %v degrees is no smaller than of %v", v+0.25, v)
		}
	}
}
