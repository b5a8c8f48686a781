package report

import (
	"errors"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// TestLater: what waits is told by its sale, sorted within a round and never more than
// laterMax of it; a sale that several wait for is looked up once.
func TestLater(t *testing.T) {
	defer func(max int) { laterMax = max }(laterMax)
	laterMax = 4
	var looked []kopilka.Seq
	var told [][2]int
	set := &Setting{Look: func(seq kopilka.Seq) (Record, error) {
		looked = append(looked, seq)
		return Record{Seq: seq}, nil
	}}
	l := later[int]{set: set, tell: func(sale *Record, what int) { told = append(told, [2]int{int(sale.Seq), what}) }}
	for i, sale := range []kopilka.Seq{7, 5, 7, 6, 9, 5} {
		if l.add(sale, i); len(l.wait) >= laterMax {
			t.Fatalf("%d wait", len(l.wait))
		}
	}
	if len(told) != 4 {
		t.Fatalf("told %v before the end", told)
	}
	if err := l.look(); err != nil {
		t.Fatal(err)
	}
	if want := []kopilka.Seq{5, 6, 7, 5, 9}; !slices.Equal(looked, want) {
		t.Errorf("looked up %v; want %v", looked, want)
	}
	if want := [][2]int{{5, 1}, {6, 3}, {7, 0}, {7, 2}, {5, 5}, {9, 4}}; !slices.Equal(told, want) {
		t.Errorf("told %v; want %v", told, want)
	}
}

// TestLaterFails: after a look-up that failed nothing more is looked up, and the report
// fails with it, wherever it was.
func TestLaterFails(t *testing.T) {
	defer func(max int) { laterMax = max }(laterMax)
	laterMax = 2
	gone := errors.New("gone")
	for name, begin := range map[string]func(*Setting) Fold{"staff": Staff, "stores": Stores, "sources": Sources, "categories": Categories} {
		y := newYear(3)
		set, looks := y.set, 0
		set.From, set.To = y.today-60, y.today
		set.Look = func(kopilka.Seq) (Record, error) { looks++; return Record{}, gone }
		f := begin(&set)
		for _, r := range y.records {
			one := y.by[r.seq]
			f.Add(&one)
		}
		if looks != 1 {
			t.Fatalf("%s: %d look-ups; want one, and before the end", name, looks)
		}
		if _, err := f.Report(); !errors.Is(err, gone) || looks != 1 {
			t.Fatalf("%s: %v after %d look-ups", name, err, looks)
		}
	}
}

// TestBuyersArePacked: buyers of a category take two bytes each while they are few, and
// no more than a bit for everybody when they are many, whatever they buy.
func TestBuyersArePacked(t *testing.T) {
	const everybody = 1 << 17
	set := Setting{To: 9}
	f := Categories(&set).(*categoriesFold)
	buy := func(name string, m kopilka.MemberNo) {
		c := &kopilka.Receipt{Deed: kopilka.Deed{Member: m}, Amount: 1, Lines: []kopilka.Line{{Category: name, Amount: 1}}}
		f.Add(&Record{kopilka.Seq(m + 1), c, &kopilka.Outcome{Member: m}})
	}
	for m := range kopilka.MemberNo(everybody) {
		for range 3 {
			buy("bread", m)
		}
		if m%100 == 0 {
			buy("shoes", m)
		}
	}
	for name, max := range map[string]uint64{"bread": everybody / 8, "shoes": everybody / 100 * 2} {
		x := f.of(name)
		if size := x.buyers.GetSizeInBytes(); size > max+64 {
			t.Errorf("%s: %d buyers take %d bytes; want at most %d", name, x.buyers.GetCardinality(), size, max)
		}
	}
}
