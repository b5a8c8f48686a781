package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// What the twin counts of those who work in the shop, and of instruments.

func (w *twin) staff() Report {
	type stroke struct { // a line on a cashier's sheet
		cashier                   string
		version                   int
		receipts, sold, back      int64
		enrolled, premium, payout int64
	}
	var sheet []stroke
	for _, e := range w.happened("sale") {
		if e.member >= 0 && !e.imported && e.cashier != "" {
			sheet = append(sheet, stroke{cashier: e.cashier, version: e.version, receipts: 1, sold: e.amount})
		}
	}
	for _, e := range w.happened("return") {
		if s := e.sale; s != nil && s.event.member >= 0 && !s.event.imported && s.event.cashier != "" {
			sheet = append(sheet, stroke{cashier: s.event.cashier, version: s.event.version, back: e.amount})
		}
	}
	_, lots := grouped(sheet, func(s stroke) []string { return []string{s.cashier, fmt.Sprint(s.version)} })
	for _, all := range lots {
		net := sum(all, func(s stroke) int64 { return s.sold - s.back })
		premium := net * 33 / 10_000
		if all[0].version == 2 {
			premium = (net*150 + 5000) / 10_000
			if net < 0 {
				premium = -((-net*150 + 5000) / 10_000)
			}
		}
		sheet = append(sheet, stroke{cashier: all[0].cashier, premium: premium})
	}
	var weekly []*event
	met := map[int]bool{}
	for i := range w.y.events {
		e := &w.y.events[i]
		if e.kind != "enrol" {
			continue
		}
		person := w.y.resolve(e.member)
		again := met[person]
		met[person] = true
		if again || e.imported || e.cashier == "" {
			continue
		}
		if w.set.In(e.day) {
			sheet = append(sheet, stroke{cashier: e.cashier, enrolled: 1})
		}
		sunday := e.day
		for sunday.String() == "" || weekday(sunday) != "Sunday" {
			sunday++
		}
		if w.set.In(sunday) {
			weekly = append(weekly, e)
		}
	}
	weeks := table("weeks", weekly, func(e *event) []string {
		start := e.day
		for weekday(start) != "Monday" {
			start--
		}
		return []string{e.cashier, start.String()}
	}, func(all []*event) []int64 {
		n, payout := len(all), int64(0)
		sunday := all[0].day
		for weekday(sunday) != "Sunday" {
			sunday++
		}
		switch later := w.set.Calendar.Start(sunday+1) > w.set.Versions[1].Time; {
		case later:
			payout = 50
		case n >= 4:
			payout = 300
		case n >= 2:
			payout = 100
		}
		return []int64{int64(n), 2, payout}
	})
	for _, r := range weeks.Rows {
		sheet = append(sheet, stroke{cashier: r.Keys[0], payout: r.Values[2]})
	}
	return Report{Tables: []Table{table("cashiers", sheet, func(s stroke) []string { return []string{s.cashier} }, func(all []stroke) []int64 {
		sold, back := sum(all, func(s stroke) int64 { return s.sold }), sum(all, func(s stroke) int64 { return s.back })
		return []int64{sum(all, func(s stroke) int64 { return s.receipts }), sold - back, sold, back,
			sum(all, func(s stroke) int64 { return s.premium }), sum(all, func(s stroke) int64 { return s.enrolled }),
			sum(all, func(s stroke) int64 { return s.payout })}
	}), weeks}}
}

func weekday(d kopilka.Day) string { return (kopilka.Time(d) * 86_400_000).Std().Weekday().String() }

