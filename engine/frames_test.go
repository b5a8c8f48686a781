package engine_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/seed"
)

// frames cuts a log into frames: next says of how many commands each is to be, of
// which it has those that share the first one's time.
func frames(log []engine.Taped, next func() int, f func(*kopilka.Entry)) {
	for from, index := 0, uint64(1); from < len(log); index++ {
		e := &kopilka.Entry{First: kopilka.Seq(from + 1), Pos: kopilka.Pos{Epoch: 1, Index: index}, Time: log[from].At}
		for n := next(); n > 0 && from < len(log) && log[from].At == e.Time; n-- {
			e.Count, e.Body = e.Count+1, append(e.Body, log[from].Body...)
			from++
		}
		f(e)
	}
}

// TestOneLogOneHash replays random logs under random programs, cut into frames of
// many sizes, on one processor and on several, beside each other, and restarted
// from pictures: all end in the same books. KOPILKA_FRAMES is how many logs are made.
func TestOneLogOneHash(t *testing.T) {
	random := rand.New(rand.NewPCG(seed.Of(t), 0))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	logs := 3
	if text := os.Getenv("KOPILKA_FRAMES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("KOPILKA_FRAMES=%s is no number", text)
		}
		logs = n
	}
	for range logs {
		log := engine.RandomLog(random.Uint64(), 600)
		want := alone(t, log)
		for _, processors := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(processors)
			var all sync.WaitGroup
			for _, size := range []int{1, 2, 7, 64, 1000, 0} {
				rnd := rand.New(rand.NewPCG(random.Uint64(), 0))
				all.Go(func() {
					replay := commit.NewReplay()
					frames(log, func() int {
						if size == 0 {
							return 1 + rnd.IntN(1<<rnd.IntN(10))
						}
						return size
					}, func(e *kopilka.Entry) {
						if err := replay.Apply(e); err != nil {
							t.Error(err)
						}
					})
					if got := replay.State().Hash(); got != want {
						t.Errorf("in frames of %d, on %d processors: hash %x; want %x", size, processors, got, want)
					}
				})
			}
			rnd := rand.New(rand.NewPCG(random.Uint64(), 1))
			all.Go(func() {
				if got := restarted(t, log, rnd); got != want {
					t.Errorf("restarted, on %d processors: hash %x; want %x", processors, got, want)
				}
			})
			all.Wait()
		}
	}
}

// alone is the hash of a log that is applied one command after the other.
func alone(t *testing.T, log []engine.Taped) [32]byte {
	t.Helper()
	s := engine.New()
	apply(t, s, log)
	return s.Hash()
}

func apply(t *testing.T, s *engine.State, log []engine.Taped) {
	var d kopilka.Decoder
	var out kopilka.Outcome
	for _, c := range log {
		cmd, rest, err := d.Next(c.Body)
		if err != nil || len(rest) > 0 {
			t.Errorf("%x is no command: %v", c.Body, err)
			return
		}
		s.Apply(c.At, cmd, &out)
	}
}

// restarted is the hash of a log whose books are written and read again at several
// places, also several times at one.
func restarted(t *testing.T, log []engine.Taped, rnd *rand.Rand) [32]byte {
	s := engine.New()
	for len(log) > 0 {
		n := min(len(log), rnd.IntN(100))
		apply(t, s, log[:n])
		log = log[n:]
		var b bytes.Buffer
		p := s.Picture(new(sync.Mutex))
		_, err := p.WriteTo(&b)
		p.Close()
		if s = engine.New(); err == nil {
			err = s.Restore(&b)
		}
		if err != nil {
			t.Error(err)
			return [32]byte{}
		}
	}
	return s.Hash()
}
