package kopilka

import (
	"cmp"
	"math/bits"
	"slices"
)

// Points and Money are integers in minor units of the program's currency: with
// two minor digits, 12990 is 129.90. There is no floating point anywhere on
// the way of money or points.
type (
	Points int64
	Money  int64
)

// AmountMax bounds every amount and every number of points in one command, so
// that a product with a rate in basis points stays inside 64 bits.
const AmountMax = 10_000_000_000_000

// BalanceMax bounds what one member may hold, and what the purchases of one
// member in a window may add up to, so that sums over members stay far from
// the edge of 64 bits.
const BalanceMax = 1_000_000_000_000_000

// PointsMax bounds what grants to audiences may have given in all, so that sums over
// all members can be told: less than half of what 64 bits hold.
const PointsMax = 4_000_000_000_000_000_000

// BP is a rate in basis points: 100 is one percent.
type BP int32

// BPWhole is the rate that leaves an amount as it is.
const BPWhole BP = 10_000

// Rounding says what happens to the part of a minor unit that a rate leaves.
type Rounding uint8

// Rounding modes, as the program document names them: floor and half_up.
const (
	Floor Rounding = iota
	HalfUp
)

var roundingNames = [...]string{"floor", "half_up"}

// String is the mode's name in program documents and answers.
func (r Rounding) String() string { return roundingNames[r] }

// AtRate is this file's division: total × rate / 10 000, rounded as r says.
// The total is at most AmountMax and the rate not negative.
func AtRate(total int64, rate BP, r Rounding) int64 {
	p := total * int64(rate)
	if r == HalfUp {
		p += int64(BPWhole) / 2
	}
	return p / int64(BPWhole)
}

// PartFloor is total × part / whole, rounded down, without overflow for any
// 0 ≤ part ≤ whole. A whole of zero has no parts: the result is zero.
func PartFloor(total, part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(total), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

// RateSum adds up amount × rate over the lines of a receipt, where each rate is a
// product of three, in 128 bits: nothing is rounded before Round.
type RateSum struct{ hi, lo uint64 }

// Add adds amount × a × b × c. The amounts of one sum are at most AmountMax
// together, a is at most ten and b and c at most a hundred times BPWhole.
func (s *RateSum) Add(amount int64, a, b, c BP) {
	hi, lo := bits.Mul64(uint64(amount), uint64(a)*uint64(b)*uint64(c))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}

// Round is the sum divided by BPWhole three times over, rounded once.
func (s RateSum) Round(r Rounding) int64 {
	const whole = uint64(BPWhole) * uint64(BPWhole) * uint64(BPWhole)
	if r == HalfUp {
		var carry uint64
		s.lo, carry = bits.Add64(s.lo, whole/2, 0)
		s.hi += carry
	}
	q, _ := bits.Div64(s.hi, s.lo, whole)
	return int64(q)
}

// Split spreads total over weights in proportion, adding up exactly, by the
// method of largest remainder: every share is rounded down, and what is left
// goes a unit each to the largest remainders, the earlier of two equal ones
// first. Weights are not negative; when all are zero nothing is spread.
// A share never exceeds its weight as long as total ≤ Σ weights.
// The shares are written to out, which has the length of weights. Weights add up
// to less than 2⁶⁴.
//
// Source: Hamilton's method, as in Balinski & Young, Fair Representation (1982).
func Split[W int64 | uint64](total int64, weights []W, out []int64) {
	var whole uint64
	for _, w := range weights {
		whole += uint64(w)
	}
	clear(out)
	if whole == 0 || total == 0 {
		return
	}
	if len(weights) == 1 {
		out[0] = total
		return
	}
	type share struct {
		rem uint64
		at  int
	}
	var few [32]share
	rems := few[:0]
	left := total
	for i, w := range weights {
		hi, lo := bits.Mul64(uint64(total), uint64(w))
		q, rem := bits.Div64(hi, lo, whole)
		out[i] = int64(q)
		left -= out[i]
		rems = append(rems, share{rem, i})
	}
	if left == 0 {
		return
	}
	slices.SortFunc(rems, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.rem, a.rem), cmp.Compare(a.at, b.at))
	})
	for _, s := range rems[:left] {
		out[s.at]++
	}
}
