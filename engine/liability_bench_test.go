package engine

import "testing"

// BenchmarkLiability adds up what is owed to all members: tills wait as long as one
// operation takes. KOPILKA_BENCH_MEMBERS=1000000 has the figure of docs/operating.md.
func BenchmarkLiability(b *testing.B) {
	x := benchBooks()
	var owed Liability
	for b.Loop() {
		owed = x.s.Liability(x.now)
	}
	if owed.Balance == 0 {
		b.Fatal("nothing is owed")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(x.s.Members()), "ns/member")
	b.ReportMetric(float64(x.s.Members()), "members")
}
