package main

import (
	"fmt"
	"slices"
	"strings"
)

const (
	nameOurs     = "Kopilka"
	namePlain    = "Kopilka, frames in a plain file"
	namePostgres = "PostgreSQL"
	nameAlways   = "Redis, appendfsync always"
	nameEcho     = "bare fasthttp echo"
)

// figures are what all rounds came to.
type figures struct {
	results []result
	limits  []limit
}

// rounds gives what a contestant did in one way of being driven, round by round.
func (f *figures) rounds(name string, t trial) (all []float64) {
	for _, r := range f.results {
		if r.Contestant == name && (trial{r.Connections, r.Batch}) == t {
			all = append(all, r.PerSecond)
		}
	}
	return all
}

// best is the way in which a contestant did most, of those with one command, or many,
// a round trip: that with the greatest median.
func (f *figures) best(name string, many bool) (best trial, found bool) {
	most := 0.0
	for _, r := range f.results {
		t := trial{r.Connections, r.Batch}
		if r.Contestant != name || (t.batch > 1) != many {
			continue
		}
		if m := median(f.rounds(name, t)); m > most {
			best, most, found = t, m, true
		}
	}
	return best, found
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// aim is how far ahead of another Kopilka wants to be.
type aim struct {
	what, other string
	many        bool
	least       float64
}

var aims = []aim{
	{"one request a round trip, beside PostgreSQL at its best concurrency", namePostgres, false, 4},
	{"one request a round trip, beside Redis with appendfsync always", nameAlways, false, 1.5},
	{"one request a round trip, beside the echo", nameEcho, false, 0.5},
	{"one request a round trip, beside the plain file", namePlain, false, 0.9},
	{"batches of 1 000, beside PostgreSQL's set-based batches of 1 000", namePostgres, true, 6},
	{"batches of 1 000, beside Redis pipelined 16 deep", nameAlways, true, 8},
}

// table is what is printed, in Markdown.
func (f *figures) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| who | driven by | commands a second, median (least to most) | a round trip, p50 | p99 |\n|---|---|---|---|---|\n")
	type row struct {
		name string
		t    trial
	}
	var seen []row
	for _, r := range f.results {
		x := row{r.Contestant, trial{r.Connections, r.Batch}}
		if slices.Contains(seen, x) {
			continue
		}
		seen = append(seen, x)
	}
	slices.SortStableFunc(seen, func(a, b row) int { return min(a.t.batch, 2) - min(b.t.batch, 2) })
	for _, x := range seen {
		v := f.rounds(x.name, x.t)
		var p50, p99 []float64
		for _, r := range f.results {
			if r.Contestant == x.name && (trial{r.Connections, r.Batch}) == x.t {
				p50, p99 = append(p50, float64(r.P50US)), append(p99, float64(r.P99US))
			}
		}
		fmt.Fprintf(&b, "| %s | %v | %.0f (%.0f to %.0f) | %.2f ms | %.2f ms |\n", x.name, x.t, median(v), slices.Min(v), slices.Max(v), median(p50)/1000, median(p99)/1000)
	}
	fmt.Fprintf(&b, "\n| Kopilka's ratio, median of the rounds (least to most) | | aim |\n|---|---|---|\n")
	for _, a := range aims {
		mine, ok := f.best(nameOurs, a.many)
		his, found := f.best(a.other, a.many)
		if !ok || !found {
			fmt.Fprintf(&b, "| %s | not measured | %g |\n", a.what, a.least)
			continue
		}
		v := f.rounds(nameOurs, mine)
		for i, h := range f.rounds(a.other, his) {
			v[i] /= h
		}
		fmt.Fprintf(&b, "| %s (%v) | %.2f (%.2f to %.2f) | %g |\n", a.what, his, median(v), slices.Min(v), slices.Max(v), a.least)
	}
	fmt.Fprintf(&b, "\n| limit of the machine | median |\n|---|---|\n")
	var names []string
	for _, l := range f.limits {
		if slices.Contains(names, l.Limit) {
			continue
		}
		names = append(names, l.Limit)
		var v []float64
		for _, o := range f.limits {
			if o.Limit == l.Limit {
				v = append(v, o.Value)
			}
		}
		fmt.Fprintf(&b, "| %s | %.4g %s |\n", l.Limit, median(v), l.Unit)
	}
	return b.String()
}
