package api

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// teller has the feed of changes told of what no command of a member does: once a
// business day has come, a program, or new boundaries of segments, it goes over all
// members, and at the instant of a hold it looks at its member. It looks first and
// logs a Drift only where there is something to tell; the books keep what was told,
// so that a crash in the middle tells nobody twice and forgets nobody.
type teller struct {
	mu      sync.Mutex  // one step of a pass at a time; guards what follows
	day     kopilka.Day // of the books when the newest pass began
	version int         // of the program then
	passing bool        // that pass goes on
	next    int         // the member with whom it does

	stale  atomic.Bool   // boundaries were set anew since the last pass
	wake   chan struct{} // there is news for the goroutine
	lapsed lapses
}

// tellDrift tells what is to be told of all members, and returns when that is
// durable.
func (s *Server) tellDrift(ctx context.Context) error {
	x := &s.teller
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if more, err := s.tellStep(ctx); err != nil || !more {
			return err
		}
	}
}

// tellStep tells of the holds that have lapsed, and then of a span of members, as a
// step of a pass over all: no lapse waits for a whole pass. A pass begins where day,
// program or boundaries are others than when the one before began; a step that has
// failed is done again by the next. The caller holds the teller.
func (s *Server) tellStep(ctx context.Context) (more bool, err error) {
	if err := s.tellLapsed(ctx); err != nil {
		return false, err
	}
	x := &s.teller
	day, version, members := kopilka.Day(0), 0, 0
	stale := !x.passing && x.stale.Swap(false) // asked before the books, so that nothing newer is passed over
	s.queue.View(func(b *engine.State) { day, version, members = b.Day(), b.Version(), b.Members() })
	if !x.passing {
		if !stale && day == x.day && version == x.version {
			return false, nil
		}
		x.day, x.version, x.passing, x.next = day, version, true, 0
	}
	if x.next < members {
		if err := s.tellSpan(ctx, kopilka.MemberNo(x.next), min(kopilka.DriftMax, members-x.next)); err != nil {
			return false, err
		}
		x.next += kopilka.DriftMax
	}
	x.passing = x.next < members
	return x.passing, nil
}

// tendFeed tells what is to be told as soon as it is, until ctx ends. With the test
// clock tend does it once: that clock stands still between its steps, and whoever moves
// it tells.
func (s *Server) tendFeed(ctx context.Context) {
	s.learnHolds(ctx)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		s.tellOrLog(ctx)
		select {
		case <-beat.C:
		case <-s.teller.wake:
		case <-ctx.Done():
			return
		}
	}
}

// tellSpan tells what is to be told of some members.
func (s *Server) tellSpan(ctx context.Context, first kopilka.MemberNo, count int) error {
	any := false
	s.queue.View(func(b *engine.State) { any = b.Drifted(first, count, s.queue.Now()) })
	if !any || ctx.Err() != nil {
		return ctx.Err()
	}
	a, err := s.queue.Submit(&kopilka.Drift{First: first, Count: uint32(count)})
	if err != nil {
		return err
	}
	if r := a.Outcome.Refusal; r != kopilka.Accepted {
		return fmt.Errorf("the books refuse to tell it: %s", r)
	}
	return nil
}

// rulesMoved tells of members whom a program or new boundaries have moved. The test
// clock stands still, so whoever has it sees the feed in one order always: there it
// is told before the command that moved them is answered.
func (s *Server) rulesMoved() {
	s.teller.stale.Store(true)
	if s.queue.TestClock() {
		s.tellOrLog(s.stopped)
		return
	}
	select {
	case s.teller.wake <- struct{}{}:
	default:
	}
}

// tellOrLog is tellDrift for those to whom nobody listens.
func (s *Server) tellOrLog(ctx context.Context) {
	if err := s.tellDrift(ctx); err != nil && ctx.Err() == nil {
		s.opts.Log.Error("api: the feed of changes was not told everything; it is tried again", "err", err)
	}
}

// lapses are the holds that are to lapse, the first to do so first. They are only a
// reminder: a pass finds every hold that has lapsed and was not told.
type lapses struct {
	mu   sync.Mutex
	heap lapseHeap
}

type lapse struct {
	at     kopilka.Time
	member kopilka.MemberNo
}

type lapseHeap []lapse

func (h lapseHeap) Len() int           { return len(h) }
func (h lapseHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h lapseHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lapseHeap) Push(x any)        { *h = append(*h, x.(lapse)) }

func (h *lapseHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// remind notes when a hold is to lapse.
func (l *lapses) remind(m kopilka.MemberNo, at kopilka.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	heap.Push(&l.heap, lapse{at, m})
}

// next takes out a hold that has lapsed by an instant.
func (l *lapses) next(now kopilka.Time) (m kopilka.MemberNo, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.heap) == 0 || l.heap[0].at > now {
		return kopilka.NoMember, false
	}
	return heap.Pop(&l.heap).(lapse).member, true
}

// tellLapsed tells of holds that have lapsed. Most were captured before: then there
// is nothing to tell.
func (s *Server) tellLapsed(ctx context.Context) error {
	now := s.queue.Now()
	for {
		m, ok := s.teller.lapsed.next(now)
		if !ok {
			return nil
		}
		s.queue.View(func(b *engine.State) { m = b.Resolve(m) })
		if err := s.tellSpan(ctx, m, 1); err != nil {
			s.teller.lapsed.remind(m, now)
			return err
		}
	}
}

// learnHolds notes when the holds lapse that the books have, until ctx ends.
func (s *Server) learnHolds(ctx context.Context) {
	for first, more := 0, true; more && ctx.Err() == nil; first += kopilka.DriftMax {
		s.queue.View(func(b *engine.State) {
			for m := first; m < min(first+kopilka.DriftMax, b.Members()); m++ {
				s.remindOf(b, kopilka.MemberNo(m))
			}
			more = first+kopilka.DriftMax < b.Members()
		})
	}
}

// remindOf notes when the holds of one member lapse.
func (s *Server) remindOf(b *engine.State, m kopilka.MemberNo) {
	for at := range b.Lapses(m) {
		s.teller.lapsed.remind(m, at)
	}
}
