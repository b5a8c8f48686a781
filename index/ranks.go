package index

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// ranks is a multiset of values that knows how many lie below a value, and
// which is the nth. Values fall into bins that are exact up to 2 048 and a
// thousandth wide beyond; a bin holds its values in order, each with its count,
// and groups of bins have totals. A search adds up some two hundred groups, a
// few hundred bins and the values of one bin: about a microsecond.
type ranks struct {
	n      int
	groups [bins / groupLen]int
	counts [bins]uint32
	bins   [bins][]ranked
}

type ranked struct {
	value int64
	count uint32
}

const (
	mantissaBits = 10
	// positive is the number of bins of values from 0 up; as many, mirrored,
	// hold the values below.
	positive = (63-mantissaBits)<<mantissaBits + 1<<mantissaBits
	bins     = 2 * positive
	groupLen = 512
)

// binOf is the bin of a value; bins are in the order of their values. The form
// is that of floating point, exponent above mantissa, made of integers.
func binOf(v int64) int {
	if v < 0 {
		return bins - 1 - binOf(-1-v)
	}
	shift := max(0, bits.Len64(uint64(v))-mantissaBits-1)
	return positive + shift<<mantissaBits + int(v>>shift)
}

// ranksOf is the ranks of all values that each gives.
func ranksOf(each func(yield func(int64))) *ranks {
	r := &ranks{}
	var values []int64
	each(func(v int64) { values = append(values, v) })
	slices.Sort(values)
	for len(values) > 0 {
		v, n := values[0], 1
		for n < len(values) && values[n] == v {
			n++
		}
		b := binOf(v)
		r.bins[b] = append(r.bins[b], ranked{v, uint32(n)})
		r.total(b, n)
		values = values[n:]
	}
	return r
}

func (r *ranks) total(bin, n int) {
	r.n += n
	r.groups[bin/groupLen] += n
	r.counts[bin] += uint32(n)
}

// add enters a value once, or with n = -1 takes it away once.
func (r *ranks) add(v int64, n int) {
	b := binOf(v)
	r.total(b, n)
	i, ok := search(r.bins[b], v)
	if !ok {
		r.bins[b] = slices.Insert(r.bins[b], i, ranked{value: v})
	}
	c := &r.bins[b][i].count
	*c += uint32(n)
	if *c == 0 {
		r.bins[b] = slices.Delete(r.bins[b], i, i+1)
	}
}

func search(bin []ranked, v int64) (int, bool) {
	return slices.BinarySearchFunc(bin, v, func(e ranked, v int64) int { return cmp.Compare(e.value, v) })
}

// score is the quintile of a value among all: 1 + floor(5·w/n), w of n values
// being strictly smaller.
func (r *ranks) score(v int64) int { return 1 + 5*r.worse(v)/r.n }

// scoreMoved is the quintile that v would have if a member who has the value
// from had it instead; counted tells whether the member is among all already.
func (r *ranks) scoreMoved(v, from int64, counted bool) int {
	w, n := r.worse(v), r.n
	switch {
	case !counted:
		n++
	case from < v:
		w--
	}
	return 1 + 5*w/n
}

// worse is how many values are strictly smaller.
func (r *ranks) worse(v int64) int {
	b := binOf(v)
	w := 0
	for _, n := range r.groups[:b/groupLen] {
		w += n
	}
	for _, n := range r.counts[b/groupLen*groupLen : b] {
		w += int(n)
	}
	i, _ := search(r.bins[b], v)
	for _, e := range r.bins[b][:i] {
		w += int(e.count)
	}
	return w
}

// fifths gives the ⌈k·n/5⌉th smallest value for k = 1, 2, 3, 4: see rule.boundaries.
func (r *ranks) fifths() (below [4]int64) {
	for k := range below {
		below[k] = r.nth(((k+1)*r.n + 4) / 5)
	}
	return below
}

// nth is the nth smallest value, counted from 1. Of nothing it is the largest
// int64.
func (r *ranks) nth(n int) int64 {
	if r.n == 0 {
		return math.MaxInt64
	}
	g := 0
	for n > r.groups[g] {
		n -= r.groups[g]
		g++
	}
	b := g * groupLen
	for n > int(r.counts[b]) {
		n -= int(r.counts[b])
		b++
	}
	i := 0
	for n > int(r.bins[b][i].count) {
		n -= int(r.bins[b][i].count)
		i++
	}
	return r.bins[b][i].value
}

// fifths gives the same of values that are not kept: the first pass counts
// bins, the second collects the four bins that matter.
func fifths(each func(yield func(int64))) (below [4]int64) {
	counts := make([]int, bins)
	n := 0
	each(func(v int64) {
		counts[binOf(v)]++
		n++
	})
	if n == 0 {
		return [4]int64{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64}
	}
	var bin, nth [4]int
	for k := range below {
		nth[k] = ((k+1)*n + 4) / 5
		for nth[k] > counts[bin[k]] {
			nth[k] -= counts[bin[k]]
			bin[k]++
		}
	}
	var values [4][]int64
	each(func(v int64) {
		b := binOf(v)
		for k := range bin {
			if bin[k] == b {
				values[k] = append(values[k], v)
			}
		}
	})
	for k := range below {
		slices.Sort(values[k])
		below[k] = values[k][nth[k]-1]
	}
	return below
}
