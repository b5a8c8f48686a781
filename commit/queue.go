package commit

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
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
	Program   []byte
	TestClock kopilka.Time // where the test clock stands; 0 = the world's clock
	// Still makes the clock stand where the books are: who only reads adds no day to them.
	Still bool
	// FrameMax bounds the bytes of commands in one frame, default 192 KiB. Larger
	// shares one sync among more commands; at least frameRoom of a frame is left
	// to the outcomes that ride along, so more than 384 KiB is refused.
	FrameMax int
	// QueueMax bounds the commands that wait. It is what an overloaded server
	// may have promised to answer: at 100 000 a second, half a second.
	QueueMax int
	// Allow looks at the books that the log has before anything is added to
	// them or changed on disk, and at commands of the log, and refuses to go on by an
	// error. It is not asked of an empty log.
	Allow  func(*engine.State, func(kopilka.Seq) (Record, error)) error
	Logger *slog.Logger
}

// frameBytes is what commands and outcomes of one frame may have together, and
// frameRoom what commands leave to outcomes at least.
const (
	frameBytes = wal.FrameLimit
	frameRoom  = 128 << 10
)

func (o Options) withDefaults() (Options, error) {
	if o.FrameMax == 0 {
		o.FrameMax = 192 << 10
	}
	if o.FrameMax < 1<<10 || o.FrameMax > frameBytes-frameRoom {
		return o, fmt.Errorf("commit: frames of %d bytes of commands: from %d to %d", o.FrameMax, 1<<10, frameBytes-frameRoom)
	}
	if o.QueueMax == 0 {
		o.QueueMax = 1 << 16
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
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

	copying sync.Mutex // held for the life of a copy of the books
	turns   sync.Mutex // held by who reads all of the books: see turn

	wake chan struct{} // something waits, or the queue closes
	done chan struct{} // the proposer has ended

	// The proposer's own.
	day     kopilka.Day  // that the log's ticks have come to
	woken   kopilka.Time // the instant for which a scheduled program was woken last
	refused error        // the newest frame was not taken, and that was said
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
	done    chan struct{} // nil: nobody waits
	// group is shared by the tickets of one SubmitAll: once one of them was not
	// logged, those after it are not either.
	group *group
}

type group struct{ err error }

// Open starts the log on empty books and begins to take commands. It owns the
// log and the runs from then on, and closes them when it fails.
func Open(log wal.Log, runs *outcomes.Runs, opts Options) (*Queue, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, errors.Join(err, log.Close(), runs.Close())
	}
	q := &Queue{opts: opts, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	q.machine = newMachine(runs)
	q.machine.allow = opts.Allow
	if err := q.start(); err != nil {
		return nil, errors.Join(err, log.Close(), q.machine.close())
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

// start brings the books to where the log is, and makes those of an empty log.
func (q *Queue) start() error {
	if err := q.log.Start(q.machine); err != nil {
		return err
	}
	if err := q.machine.caughtUp(q.log); err != nil {
		return err
	}
	if q.Seq() > 0 && !q.machine.hasProgram() {
		return fmt.Errorf("the log ends at position %d, before its first program", q.Seq())
	}
	if err := q.startClock(); err != nil {
		return err
	}
	if q.Seq() == 0 {
		return q.begin()
	}
	return nil
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
// same order. With an error, those that are answered are in the log, and the
// error speaks of all others.
func (q *Queue) SubmitAll(cs []kopilka.Command) ([]Answer, error) {
	var tickets []*ticket
	g := &group{}
	t := &ticket{done: make(chan struct{}), group: g}
	var one []byte
	for _, c := range cs {
		one = kopilka.AppendCommand(one[:0], c)
		if len(one) > q.opts.FrameMax {
			return nil, fmt.Errorf("a command of %d bytes; a frame holds %d", len(one), q.opts.FrameMax)
		}
		if len(t.body)+len(one) > q.opts.FrameMax/2 {
			tickets = append(tickets, t)
			t = &ticket{done: make(chan struct{}), group: g}
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

// gather takes what waits, up to max bytes. It answers tickets whose group has
// failed before.
func (q *Queue) gather(max int) (tickets []*ticket, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes, n := 0, 0
	for ; n < len(q.waiting); n++ {
		t := q.waiting[n]
		failed := t.group != nil && t.group.err != nil
		if !failed && len(tickets) > 0 && bytes+len(t.body) > max {
			break
		}
		q.depth -= t.count
		if failed {
			(&frame{tickets: []*ticket{t}}).answer(t.group.err)
			continue
		}
		bytes += len(t.body)
		tickets = append(tickets, t)
	}
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	if rest > 0 {
		q.signal()
	}
	return tickets, q.closed && rest == 0
}

// propose is the one goroutine that puts frames into the log. It looks at the
// clock every second too, so that an idle night is ticked, and ticks that the
// log would not take are offered again.
func (q *Queue) propose() {
	defer close(q.done)
	second, stop := q.seconds()
	defer stop()
	var body []byte
	for {
		select {
		case <-q.wake:
		case <-second:
		}
		q.letCome()
		now := q.Now()
		ticks, day := q.ticks(now)
		limit := q.opts.FrameMax
		if q.machine.behind() {
			limit /= 16 // outcomes are larger than their commands: let them catch up
		}
		tickets, closed := q.gather(limit - len(ticks.body))
		body = append(body[:0], ticks.body...)
		count := ticks.count
		for _, t := range tickets {
			body = append(body, t.body...)
			count += t.count
		}
		if ticks.count > 0 {
			tickets = append([]*ticket{ticks}, tickets...)
		}
		// A frame has commands: look-ups go from one to the next by position.
		if count == 0 {
			(&frame{tickets}).answer(nil)
		} else if q.proposeFrame(now, count, body, tickets) {
			q.day = day
		} else if q.woken = 0; q.hasFailed() != nil {
			return
		}
		if closed {
			return
		}
	}
}

// letCome gives way to whoever is on the point of queueing a command, for as long
// as commands keep coming: one sync then serves them too. It sleeps for no time:
// with nobody about to come it returns at once.
func (q *Queue) letCome() {
	for before := -1; ; {
		q.mu.Lock()
		depth, closed := q.depth, q.closed
		q.mu.Unlock()
		if depth <= before || closed || depth >= letComeMax {
			return
		}
		before = depth
		runtime.Gosched()
	}
}

// letComeMax is how many commands make a frame that is worth its sync.
const letComeMax = 256

// ticksMax bounds the ticks of one frame: ten years.
const ticksMax = 3660

// ticks is what brings the log to the day of now, and the day that it brings the
// log to; from far behind that takes several frames.
func (q *Queue) ticks(now kopilka.Time) (*ticket, kopilka.Day) {
	t := &ticket{}
	day := q.day
	today := q.Calendar().DayOf(now)
	for day < today {
		if t.count == ticksMax {
			q.signal()
			break
		}
		day++
		t.body = kopilka.AppendCommand(t.body, &kopilka.Tick{Day: day})
		t.count++
	}
	// A program that waits for an instant comes into force with the next command:
	// where none comes, this is one.
	if due := kopilka.Time(q.machine.due.Load()); due != 0 && due <= now && t.count == 0 && due != q.woken {
		q.woken = due
		t.body = kopilka.AppendCommand(t.body, &kopilka.Tick{Day: day})
		t.count++
	}
	return t, day
}

// proposeFrame gives one frame to the log; false when the log did not take it.
// When the log has failed altogether, so has the queue.
func (q *Queue) proposeFrame(now kopilka.Time, count int, body []byte, tickets []*ticket) bool {
	f := &frame{tickets: tickets}
	kept := q.machine.expect(f, frameBytes-len(body))
	start := time.Now()
	err := q.log.Propose(wal.Proposal{Time: now, Count: count, Body: body, Kept: kept})
	metricSync.UpdateDuration(start)
	metricFrameCommands.Update(float64(count))
	metricFrameBytes.Update(float64(len(body) + len(kept)))
	if err == nil {
		q.refused = nil
		return true
	}
	q.machine.unexpect(f, kept)
	notLogged := errors.Is(err, wal.ErrNotLogged) || errors.Is(err, wal.ErrStorageFull)
	if notLogged && q.log.Role() != wal.Poisoned {
		if q.refused == nil {
			q.opts.Logger.Warn("commit: the log refuses frames; nothing is recorded", "err", err)
		}
		q.refused = err
		for _, t := range tickets {
			if t.group != nil {
				t.group.err = err
			}
		}
		f.answer(err)
		return false
	}
	q.opts.Logger.Error("commit: the log has failed, nothing more is taken", "err", err)
	if !notLogged {
		err = fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	f.answer(err)
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

func (q *Queue) hasFailed() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failed
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
func (q *Queue) Hash() (hash [32]byte, at kopilka.Seq, err error) {
	err = q.turn(func() error {
		hash, at, err = q.machine.hash()
		return err
	})
	return hash, at, err
}

// turn has f read all of the books: one does at a time, in the order in which they
// asked, and nobody once the queue is closed.
func (q *Queue) turn(f func() error) error {
	q.turns.Lock()
	defer q.turns.Unlock()
	q.mu.Lock()
	closed := q.closed
	q.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return f()
}

// Check proves the books' invariants over all members; tills wait meanwhile.
func (q *Queue) Check() (err error) {
	q.View(func(s *engine.State) { err = s.Check() })
	return err
}

// Checkpoint writes a snapshot, so that the next start need not replay.
func (q *Queue) Checkpoint() error { return q.turn(q.log.Checkpoint) }

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
	q.turns.Lock() // whoever reads the books now would keep the last snapshot from being taken
	defer q.turns.Unlock()
	var errs []error
	if q.hasFailed() == nil {
		errs = append(errs, q.log.Fence())
		errs = append(errs, q.log.Checkpoint())
	}
	errs = append(errs, q.log.Close(), q.machine.close())
	return errors.Join(errs...)
}
