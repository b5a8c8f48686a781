package report

import "github.com/kopilka/kopilka"

// Cards is which carriers members have their cards on, and how many are new by
// month.
func Cards(set *Setting) Fold { return &cardsFold{set: set} }

type cardsFold struct {
	set      *Setting
	carriers tally[carrier]
	months   tally[carrier]
}

type carrier struct{ all, new int64 }

func (f *cardsFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	kinds = kopilka.KindsOf(kopilka.KindMember, kopilka.KindCard)
	return f.set.From, kinds, kinds
}

func (f *cardsFold) Add(r *Record) {
	if !r.Outcome.Enrolled {
		return // the card was known
	}
	var what string
	var day kopilka.Day
	switch c := r.Command.(type) {
	case *kopilka.PutMember:
		what, day = c.Carrier, c.Registered
	case *kopilka.PutCard:
		what, day = c.Carrier, f.set.recorded(r)
	}
	if day > f.set.To {
		return
	}
	all := f.carriers.of(what)
	all.all++
	if f.set.In(day) {
		all.new++
		f.months.of(day.String()[:len("2026-11")], what).new++
	}
}

func (f *cardsFold) Report() (Report, error) {
	carriers := f.carriers.table("carriers", []string{"carrier"}, []string{"cards", "new"},
		func(c *carrier) []int64 { return []int64{c.all, c.new} })
	months := f.months.table("months", []string{"month", "carrier"}, []string{"new"},
		func(c *carrier) []int64 { return []int64{c.new} })
	return Report{Tables: []Table{carriers, months}}, nil
}
