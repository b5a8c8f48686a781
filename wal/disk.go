package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka"
)

// Disk is the Log of one machine, on Badger.
type Disk struct {
	opts Options
	log  *slog.Logger
	lock *folderLock

	// proposing is held by Propose; it guards the fields below it.
	proposing sync.Mutex
	end       mark // newest durable frame
	size      int64
	head      *headWriter
	space     space
	commit    func(l *live, first kopilka.Seq, index uint64, raw []byte) error

	// durable and seq are end's index and position for readers.
	durable atomic.Uint64
	seq     atomic.Uint64

	mu     sync.RWMutex // guards epochs
	epochs []*epoch     // oldest first; the last one takes frames

	// life is held for reading while something is put into queue, and for
	// writing by Close.
	life    sync.RWMutex
	state   state
	queue   chan job
	free    chan *slot
	applied chan struct{} // closed when the last job is done

	machine Machine
	tail    atomic.Int64 // bytes applied since the newest snapshot
	due     atomic.Int64 // tail at which the next is written

	keeping  sync.Mutex // one checkpoint at a time; guards last and leftover
	last     snapshot
	leftover []string // directories of epochs that have no frames
	wake     chan struct{}
	quit     chan struct{}
	kept     chan struct{} // closed when the keeper has ended

	keepPause time.Duration // of the keeper after its first failure

	poison atomic.Pointer[error]
}

var _ Log = (*Disk)(nil)

type state uint8

const (
	opened state = iota
	started
	failed // Start has failed: the machine is half filled, and only Close is left
	closed
)

// epoch is a stretch of the log that lies in one place.
type epoch struct {
	no    uint32
	start mark // before its first frame

	mu    sync.RWMutex
	store store  // nil once closed
	dir   string // its Badger, until that is let go
	end   mark   // its last frame, once it takes no more
}

// store is where an epoch's frames lie. A frame of the live epoch can be seen
// before it is durable: callers stop at d.durable.
type store interface {
	// find gives the last frame that does not begin after seq.
	find(seq kopilka.Seq) ([]byte, error)
	// behind appends frames behind a mark to buf, one after another, until there
	// are limit bytes of them; none when there are no more.
	behind(at mark, limit int, buf []byte) ([]byte, error)
	close() error
}

var (
	errClosed     = errors.New("the log is closed")
	errNotStarted = errors.New("the log is not started")
)

// slots is how many frames may be durable and not yet applied.
const slots = 4

// Open takes the folder and checks that it is ours; Start does the rest. It
// fails with ErrInUse, ErrNewer, ErrDamaged or an error of the disk.
func Open(opts Options) (*Disk, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	lock, err := lockFolder(opts.Dir, false)
	if err != nil {
		return nil, err
	}
	if err := prepare(opts.Dir); err != nil {
		lock.release()
		return nil, err
	}
	d := &Disk{
		opts:    opts,
		log:     opts.Logger,
		lock:    lock,
		space:   space{dir: opts.Dir, soft: opts.FreeSoft, floor: opts.FreeFloor, log: opts.Logger, free: freeBytes},
		commit:  (*live).append,
		queue:   make(chan job, slots),
		free:    make(chan *slot, slots),
		applied: make(chan struct{}),
		wake:    make(chan struct{}, 1),
		quit:    make(chan struct{}),
		kept:    make(chan struct{}),

		keepPause: keepPauseMin,
	}
	for range slots {
		d.free <- new(slot)
	}
	return d, nil
}

// prepare makes an empty folder a log and refuses one that is something else.
func prepare(dir string) error {
	c, err := list(dir)
	if err != nil {
		return err
	}
	if c.empty() {
		return initFolder(dir)
	}
	if err := checkFormat(dir); err != nil {
		return err
	}
	if c.head {
		return nil
	}
	c.format = false
	if c.empty() {
		return initFolder(dir)
	}
	return damaged(filepath.Join(dir, headName), 0, 0, "it is missing and the folder holds a log")
}

