package outcomes

import (
	"errors"
	"time"
)

// newerPerOlder says when a run is worth merging with those after it: when they
// hold together this many times as many pairs. Twice makes equal seals merge by
// threes: a pair is written again about log₃ n times, and since every run is
// larger than half of all that came after it there are at most log₁.₅ n of them.
const newerPerOlder = 2

var errStopped = errors.New("outcomes: closing")

// mergeFrom is the oldest run that is worth merging with all after it, or -1.
func mergeFrom(runs []*run) int {
	from, newer := -1, 0
	for i := len(runs) - 1; i >= 0; i-- {
		if i < len(runs)-1 && runs[i].count*newerPerOlder <= newer {
			from = i
		}
		newer += runs[i].count
	}
	return from
}

// merge merges until nothing is worth it.
func (s *Runs) merge() {
	for {
		s.mu.RLock()
		from := mergeFrom(s.runs)
		var inputs []*run
		if from >= 0 {
			inputs = append(inputs, s.runs[from:]...)
		}
		s.mu.RUnlock()
		if inputs == nil {
			return
		}
		err := s.mergeRuns(from, inputs)
		if errors.Is(err, errStopped) {
			return
		}
		if errors.Is(err, errNoRoom) {
			if !s.cramped {
				s.logger.Warn("outcomes: merges wait for room; look-ups go on over more runs", "err", err)
			}
			s.cramped = true
			return
		}
		if err != nil {
			// The runs stand as they were and answer; the next Seal tries again.
			s.logger.Error("outcomes: merge failed; look-ups go on over more runs", "err", err)
			return
		}
		if s.cramped {
			s.logger.Info("outcomes: merges have room again", "dir", s.dir)
			s.cramped = false
		}
	}
}

// mergeRuns replaces the runs from the one at index from by one. The merged
// run is durable under its name before the first of its inputs is removed.
func (s *Runs) mergeRuns(from int, inputs []*run) error {
	start := time.Now()
	newest := inputs[len(inputs)-1]
	all := head{first: inputs[0].first, last: newest.last, at: newest.at}
	for _, r := range inputs {
		all.count += r.count
	}
	if err := s.room(all.fileBytes()); err != nil {
		return err
	}
	w, err := newWriter(s.dir, all)
	if err != nil {
		return err
	}
	s.step("created")
	if err := s.mergePairs(w, inputs); err != nil {
		w.abandon()
		return err
	}
	merged, err := w.finish(s.step)
	if err != nil {
		return err
	}

	s.mu.Lock()
	// Only Seal changes the list meanwhile, and only at its end.
	rest := s.runs[from+len(inputs):]
	s.runs = append(append(s.runs[:from:from], merged), rest...)
	s.mu.Unlock()
	// Finds hold the lock while they read, so none has the inputs any more.
	for _, r := range inputs {
		if err := r.remove(); err != nil {
			return err
		}
		s.step("removed")
	}
	s.logger.Debug("outcomes: merged", "runs", len(inputs), "ids", all.count, "took", time.Since(start).Round(time.Millisecond))
	return nil
}

// mergePairs adds the pairs of the inputs to w in order, by a heap of cursors.
func (s *Runs) mergePairs(w *writer, inputs []*run) error {
	var h cursors
	for _, r := range inputs {
		c := &cursor{run: r}
		more, err := c.next()
		if err != nil {
			return err
		}
		if more {
			h = append(h, c)
		}
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	for n := 0; len(h) > 0; n++ {
		if n%(1<<14) == 0 {
			if s.stopping.Load() {
				return errStopped
			}
			if err := s.room(w.fileBytes() - int64(w.no)*pageBytes); err != nil {
				return err
			}
		}
		w.add(h[0].pair)
		more, err := h[0].next()
		if err != nil {
			return err
		}
		if !more {
			h[0] = h[len(h)-1]
			h = h[:len(h)-1]
		}
		h.down(0)
	}
	return nil
}

// cursors is a heap, the least pair first.
type cursors []*cursor

func (h cursors) down(i int) {
	for {
		least := 2*i + 1
		if least >= len(h) {
			return
		}
		if least+1 < len(h) && h[least+1].pair.less(h[least].pair) {
			least++
		}
		if !h[least].pair.less(h[i].pair) {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
