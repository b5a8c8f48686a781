package query

import "testing"

// columns are facts as they are kept: a number a member.
type columns []int64

func (c columns) Members() int { return len(c) }

func (c columns) Present(_ int, to *Bits) {
	for i := range to {
		to[i] = ^uint64(0)
	}
}

func (c columns) Column(_ *Term, block int, among *Bits, to []int64) {
	among.Each(func(i int) { to[i] = c[block*BlockLen+i] })
}

// BenchmarkSelect selects among whole blocks, by one term and by a few.
func BenchmarkSelect(b *testing.B) {
	n := 160 * BlockLen // 10 M members
	if testing.Short() {
		n = 2 * BlockLen
	}
	c := make(columns, n)
	for i := range c {
		c[i] = int64(i*7919) % 100
	}
	for _, text := range []string{"age:30..45", "age:30..45 & balance>=40 & !(recency:41 | frequency:42)"} {
		b.Run(text, func(b *testing.B) {
			e, err := Parse(text, Words{})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				e.Select(c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/member")
		})
	}
}
