package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka/bench/wire"
	"github.com/kopilka/kopilka/bench/workload"
)

// connection sends commands one request after another and keeps its tally.
type connection struct {
	*tally
	wire   *wire.Conn
	source source
	batch  int
	echo   bool // the other side is no Kopilka: its answers are not read
	shown  *shown
	events []*workload.Event
	body   []byte
}

// shown is what all connections together have come to, for whoever watches.
type shown struct{ acked, refused, failed atomic.Int64 }

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
)

// once sends one request, which came at the given time and counts when counts
// says so.
func (c *connection) once(came time.Time, counts bool) {
	n := max(1, c.batch)
	c.events, c.body = c.events[:0], c.body[:0]
	method, path, contentType := "POST", "/v1/batch", ndjsonType
	for range n {
		c.events = append(c.events, c.source.next())
	}
	if n == 1 {
		method, path = c.events[0].Path()
		contentType = jsonType
		c.body = c.events[0].AppendBody(c.body)
	} else {
		for _, e := range c.events {
			c.body = append(e.AppendLine(c.body), '\n')
		}
	}
	r, err := c.wire.Send(method, path, contentType, c.body)
	wait := time.Since(came)
	taken, refused := 0, 0
	if err == nil {
		taken, refused = c.take(r)
	}
	c.shown.acked.Add(int64(taken))
	c.shown.refused.Add(int64(refused))
	c.shown.failed.Add(int64(n - taken - refused))
	if counts && taken > 0 {
		c.requests++
		c.commands += int64(taken)
	}
	// A buyer who waited in vain waited at least so long; leaving him out would
	// make the worst of servers look quick.
	if counts && (taken > 0 || timedOut(err)) {
		c.waits.RecordValue(min(max(wait.Microseconds(), 1), waitMaxUS))
	}
	if err != nil {
		for _, e := range c.events {
			switch {
			case errors.Is(err, wire.ErrNotSent):
				c.failures["not connected"]++
			case timedOut(err):
				c.lost(e, "timed out")
			default:
				c.lost(e, "no answer")
			}
		}
		if errors.Is(err, wire.ErrNotSent) {
			time.Sleep(10 * time.Millisecond) // a server that is away is not asked more often
		}
	}
}

func timedOut(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// take reads what the server said about every command of the request, and tells
// how many of them it took and how many it refused.
func (c *connection) take(r wire.Reply) (taken, refused int) {
	hear := func(e *workload.Event, status int, replayed bool, fields []byte) {
		switch known := c.answered(e, status, replayed, fields); {
		case !known:
			c.unknown = append(c.unknown, e)
		case success(status):
			taken++
		default:
			refused++
		}
	}
	switch {
	case c.echo && success(r.Status):
		return len(c.events), 0
	case c.batch <= 1:
		hear(c.events[0], r.Status, r.Replayed, r.Body)
		return taken, refused
	case !success(r.Status):
		for _, e := range c.events {
			hear(e, r.Status, false, r.Body)
		}
		return taken, refused
	}
	i := 0
	for line := range bytes.Lines(r.Body) {
		if i == len(c.events) {
			break
		}
		hear(c.events[i], int(intField(line, `"status":`)), bytes.Contains(line, []byte(`"replayed":true`)), line)
		i++
	}
	for ; i < len(c.events); i++ {
		c.lost(c.events[i], "line not answered")
	}
	return taken, refused
}

// drive sends the load to addr for the given times and gives what was told,
// all connections together. run tells apart the ids of several drives.
func (o *options) drive(addr, key string, run int, echo bool, warmup, duration time.Duration) (*tally, pace) {
	shop := shopOf(o)
	s := &street{o: o, run: run}
	defer s.close()
	sh := new(shown)
	conns := make([]*connection, o.conns)
	for i := range conns {
		c := &connection{tally: newTally(o), wire: wire.New(addr, key, o.timeout), source: s,
			batch: o.batch, echo: echo, shown: sh}
		if o.mix != "shop" {
			c.source = newTill(o, shop, run, i)
		}
		conns[i] = c
	}

	start := time.Now()
	counting := start.Add(warmup)
	end := warmup + duration
	var missed int64
	var working sync.WaitGroup
	if o.closed {
		for _, c := range conns {
			working.Go(func() {
				for {
					now := time.Now()
					if now.Sub(start) >= end {
						return
					}
					c.once(now, now.After(counting))
				}
			})
		}
	} else {
		came := make(chan time.Time, arrivalsWaiting)
		schedule := newSchedule(float64(o.rate)/float64(o.batch), o.poisson, o.seed+uint64(run))
		working.Go(func() { missed = ring(schedule, start, end, came) })
		for _, c := range conns {
			working.Go(func() {
				for t := range came {
					c.once(t, t.After(counting))
				}
			})
		}
	}
	stop := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() { progress(start, end, sh, stop) })
	working.Wait()
	took := time.Since(counting)
	close(stop)
	showing.Wait()

	sum := newTally(o)
	for _, c := range conns {
		c.wire.Close()
		sum.add(c.tally)
	}
	return sum, pace{took: max(took, time.Millisecond), missed: missed}
}

// pace is how long the part of a drive took that counts, and how many arrivals
// found no place to wait in before the end.
type pace struct {
	took   time.Duration
	missed int64
}

// progress writes a line a second to the standard error: over itself on a
// terminal, one below the other elsewhere.
func progress(start time.Time, end time.Duration, sh *shown, stop <-chan struct{}) {
	back, done := "", ""
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		back, done = "\r", strings.Repeat(" ", 78)+"\r"
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before int64
	last := start
	for {
		select {
		case <-stop:
			fmt.Fprint(os.Stderr, back+done)
			return
		case now := <-tick.C:
			n := sh.acked.Load()
			perSecond := float64(n-before) / now.Sub(last).Seconds()
			before, last = n, now
			line := fmt.Sprintf("%s%3.0f of %.0f s  %9.0f a second  %11d taken  %d refused  %d failed", back,
				min(now.Sub(start), end).Seconds(), end.Seconds(), perSecond, n, sh.refused.Load(), sh.failed.Load())
			if back == "" {
				line += "\n"
			}
			fmt.Fprint(os.Stderr, line)
		}
	}
}
