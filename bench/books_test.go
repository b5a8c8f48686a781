package bench

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/workload"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// members is how many there are in the books that are measured.
var members = func() int {
	v := os.Getenv("KOPILKA_BENCH_MEMBERS")
	if v == "" {
		return 20_000
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1000 || n > 100_000_000 {
		panic("KOPILKA_BENCH_MEMBERS=" + v + ": must be a number from 1000 to 100000000")
	}
	return n
}()

// today is the day that the books are at.
var today = kopilka.DayOfDate(2026, time.November, 20)

// now is noon of today where the shops are.
var now = kopilka.Calendar{Zone: workload.Zone}.Start(today) + 12*60*60*1000

// books are the state that is measured, with what is needed to go on: every
// member has a card and bought something in the last 400 days.
type books struct {
	*engine.State
	shop workload.Shop
	out  kopilka.Outcome
	ids  int
	x    uint64
}

// opened is made once for all benchmarks that change it little.
var opened = sync.OnceValue(func() *books {
	start := time.Now()
	b := openBooks(members)
	// Key and value, as benchfmt has it: benchstat carries them along.
	fmt.Printf("members: %d\nstate: %x\nfill: %s\n", members, b.Hash(), time.Since(start).Round(time.Millisecond))
	return b
})

func openBooks(n int) *books {
	b := &books{State: engine.New(), shop: workload.Shop{Seed: 1, Stores: 40}, x: 1}
	b.do(&kopilka.Genesis{Secret: [16]byte{1, 2, 3}, Day: today})
	p, err := program.Parse(program.Builtin())
	if err != nil {
		panic(err)
	}
	b.do(&kopilka.SetProgram{Document: p.Document()})
	var m kopilka.PutMember
	var r kopilka.Receipt
	for i := range n {
		day := today - kopilka.Day(b.draw(400))
		m = kopilka.PutMember{Card: b.shop.Card(i), Registered: day, Referrer: b.referrer(i), PhoneTag: uint64(i)*0x9e3779b97f4a7c15 + 1}
		b.do(&m)
		r = kopilka.Receipt{Amount: kopilka.Money(100 + b.draw(20_000_000))}
		r.Member, r.NamedBy, r.Day, r.At = kopilka.MemberNo(i), kopilka.ByCard, day, now-kopilka.Time(today-day)*86_400_000
		b.do(&r)
	}
	return b
}

// do applies a command that cannot be refused.
func (b *books) do(c kopilka.Command) {
	b.Apply(now, c, &b.out)
	if b.out.Refusal != kopilka.Accepted {
		panic(fmt.Sprintf("bench: position %d: %s: %s", b.Seq(), c.Kind(), b.out.Refusal))
	}
}

// draw gives a number below n: PCG's multiplier, quick and the same always.
func (b *books) draw(n int) int {
	b.x = b.x*6364136223846793005 + 1442695040888963407
	return int(b.x >> 33 % uint64(n))
}

// spentIDs is a round of ids that is longer than the books' own memory of
// them, so that an id that comes again is taken for new, and no string has to be
// made while the clock runs.
var spentIDs = sync.OnceValue(func() []string {
	ids := make([]string, 1<<19)
	for i := range ids {
		ids[i] = "till-7-" + strconv.Itoa(i)
	}
	return ids
})

// head is that of a command which was looked up a moment ago.
func (b *books) head(ids []string) kopilka.Head {
	b.ids++
	return kopilka.Head{ID: ids[b.ids%len(ids)], Content: uint64(b.ids), Looked: b.Seq(), By: "till7"}
}

// referrer is who invited member i: members of odd numbers invite each other, so
// that most of them have three circles above them, and the others come by themselves.
func (b *books) referrer(i int) kopilka.MemberNo {
	if i%2 == 0 || i == 1 {
		return kopilka.NoMember
	}
	return kopilka.MemberNo(b.draw(i/2)*2 + 1)
}

// deed is of a member anywhere in the books whom nobody invited.
func (b *books) deed() kopilka.Deed { return b.deedOf(b.draw(members/2) * 2) }

func (b *books) deedOf(m int) kopilka.Deed {
	return kopilka.Deed{Member: kopilka.MemberNo(m), NamedBy: kopilka.ByCard, At: now, Day: today,
		Store: "S07", Till: "T2", Cashier: "C31"}
}

// twinTime is how long a twin runs to be timed.
const twinTime = 200 * time.Millisecond

// beside times the twin, doing one operation a call, and reports how many times
// the benchmark's own time fits into its.
func beside(b *testing.B, twin func()) {
	b.StopTimer()
	ours := float64(b.Elapsed()) / float64(b.N)
	n, start := 0, time.Now()
	for step := 1; n == 0 || time.Since(start) < twinTime; step *= 2 { // the clock is looked at ever more seldom
		for range step {
			twin()
		}
		n += step
	}
	twins := float64(time.Since(start)) / float64(n)
	b.ReportMetric(twins, "twin-ns/op")
	b.ReportMetric(twins/ours, "twin/ours")
	b.StartTimer()
}

// TestBooks proves the books that are measured: filled twice they are equal,
// and they balance.
func TestBooks(t *testing.T) {
	a, b := openBooks(3000), openBooks(3000)
	if a.Hash() != b.Hash() {
		t.Fatalf("the same commands gave states %x and %x", a.Hash(), b.Hash())
	}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	sums := map[int64]int{}
	for s, c := range a.Index().Counts() {
		sums[c.Members] = s
		if n := countBySegment(a.State, uint8(s)); n != c.Members {
			t.Fatalf("segment %d: %d members, a walk over all finds %d", s, c.Members, n)
		}
	}
	if len(sums) < 4 {
		t.Fatalf("the books are too much alike: %v", sums)
	}
}

func countBySegment(s *engine.State, segment uint8) (n int64) {
	for m := range s.Members() {
		if s.Index().Segment(kopilka.MemberNo(m)) == segment {
			n++
		}
	}
	return n
}
