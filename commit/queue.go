package commit

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/wal"
)

var (
	// ErrOverloaded says that the queue is full; the command is surely not in the log.
	ErrOverloaded = errors.New("the queue of commands is full")
	// ErrUnknown says that the log failed while the command was on its way: it
	// may yet be there. A retry with the same id tells.
	ErrUnknown = errors.New("the log failed; the command may or may not be in it")
	// ErrClosed says that the queue takes no more; the command is not in the log.
	ErrClosed = errors.New("shutting down")
	// ErrNoTestClock says that the clock is the world's and not to be set.
	ErrNoTestClock = errors.New("the server was not started with a test clock")
)

// Options of a queue. The zero value of a field asks for its default.
type Options struct {
	// Program is the document that makes the books of an empty log; a log that
	// has books keeps the program in it.
	Program []byte
	// Zone of the program, for the first day of an empty log.
	TestClock kopilka.Time // where the test clock stands; 0 = the world's clock
	// FrameMax bounds the bytes of commands in one frame. Larger shares one
	// sync among more commands; with the outcomes that ride along a frame stays
	// under the 512 KiB at which Badger moves values to its value log.
	FrameMax int
	// QueueMax bounds the commands that wait. It is what an overloaded server
	// may have promised to answer: at 100 000 a second, half a second.
	QueueMax int
	Logger   *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.FrameMax == 0 {
		o.FrameMax = 192 << 10
	}
	if o.QueueMax == 0 {
		o.QueueMax = 1 << 16
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Queue is the one order of all commands.
type Queue struct {
	opts    Options
	log     wal.Log
	machine *machine
	clock   clock
	frames  frames

	mu      sync.Mutex
	waiting []*ticket
	depth   int // commands in waiting
	closed  bool
	failed  error // the log takes no more

	wake chan struct{} // something waits, or the queue closes
	done chan struct{} // the proposer has ended
}

// Answer is the position and the outcome of a command.
type Answer struct {
	Seq     kopilka.Seq
	Outcome *kopilka.Outcome
}

// ticket is some commands of one caller, which go into one frame.
type ticket struct {
	body    []byte
	count   int
	answers []Answer
	err     error
	done    chan struct{}
}

// Open starts the log on empty books and begins to take commands. It owns the
// log and the runs from then on.
func Open(log wal.Log, runs *outcomes.Runs, opts Options) (*Queue, error) {
	opts = opts.withDefaults()
	q := &Queue{opts: opts, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	q.machine = newMachine(runs, opts.Logger)
	if err := log.Start(q.machine); err != nil {
		return nil, err
	}
	if err := q.machine.caughtUp(log); err != nil {
		return nil, err
	}
	if err := q.startClock(); err != nil {
		return nil, err
	}
	if q.Seq() == 0 {
		if err := q.begin(); err != nil {
			return nil, err
		}
	}
	q.machine.live.Store(true)
	go q.propose()
	measured.Store(q)
	// The night may have passed while nobody served: what is read from now on
	// is of today.
	if err := q.tick(); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// Submit puts a command into the order and returns when it is durable and
// applied. The outcome is the caller's.
func (q *Queue) Submit(c kopilka.Command) (Answer, error) {
	t := &ticket{body: kopilka.AppendCommand(make([]byte, 0, 192), c), count: 1, done: make(chan struct{})}
	if len(t.body) > q.opts.FrameMax {
		return Answer{}, fmt.Errorf("a command of %d bytes; a frame holds %d", len(t.body), q.opts.FrameMax)
	}
	if err := q.enqueue(t); err != nil {
		return Answer{}, err
	}
	<-t.done
	if t.err != nil {
		return Answer{}, t.err
	}
	return t.answers[0], nil
}

// SubmitAll puts commands into the order, one after another and with no
// command of the same caller between them out of turn. The answers are in the
// same order. An error means that those answered before it are in the log, and
// says of the rest what it says.
func (q *Queue) SubmitAll(cs []kopilka.Command) ([]Answer, error) {
	var tickets []*ticket
	t := &ticket{done: make(chan struct{})}
	var one []byte
	for _, c := range cs {
		one = kopilka.AppendCommand(one[:0], c)
		if len(one) > q.opts.FrameMax {
			return nil, fmt.Errorf("a command of %d bytes; a frame holds %d", len(one), q.opts.FrameMax)
		}
		if len(t.body)+len(one) > q.opts.FrameMax/2 {
			tickets = append(tickets, t)
			t = &ticket{done: make(chan struct{})}
		}
		t.body = append(t.body, one...)
		t.count++
	}
	if t.count > 0 {
		tickets = append(tickets, t)
	}
	if err := q.enqueue(tickets...); err != nil {
		return nil, err
	}
	answers := make([]Answer, 0, len(cs))
	var err error
	for _, t := range tickets {
		<-t.done
		if err == nil {
			err = t.err
		}
		if err == nil {
			answers = append(answers, t.answers...)
		}
	}
	return answers, err
}

func (q *Queue) enqueue(tickets ...*ticket) error {
	n := 0
	for _, t := range tickets {
		n += t.count
	}
	q.mu.Lock()
	switch {
	case q.failed != nil:
		q.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrClosed, q.failed)
	case q.closed:
		q.mu.Unlock()
		return ErrClosed
	case q.depth > 0 && q.depth+n > q.opts.QueueMax:
		q.mu.Unlock()
		metricShed.Add(n)
		return ErrOverloaded
	}
	q.waiting = append(q.waiting, tickets...)
	q.depth += n
	q.mu.Unlock()
	q.signal()
	return nil
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// gather takes what waits, as far as it fits into a frame.
func (q *Queue) gather(frame []*ticket) (tickets []*ticket, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes, n := 0, 0
	for n < len(q.waiting) && bytes+len(q.waiting[n].body) <= q.opts.FrameMax {
		bytes += len(q.waiting[n].body)
		q.depth -= q.waiting[n].count
		n++
	}
	frame = append(frame[:0], q.waiting[:n]...)
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	if rest > 0 {
		q.signal()
	}
	return frame, q.closed && rest == 0
}

// propose is the one goroutine that puts frames into the log.
func (q *Queue) propose() {
	defer close(q.done)
	var body []byte
	for {
		select {
		case <-q.wake:
		case <-q.midnight():
		}
		tickets, closed := q.gather(nil)
		now := q.Now()
		ticks := q.machine.ticksTo(q.clock.calendar(q.machine).DayOf(now))
		if len(tickets) > 0 || ticks.count > 0 {
			if ticks.count > 0 {
				tickets = append([]*ticket{ticks}, tickets...)
			}
			body = body[:0]
			count := 0
			for _, t := range tickets {
				body = append(body, t.body...)
				count += t.count
			}
			// A frame has commands: look-ups go from one to the next by position.
			if count == 0 {
				(&frame{tickets}).answer(nil)
			} else if !q.proposeFrame(now, count, body, tickets) {
				return
			}
		}
		if closed {
			return
		}
	}
}

// proposeFrame gives one frame to the log; false when the log has failed.
func (q *Queue) proposeFrame(now kopilka.Time, count int, body []byte, tickets []*ticket) bool {
	f := &frame{tickets: tickets}
	kept := q.machine.expect(f)
	start := time.Now()
	err := q.log.Propose(wal.Proposal{Time: now, Count: count, Body: body, Kept: kept})
	metricSync.UpdateDuration(start)
	metricFrameCommands.Update(float64(count))
	metricFrameBytes.Update(float64(len(body) + len(kept)))
	if err == nil {
		return true
	}
	q.machine.unexpect(f, kept)
	if errors.Is(err, wal.ErrNotLogged) || errors.Is(err, wal.ErrStorageFull) {
		f.answer(err)
		return true
	}
	q.opts.Logger.Error("commit: the log has failed, nothing more is taken", "err", err)
	unknown := fmt.Errorf("%w: %w", ErrUnknown, err)
	f.answer(unknown)
	q.fail(err)
	return false
}

// fail ends the queue: what still waits was never given to the log.
func (q *Queue) fail(err error) {
	q.mu.Lock()
	q.failed = err
	waiting := q.waiting
	q.waiting, q.depth = nil, 0
	q.mu.Unlock()
	f := frame{tickets: waiting}
	f.answer(fmt.Errorf("%w: %w", ErrClosed, err))
}

// View lets f read the books between two frames. It is quick, and keeps
// nothing of them.
func (q *Queue) View(f func(s *engine.State)) {
	q.machine.mu.RLock()
	defer q.machine.mu.RUnlock()
	f(q.machine.state)
}

// Seq is the position of the last command applied.
func (q *Queue) Seq() kopilka.Seq { return kopilka.Seq(q.machine.seq.Load()) }

// Wait returns when the books have reached a position; false when they have not in time.
func (q *Queue) Wait(seq kopilka.Seq, timeout time.Duration) bool {
	return q.machine.wait(seq, timeout)
}

// Hash is the hash of the books at a position. It reads all of them, while
// commands go on.
func (q *Queue) Hash() ([32]byte, kopilka.Seq, error) { return q.machine.hash() }

// Check proves the books' invariants over all members; tills wait meanwhile.
func (q *Queue) Check() (err error) {
	q.View(func(s *engine.State) { err = s.Check() })
	return err
}

// Checkpoint writes a snapshot, so that the next start need not replay.
func (q *Queue) Checkpoint() error { return q.log.Checkpoint() }

// Close answers what waits, and closes the log. With a clean end a snapshot is
// written before, so that the next start is quick.
func (q *Queue) Close() error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	q.closed = true
	q.mu.Unlock()
	q.signal()
	<-q.done
	var errs []error
	q.mu.Lock()
	failed := q.failed
	q.mu.Unlock()
	if failed == nil {
		errs = append(errs, q.log.Fence())
		errs = append(errs, q.log.Checkpoint())
	}
	errs = append(errs, q.log.Close(), q.machine.close())
	return errors.Join(errs...)
}
