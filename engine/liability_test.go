package engine

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// TestLiability adds up what every member is shown, lot by lot, in random books.
func TestLiability(t *testing.T) {
	rich := false
	for seed := range uint64(60) {
		s := New()
		x := newTill(seed+1, s)
		queue := x.openers()
		for i := range stepLen {
			if len(queue) == 0 {
				queue = x.next()
			}
			var out kopilka.Outcome
			s.Apply(x.now, queue[0], &out)
			x.took(queue[0], &out)
			queue = queue[1:]
			if i%10 != 0 {
				continue
			}
			got, want, owed := s.Liability(x.now), Liability{}, map[Owed]Owed{}
			for m := range kopilka.MemberNo(s.Members()) {
				v := s.Row(m, x.now)
				want.Balance += v.Balance
				want.Pending += v.Pending
				want.Held += v.Held
				want.Debt += v.Debt
				mine := map[Owed]kopilka.Points{}
				for _, l := range v.Lots {
					mine[Owed{Month: MonthOf(min(l.Expires, s.lastDay(s.accounts.At(int(m))))), Tier: v.Tier}] += l.Points
				}
				for k, points := range mine {
					o := owed[k]
					o.Month, o.Tier = k.Month, k.Tier
					o.Members++
					o.Points += points
					owed[k] = o
				}
			}
			if got.Balance != want.Balance || got.Pending != want.Pending || got.Held != want.Held || got.Debt != want.Debt {
				t.Fatalf("seed %d, position %d: %+v; the members have %+v", seed, s.Seq(), got, want)
			}
			all := kopilka.Points(0)
			for i, o := range got.Owed {
				if owed[Owed{Month: o.Month, Tier: o.Tier}] != o {
					t.Fatalf("seed %d, position %d: %+v; the members have %+v", seed, s.Seq(), o, owed)
				}
				if i > 0 && got.Owed[i-1].Month > o.Month {
					t.Fatalf("seed %d: %s is behind %s", seed, o.Month, got.Owed[i-1].Month)
				}
				delete(owed, Owed{Month: o.Month, Tier: o.Tier})
				all += o.Points
				rich = rich || o.Members > 1
			}
			if len(owed) > 0 || all != want.Balance+want.Pending+want.Held {
				t.Fatalf("seed %d, position %d: %d of %d; left out: %v", seed, s.Seq(), all, want.Balance+want.Pending+want.Held, owed)
			}
		}
	}
	if !rich {
		t.Fatal("no two members ever had points that run out together")
	}
}

func TestMonth(t *testing.T) {
	f := func(day, want string) {
		t.Helper()
		d, err := kopilka.ParseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		if got := MonthOf(d).String(); got != want {
			t.Fatalf("%s is in %s; want %s", day, got, want)
		}
	}
	f("2026-01-01", "2026-01")
	f("2026-12-31", "2026-12")
	f("2028-02-29", "2028-02")
	if MonthOf(kopilka.DayNever).String() != "never" {
		t.Fatal("never")
	}
}
