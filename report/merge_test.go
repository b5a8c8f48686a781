package report

import (
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// TestCreditedAsTheBooksDo: a till found 1 while he was being made part of 2, the
// books credited 2, and later the two were parted again. What was bought stays with 2.
func TestCreditedAsTheBooksDo(t *testing.T) {
	y := newYear(1)
	set := y.set
	set.From, set.To, set.Aliases = 0, y.today, nil
	records := []*Record{
		{1, &kopilka.PutMember{Card: "one", Source: "radio"}, &kopilka.Outcome{Time: 1, Member: 1, Enrolled: true}},
		{2, &kopilka.PutMember{Card: "two", Source: "poster"}, &kopilka.Outcome{Time: 1, Member: 2, Enrolled: true}},
		{3, &kopilka.Merge{From: 1, Into: 2}, &kopilka.Outcome{Time: 1, Member: 2}},
	}
	for seq := range kopilka.Seq(2) {
		c := &kopilka.Receipt{Deed: kopilka.Deed{Member: 1, NamedBy: kopilka.ByCard, Cashier: "ann"}, Amount: 1000}
		records = append(records, &Record{4 + seq, c, &kopilka.Outcome{Time: 1, Program: 1, Member: 2, Earned: 10}})
	}
	records = append(records, &Record{6, &kopilka.Unmerge{From: 1}, &kopilka.Outcome{Time: 1, Member: 1}})
	f := func(fold Fold, table int, want ...string) {
		t.Helper()
		for _, r := range records {
			fold.Add(r)
		}
		v, err := fold.Report()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range v.Tables[table].Rows {
			if slices.Equal(row.Keys, want) && row.Values[len(row.Values)-1] == 2000 {
				return
			}
		}
		t.Fatalf("%v; want 2000 of %q", v.Tables[table].Rows, want)
	}
	f(Flags(&set), 1, "ann", "m2", "2")
	f(Sources(&set), 0, "poster")
}
