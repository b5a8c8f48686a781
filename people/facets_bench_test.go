package people

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/kopilka/kopilka"
)

// BenchmarkFacets puts members with a store, a source and two attributes, and tells
// what one costs to hold and to be asked about.
func BenchmarkFacets(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	var profiles [1000]Profile
	for i := range profiles {
		profiles[i] = Profile{Sex: "f", BirthDate: "1990-03-02", Store: fmt.Sprint("S", i%48), Source: fmt.Sprint("radio", i%5),
			Attributes: map[string]any{"size": json.Number(fmt.Sprint(i % 20)), "city": fmt.Sprint("city ", i)}}
	}
	fill := func() *Facets {
		x := NewFacets()
		for m := range n {
			x.Put(kopilka.MemberNo(m), &profiles[m%len(profiles)])
		}
		return x
	}
	b.Run("put", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := fill()
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := float64(int64(after.HeapAlloc)-int64(before.HeapAlloc)) / float64(n)
		m := 0
		for b.Loop() {
			x.Put(kopilka.MemberNo(m%n), &profiles[m%len(profiles)])
			m++
		}
		b.ReportMetric(held, "B/member")
	})
	b.Run("ask", func(b *testing.B) {
		x := fill()
		to := make([]int64, 1<<16)
		for b.Loop() {
			x.Attribute("size", func(v any) bool { return v == json.Number("3") }, 0, to)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(to)), "ns/member")
	})
}
