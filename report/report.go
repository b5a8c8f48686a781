package report

import (
	"math"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Record is a command of the log with what was decided. It is good until the
// fold has seen it.
type Record struct {
	Seq     kopilka.Seq
	Command kopilka.Command
	Outcome *kopilka.Outcome // of zero Time when the command was refused, and for ticks
}

// Version is a program with the instant from which it was in force.
type Version struct {
	Time    kopilka.Time
	Program *program.Program
}

// Term is a name of the program behind its number in the books.
type Term struct{ ID string }

// Setting is what a fold has to know beside the records.
type Setting struct {
	From, To kopilka.Day // both are part of the period
	Calendar kopilka.Calendar
	Versions []Version // the oldest first; at least one
	// Terms are the names of the program by their numbers, from 1.
	Terms []Term
	// Aliases has those who are part of another member.
	Aliases map[kopilka.MemberNo]kopilka.MemberNo
	// Look reads a record of the log back: the sale that a return or a rating is of.
	// It is good until the next is read.
	Look func(kopilka.Seq) (Record, error)
	// Member gives the outward id and the card of a member.
	Member func(kopilka.MemberNo) (id, card string)
}

// In tells whether a business day is part of the period.
func (s *Setting) In(d kopilka.Day) bool { return s.From <= d && d <= s.To }

// recorded is the business day on which a command came into the log.
func (s *Setting) recorded(r *Record) kopilka.Day { return s.Calendar.DayOf(r.Outcome.Time) }

// into is the member that m is part of now, or m itself.
func (s *Setting) into(m kopilka.MemberNo) kopilka.MemberNo {
	if len(s.Aliases) == 0 {
		return m
	}
	for {
		up, merged := s.Aliases[m]
		if !merged {
			return m
		}
		m = up
	}
}

// version is the number of the program that was in force at t, counted from 1:
// what happened before the first falls under the first. What a command was decided
// by its outcome tells: a program may have come at the same instant behind it.
func (s *Setting) version(t kopilka.Time) int {
	for v := len(s.Versions); v > 1; v-- {
		if s.Versions[v-1].Time <= t {
			return v
		}
	}
	return 1
}

// program is the rules of a version.
func (s *Setting) program(version int) *program.Program { return s.Versions[version-1].Program }

// Fold makes a report of records.
type Fold interface {
	// Reads says from which business day on the fold wants records, and of which
	// kinds; of the days before it wants those of before only.
	Reads() (since kopilka.Day, before, kinds kopilka.Kinds)
	// Add takes the next record. Refused commands are passed over.
	Add(*Record)
	// Report gives the figures. It is called once, after the last record.
	Report() (Report, error)
}

// Report is figures, and tables of figures.
type Report struct {
	Figures []Figure
	Tables  []Table
}

// Figure is a number with its name.
type Figure struct {
	Name  string
	Value int64 // or None
}

// None is the value of a figure that cannot be told, such as the average of nothing.
const None = math.MinInt64

// Table is rows of the same figures.
type Table struct {
	Name    string
	Keys    []string // names of the words that tell rows apart
	Columns []string // names of the figures
	Rows    []Row
}

// Row is a row of a table.
type Row struct {
	Keys   []string
	Values []int64 // or None
}

func (r *Report) figure(name string, value int64) {
	r.Figures = append(r.Figures, Figure{name, value})
}

// names gives words numbers in the order in which they come, from 0.
type names struct {
	numbers map[string]int
	words   []string
}

// number gives the number of a word. Words of records alias the log, so a new one
// is copied.
func (n *names) number(word string) int {
	if at, ok := n.numbers[word]; ok {
		return at
	}
	if n.numbers == nil {
		n.numbers = map[string]int{}
	}
	word = strings.Clone(word)
	n.numbers[word] = len(n.words)
	n.words = append(n.words, word)
	return len(n.words) - 1
}

// key is the words that tell the rows of a table apart, one or two of them.
type key [2]string

// tally is sums by keys: the rows of a table that is to be.
type tally[T any] struct {
	numbers map[key]int
	keys    []key
	sums    []T
}

// of gives the sums of a key.
func (t *tally[T]) of(words ...string) *T {
	var k key
	copy(k[:], words)
	at, ok := t.numbers[k]
	if !ok {
		if t.numbers == nil {
			t.numbers = map[key]int{}
		}
		for i := range k {
			k[i] = strings.Clone(k[i]) // it may alias the log
		}
		at = len(t.keys)
		t.numbers[k] = at
		t.keys = append(t.keys, k)
		var none T
		t.sums = append(t.sums, none)
	}
	return &t.sums[at]
}

// sorted goes over the keys in their order.
func (t *tally[T]) sorted(f func(k key, sums *T)) {
	order := make([]int, len(t.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(t.keys[a][:], t.keys[b][:]) })
	for _, i := range order {
		f(t.keys[i], &t.sums[i])
	}
}

// table lays the sums out, in order of their keys.
func (t *tally[T]) table(name string, keys, columns []string, row func(*T) []int64) Table {
	table := Table{Name: name, Keys: keys, Columns: columns}
	t.sorted(func(k key, sums *T) {
		table.Rows = append(table.Rows, Row{slices.Clone(k[:len(keys)]), row(sums)})
	})
	return table
}

// members is a set of members.
type members struct {
	bits []uint64
	n    int64
}

// add puts a member into the set.
func (s *members) add(m kopilka.MemberNo) {
	if at := int(m / 64); at >= len(s.bits) {
		s.bits = append(s.bits, make([]uint64, at+1-len(s.bits)+len(s.bits)/2)...)
	}
	if !s.has(m) {
		s.bits[m/64] |= 1 << (m % 64)
		s.n++
	}
}

func (s *members) has(m kopilka.MemberNo) bool {
	at := int(m / 64)
	return at < len(s.bits) && s.bits[at]&(1<<(m%64)) != 0
}

// ratio is part × unit / whole without its remainder; none of a whole that is not
// above zero.
func ratio(part, whole, unit int64) int64 {
	switch {
	case whole <= 0:
		return None
	case part < 0:
		return -ratio(-part, whole, unit)
	}
	return part/whole*unit + kopilka.PartFloor(unit, part%whole, whole)
}

// shares is every part's share of the whole in basis points: they add up to
// 10 000, the largest remainders rounded up, or to 0 when nothing is there. A part
// below zero, as of a source whose members returned more than they bought, has
// none.
func shares(parts []int64) []int64 {
	out := make([]int64, len(parts))
	weights := make([]int64, len(parts))
	all := int64(0)
	for i, n := range parts {
		weights[i] = max(n, 0)
		all += weights[i]
	}
	if all > 0 {
		kopilka.Split(int64(kopilka.BPWhole), weights, out)
	}
	return out
}
