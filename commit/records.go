package commit

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/wal"
)

// SeqSince is the first position whose frame has a time, or a later one; one
// behind the newest when there is none. The clock of the log never goes back, so
// halving finds it in as many frames as the newest position has bits.
func (q *Queue) SeqSince(t kopilka.Time) (kopilka.Seq, error) {
	from, to := kopilka.Seq(1), q.Seq()+1
	for from < to {
		e, err := q.log.Frame(from + (to-from)/2)
		if err != nil {
			return 0, fmt.Errorf("look for the first position since %s: %w", t, err)
		}
		if e.Time < t {
			from = e.First + kopilka.Seq(e.Count)
		} else {
			to = e.First
		}
	}
	return from, nil
}

// Records calls f for the commands of some kinds between two positions, both
// included, in their order, with what was decided about each, until f fails or
// the newest position applied is reached. Those that were refused are among them,
// with an Outcome of zero Time as Record gives it; ticks have none either.
//
// One pass over the frames serves all of it: a command waits in memory for its
// outcome, which rides in one of the next frames. The record is good until f
// returns, and nothing is allocated for it. Tills do not wait.
func (q *Queue) Records(from, to kopilka.Seq, kinds kopilka.Kinds, f func(*Record) error) error {
	return q.records(from, to, kinds, waitingMax, f)
}

// waitingMax is how many bytes of commands may wait for outcomes before it is
// looked up whether any will come: outcomes follow within a few frames, but a
// run of refused commands has none, however long it is.
const waitingMax = 8 << 20

func (q *Queue) records(from, to kopilka.Seq, kinds kopilka.Kinds, max int, f func(*Record) error) error {
	r := reading{log: q.log, from: from, kinds: kinds, max: max, f: f}
	m := q.machine
	m.mu.RLock()
	r.last = m.state.Seq()
	r.tail = bytes.Clone(m.kept.bytes())
	m.mu.RUnlock()
	if r.to = min(to, r.last); r.from > r.to {
		return nil
	}
	err := q.log.Scan(r.from, r.entry)
	if err == nil || errors.Is(err, errEnough) {
		err = r.end()
	}
	if err != nil {
		return fmt.Errorf("read positions %d to %d: %w", from, to, err)
	}
	return nil
}

// reading is commands on their way from the log to whoever reads them.
type reading struct {
	log      wal.Log
	from, to kopilka.Seq
	kinds    kopilka.Kinds
	max      int
	f        func(*Record) error

	last kopilka.Seq // newest position applied when the reading began
	tail []byte      // outcomes that no frame up to last has

	waiting []waiter
	given   int    // of waiting: gone already
	bytes   []byte // of the commands of waiting
	// next is a position before which no outcomes will come that have not; 0 =
	// not known.
	next kopilka.Seq

	decoder kopilka.Decoder
	record  Record
}

// waiter is a command that waits for its outcome.
type waiter struct {
	seq      kopilka.Seq
	time     kopilka.Time
	from, to int // in reading.bytes
}

// entry takes the next frame: the outcomes in it, which are of commands before
// it, and then its commands.
func (r *reading) entry(e *kopilka.Entry) error {
	if e.First > r.last || e.First > r.to && r.given == len(r.waiting) {
		return errEnough
	}
	if err := r.outcomes(e.Kept); err != nil {
		return err
	}
	if e.First <= r.to {
		r.commands(e)
	}
	if len(r.bytes) > r.max {
		return r.spare(e.First + kopilka.Seq(e.Count))
	}
	return nil
}

// commands makes the commands of a frame wait.
func (r *reading) commands(e *kopilka.Entry) {
	r.compact()
	body := e.Body
	for seq := e.First; seq < e.First+kopilka.Seq(e.Count) && seq <= r.to; seq++ {
		rest := kopilka.SkipCommand(body)
		if seq >= r.from && len(body) > 0 && r.kinds.Has(kopilka.Kind(body[0])) {
			from := len(r.bytes)
			r.bytes = append(r.bytes, body[:len(body)-len(rest)]...)
			r.waiting = append(r.waiting, waiter{seq, e.Time, from, len(r.bytes)})
		}
		body = rest
	}
}

// compact lets go of the commands that are given.
func (r *reading) compact() {
	if r.given == 0 {
		return
	}
	gone := r.waiting[r.given-1].to
	r.bytes = r.bytes[:copy(r.bytes, r.bytes[gone:])]
	r.waiting = r.waiting[:copy(r.waiting, r.waiting[r.given:])]
	r.given = 0
	for i := range r.waiting {
		r.waiting[i].from -= gone
		r.waiting[i].to -= gone
	}
}

// outcomes gives the commands whose outcomes stand in records. They come in order
// of position, so a command that one has passed by was refused.
func (r *reading) outcomes(records []byte) (err error) {
	e := kopilka.EachKept(records, func(seq kopilka.Seq, outcome []byte) bool {
		if err = r.without(seq); err == nil && r.given < len(r.waiting) && r.waiting[r.given].seq == seq {
			if err = r.record.Outcome.Read(outcome); err == nil {
				err = r.give()
			}
		}
		return err == nil && r.given < len(r.waiting)
	})
	return errors.Join(err, e)
}

// without gives the commands before a position, which have no outcome.
func (r *reading) without(before kopilka.Seq) error {
	for r.given < len(r.waiting) && r.waiting[r.given].seq < before {
		r.record.Outcome.Reset()
		if err := r.give(); err != nil {
			return err
		}
	}
	return nil
}

// give gives the first command that waits, with the outcome that is in the record.
func (r *reading) give() (err error) {
	w := &r.waiting[r.given]
	r.record.Seq, r.record.Time = w.seq, w.time
	if r.record.Command, _, err = r.decoder.Next(r.bytes[w.from:w.to]); err != nil {
		return fmt.Errorf("position %d: %w", w.seq, err)
	}
	r.given++
	return r.f(&r.record)
}

// spare gives what need not wait any longer: what stands before the next outcome
// that is still to come, in frames from a position on or behind all of them.
func (r *reading) spare(from kopilka.Seq) error {
	if w := r.waiting; r.given < len(w) && w[r.given].seq >= r.next {
		r.next = r.last + 1
		note := func(records []byte) {
			_ = kopilka.EachKept(records, func(seq kopilka.Seq, _ []byte) bool {
				r.next = seq
				return false
			})
		}
		note(r.tail)
		err := r.log.Scan(from, func(e *kopilka.Entry) error {
			if e.First > r.last {
				return errEnough
			}
			if note(e.Kept); len(e.Kept) > 0 {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	return r.without(r.next)
}

// end gives what waits when the frames are through.
func (r *reading) end() error {
	if err := r.outcomes(r.tail); err != nil {
		return err
	}
	return r.without(r.last + 1)
}
