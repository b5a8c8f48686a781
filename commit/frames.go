package commit

import (
	"fmt"
	"sync"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/wal"
)

// frames are the entries that were read back last. Whoever reads a member's
// ledger, or the profiles of members who were enrolled together, reads a few
// frames again and again, and unpacking one takes longer than all else.
type frames struct {
	mu     sync.Mutex
	recent [16]*kopilka.Entry // the one used last is first
}

// holding gives the entry that holds a position. It is shared and not to be changed.
func (f *frames) holding(seq kopilka.Seq, log wal.Log) (*kopilka.Entry, error) {
	if e := f.find(seq); e != nil {
		return e, nil
	}
	e, err := log.Frame(seq)
	if err != nil {
		return nil, fmt.Errorf("read position %d: %w", seq, err)
	}
	f.mu.Lock()
	f.use(len(f.recent)-1, &e)
	f.mu.Unlock()
	return &e, nil
}

func (f *frames) find(seq kopilka.Seq) *kopilka.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, e := range f.recent {
		if e != nil && e.First <= seq && seq < e.First+kopilka.Seq(e.Count) {
			f.use(i, e)
			return e
		}
	}
	return nil
}

// use puts an entry first, in the place of the one at i.
func (f *frames) use(i int, e *kopilka.Entry) {
	copy(f.recent[1:i+1], f.recent[:i])
	f.recent[0] = e
}
