package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kopilka/kopilka/bench/server"
)

// binaryOf builds the server from this checkout.
func binaryOf(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the server")
	}
	file := filepath.Join(t.TempDir(), "kopilka")
	if out, err := exec.Command("go", "build", "-o", file, "github.com/kopilka/kopilka/cmd/kopilka").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	return file
}

func smallOptions(binary string) *options {
	return &options{serve: binary, mix: "accrual", rate: 500, conns: 8, batch: 1, duration: time.Second, warmup: 200 * time.Millisecond,
		timeout: 10 * time.Second, members: 300, sample: 20, seed: 1, prefix: "t-", rounds: 1}
}

// TestLoad runs every mix through a server of its own, books and verify included.
func TestLoad(t *testing.T) {
	binary := binaryOf(t)
	f := func(name string, change func(*options)) {
		t.Helper()
		o := smallOptions(binary)
		change(o)
		if err := load(o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	f("accrual", func(o *options) {})
	f("receipt, by chance", func(o *options) { o.mix, o.poisson = "receipt", true })
	f("shop", func(o *options) { o.mix = "shop" })
	f("shop in batches", func(o *options) { o.mix, o.batch, o.rate = "shop", 50, 2000 })
	f("closed", func(o *options) { o.closed = true })
}

// TestUnknownOutcomes puts a line between the tills and the server that breaks
// now and then in the middle of an answer, and expects books that are equal to
// what the tills were told once they have asked again.
func TestUnknownOutcomes(t *testing.T) {
	o := smallOptions(binaryOf(t))
	s, err := server.Start(o.serve, o.data)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	line := newLine(t, strings.TrimPrefix(s.URL, "http://"))
	o.url, o.key, o.mix, o.rate = "http://"+line.addr, s.Key, "shop", 1000
	b, err := openBooks(o)
	if err != nil {
		t.Fatal(err)
	}
	line.breaks.Store(true)
	rep, err := b.measure(o.warmup, o.duration)
	line.breaks.Store(false)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.check(rep); err != nil {
		t.Fatal(err)
	}
	if rep.Unknown < 10 {
		t.Fatalf("only %d outcomes were unknown: %v", rep.Unknown, rep.Failures)
	}

	// Books that were told of one point too many are found out.
	b.told.sums.earned++
	if err := b.check(rep); err == nil || !strings.Contains(err.Error(), "earned: the books have") {
		t.Fatalf("a point too many: got %v", err)
	}
}

// brokenLine passes connections on to a server, and while breaks is set cuts
// each after some answers.
type brokenLine struct {
	addr   string
	breaks atomic.Bool
}

func newLine(t *testing.T, to string) *brokenLine {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &brokenLine{addr: l.Addr().String()}
	var open sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	open.Go(func() {
		for n := uint64(0); ; n++ {
			near, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			open.Go(func() { b.pass(near, to, n) })
		}
	})
	return b
}

func (b *brokenLine) pass(near net.Conn, to string, seed uint64) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		io.Copy(far, near)
		far.Close()
	}()
	rnd := rand.New(rand.NewPCG(seed, 1))
	buf := make([]byte, 64<<10)
	for {
		n, err := far.Read(buf)
		if err != nil {
			return
		}
		if b.breaks.Load() && rnd.IntN(15) == 0 {
			near.Write(buf[:rnd.IntN(n)])
			return
		}
		if _, err := near.Write(buf[:n]); err != nil {
			return
		}
	}
}
