package outcomes

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/kopilka/kopilka"
)

// Pair says that a command with this fingerprint stands at this position.
type Pair struct {
	Key uint64
	Seq kopilka.Seq
}

func (p Pair) compare(q Pair) int {
	if p.Key != q.Key {
		return cmp.Compare(p.Key, q.Key)
	}
	return cmp.Compare(p.Seq, q.Seq)
}

func (p Pair) less(q Pair) bool { return p.Key < q.Key || p.Key == q.Key && p.Seq < q.Seq }

// Runs is a folder of runs. Its methods may be called from any goroutine.
type Runs struct {
	dir    string
	logger *slog.Logger

	mu     sync.RWMutex
	runs   []*run // oldest first; their ranges adjoin, the first begins at 1
	closed bool

	sealing  sync.Mutex // one Seal at a time
	wake     chan struct{}
	stopping atomic.Bool
	merger   sync.WaitGroup
	step     func(string) // called between the steps of writing and merging: where a crash may come

	waiting   bool // for Begin
	leftovers []string

	floor   int64 // see FreeFloor
	free    func(dir string) (int64, error)
	cramped bool // a merge had no room, and that was said; the merger's
}

var errClosed = errors.New("outcomes: closed")

// Open opens a folder, or makes it, and removes what a crash left: runs that
// were not finished, and inputs of a finished merge. A folder whose runs do not
// cover every position from 1 on is damaged and refused. One process has a
// folder open at a time; the owner of the folder above sees to that. Without a
// logger nothing is logged.
func Open(dir string, logger *slog.Logger, options ...Option) (*Runs, error) {
	s, err := open(dir, logger, func(string) {})
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(s)
	}
	if s.waiting {
		return s, nil
	}
	return s, s.begin()
}

// Begin lets a folder that was opened Waiting be changed: leftovers are removed, and runs
// merged. It may be called once, and for other folders does nothing.
func (s *Runs) Begin() error {
	if !s.waiting {
		return nil
	}
	s.waiting = false
	return s.begin()
}

func (s *Runs) begin() error {
	if err := s.removeLeftovers(); err != nil {
		s.closeFiles()
		return err
	}
	s.merger.Go(func() {
		for range s.wake {
			s.merge()
		}
	})
	s.wakeMerger()
	return nil
}

// removeLeftovers removes what a crash left. The run that covers them is whole: it has
// been opened.
func (s *Runs) removeLeftovers() error {
	for _, name := range s.leftovers {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			return fmt.Errorf("outcomes: remove a leftover: %w", err)
		}
	}
	s.leftovers = nil
	return nil
}

// open is Open without merging.
func open(dir string, logger *slog.Logger, step func(string)) (*Runs, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("outcomes: make the folder: %w", err)
	}
	f, err := list(dir)
	if err != nil {
		return nil, err
	}
	s := &Runs{dir: dir, logger: logger, wake: make(chan struct{}, 1), step: step, free: freeBytes}
	for _, h := range f.heads {
		r, err := openRun(dir, h)
		if errors.Is(err, errOld) {
			s.forgetOld(f)
			return s, nil
		}
		if err != nil {
			s.closeFiles()
			return nil, err
		}
		s.runs = append(s.runs, r)
	}
	s.leftovers = f.leftovers
	return s, nil
}

// forgetOld makes all of a folder that has runs of an earlier format leftovers, the
// newest first, so that what a crash leaves covers positions from 1 on.
func (s *Runs) forgetOld(f folder) {
	s.closeFiles()
	s.runs = nil
	s.logger.Info("outcomes: runs of an earlier format are made again from the log", "dir", s.dir, "runs", len(f.heads))
	for _, h := range slices.Backward(f.heads) {
		f.leftovers = append(f.leftovers, runName(h.first, h.last))
	}
	s.leftovers = f.leftovers
}

// folder is what lies in a folder of runs, by the names of the files.
type folder struct {
	heads     []head   // of the runs in use, oldest first; counts are not known yet
	leftovers []string // names of unfinished runs and of runs that a merged one covers
}

