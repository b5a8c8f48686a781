package bench

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// BenchmarkTick: a business day passes for everybody. It runs on books of its
// own, since it wears them out: after decades nobody is anywhere but lost. The
// figure is the mean over two years of days, opened anew as often as needed.
func BenchmarkTick(b *testing.B) {
	var s *books
	var last kopilka.Day
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		if i%730 == 0 {
			b.StopTimer()
			s = openBooks(members)
			last = today
			b.StartTimer()
		}
		last++
		s.do(&kopilka.Tick{Day: last})
	}
}
