package report

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// What the twin says of audiences and mailings.

// everybody is all numbers, those that are part of others too.
func (w *twin) everybody() (all []int) {
	for m := range w.y.people {
		all = append(all, m)
	}
	return all
}

// drawn parts some of the members into two groups.
func (w *twin) drawn() (addressed, held []int) {
	for m, p := range w.y.people {
		switch {
		case p.into >= 0 || w.y.odds(15):
		case w.y.odds(70):
			addressed = append(addressed, m)
		default:
			held = append(held, m)
		}
	}
	return addressed, held
}

func bitsOfPeople(people []int) []uint64 {
	var s members
	for _, m := range people {
		s.add(kopilka.MemberNo(m))
	}
	return s.bits
}

func drawnAs(name string, people []int) EffectGroup { return EffectGroup{name, bitsOfPeople(people)} }

// sample is what some members bought, each by himself.
func (w *twin) sample(people []int) *sample {
	s := &sample{members: int64(len(people))}
	var nets []int64
	for _, m := range people {
		his := filter(w.happened("sale", "return"), func(e *event) bool { return e.member >= 0 && w.person(e) == m })
		n := number(his, func(e *event) bool { return e.kind == "sale" && e.amount > 0 })
		if n > 0 {
			s.buyers++
		}
		s.purchases += n
		nets = append(nets, sum(his, net))
		s.net += sum(his, net)
	}
	mean := float64(s.net) / float64(max(1, s.members))
	for _, n := range nets {
		s.squares += (float64(n) - mean) * (float64(n) - mean)
	}
	return s
}

// effect has the groups counted by hand; the intervals are those of the formulas, which
// TestEffectByHand and TestEffectIntervals hold against others.
func (w *twin) effect(addressed, held []int) Report {
	return w.compared([]string{"addressed", "held_out"}, [][]int{addressed, held}, [][2]int{{0, 1}})
}

func (w *twin) compared(names []string, groups [][]int, pairs [][2]int) Report {
	all, differences := Table{Name: "groups"}, Table{Name: "differences"}
	for i, people := range groups {
		s := w.sample(people)
		all.Rows = append(all.Rows, Row{[]string{names[i]}, []int64{s.members, s.buyers, over(10_000*s.buyers, s.members), s.purchases, s.net, over(s.net, s.members)}})
	}
	for _, p := range pairs {
		a, b := w.sample(groups[p[0]]), w.sample(groups[p[1]])
		differences.Rows = append(differences.Rows, Row{[]string{names[p[0]] + "-" + names[p[1]]}, append(conversions(a, b), turnovers(a, b)...)})
	}
	return Report{Tables: []Table{all, differences}}
}

func (w *twin) effectOfMailing(addressed, held []int, mail *Mailing) Report {
	// What was said of one message, in order.
	told := func(kind string, m, channel int) (all []message) {
		for _, e := range w.y.events {
			if e.kind == kind && e.member == m && e.message.mailing == mail.Seq && e.message.channel == channel {
				all = append(all, e.message)
			}
		}
		return all
	}
	delivered := func(m, channel int) bool {
		return slices.ContainsFunc(told("deliver", m, channel), func(x message) bool { return x.delivered })
	}
	of := members{bits: mail.Of}
	counts := func(m int) bool { return mail.Of == nil || of.has(kopilka.MemberNo(w.y.resolve(m))) }
	reached := func(channel int) []int {
		return filter(addressed, func(p int) bool {
			return counts(p) && slices.ContainsFunc(w.everybody(), func(m int) bool { return w.y.resolve(m) == p && delivered(m, channel) })
		})
	}
	channels := Table{Name: "channels"}
	for i, ch := range mail.Channels {
		sent := filter(w.everybody(), func(m int) bool { return counts(m) && len(told("dispatch", m, i)) > 0 })
		got := number(sent, func(m int) bool { return delivered(m, i) })
		failed := number(sent, func(m int) bool { return len(told("deliver", m, i)) > 0 && !delivered(m, i) })
		late := number(sent, func(m int) bool {
			next := i+1 < len(mail.Channels) && len(told("dispatch", m, i+1)) > 0
			second := (told("dispatch", m, i)[0].at + 999) / 1000
			return len(told("deliver", m, i)) == 0 && (next || mail.Now/1000 >= second+60*kopilka.Time(ch.Timeout))
		})
		cost := int64(len(sent)) * int64(ch.Cost)
		s := w.sample(reached(i))
		channels.Rows = append(channels.Rows, Row{[]string{ch.Name}, []int64{int64(len(sent)), got, failed, late, cost,
			s.buyers, over(10_000*s.buyers, s.members), s.net, over(cost, s.buyers)}})
	}
	informed := append(reached(0), reached(1)...)
	slices.Sort(informed)
	informed = slices.Compact(informed)
	others := filter(addressed, func(m int) bool { return !slices.Contains(informed, m) })
	r := w.compared([]string{"addressed", "held_out", "informed", "not_informed"}, [][]int{addressed, held, informed, others},
		[][2]int{{0, 1}, {2, 1}, {2, 3}})
	r.Tables = append(r.Tables, channels)
	return r
}
