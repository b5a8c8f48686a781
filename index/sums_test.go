package index

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kopilka/kopilka"
)

// sum is what a member bought from one day to another, as far as it is known on a
// day: receipt by receipt.
func (t *twin) sum(m, first, last, day int) (n int32, amount kopilka.Money) {
	in := func(d int) bool { return first <= d && d <= last && d <= day }
	for _, c := range t.receipts {
		if c.member == m && in(c.day) {
			amount += kopilka.Money(c.net)
			if c.net > 0 {
				n++
			}
		}
	}
	for _, c := range t.refunds {
		if c.member == m && in(c.day) {
			amount -= kopilka.Money(c.amount)
		}
	}
	return n, amount
}

// TestSums holds the sums of random periods against the twin's, also when the
// index has gone on since the history was taken.
func TestSums(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 11))
			p := newPair(t, rnd, []int{0, 400}[rnd.IntN(2)])
			p.setRule(randomRule(rnd))
			for range 30 {
				for range 10 {
					p.step()
				}
				day := p.twin.day - rnd.IntN(min(p.twin.day+1, 5))
				history, then, members := p.x.AsOf(kopilka.Day(day)), p.twin.clone(), len(p.twin.registered)
				for range 5 {
					p.step()
				}
				periods := []Period{{0, kopilka.DayNever}}
				for range rnd.IntN(4) {
					first := max(0, then.day-rnd.IntN(30))
					periods = append(periods, Period{kopilka.Day(first), kopilka.Day(first + rnd.IntN(20))})
				}
				for i, s := range history.Sums(periods) {
					if len(s.Receipts) != members || len(s.Amount) != members {
						p.fail("sums of %d and %d members; want %d", len(s.Receipts), len(s.Amount), members)
					}
					for m := range members {
						n, amount := then.sum(m, int(periods[i].First), int(periods[i].Last), day)
						if s.Receipts[m] != n || s.Amount[m] != amount {
							p.fail("member %d in %v as of %d: %d receipts of %d; want %d of %d", m, periods[i], day, s.Receipts[m], s.Amount[m], n, amount)
						}
					}
				}
			}
		})
	}
}

// TestSumsOverChunks has more purchases than a chunk and a block of the log hold, in
// order of days and out of it, so that chunks are left out, and one is not full.
func TestSumsOverChunks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 12))
	x := New()
	x.Start(1000)
	const members = 50
	for m := range kopilka.MemberNo(members) {
		x.Enrol(m, 0)
	}
	periods := []Period{{0, 1000}, {10, 10}, {300, 340}, {995, kopilka.DayNever}, {341, 600}}
	var want [5][members]struct {
		n      int32
		amount kopilka.Money
	}
	const n = 1<<16 + 3*chunkLen + 5
	for i := range n {
		m, day, amount := kopilka.MemberNo(rnd.IntN(members)), kopilka.Day(i*1000/n), kopilka.Money(1+rnd.Int64N(1<<33))
		if i%100 == 0 {
			day = kopilka.Day(rnd.IntN(1001)) // came late
		}
		x.Purchase(m, day, 1, amount)
		for j, p := range periods {
			if p.First <= day && day <= p.Last {
				want[j][m].n++
				want[j][m].amount += amount
			}
		}
	}
	for j, s := range x.AsOf(1000).Sums(periods) {
		for m := range members {
			if s.Receipts[m] != want[j][m].n || s.Amount[m] != want[j][m].amount {
				t.Fatalf("member %d in %v: %d of %d; want %+v", m, periods[j], s.Receipts[m], s.Amount[m], want[j][m])
			}
		}
	}
}
