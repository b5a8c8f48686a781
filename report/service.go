package report

import "github.com/kopilka/kopilka"

// Service is how many buyers came to which store, and how long they were served.
func Service(set *Setting) Fold { return &serviceFold{set: set} }

type serviceFold struct {
	set    *Setting
	stores tally[service]
}

type service struct {
	visits, members, timed int64
	whole, longest         int64 // milliseconds
}

func (f *serviceFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, kopilka.KindsOf(kopilka.KindReceipt)
}

func (f *serviceFold) Add(r *Record) {
	c, ok := r.Command.(*kopilka.Receipt)
	if !ok || !f.set.In(c.Day) {
		return
	}
	s := f.stores.of(c.Store)
	s.visits++
	count(r.Outcome.Member != kopilka.NoMember, &s.members)
	if took := int64(c.Finished - c.Started); c.Started > 0 && c.Finished > 0 && took >= 0 {
		s.timed++
		s.whole += took
		s.longest = max(s.longest, took)
	}
}

func (f *serviceFold) Report() (Report, error) {
	const second = 1000
	return Report{Tables: []Table{f.stores.table("stores", []string{"store"},
		[]string{"visits", "visits_members", "timed", "average_seconds", "longest_seconds"},
		func(s *service) []int64 {
			longest := int64(None)
			if s.timed > 0 {
				longest = s.longest / second
			}
			return []int64{s.visits, s.members, s.timed, ratio(s.whole, s.timed*second, 1), longest}
		})}}, nil
}
