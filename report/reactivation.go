package report

import (
	"math/bits"

	"github.com/kopilka/kopilka"
)

// Cohort is the members who were in one segment on a day.
type Cohort struct {
	Segment string
	Bits    []uint64 // one a member
}

// Reactivation is how many of those who had stopped coming by a day came back in
// the period.
func Reactivation(set *Setting, cohorts []Cohort) Fold {
	f := &reactivationFold{set: set, cohorts: cohorts}
	f.came = make([]cohort, len(cohorts))
	return f
}

type reactivationFold struct {
	set     *Setting
	cohorts []Cohort
	came    []cohort
	buyers  members
}

type cohort struct{ members, buyers, purchases, net int64 }

func (f *reactivationFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, deals
}

// Add counts a deal for the cohort that the buyer was in then: as the segments of
// that day are told, a member who has been merged since is with the other one.
func (f *reactivationFold) Add(r *Record) {
	d, ok := f.set.deal(r)
	if !ok || !d.known() {
		return
	}
	for i := range f.cohorts {
		in := members{bits: f.cohorts[i].Bits}
		if !in.has(d.member) {
			continue
		}
		c := &f.came[i]
		c.net += d.net()
		if d.sold == 0 {
			continue
		}
		c.purchases++
		if !f.buyers.has(d.member) {
			f.buyers.add(d.member)
			c.buyers++
		}
	}
}

func (f *reactivationFold) Report() (Report, error) {
	t := Table{Name: "segments", Keys: []string{"segment"}, Columns: []string{"members", "buyers", "buyers_share_bp", "purchases", "turnover"}}
	var all cohort
	for i := range f.cohorts {
		c := &f.came[i]
		for _, w := range f.cohorts[i].Bits {
			c.members += int64(bits.OnesCount64(w))
		}
		all.members += c.members
		all.buyers += c.buyers
		all.purchases += c.purchases
		all.net += c.net
		t.Rows = append(t.Rows, Row{[]string{f.cohorts[i].Segment},
			[]int64{c.members, c.buyers, ratio(c.buyers, c.members, bp), c.purchases, c.net}})
	}
	v := Report{Tables: []Table{t}}
	v.figure("members", all.members)
	v.figure("buyers", all.buyers)
	v.figure("buyers_share_bp", ratio(all.buyers, all.members, bp))
	v.figure("purchases", all.purchases)
	v.figure("turnover", all.net)
	return v, nil
}
