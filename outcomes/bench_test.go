package outcomes

import (
	"flag"
	"testing"

	"github.com/kopilka/kopilka"
)

var benchKeys = flag.Int("keys", 1<<20, "keys on disk in the benchmarks of Find")

// seal is one generation of the books: 2^18 keys.
const seal = 1 << 18

func benchKey(seq kopilka.Seq) uint64 {
	x := uint64(seq) * 0x9e3779b97f4a7c15
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

func benchRuns(b *testing.B) *Runs {
	s := mustOpen(b, b.TempDir())
	pairs := make([]Pair, seal)
	for i := range kopilka.Seq(*benchKeys / seal) {
		for j := range pairs {
			seq := i*seal + kopilka.Seq(j) + 1
			pairs[j] = Pair{benchKey(seq), seq}
		}
		if err := s.Seal(i*seal+1, i*seal+seal, kopilka.Digest{}, pairs); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkFind looks up ids that are on disk and ids that are not: for ten
// million, go test ./outcomes -run xxx -bench Find -args -keys 10000000
func BenchmarkFind(b *testing.B) {
	s := benchRuns(b)
	settle(b, s)
	n := uint64(s.Covered())
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		x := n
		for b.Loop() {
			x++
			if err := s.Find(benchKey(kopilka.Seq(x)), func(kopilka.Seq) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		x := uint64(1)
		for b.Loop() {
			x = x*6364136223846793005 + 1442695040888963407
			want := kopilka.Seq(x>>20)%kopilka.Seq(n) + 1
			got := kopilka.Seq(0)
			if err := s.Find(benchKey(want), func(seq kopilka.Seq) bool { got = seq; return false }); err != nil || got != want {
				b.Fatalf("position %d: found %d, %v", want, got, err)
			}
		}
	})
}

// BenchmarkSeal seals generations and merges them behind.
func BenchmarkSeal(b *testing.B) {
	s := mustOpen(b, b.TempDir())
	pairs := make([]Pair, seal)
	var next kopilka.Seq = 1
	for b.Loop() {
		for j := range pairs {
			pairs[j] = Pair{benchKey(next + kopilka.Seq(j)), next + kopilka.Seq(j)}
		}
		if err := s.Seal(next, next+seal-1, kopilka.Digest{}, pairs); err != nil {
			b.Fatal(err)
		}
		next += seal
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(next), "ns/key")
}
