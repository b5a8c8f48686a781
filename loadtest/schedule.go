package main

import (
	"math/rand/v2"
	"runtime"
	"syscall"
	"time"
)

// schedule is when buyers come: after equal gaps, or after gaps drawn so that
// they come by chance (a Poisson process), the same for the same seed.
type schedule struct {
	gap time.Duration // mean
	rnd *rand.Rand    // nil: equal gaps
	at  time.Duration // since the start
	n   int64
}

func newSchedule(perSecond float64, poisson bool, seed uint64) *schedule {
	s := &schedule{gap: time.Duration(float64(time.Second) / perSecond)}
	if poisson {
		s.rnd = rand.New(rand.NewPCG(seed, 1837))
	}
	return s
}

// next is when the next one comes, since the start.
func (s *schedule) next() time.Duration {
	if s.rnd != nil {
		s.at += time.Duration(s.rnd.ExpFloat64() * float64(s.gap))
		return s.at
	}
	s.n++
	return time.Duration(s.n) * s.gap
}

// arrivalsWaiting bounds how many buyers stand in the street while every
// connection is busy. Past it they still come in time, and wait longer.
const arrivalsWaiting = 1 << 16

// ring sends every arrival's time into the channel when it has come, until the
// end, and tells how many had come by then that nobody was there to hear of.
// It sleeps by the system's own clock on a thread of its own: a goroutine's
// timer may be a millisecond late, which would be charged to the server.
func ring(s *schedule, start time.Time, end time.Duration, to chan<- time.Time) (missed int64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(to)
	at := s.next()
	for ; at < end; at = s.next() {
		for wait := at - time.Since(start); wait > 0; wait = at - time.Since(start) {
			ts := syscall.NsecToTimespec(int64(wait))
			syscall.Nanosleep(&ts, nil)
		}
		select {
		case to <- start.Add(at):
			continue
		default:
		}
		select {
		case to <- start.Add(at):
		case <-time.After(end - time.Since(start)):
			for ; at < end; at = s.next() {
				missed++
			}
			return missed
		}
	}
	return 0
}
