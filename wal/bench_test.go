package wal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka"
)

// BenchmarkPropose is one frame from Propose to durable. bare-ns is the same
// bytes written to a file that is there already, and fdatasync: what the disk
// takes whatever the log does. The two alternate, since disks have moods.
func BenchmarkPropose(b *testing.B) {
	for _, count := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("commands=%d", count), func(b *testing.B) {
			d, _ := begin(b, in(b.TempDir()))
			f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Write(make([]byte, 16<<20)); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
			p := newDay(1).proposal(count, 60)
			var log, bare time.Duration
			at := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				began := time.Now()
				propose(b, d, p)
				log += time.Since(began)

				began = time.Now()
				if _, err := f.WriteAt(p.Body, at); err != nil {
					b.Fatal(err)
				}
				if err := unix.Fdatasync(int(f.Fd())); err != nil {
					b.Fatal(err)
				}
				bare += time.Since(began)
				at = (at + int64(len(p.Body))) % (15 << 20)
			}
			b.ReportMetric(float64(log)/float64(b.N), "ns/frame")
			b.ReportMetric(float64(bare)/float64(b.N), "bare-ns")
			b.ReportMetric(float64(log)/float64(bare), "ratio")
			end(b, d)
		})
	}
}

// BenchmarkFill is what a frame costs before the disk sees it.
func BenchmarkFill(b *testing.B) {
	for _, count := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("commands=%d", count), func(b *testing.B) {
			p := newDay(1).proposal(count, 60)
			s, at := new(slot), mark{}
			b.ReportAllocs()
			b.SetBytes(int64(len(p.Body)))
			for b.Loop() {
				s.fill(p, 1, at)
			}
			b.ReportMetric(float64(len(s.packed)), "stored-B")
		})
	}
}

// BenchmarkFrame is a look-up in a live epoch of some tables, and in a sealed one.
func BenchmarkFrame(b *testing.B) {
	for _, kind := range []string{"live", "sealed"} {
		b.Run(kind, func(b *testing.B) {
			o := in(b.TempDir())
			o.SnapshotEvery = 1 << 40
			d, _ := begin(b, o)
			w := newDay(1)
			for range 200 {
				propose(b, d, w.noise(200_000))
			}
			if kind == "sealed" {
				fence(b, d)
				abandon(b, d)
				d, _ = begin(b, o)
			}
			seq := d.seq.Load()
			i := uint64(0)
			for b.Loop() {
				i += 7919
				if _, err := d.Frame(1 + kopilka.Seq(i%seq)); err != nil {
					b.Fatal(err)
				}
			}
			end(b, d)
		})
	}
}
