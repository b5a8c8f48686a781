package commit

import (
	"fmt"
	"io"

	"github.com/kopilka/kopilka/engine"
)

// Copy lets f have the books as they stand at one position, in memory of their own, for
// whoever goes over all members: tills do not wait for that. It is made as a snapshot
// is, and takes as long; one of the two is made at a time, and there is one copy at a
// time. f keeps nothing of it.
func (q *Queue) Copy(f func(*engine.State)) error {
	q.copying.Lock()
	defer q.copying.Unlock()
	var s *engine.State
	err := q.turn(func() (err error) {
		s, err = q.machine.copy()
		return err
	})
	if err == nil {
		f(s)
	}
	return err
}

func (m *machine) copy() (*engine.State, error) {
	m.picture.Lock()
	defer m.picture.Unlock()
	m.mu.Lock()
	p := m.state.Picture(m.mu.RLocker())
	m.mu.Unlock()
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, err := p.WriteTo(w)
		w.CloseWithError(err) // nil is the end
	}()
	s := engine.New()
	err := s.Restore(r)
	r.CloseWithError(err) // a writer that nobody reads ends
	<-written
	m.mu.Lock()
	p.Close()
	m.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("copy the books: %w", err)
	}
	return s, nil
}
