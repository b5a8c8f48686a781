package report

import (
	"math"

	"github.com/kopilka/kopilka"
)

// EffectGroup is members of an audience who were treated alike.
type EffectGroup struct {
	Name string
	Bits []uint64 // one a member
}

// Effect is what the first group bought beside what the second did: how many of
// each came, and for how much, with intervals within which the difference of those
// groups at large lies in 95 of 100 cases.
func Effect(set *Setting, first, second EffectGroup) Fold {
	return &effectFold{set: set, groups: []EffectGroup{first, second}, pairs: [][2]int{{0, 1}}}
}

type effectFold struct {
	set    *Setting
	groups []EffectGroup
	pairs  [][2]int // of groups that are compared; nobody is in both
	bought []effect // by member
}

// effect is what one member bought.
type effect struct {
	net       int64
	purchases int64
}

func (f *effectFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, deals
}

func (f *effectFold) Add(r *Record) {
	d, ok := f.set.deal(r)
	if !ok || !d.known() {
		return
	}
	for len(f.bought) <= int(d.member) {
		f.bought = append(f.bought, effect{})
	}
	e := &f.bought[d.member]
	e.net += d.net()
	count(d.sold > 0, &e.purchases)
}

// sample is a group with its sums.
type sample struct {
	members, buyers, purchases, net int64
	squares                         float64 // Σ (net − mean)²
}

func (f *effectFold) sample(g *EffectGroup) (s sample) {
	in := members{bits: g.Bits}
	each := func(of func(effect)) {
		for m := range kopilka.MemberNo(64 * len(g.Bits)) {
			if in.has(m) {
				var e effect
				if int(m) < len(f.bought) {
					e = f.bought[m]
				}
				of(e)
			}
		}
	}
	each(func(e effect) {
		s.members++
		s.net += e.net
		s.purchases += e.purchases
		count(e.purchases > 0, &s.buyers)
	})
	mean := float64(s.net) / float64(max(1, s.members))
	each(func(e effect) { s.squares += (float64(e.net) - mean) * (float64(e.net) - mean) })
	return s
}

func (f *effectFold) Report() (Report, error) {
	var samples []sample
	groups := Table{Name: "groups", Keys: []string{"group"},
		Columns: []string{"members", "buyers", "conversion_bp", "purchases", "turnover", "turnover_per_member"}}
	for i := range f.groups {
		s := f.sample(&f.groups[i])
		samples = append(samples, s)
		groups.Rows = append(groups.Rows, Row{[]string{f.groups[i].Name},
			[]int64{s.members, s.buyers, ratio(s.buyers, s.members, bp), s.purchases, s.net, ratio(s.net, s.members, 1)}})
	}
	differences := Table{Name: "differences", Keys: []string{"groups"}, Columns: []string{"conversion_bp", "conversion_low_bp", "conversion_high_bp",
		"turnover_per_member", "turnover_low", "turnover_high"}}
	for _, p := range f.pairs {
		a, b := &samples[p[0]], &samples[p[1]]
		differences.Rows = append(differences.Rows, Row{[]string{f.groups[p[0]].Name + "-" + f.groups[p[1]].Name},
			append(conversions(a, b), turnovers(a, b)...)})
	}
	return Report{Tables: []Table{groups, differences}}, nil
}

// normal95 is the quantile of the normal distribution that leaves 2.5 % above it.
const normal95 = 1.959963984540054

// conversions is the difference of two shares in basis points with its interval: the
// distances of each share to the ends of its Wilson interval, put together.
//
// Source: R. Newcombe, Interval estimation for the difference between independent
// proportions (1998), method 10.
func conversions(a, b *sample) []int64 {
	if a.members == 0 || b.members == 0 {
		return []int64{None, None, None}
	}
	p, pLow, pHigh := wilson(a)
	q, qLow, qHigh := wilson(b)
	d := p - q
	low, high := d-math.Hypot(p-pLow, qHigh-q), d+math.Hypot(pHigh-p, q-qLow)
	return []int64{inBP(d), inBP(low), inBP(high)}
}

// wilson is the share of buyers with Wilson's interval.
func wilson(s *sample) (share, low, high float64) {
	n, z := float64(s.members), normal95
	share = float64(s.buyers) / n
	mid := (share + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return share, mid - half, mid + half
}

func inBP(share float64) int64 { return int64(math.Round(share * float64(bp))) }

// turnovers is the difference of what a member bought with its interval, where both
// groups have members enough to tell how far they differ among themselves.
//
// Source: B. L. Welch, The generalization of "Student's" problem when several
// different population variances are involved (1947).
func turnovers(a, b *sample) []int64 {
	if a.members == 0 || b.members == 0 {
		return []int64{None, None, None}
	}
	n, m := float64(a.members), float64(b.members)
	d := float64(a.net)/n - float64(b.net)/m
	if a.members < 2 || b.members < 2 {
		return []int64{int64(math.Round(d)), None, None}
	}
	u, v := a.squares/(n-1)/n, b.squares/(m-1)/m
	half := 0.0
	if u+v > 0 {
		half = student95((u+v)*(u+v)/(u*u/(n-1)+v*v/(m-1))) * math.Sqrt(u+v)
	}
	return []int64{int64(math.Round(d)), int64(math.Floor(d - half)), int64(math.Ceil(d + half))}
}

// student95 is the quantile of Student's t that leaves 2.5 % above it, of one degree of
// freedom or more: for few by halving the angle in which the distribution is an integral
// of a cosine's power, for many by its expansion about the normal one.
//
// Source: Abramowitz & Stegun, Handbook of mathematical functions, 26.7.1 and 26.7.5.
func student95(degrees float64) float64 {
	z, v := normal95, degrees
	if v > 30 {
		z3, z5, z7 := z*z*z, z*z*z*z*z, z*z*z*z*z*z*z
		return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
	}
	over, _ := math.Lgamma((v + 1) / 2)
	under, _ := math.Lgamma(v / 2)
	c := math.Exp(over-under) / math.Sqrt(math.Pi)
	below := func(angle float64) float64 { // by Simpson's rule
		const steps = 256
		h, sum := angle/steps, 1+math.Pow(math.Cos(angle), v-1)
		for k := 1; k < steps; k++ {
			sum += float64(2+k%2*2) * math.Pow(math.Cos(float64(k)*h), v-1)
		}
		return c * sum * h / 3
	}
	low, high := 0.0, math.Pi/2
	for range 50 {
		if mid := (low + high) / 2; below(mid) < 0.475 {
			low = mid
		} else {
			high = mid
		}
	}
	return math.Sqrt(v) * math.Tan(low)
}
