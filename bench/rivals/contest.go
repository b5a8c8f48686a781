package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// command is what all contestants do durably and once: points for a purchase, or
// points spent, with a row in the ledger and a receipt number that is unique.
type command struct {
	id        string
	member    int
	amount    int64 // of the purchase, in minor units; 0: points are spent
	points    int64 // that are spent
	receiptNo string
}

// What every member begins with, and what the commands are.
const (
	welcome     = 50_000 // points
	spent       = 50     // points a redemption takes: nobody runs dry in a run
	spendsOneIn = 10
	store, till = "S1", "T1"
)

func card(member int) string { return strconv.Itoa(2_000_000_000 + member) }

// contestant is a server that keeps members' points.
type contestant interface {
	name() string
	// fill makes the members, each with the welcome.
	fill(members int) error
	// session is one connection.
	session() (session, error)
	// sums are what it has, once members' points were found to be what their ledgers
	// add up to.
	sums() (sums, error)
	stop() error
}

// session does commands: one in a round trip, or all in one. It fails unless every
// command was taken.
type session interface {
	do([]command) error
	close()
}

// sums prove that everything acknowledged is there, and once: purchases, and points
// that were spent.
type sums struct{ purchases, spent int64 }

// trial is a way of driving a contestant.
type trial struct {
	connections int
	batch       int // commands a round trip
}

func (t trial) String() string {
	if t.batch == 1 {
		return fmt.Sprintf("%d connections", t.connections)
	}
	return fmt.Sprintf("%d connections, %d at once", t.connections, t.batch)
}

// result is what a trial of one round came to.
type result struct {
	Contestant  string  `json:"contestant"`
	Connections int     `json:"connections"`
	Batch       int     `json:"batch"`
	Round       int     `json:"round"`
	PerSecond   float64 `json:"per_second"` // commands
	P50US       int64   `json:"p50_us"`     // of a round trip
	P99US       int64   `json:"p99_us"`
}

// driver makes the same commands for everybody.
type driver struct {
	members  int
	warmup   time.Duration
	duration time.Duration
	prefix   string
	runs     int
	told     map[contestant]*sums // what each has acknowledged
}

// drive is the closed loop: every connection sends as soon as it was answered.
func (d *driver) drive(c contestant, t trial) (result, error) {
	d.runs++
	r := result{Contestant: c.name(), Connections: t.connections, Batch: t.batch}
	sessions := make([]session, t.connections)
	for i := range sessions {
		s, err := c.session()
		if err != nil {
			return r, fmt.Errorf("%s: connect: %w", c.name(), err)
		}
		defer s.close()
		sessions[i] = s
	}
	var all sync.Mutex
	waits := hdrhistogram.New(1, 60_000_000, 3)
	var first error
	var taken int64
	told := d.told[c]
	start := time.Now()
	counting := start.Add(d.warmup)
	end := counting.Add(d.duration)
	var working sync.WaitGroup
	for i, s := range sessions {
		working.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(d.runs), uint64(i)))
			prefix := d.prefix + strconv.Itoa(d.runs) + "." + strconv.Itoa(i) + "."
			own := hdrhistogram.New(1, 60_000_000, 3)
			batch := make([]command, t.batch)
			made := 0
			var counted int64
			var acked sums
			var err error
			for err == nil {
				for j := range batch {
					made++
					id := prefix + strconv.Itoa(made)
					batch[j] = command{id: id, member: rnd.IntN(d.members), receiptNo: id}
					if rnd.IntN(spendsOneIn) == 0 {
						batch[j].points = spent
					} else {
						batch[j].amount = 100 + rnd.Int64N(1_000_000)
					}
				}
				sent := time.Now()
				if sent.After(end) {
					break
				}
				if err = s.do(batch); err != nil {
					break
				}
				for j := range batch {
					acked.spent += batch[j].points
					if batch[j].amount > 0 {
						acked.purchases++
					}
				}
				if sent.After(counting) {
					own.RecordValue(max(1, time.Since(sent).Microseconds()))
					counted += int64(len(batch))
				}
			}
			all.Lock()
			defer all.Unlock()
			waits.Merge(own)
			taken += counted
			told.purchases += acked.purchases
			told.spent += acked.spent
			if first == nil {
				first = err
			}
		})
	}
	working.Wait()
	if first != nil {
		return r, fmt.Errorf("%s, %v: %w", c.name(), t, first)
	}
	r.PerSecond = float64(taken) / time.Since(counting).Seconds()
	r.P50US, r.P99US = waits.ValueAtPercentile(50), waits.ValueAtPercentile(99)
	return r, nil
}

// proved compares what a contestant has with what it has acknowledged.
func (d *driver) proved(c contestant) error {
	has, err := c.sums()
	if err != nil {
		return fmt.Errorf("%s: %w", c.name(), err)
	}
	if told := *d.told[c]; has != told {
		return fmt.Errorf("%s has %d purchases and %d points spent; it acknowledged %d and %d", c.name(), has.purchases, has.spent, told.purchases, told.spent)
	}
	return nil
}