func (w *twin) instruments() Report {
	type move struct {
		id     string
		values [6]int64
	}
	var numbers, certs []move
	for _, e := range w.happened("emit") {
		numbers = append(numbers, move{e.instrument, [6]int64{e.count, e.value}})
	}
	for _, e := range w.happened("sale", "return") {
		for _, x := range e.uses {
			if x.cert != nil {
				certs = append(certs, move{x.id, [6]int64{0, 0, x.uses, x.value}})
			} else {
				numbers = append(numbers, move{x.id, [6]int64{0, 0, x.uses, x.value}})
			}
		}
	}
	numbers = append(numbers, move{"gift", [6]int64{0, 0, 0, 0, 3, 400}})
	for _, k := range w.y.certs {
		if w.set.In(k.to) && k.left > 0 && !w.y.people[w.y.resolve(k.owner)].erased {
			certs = append(certs, move{k.rule, [6]int64{4: 1, 5: k.left}})
		}
	}
	for _, k := range w.y.certs {
		// One of another period is a row, too: it may be used in this one.
		values := [6]int64{}
		if w.set.In(k.day) {
			values = [6]int64{1, k.points}
		}
		certs = append(certs, move{k.rule, values})
	}
	row := func(all []move) []int64 {
		values := make([]int64, 6)
		for i := range values {
			values[i] = sum(all, func(m move) int64 { return m.values[i] })
		}
		return values
	}
	by := func(m move) []string { return []string{m.id} }
	return Report{Tables: []Table{table("instruments", numbers, by, row), table("certificates", certs, by, row)}}
}

func (w *twin) campaigns() Report {
	t := Table{Name: "campaigns"}
	for _, id := range []string{"double", "new", "old"} {
		added := func(e *event) int64 {
			return sum(e.campaigns, func(x used) int64 {
				if x.id != id {
					return 0
				}
				return x.value
			})
		}
		with := filter(w.happened("sale"), func(e *event) bool { return added(e) > 0 })
		row := []int64{int64(len(with)), different(with, w.person), sum(with, amount), sum(with, added), None, None}
		switch {
		case id == "double":
			row[4], row[5] = 900, 30
		case id == "old" && len(with) == 0:
			continue
		}
		t.Rows = append(t.Rows, Row{[]string{id}, row})
	}
	return Report{Tables: []Table{t}}
}

func (w *twin) flags() Report {
	type raised struct{ flag string }
	var flags []raised
	for _, e := range w.happened("sale", "adjust") {
		for i, name := range []string{"earns_often", "adjusts_much", "set_aside", "dormant"} {
			if e.flags&(1<<i) != 0 {
				flags = append(flags, raised{name})
			}
		}
	}
	earning := filter(w.happened("sale"), func(e *event) bool { return e.member >= 0 && e.earned > 0 })
	keys, pairs := grouped(earning, func(e *event) []string { return []string{e.cashier, fmt.Sprintf("m%09d", w.person(e))} })
	type top struct {
		cashier string
		member  int
		values  []int64
	}
	var often []top
	for i, all := range pairs {
		if len(all) >= 2 {
			often = append(often, top{keys[i][0], w.person(all[0]),
				[]int64{int64(len(all)), sum(all, func(e *event) int64 { return e.earned }), sum(all, amount)}})
		}
	}
	slices.SortStableFunc(often, func(a, b top) int {
		return cmp.Or(cmp.Compare(a.cashier, b.cashier), cmp.Compare(b.values[0], a.values[0]), cmp.Compare(b.values[1], a.values[1]))
	})
	cards := Table{Name: "cards"}
	for i, x := range often {
		if i < 10 || often[i-10].cashier != x.cashier {
			cards.Rows = append(cards.Rows, Row{[]string{x.cashier, fmt.Sprintf("m%d", x.member), fmt.Sprint(x.member)}, x.values})
		}
	}
	return Report{Tables: []Table{
		table("flags", flags, func(r raised) []string { return []string{r.flag} }, func(all []raised) []int64 { return []int64{int64(len(all))} }),
		cards,
		table("actors", w.happened("adjust", "merge", "unmerge", "erase"), func(e *event) []string { return []string{e.actor} }, func(all []*event) []int64 {
			kind := func(word string) int64 { return number(all, func(e *event) bool { return e.kind == word }) }
			return []int64{kind("adjust"), sum(all, func(e *event) int64 { return max(e.points, 0) }), sum(all, func(e *event) int64 { return max(-e.points, 0) }),
				number(all, func(e *event) bool { return e.kind == "adjust" && e.flags != 0 }), kind("merge"), kind("unmerge"), kind("erase")}
		}),
	}}
}
