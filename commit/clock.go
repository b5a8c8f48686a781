package commit

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// clock is what time it is for the log: the world's time, or a test clock that
// moves only when it is told to. Either way it never goes back.
type clock struct {
	test bool
	at   atomic.Int64 // of the test clock; of the world's, the latest time given out
}

// Now is the time of a command that is made now.
func (q *Queue) Now() kopilka.Time {
	c := &q.clock
	if c.test {
		return kopilka.Time(c.at.Load())
	}
	for {
		last := c.at.Load()
		now := time.Now().UnixMilli()
		if now <= last {
			return kopilka.Time(last)
		}
		if c.at.CompareAndSwap(last, now) {
			return kopilka.Time(now)
		}
	}
}

// Calendar is the calendar of the program in force.
func (q *Queue) Calendar() kopilka.Calendar { return q.clock.calendar(q.machine) }

// TestClock tells whether the clock is one that SetClock moves.
func (q *Queue) TestClock() bool { return q.clock.test }

func (c *clock) calendar(m *machine) kopilka.Calendar {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return kopilka.Calendar{Zone: m.state.Program().Zone}
}

// aheadMax is how far the books may be ahead of the world's clock without a word
// about it: clocks that are set right move by so much.
const aheadMax = 1000 // milliseconds

// startClock sets the clock no earlier than the books. Where the world's clock is
// behind them, time stands still until it has caught up, which is said: a machine
// whose clock is wrong, or books that a test clock has been at.
func (q *Queue) startClock() error {
	var now kopilka.Time
	q.View(func(s *engine.State) {
		now = s.Now()
		q.day = s.Day()
	})
	if q.opts.Still {
		q.opts.TestClock = now
	}
	q.clock.test = q.opts.TestClock != 0
	if q.clock.test && q.opts.TestClock < now {
		c := q.Calendar()
		return fmt.Errorf("the test clock stands at %s, behind the books, which are at %s", c.Text(q.opts.TestClock), c.Text(now))
	}
	if world := kopilka.Time(time.Now().UnixMilli()); !q.clock.test && now > world+aheadMax {
		c := q.Calendar()
		q.opts.Logger.Warn("clock: the books are ahead of this machine's clock; their time stands still until it catches up, and what happens now is recorded at that time",
			"books", c.Text(now), "machine", c.Text(world), "ahead", (time.Duration(now-world) * time.Millisecond).Round(time.Second).String())
	}
	q.clock.at.Store(int64(max(now, q.opts.TestClock)))
	return nil
}

// SetClock moves the test clock forward, and returns when the ticks of the days
// between are applied.
func (q *Queue) SetClock(t kopilka.Time) error {
	if !q.clock.test {
		return ErrNoTestClock
	}
	for {
		now := q.clock.at.Load()
		if int64(t) < now {
			c := q.Calendar()
			return fmt.Errorf("the test clock stands at %s and does not go back to %s", c.Text(kopilka.Time(now)), c.Text(t))
		}
		if q.clock.at.CompareAndSwap(now, int64(t)) {
			break
		}
	}
	return q.tick()
}

// tick returns when the books are at the day of the clock: an empty ticket goes
// through the order, the missing ticks come before it, and the fence waits until
// they are applied. From far behind that takes several frames.
func (q *Queue) tick() error {
	for {
		pass := &ticket{done: make(chan struct{})}
		if err := q.enqueue(pass); err != nil {
			return err
		}
		<-pass.done
		if pass.err != nil {
			return pass.err
		}
		if err := q.log.Fence(); err != nil {
			return err
		}
		var day kopilka.Day
		q.View(func(s *engine.State) { day = s.Day() })
		if day >= q.Calendar().DayOf(q.Now()) {
			return nil
		}
	}
}

// seconds is a beat in which the clock is looked at. A test clock needs none.
func (q *Queue) seconds() (beat <-chan time.Time, stop func()) {
	if q.clock.test {
		return nil, func() {}
	}
	t := time.NewTicker(time.Second)
	return t.C, t.Stop
}

// begin makes the books of an empty log: secret and first day, then the program.
func (q *Queue) begin() error {
	p, err := program.Parse(q.opts.Program)
	if err != nil {
		return fmt.Errorf("the first program: %w", err)
	}
	now := q.Now()
	genesis := &kopilka.Genesis{Day: kopilka.Calendar{Zone: p.Zone}.DayOf(now)}
	if _, err := rand.Read(genesis.Secret[:]); err != nil {
		return fmt.Errorf("make the secret of the books: %w", err)
	}
	first := kopilka.AppendCommand(nil, genesis)
	first = kopilka.AppendCommand(first, &kopilka.SetProgram{Document: p.Document()})
	t := &ticket{body: first, count: 2, done: make(chan struct{})}
	q.day = genesis.Day
	q.machine.live.Store(true)
	if !q.proposeFrame(now, t.count, first, []*ticket{t}) {
		return t.err
	}
	<-t.done
	return t.err
}
