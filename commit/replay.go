package commit

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// Replay folds a log into books of its own, for whoever wants to prove or to
// explain it. It compares the outcomes that the log keeps with those that its
// commands have now.
type Replay struct {
	// Told, when it is set, hears what every command leads to. The outcome is good
	// until it returns.
	Told func(kopilka.Seq, *kopilka.Outcome)

	machine *machine
}

// NewReplay is books before the first entry.
func NewReplay() *Replay { return &Replay{machine: newMachine(nil)} }

// Apply takes the next entry. An error says that the log does not hold what
// its commands lead to.
func (r *Replay) Apply(e *kopilka.Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("entry %d, positions from %d: %v", e.Pos.Index, e.First, p)
		}
	}()
	r.machine.told = r.Told
	r.machine.Apply(e)
	return nil
}

// State is the books so far.
func (r *Replay) State() *engine.State { return r.machine.state }
