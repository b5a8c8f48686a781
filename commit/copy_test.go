package commit

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// TestPicturesBesideEachOther copies, hashes, snapshots and at last closes the books,
// all at the same time and while tills write: whoever is told of books is told of whole
// ones, and the end is a clean one with a snapshot of the last position.
func TestPicturesBesideEachOther(t *testing.T) {
	for range 3 {
		dir := t.TempDir()
		q := openAt(t, dir, testStart)
		for i := range 200 {
			enrol(t, q, fmt.Sprint("card", i))
		}
		var all, tills sync.WaitGroup
		var copies, hashes, snapshots atomic.Int32
		for till := range 3 {
			tills.Go(func() {
				for i := 0; ; i++ {
					_, err := q.Submit(receipt(q, fmt.Sprint(till, "-", i), kopilka.MemberNo((i*7+till)%200), 10_000))
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		// again calls f until the books are closed.
		again := func(done *atomic.Int32, f func() error) {
			all.Go(func() {
				for {
					switch err := f(); {
					case err == nil:
						done.Add(1)
					case errors.Is(err, ErrClosed):
						return
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		for range 2 {
			again(&copies, func() error {
				var wrong error
				err := q.Copy(func(s *engine.State) { wrong = s.Check() })
				return errors.Join(err, wrong)
			})
			again(&hashes, func() error {
				_, _, err := q.Hash()
				return err
			})
			again(&snapshots, q.Checkpoint)
		}
		for copies.Load() < 3 || hashes.Load() < 3 || snapshots.Load() < 2 {
			time.Sleep(time.Millisecond)
			if t.Failed() {
				break
			}
		}
		shut(t, q)
		tills.Wait()
		all.Wait()
		if t.Failed() {
			return
		}

		var last [32]byte
		q.View(func(s *engine.State) { last = s.Hash() })
		q = openAt(t, dir, testStart)
		if got := hashOf(t, q); got != last {
			t.Errorf("after a restart the books are %x; want %x", got, last)
		}
		shut(t, q)
	}
}
