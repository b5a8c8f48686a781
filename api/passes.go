package api

import (
	"sync"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// passes are the works that go over all members: the segments of an earlier
// day, exports, and live quintiles. Each takes memory by the member and a core
// for a while, so few are done at once, and what the last ones made is kept for
// who turns the pages of a list.
type passes struct {
	places chan struct{}
	wait   time.Duration // for a place

	mu   sync.Mutex
	made []standing // the one used last comes last
}

const (
	passesAtOnce = 2
	passWait     = 5 * time.Second
	standingsMax = 2 // of passes.made
)

func newPasses() passes {
	return passes{places: make(chan struct{}, passesAtOnce), wait: passWait}
}

// begin waits for a place, which end gives back.
func (w *passes) begin() *problem {
	late := time.NewTimer(w.wait)
	defer late.Stop()
	select {
	case w.places <- struct{}{}:
		return nil
	case <-late.C:
		return problemOf(codeOverloaded, "others are counting all members at the moment")
	}
}

func (w *passes) end() { <-w.places }

// find gives the standing of a day as it was made at the same position of the
// log, by the same rules.
func (w *passes) find(day kopilka.Day, seq kopilka.Seq, rules *program.Program) (standing, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, v := range w.made {
		if v.Day == day && v.seq == seq && v.rules == rules {
			w.made = append(append(w.made[:i], w.made[i+1:]...), v)
			return v, true
		}
	}
	return standing{}, false
}

// keep puts a standing in place of the one that was used longest ago.
func (w *passes) keep(v standing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.made) == standingsMax {
		w.made = append(w.made[:0], w.made[1:]...)
	}
	w.made = append(w.made, v)
}

// live tells whether the segments of now are a pass over all members.
func live(p *program.RFM) bool {
	return p.Boundaries == program.Live && (p.R.Quintiles || p.F.Quintiles || p.M.Quintiles)
}
