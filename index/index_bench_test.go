package index

import (
	"fmt"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// crowd is a shop of many members who bought some times each in the last 400
// days, entered in the order of days, as live traffic is.
func crowd(b *testing.B, members, each int, r program.RFM) *Index {
	b.Helper()
	x := New()
	x.Start(400)
	for m := range members {
		x.Enrol(kopilka.MemberNo(m), kopilka.Day(m%400))
	}
	s := uint64(1)
	for i := range members * each {
		s = s*6364136223846793005 + 1442695040888963407
		m := kopilka.MemberNo(s >> 33 % uint64(members))
		x.Purchase(m, kopilka.Day(1+i*400/(members*each)), 1, kopilka.Money(s>>20%3_000_000))
	}
	x.SetRule(&r, r.WindowDays)
	return x
}

func members(b *testing.B) int {
	if testing.Short() {
		return 100_000
	}
	return 10_000_000
}

func quintileRule() program.RFM {
	r := defaultRule()
	r.R, r.F, r.M = program.Axis{Quintiles: true}, program.Axis{Quintiles: true}, program.Axis{Quintiles: true}
	return r
}

func BenchmarkPurchase(b *testing.B) {
	n := members(b)
	x := crowd(b, n, 2, defaultRule())
	b.ReportAllocs()
	s := uint64(1)
	for b.Loop() {
		s = s*6364136223846793005 + 1442695040888963407
		x.Purchase(kopilka.MemberNo(s>>33%uint64(n)), x.Day(), 1, kopilka.Money(s>>20%3_000_000))
	}
}

func BenchmarkCounts(b *testing.B) {
	x := crowd(b, members(b), 2, defaultRule())
	b.ReportAllocs()
	for b.Loop() {
		x.Counts()
	}
}

// BenchmarkTick is a day on which members × 2 / 400 purchases leave the window,
// and as many members or fewer cross each boundary of R.
func BenchmarkTick(b *testing.B) {
	x := crowd(b, members(b), 2, defaultRule())
	for b.Loop() {
		if x.Day() == 760 {
			b.StopTimer()
			x = crowd(b, members(b), 2, defaultRule())
			b.StartTimer()
		}
		x.Tick(nil)
	}
}

func BenchmarkTable(b *testing.B) {
	x := crowd(b, members(b), 2, defaultRule())
	b.Run("AsOf today", func(b *testing.B) {
		for b.Loop() {
			x.AsOf(x.Day())
		}
	})
	b.Run("AsOf yesterday", func(b *testing.B) {
		for b.Loop() {
			x.AsOf(x.Day() - 1)
		}
	})
	h := x.AsOf(x.Day() - 1)
	b.Run("fold", func(b *testing.B) {
		for b.Loop() {
			h.Table()
		}
	})
	b.Run("Bits", func(b *testing.B) {
		for b.Loop() {
			x.Bits(1)
		}
	})
}

func BenchmarkSetRule(b *testing.B) {
	x := crowd(b, members(b), 2, defaultRule())
	r := defaultRule()
	for b.Loop() {
		r.M.Thresholds[0] ^= 1
		x.SetRule(&r, r.WindowDays)
	}
}

func BenchmarkQuintiles(b *testing.B) {
	n := members(b)
	x := crowd(b, n, 2, quintileRule())
	s := uint64(1)
	next := func() kopilka.MemberNo {
		s = s*6364136223846793005 + 1442695040888963407
		return kopilka.MemberNo(s >> 33 % uint64(n))
	}
	b.Run("Standing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Standing(next())
		}
	})
	b.Run("Purchase", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Purchase(next(), x.Day(), 1, kopilka.Money(s>>20%3_000_000))
		}
	})
	b.Run("Boundaries", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Boundaries()
		}
	})
	b.Run("Summary", func(b *testing.B) {
		for b.Loop() {
			x.Summary()
		}
	})
}

// BenchmarkSums adds up the last 30 days, and all time.
func BenchmarkSums(b *testing.B) {
	x := crowd(b, members(b), 10, defaultRule())
	h := x.AsOf(x.Day())
	for _, p := range []Period{{x.Day() - 29, x.Day()}, {0, x.Day()}} {
		b.Run(fmt.Sprint(p.Last-p.First+1, " days"), func(b *testing.B) {
			for b.Loop() {
				h.Sums([]Period{p})
			}
		})
	}
}
