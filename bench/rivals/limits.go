package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"

	"github.com/kopilka/kopilka/bench/wire"
)

// echo is a bare fasthttp server in a process of its own that says the same to
// everybody: what HTTP costs on this machine when nothing is done.
type echo struct {
	addr string
	cmd  *exec.Cmd
}

// echoAnswer is as long as Kopilka's to an accrual.
const echoAnswer = `{"id":"x-1.1.1","seq":1000000,"member_id":"m4wwxndr6cfqcc","earned":500,"balance":50500,"pending":0,"held":0,"debt":0,` +
	`"tier":"silver","segment":"loyal","next_expiry":{"points":50500,"at":"2027-03-02T23:59:59.999+03:00"},"legs":[],"recorded_at":"2026-03-02T12:00:00.000+03:00"}`

func startEcho() (*echo, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	e := &echo{cmd: exec.Command(self, "echo")}
	e.cmd.Stderr = os.Stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		e.cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("echo: no address: %w", err), e.cmd.Wait())
	}
	e.addr = strings.TrimSpace(line)
	return e, nil
}

func (e *echo) name() string   { return "bare fasthttp echo" }
func (e *echo) fill(int) error { return nil }
func (e *echo) session() (session, error) {
	return &register{wire: wire.New(e.addr, echoKey, requestMax)}, nil
}
func (e *echo) stop() error {
	e.cmd.Process.Kill()
	e.cmd.Wait()
	return nil
}

// sums: it keeps nothing.
func (e *echo) sums() (sums, error) { return sums{}, errKeepsNothing }

var errKeepsNothing = errors.New("keeps nothing")

// echoKey makes requests as long as those of a till.
const echoKey = "kpk_bench_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func serveEcho(out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	answer := []byte(echoAnswer)
	s := fasthttp.Server{ReadTimeout: requestMax, Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(201)
		ctx.SetContentType("application/json")
		ctx.SetBody(answer)
	}}
	return s.Serve(l)
}

// limit is a figure of the machine itself.
type limit struct {
	Limit string  `json:"limit"`
	Round int     `json:"round"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// limits measures what is under every contestant: a sync, and memory.
func limits(dir string, each time.Duration) ([]limit, error) {
	f, err := os.CreateTemp(dir, "rival-limit-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	syncs := func(write func(n int64) error) (float64, error) {
		start, n := time.Now(), int64(0)
		for time.Since(start) < each {
			if err := write(n); err != nil {
				return 0, err
			}
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				return 0, err
			}
			n++
		}
		return float64(n) / time.Since(start).Seconds(), nil
	}
	appended, err := syncs(func(int64) error { _, err := f.Write(block); return err })
	if err != nil {
		return nil, err
	}
	const prewritten = 16 << 20
	if _, err := f.WriteAt(make([]byte, prewritten), 0); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	over, err := syncs(func(n int64) error { _, err := f.WriteAt(block, n*4096%prewritten); return err })
	if err != nil {
		return nil, err
	}
	return []limit{
		{"4 KiB appended and synced, one after the other", 0, appended, "a second"},
		{"4 KiB written into a file that is there, and synced", 0, over, "a second"},
		{"memory read and written by a copy on two threads", 0, bandwidth(each), "GiB a second"},
	}, nil
}

// bandwidth copies memory that no cache holds, and counts what is read and what is
// written.
func bandwidth(each time.Duration) float64 {
	const size, threads = 128 << 20, 2
	var copied [threads]int64
	var working sync.WaitGroup
	start := time.Now()
	for i := range threads {
		from, to := make([]byte, size), make([]byte, size)
		working.Go(func() {
			for time.Since(start) < each {
				copied[i] += 2 * int64(copy(to, from))
			}
		})
	}
	working.Wait()
	return float64(copied[0]+copied[1]) / (1 << 30) / time.Since(start).Seconds()
}
