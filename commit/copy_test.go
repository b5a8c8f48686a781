package commit

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// TestCopyWhileTillsWrite copies the books again and again while tills write. Each
// copy is the books that a replay of the log comes to at its position.
func TestCopyWhileTillsWrite(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	var members []kopilka.MemberNo
	for i := range 300 {
		members = append(members, enrol(t, q, fmt.Sprint("card", i)))
	}
	stop := make(chan struct{})
	var tills sync.WaitGroup
	for till := range 4 {
		tills.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := q.Submit(receipt(q, fmt.Sprint(till, "-", i), members[(i*7+till)%len(members)], 10_000)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	copies := map[kopilka.Seq]*engine.State{}
	for range 5 {
		if err := q.Copy(func(s *engine.State) { copies[s.Seq()] = s }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	tills.Wait()

	replay, compared := NewReplay(), 0
	err := q.log.Scan(1, func(e *kopilka.Entry) error {
		if err := replay.Apply(e); err != nil {
			return err
		}
		s := copies[replay.State().Seq()]
		if s == nil {
			return nil
		}
		compared++
		if err := s.Check(); err != nil {
			return err
		}
		if s.Hash() != replay.State().Hash() {
			return errors.New("a copy differs from the replay")
		}
		return nil
	})
	if err != nil || compared < len(copies) {
		t.Fatalf("%d of %d copies compared, %v", compared, len(copies), err)
	}
}