func list(dir string) (folder, error) {
	var f folder
	entries, err := os.ReadDir(dir)
	if err != nil {
		return f, fmt.Errorf("outcomes: list the folder: %w", err)
	}
	var all []head
	for _, e := range entries {
		h, ok := parseName(e.Name())
		if ok {
			all = append(all, h)
		} else if _, ok := parseName(strings.TrimSuffix(e.Name(), tmpSuffix)); ok {
			f.leftovers = append(f.leftovers, e.Name())
		}
	}
	// A run that covers others comes before them.
	slices.SortFunc(all, func(a, b head) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.last, a.last))
	})
	var covered kopilka.Seq
	for _, h := range all {
		switch {
		case h.last <= covered:
			f.leftovers = append(f.leftovers, runName(h.first, h.last))
		case h.first == covered+1:
			f.heads = append(f.heads, h)
			covered = h.last
		case h.first > covered:
			return f, fmt.Errorf("outcomes: %s: no run covers positions %d..%d before %s: %w",
				dir, covered+1, h.first-1, runName(h.first, h.last), ErrDamaged)
		default:
			return f, fmt.Errorf("outcomes: %s: %s begins inside the run before it, which ends at %d: %w",
				dir, runName(h.first, h.last), covered, ErrDamaged)
		}
	}
	return f, nil
}

// Seal writes one run that covers positions first..last, where first is
// Covered()+1; it is durable when Seal returns. The digest is that of the log's entry
// which holds last. The same key may stand several
// times. A range that is covered already, as a replay after a crash seals
// again, is left as it is. Pairs are not changed.
func (s *Runs) Seal(first, last kopilka.Seq, at kopilka.Digest, pairs []Pair) error {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	covered := s.Covered()
	if last <= covered {
		return nil
	}
	if first != covered+1 || last > SeqMax {
		return fmt.Errorf("outcomes: seal %d..%d: the next position to cover is %d", first, last, covered+1)
	}
	sorted := slices.Clone(pairs)
	slices.SortFunc(sorted, Pair.compare)
	w, err := newWriter(s.dir, head{first, last, len(sorted), at})
	if err != nil {
		return err
	}
	for _, p := range sorted {
		if p.Seq < first || p.Seq > last {
			w.abandon()
			return fmt.Errorf("outcomes: seal %d..%d: a pair stands at %d", first, last, p.Seq)
		}
		w.add(p)
	}
	r, err := w.finish(s.step)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		r.file.Close()
		return errClosed
	}
	s.runs = append(s.runs, r)
	s.wakeMerger()
	return nil
}

// wakeMerger is called while the merger cannot be closing: in Open, or under mu.
func (s *Runs) wakeMerger() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

var pages = sync.Pool{New: func() any { return new(page) }}

// Find calls found with the position of every pair of this key, the newest
// first, until found says false. Different ids may share a key. An error says
// that a run could not be read or is damaged: the key may yet be there.
func (s *Runs) Find(key uint64, found func(seq kopilka.Seq) bool) error {
	var few [8]kopilka.Seq
	seqs, err := s.positions(key, few[:0])
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		if !found(seq) {
			break
		}
	}
	return nil
}

// positions collects under the lock and found is called outside it: found reads
// the log, and a merge that waited for that would hold up every other Find.
func (s *Runs) positions(key uint64, to []kopilka.Seq) ([]kopilka.Seq, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, errClosed
	}
	for i := len(s.runs) - 1; i >= 0; i-- {
		r := s.runs[i]
		if !r.filter.has(key) {
			continue
		}
		p := pages.Get().(*page)
		var err error
		to, err = r.find(key, p, to)
		pages.Put(p)
		if err != nil {
			return nil, err
		}
	}
	return to, nil
}

// Covered is the last position that runs cover; all before it are covered too.
func (s *Runs) Covered() kopilka.Seq {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.runs) == 0 {
		return 0
	}
	return s.runs[len(s.runs)-1].last
}

// Ends calls f, oldest first, with the file of every run, the last position that it
// covers, and the digest that Seal was given with it, until f fails.
func (s *Runs) Ends(f func(file string, last kopilka.Seq, at kopilka.Digest) error) error {
	s.mu.RLock()
	runs := slices.Clone(s.runs)
	s.mu.RUnlock()
	for _, r := range runs {
		if err := f(r.path, r.last, r.at); err != nil {
			return err
		}
	}
	return nil
}

// Close stops merging, gives up a merge that is under way, and closes the files.
func (s *Runs) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.stopping.Store(true)
	close(s.wake)
	s.mu.Unlock()
	s.merger.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeFiles()
	return nil
}

func (s *Runs) closeFiles() {
	for _, r := range s.runs {
		r.file.Close() // read-only by now: nothing to lose
	}
}
