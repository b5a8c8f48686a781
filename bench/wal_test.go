package bench

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/wal"
)

// deaf is a machine that keeps nothing but its place, so that a frame costs
// what the log costs.
type deaf struct {
	pos    kopilka.Pos
	digest kopilka.Digest
	seq    kopilka.Seq
}

func (d *deaf) Apply(e *kopilka.Entry) {
	d.pos, d.digest, d.seq = e.Pos, e.Digest, e.First+kopilka.Seq(e.Count)-1
}
func (d *deaf) Applied() (kopilka.Pos, kopilka.Digest, kopilka.Seq) { return d.pos, d.digest, d.seq }
func (d *deaf) Snapshot() (wal.Snapshot, error)                     { return nil, fmt.Errorf("bench: no snapshots here") }
func (d *deaf) Restore(io.Reader) error                             { return fmt.Errorf("bench: no snapshots here") }

// BenchmarkFrame: a frame of receipts becomes durable. Twin: the same bytes
// appended to a plain file, with fdatasync. Both lie in the folder of temporary
// files: set TMPDIR to the disk that matters.
func BenchmarkFrame(b *testing.B) {
	for _, count := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("commands=%d", count), func(b *testing.B) { benchmarkFrame(b, count) })
	}
}

func benchmarkFrame(b *testing.B, count int) {
	dir := b.TempDir()
	log, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "log"), Logger: slog.New(slog.DiscardHandler), SnapshotEvery: 1 << 40, EpochMax: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	if err := log.Start(&deaf{}); err != nil {
		b.Fatal(err)
	}
	var body []byte
	c := typical()
	for i := range count {
		c.Member, c.ID = kopilka.MemberNo(i*7919), fmt.Sprintf("S07T2-%07d", i)
		body = kopilka.AppendCommand(body, c)
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := log.Propose(wal.Proposal{Time: now, Count: count, Body: body}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(count), "ns/command")
	if err := log.Fence(); err != nil {
		b.Fatal(err)
	}
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	beside(b, func() {
		if _, err := plain.Write(body); err != nil {
			panic(err)
		}
		if err := syscall.Fdatasync(int(plain.Fd())); err != nil {
			panic(err)
		}
	})
	b.StopTimer()
	if err := plain.Close(); err != nil {
		b.Fatal(err)
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}
