package index

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Boundaries are the values at which scores change, in the form of a program's
// thresholds: R has the days of age at most for scores 5, 4, 3, 2; F and M have
// the values at least for scores 2, 3, 4, 5. Where nobody can reach a score, R
// is negative, F and M are the largest int64.
type Boundaries struct{ R, F, M [4]int64 }

// rule is the numbers of a program.RFM: without names, comparable, and small
// enough to travel in the header of a snapshot.
type rule struct {
	window     int // days; 0 = all time
	avg        bool
	isFrozen   bool
	quintiles  [3]bool // R, F, M
	thresholds Boundaries
	segments   int // with segment 0, none
	cells      [125]uint8
}

func ruleOf(p *program.RFM) rule {
	r := rule{
		window:     p.WindowDays,
		avg:        p.Metric == program.Avg,
		isFrozen:   p.Boundaries == program.Frozen,
		quintiles:  [3]bool{p.R.Quintiles, p.F.Quintiles, p.M.Quintiles},
		thresholds: Boundaries{R: p.R.Thresholds, F: p.F.Thresholds, M: p.M.Thresholds},
		segments:   len(p.Segments.Names),
		cells:      p.Segments.Cells,
	}
	if r.avg && r.quintiles[2] {
		panic("index: quintiles of an average")
	}
	for i, c := range r.cells {
		if int(c) >= r.segments {
			panic(fmt.Sprintf("index: cell %d belongs to segment %d of %d", i, c, r.segments))
		}
	}
	return r
}

// live tells whether some axis has quintiles that move with every purchase;
// frozen whether some has quintiles that move at a refresh.
func (r *rule) live() bool   { return !r.isFrozen && r.quintiles != [3]bool{} }
func (r *rule) frozen() bool { return r.isFrozen && r.quintiles != [3]bool{} }

// one is 1 where ok. Scores are added up from comparisons instead of branched
// to: the branches would be a coin's toss each, and mispredicted ones were nine
// tenths of the time of a pass over all members.
func one(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// r is the score of an age in days.
func (b *Boundaries) r(age int) int {
	a, c := int64(age), &b.R
	return 1 + one(a <= c[0]) + one(a <= c[1]) + one(a <= c[2]) + one(a <= c[3])
}

// scoreFM scores F and M. Without a live receipt in the window both are 1.
func (r *rule) scoreFM(b *Boundaries, f int32, m kopilka.Money) (fs, ms int) {
	if f <= 0 {
		return 1, 1
	}
	n, c := int64(f), &b.F
	fs = 1 + one(n >= c[0]) + one(n >= c[1]) + one(n >= c[2]) + one(n >= c[3])
	v, t := int64(m), &b.M
	if !r.avg {
		return fs, 1 + one(v >= t[0]) + one(v >= t[1]) + one(v >= t[2]) + one(v >= t[3])
	}
	return fs, 1 + one(atLeast(v, t[0], f)) + one(atLeast(v, t[1], f)) + one(atLeast(v, t[2], f)) + one(atLeast(v, t[3], f))
}

// atLeast tells whether m ≥ t·f, in 128 bits: an average compared without
// division. f is positive.
func atLeast(m, t int64, f int32) bool {
	hi, lo := bits.Mul64(uint64(t), uint64(f))
	if t < 0 {
		hi -= uint64(f)
	}
	sign := m >> 63
	return int64(hi) < sign || int64(hi) == sign && lo <= uint64(m)
}

// boundaries are those of a population: thresholds as the rule has them,
// quintiles from the values that each gives of an axis, the last day for R.
//
// The score by quintiles is 1 + floor(5·w/n) with w of n members strictly
// worse. It is at least k+1 where w ≥ k·n/5, that is, for values greater than
// the ⌈k·n/5⌉th smallest. Of nobody there are no boundaries that one could reach.
func (r *rule) boundaries(day kopilka.Day, each func(axis int, yield func(int64))) Boundaries {
	b := r.thresholds
	for axis, asked := range r.quintiles {
		if !asked {
			continue
		}
		b.set(axis, day, fifths(func(yield func(int64)) { each(axis, yield) }))
	}
	return b
}

// set takes the values that lie just below scores 2, 3, 4, 5 as boundaries.
func (b *Boundaries) set(axis int, day kopilka.Day, below [4]int64) {
	if axis == 0 {
		for k, v := range below {
			b.R[3-k] = max(-1, int64(day)-1-v)
		}
		return
	}
	cuts := &b.F
	if axis == 2 {
		cuts = &b.M
	}
	for k, v := range below {
		cuts[k] = v
		if v < math.MaxInt64 {
			cuts[k]++
		}
	}
}

// Standing is where a member stands on the current day, or on that of a Table.
type Standing struct {
	RecencyDays int32         // since the last day with a live receipt; -1 = never
	Frequency   uint32        // live receipts in the window
	Monetary    kopilka.Money // net amount in the window
	R, F, M     uint8         // scores 1–5, 5 best; 0 without a live receipt ever
	Segment     uint8
}

// stand is the standing of a member with fixed boundaries; last is the last
// day plus one, 0 = never.
func (r *rule) stand(b *Boundaries, day kopilka.Day, last uint16, f int32, m kopilka.Money) Standing {
	if last == 0 {
		return Standing{RecencyDays: -1, Frequency: uint32(f), Monetary: m, Segment: program.SegmentNone}
	}
	age := int(day) - int(last) + 1
	fs, ms := r.scoreFM(b, f, m)
	return r.standing(age, f, m, b.r(age), fs, ms)
}

func (r *rule) standing(age int, f int32, m kopilka.Money, rs, fs, ms int) Standing {
	return Standing{RecencyDays: int32(age), Frequency: uint32(f), Monetary: m, R: uint8(rs), F: uint8(fs), M: uint8(ms),
		Segment: r.cells[program.Cell(rs, fs, ms)]}
}
