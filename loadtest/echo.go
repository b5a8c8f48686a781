package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka/bench/wire"
	"github.com/kopilka/kopilka/bench/workload"
	"github.com/valyala/fasthttp"
)

// ratio drives the closed loop by turns against the server and a bare echo.
// The report is of the server's last round, with all rounds' ratios.
func (b *books) ratio() (*report, error) {
	answer, err := b.typicalAnswer()
	if err != nil {
		return nil, err
	}
	e, err := startEcho(answer)
	if err != nil {
		return nil, err
	}
	defer e.stop()
	var rep *report
	var rounds []round
	for i := range b.o.rounds {
		var r round
		server := func() error {
			r.First = cmp.Or(r.First, "server")
			if rep, err = b.measure(b.o.warmup, b.o.duration); err != nil {
				return err
			}
			r.Server, err = rep.onlyTaken("server")
			return err
		}
		bare := func() error {
			r.First = cmp.Or(r.First, "echo")
			t, p := b.o.drive(e.addr, b.till.Key, b.runs, true, b.o.warmup, b.o.duration)
			b.runs++
			r.Echo, err = newReport(b.o, t, p).onlyTaken("echo")
			return err
		}
		turns := []func() error{server, bare}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return nil, fmt.Errorf("round %d: %w", i+1, err)
			}
		}
		r.Ratio = r.Server / r.Echo
		rounds = append(rounds, r)
	}
	rep.EchoRounds = rounds
	var all []float64
	for _, r := range rounds {
		all = append(all, r.Ratio)
	}
	slices.Sort(all)
	rep.Ratio = &ratio{Median: (all[(len(all)-1)/2] + all[len(all)/2]) / 2, Min: all[0], Max: all[len(all)-1]}
	return rep, nil
}

// onlyTaken gives the requests a second, and fails when any answer was not 2xx:
// a no costs less than a yes, so rates that hold some cannot be compared.
func (r *report) onlyTaken(who string) (perSecond float64, err error) {
	if err := r.answered(); err != nil {
		return 0, fmt.Errorf("%s: %w", who, err)
	}
	if len(r.Refusals)+len(r.Failures) > 0 {
		return 0, fmt.Errorf("%s: not all answers were 2xx, so there is nothing to compare: refused %v, failed %v", who, r.Refusals, r.Failures)
	}
	return float64(r.Requests) / r.Seconds, nil
}

// typicalAnswer sends one request of the load and gives the server's answer to it.
func (b *books) typicalAnswer() ([]byte, error) {
	c := &connection{tally: newTally(b.o), wire: wire.New(b.addr, b.till.Key, b.o.timeout), batch: b.o.batch}
	defer c.wire.Close()
	s := &street{o: b.o, run: b.runs}
	defer s.close()
	c.source = s
	if b.o.mix != "shop" {
		c.source = newTill(b.o, shopOf(b.o), b.runs, 0)
	}
	b.runs++
	answer, err := c.ask()
	b.told.add(c.tally)
	return answer, err
}

// ask sends one request and gives the body of the answer.
func (c *connection) ask() ([]byte, error) {
	method, path, contentType := "POST", "/v1/batch", ndjsonType
	for range max(1, c.batch) {
		c.events = append(c.events, c.source.next())
	}
	if c.batch <= 1 {
		for c.events[0].Op == workload.Return || c.events[0].Op == workload.Member {
			c.events[0] = c.source.next()
		}
		method, path = c.events[0].Path()
		contentType = jsonType
		c.body = c.events[0].AppendBody(c.body)
	} else {
		for _, e := range c.events {
			c.body = append(e.AppendLine(c.body), '\n')
		}
	}
	r, err := c.wire.Send(method, path, contentType, c.body)
	if err != nil {
		return nil, err
	}
	answer := slices.Clone(r.Body)
	c.take(r)
	if !success(r.Status) {
		return nil, fmt.Errorf("%s %s: %d %.300s", method, path, r.Status, answer)
	}
	return answer, nil
}

// echo is a bare fasthttp server in a process of its own, so that it shares the
// machine with this one as Kopilka does.
type echo struct {
	addr string
	cmd  *exec.Cmd
}

func startEcho(answer []byte) (*echo, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "--echo-server")
	cmd.Stdin = strings.NewReader(string(answer))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("echo: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("echo: no address: %w", err), cmd.Wait())
	}
	return &echo{addr: strings.TrimSpace(line), cmd: cmd}, nil
}

func (e *echo) stop() {
	e.cmd.Process.Kill()
	e.cmd.Wait()
}

// echoServer answers every request with what stands on in, and says on out
// where it listens.
func echoServer(in io.Reader, out io.Writer) error {
	answer, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	s := fasthttp.Server{
		MaxRequestBodySize: 64 << 20,
		ReadTimeout:        time.Minute,
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetStatusCode(201)
			ctx.SetContentType(jsonType)
			ctx.SetBody(answer)
		},
	}
	return s.Serve(l)
}
