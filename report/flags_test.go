package report

import (
	"strconv"
	"testing"

	"github.com/kopilka/kopilka"
)

// TestTenCards: of the members who earn twice and more at a cashier, the ten who
// earn most often are shown, and no more.
func TestTenCards(t *testing.T) {
	set := &Setting{To: 10, Member: func(m kopilka.MemberNo) (string, string) { return "m", strconv.Itoa(int(m)) }}
	f := Flags(set)
	for m := range kopilka.MemberNo(14) {
		for range m {
			c := &kopilka.Receipt{Deed: kopilka.Deed{Cashier: "ann"}, Amount: 100}
			f.Add(&Record{Command: c, Outcome: &kopilka.Outcome{Member: m, Earned: 1}})
		}
	}
	v, err := f.Report()
	if err != nil {
		t.Fatal(err)
	}
	rows := v.Tables[1].Rows
	if len(rows) != 10 || rows[0].Values[0] != 13 || rows[9].Values[0] != 4 {
		t.Fatalf("%d cards: %v", len(rows), rows)
	}
}
