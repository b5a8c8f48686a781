package people

import "testing"

func BenchmarkSeal(b *testing.B) {
	v := newHouse(b).open(b)
	p := full()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := v.Seal(0, p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSealAll(b *testing.B) {
	v := newHouse(b).open(b)
	ps := make([]*Profile, 1000)
	for i := range ps {
		ps[i] = full()
	}
	for b.Loop() {
		if _, _, err := v.SealAll(ps); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(ps))/b.Elapsed().Seconds(), "seals/s")
}

func BenchmarkOpen(b *testing.B) {
	v := newHouse(b).open(b)
	slot, sealed := sealOne(b, v, 0, full())
	for b.Loop() {
		if _, err := v.Open(slot, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	v := h.open(b)
	const slots = 100_000
	if _, _, err := v.SealAll(make([]*Profile, slots)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if keys, err := Verify(h.dir, h.master, slots); keys != slots || err != nil {
			b.Fatalf("got %d keys, %v", keys, err)
		}
	}
	b.ReportMetric(float64(b.N)*slots/b.Elapsed().Seconds(), "keys/s")
}
