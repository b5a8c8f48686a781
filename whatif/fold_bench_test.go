package whatif

import (
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
)

// BenchmarkFold folds a random log again: an op is a record, decoded and applied to
// the simulated books.
func BenchmarkFold(b *testing.B) {
	x, other := begin(b, 1, parse(b, usual), newYear), parse(b, strings.Replace(usual, "earn_bp: 500", "earn_bp: 700", 1))
	for len(x.log) < 20_000 {
		x.step()
	}
	q := Question{Program: other, From: newYear, Actual: Stand(x.s)}
	x.each(func(r *Record) error { q.Later.Add(r); return nil })
	b.ReportAllocs()
	var d kopilka.Decoder
	var f *Fold
	for n := 0; b.Loop(); n++ {
		k := &x.log[n%len(x.log)]
		if n%len(x.log) == 0 {
			f = New(q)
		}
		c, _, err := d.Next(k.body)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Apply(&Record{Seq: k.seq, Time: k.time, Command: c, Outcome: &k.outcome}); err != nil {
			b.Fatal(err)
		}
	}
}