// Propose implements Log.
func (d *Disk) Propose(p Proposal) error {
	d.proposing.Lock()
	defer d.proposing.Unlock()
	d.life.RLock()
	defer d.life.RUnlock()
	if err := d.usable(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotLogged, err)
	}
	if n := len(p.Body); n > d.opts.FrameMax {
		return fmt.Errorf("%w: %d bytes of commands are more than the %d of a frame", ErrNotLogged, n, d.opts.FrameMax)
	}
	n := len(p.Body) + len(p.Kept)
	if n > FrameLimit {
		return fmt.Errorf("%w: %d bytes of commands and outcomes are more than the %d of a frame", ErrNotLogged, n, FrameLimit)
	}
	if err := d.space.take(headerSize + n); err != nil {
		return fmt.Errorf("%w: %w", ErrNotLogged, err)
	}
	if d.size >= d.opts.EpochMax {
		if err := d.rotate(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotLogged, d.fail(err))
		}
	}

	s := <-d.free
	e := d.live()
	s.fill(p, e.no, d.end)
	next := mark{Pos: s.entry.Pos, Seq: d.end.Seq + kopilka.Seq(p.Count), Digest: s.entry.Digest}
	if err := d.commit(e.store.(*live), s.entry.First, next.Pos.Index, s.packed); err != nil {
		return d.fail(fmt.Errorf("append frame %d: %w", next.Pos.Index, err))
	}
	// Badger may have complained to its logger alone, and of this very frame.
	if p := d.poison.Load(); p != nil {
		return *p
	}
	if err := d.head.write(next); err != nil {
		return d.fail(fmt.Errorf("note that frame %d is durable: %w", next.Pos.Index, err))
	}
	d.end = next
	d.size += int64(len(s.packed))
	d.durable.Store(next.Pos.Index)
	d.seq.Store(uint64(next.Seq))
	d.queue <- job{slot: s}
	return nil
}

// live is the epoch that takes frames. Its store changes only under proposing.
func (d *Disk) live() *epoch {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.epochs[len(d.epochs)-1]
}

// rotate ends the live epoch and begins the next.
func (d *Disk) rotate() error {
	old := d.live()
	old.mu.Lock()
	old.end = d.end // before there is a next one, from when it may be sealed
	old.mu.Unlock()
	if err := d.begin(old.no + 1); err != nil {
		return err
	}
	d.nudge()
	return nil
}

// begin makes epoch no the live one.
func (d *Disk) begin(no uint32) error {
	dir := epochDir(d.opts.Dir, no)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("begin epoch %d: %w", no, err)
	}
	return d.open(no, dir, d.end, 0)
}

func (d *Disk) open(no uint32, dir string, start mark, size int64) error {
	l, err := openLive(dir, d.log, func(err error) { _ = d.fail(err) })
	if err != nil {
		return err
	}
	if err := syncDir(d.opts.Dir); err != nil {
		return errors.Join(err, l.close())
	}
	d.size = size
	d.mu.Lock()
	d.epochs = append(d.epochs, &epoch{no: no, start: start, store: l, dir: dir})
	d.mu.Unlock()
	return nil
}

// usable says why the log takes nothing, if so.
func (d *Disk) usable() error {
	if p := d.poison.Load(); p != nil {
		return *p
	}
	return d.running()
}

// running says why the log is not started, if so. The caller holds life.
func (d *Disk) running() error {
	switch d.state {
	case started:
		return nil
	case closed:
		return errClosed
	}
	return errNotStarted
}

// fail poisons the log: from the first error on it takes nothing. It gives back
// what poisoned it.
func (d *Disk) fail(err error) error {
	err = fmt.Errorf("wal: poisoned: %w", err)
	if d.poison.CompareAndSwap(nil, &err) {
		d.log.Error(err.Error())
		d.opts.OnPoison(err)
	}
	return *d.poison.Load()
}

// Role implements Log.
func (d *Disk) Role() Role {
	if d.poison.Load() != nil {
		return Poisoned
	}
	return Leader
}

// Close implements Log. A log that was poisoned is only let go: what Badger
// would still write must not be. One that was never started, or whose start
// failed, is let go as far as it was opened. Once closed it stays so.
func (d *Disk) Close() error {
	d.life.Lock()
	was := d.state
	d.state = closed
	d.life.Unlock()
	if was == closed {
		return nil
	}
	if was == started {
		close(d.quit)
		<-d.kept
		close(d.queue)
		<-d.applied
	}
	err := d.closeStores(was == started)
	if e := d.lock.release(); err == nil && e != nil {
		err = fmt.Errorf("unlock the log: %w", e)
	}
	return err
}

func (d *Disk) closeStores(clean bool) error {
	d.proposing.Lock()
	defer d.proposing.Unlock()
	d.mu.RLock()
	defer d.mu.RUnlock()
	var errs []error
	poisoned := d.poison.Load() != nil
	for _, e := range d.epochs {
		e.mu.Lock()
		if e.store != nil && !poisoned {
			if err := e.store.close(); err != nil {
				errs = append(errs, fmt.Errorf("close epoch %d: %w", e.no, err))
			}
		}
		e.store = nil
		e.mu.Unlock()
	}
	if d.head != nil {
		errs = append(errs, d.head.close())
	}
	if p := d.poison.Load(); p != nil {
		return *p
	}
	if err := errors.Join(errs...); err != nil || !clean {
		return err
	}
	return writeClean(d.opts.Dir, d.epochs[len(d.epochs)-1].no, d.end)
}

// remove deletes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
