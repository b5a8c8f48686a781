package commit

import (
	"errors"
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/wal"
)

// sealing carries full generations of fingerprints from the books into runs on
// disk. A generation leaves the books one generation after it was full, and is
// in a run by then: whoever would be too fast waits.
type sealing struct {
	generations int           // that are in runs or on their way
	busy        chan struct{} // closed when the one on its way has arrived; nil = none
}

// note looks whether a generation has become full. The machine's lock is held.
func (x *sealing) note(m *machine) {
	r := m.state.Recent()
	if r.Generations == x.generations || m.runs == nil {
		return
	}
	x.wait()
	x.generations = r.Generations
	first := m.runs.Covered() + 1
	if r.Full < first || first <= r.Base {
		return // a replay: the run is there already, or more is missing than the books remember
	}
	pairs, at := oldPairs(m.state, first), m.digest // the generation became full in this entry
	x.busy = make(chan struct{})
	go func() {
		defer close(x.busy)
		if err := m.runs.Seal(first, r.Full, at, pairs); err != nil {
			// Without the run a retry of an old id could not be told from a new
			// command; points would be doubled. The log has all of it.
			panic(fmt.Sprintf("commit: seal the ids of positions %d-%d: %v", first, r.Full, err))
		}
	}()
}

func (x *sealing) wait() {
	if x.busy != nil {
		<-x.busy
		x.busy = nil
	}
}

func oldPairs(s *engine.State, first kopilka.Seq) []outcomes.Pair {
	var pairs []outcomes.Pair
	s.OldMarks(func(key uint64, seq kopilka.Seq) {
		if seq >= first {
			pairs = append(pairs, outcomes.Pair{Key: key, Seq: seq})
		}
	})
	return pairs
}

// caughtUp makes the runs complete after a replay: what the books no longer
// remember and no run has is read out of the log again.
func (m *machine) caughtUp(log wal.Log) error {
	m.sealing.wait()
	if err := m.runs.Begin(); err != nil {
		return err
	}
	r := m.state.Recent()
	m.sealing.generations = r.Generations
	if covered := m.runs.Covered(); covered < r.Base {
		pairs, err := m.pairsOfLog(log, covered+1, r.Base)
		if err != nil {
			return fmt.Errorf("find the ids of positions %d-%d in the log again: %w", covered+1, r.Base, err)
		}
		if err := m.sealAt(log, covered+1, r.Base, pairs); err != nil {
			return err
		}
	}
	if covered := m.runs.Covered(); covered < r.Full {
		return m.sealAt(log, covered+1, r.Full, oldPairs(m.state, covered+1))
	}
	return nil
}

func (m *machine) sealAt(log wal.Log, first, last kopilka.Seq, pairs []outcomes.Pair) error {
	e, err := log.Frame(last)
	if err != nil {
		return fmt.Errorf("seal the ids of positions %d-%d: %w", first, last, err)
	}
	return m.runs.Seal(first, last, e.Digest, pairs)
}

// Judge refuses what does not belong together before anything on disk is changed.
func (m *machine) Judge(look func(kopilka.Seq) (kopilka.Entry, error)) error {
	if m.runs != nil {
		if err := m.runsAreOf(look); err != nil {
			return err
		}
	}
	if m.allow == nil || m.state.Seq() == 0 {
		return nil
	}
	return m.allow(m.state, func(seq kopilka.Seq) (Record, error) {
		e, err := look(seq)
		if err != nil {
			return Record{Seq: seq}, err
		}
		return commandIn(&e, seq)
	})
}

// runsAreOf tells whether the runs are of this log: ids of another one, or of one that
// was restored to an earlier position and has gone on, would let what was spent be
// spent again.
func (m *machine) runsAreOf(look func(kopilka.Seq) (kopilka.Entry, error)) error {
	return m.runs.Ends(func(file string, last kopilka.Seq, at kopilka.Digest) error {
		if last > m.state.Seq() {
			return fmt.Errorf("%s is %w: it has ids up to position %d, and the log ends at %d; without it, it is made again from the log", file, outcomes.ErrDamaged, last, m.state.Seq())
		}
		e, err := look(last)
		if err != nil {
			return fmt.Errorf("look up the end of %s: %w", file, err)
		}
		if e.Digest != at {
			return fmt.Errorf("%s is %w: at position %d its log had another entry; without it, it is made again from the log", file, outcomes.ErrDamaged, last)
		}
		return nil
	})
}

// pairsOfLog reads the fingerprints of the commands from first to last that
// succeeded, which are those whose outcomes were kept. Outcomes are kept in order
// of position, so what a later one has overtaken was refused.
func (m *machine) pairsOfLog(log wal.Log, first, last kopilka.Seq) ([]outcomes.Pair, error) {
	var waiting, pairs []outcomes.Pair
	// succeeded takes kept outcomes and gives the position of the newest.
	succeeded := func(records []byte) (newest kopilka.Seq, err error) {
		err = kopilka.EachKept(records, func(seq kopilka.Seq, _ []byte) bool {
			newest = seq
			for len(waiting) > 0 && waiting[0].Seq <= seq {
				if waiting[0].Seq == seq {
					pairs = append(pairs, waiting[0])
				}
				waiting = waiting[1:]
			}
			return true
		})
		return newest, err
	}
	var d kopilka.Decoder
	var keys []uint64
	err := log.Scan(first, func(e *kopilka.Entry) error {
		newest, err := succeeded(e.Kept)
		if err != nil {
			return err
		}
		if newest >= last {
			return errEnough
		}
		body := e.Body
		for i := range e.Count {
			c, rest, err := d.Next(body)
			if err != nil {
				return err
			}
			body = rest
			if seq := e.First + kopilka.Seq(i); first <= seq && seq <= last {
				keys = kopilka.AppendFingerprints(keys[:0], c)
				for _, key := range keys {
					waiting = append(waiting, outcomes.Pair{Key: key, Seq: seq})
				}
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	// The newest outcomes are in no frame yet.
	_, err = succeeded(m.kept.bytes())
	return pairs, err
}

var errEnough = errors.New("enough of the log was read")
