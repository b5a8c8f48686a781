package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kopilka/kopilka/client"
	"github.com/kopilka/kopilka/seed"
)

// linearTimeout is how long one history may be thought about. A history that is not
// decided by then counts as a failure.
const linearTimeout = 5 * time.Minute

// TestLinearizable lets tills earn, spend, return, hold and read, all at once and on
// few members, while the server is killed again and again. What they saw must have
// an order in which every answer is right, and in which nothing that was shown is
// missing later. KOPILKA_LINEAR is how many histories are made.
func TestLinearizable(t *testing.T) {
	histories := 1
	if text := os.Getenv("KOPILKA_LINEAR"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("KOPILKA_LINEAR=%s is no number", text)
		}
		histories = n
	}
	rnd := rand.New(rand.NewPCG(seed.Of(t), 0))
	for range histories {
		h := newHistory(rnd.Uint64(), 2+rnd.IntN(3))
		h.make(t)
		settled := h.settled()
		h.judge(t, settled)
		h.judgeAltered(t, settled)
	}
}

// make lets a server live and die several times.
func (h *history) make(t *testing.T) {
	t.Helper()
	rounds := 8
	if testing.Short() {
		rounds = 4
	}
	rnd := rand.New(rand.NewPCG(h.seed, 1))
	folder := t.TempDir()
	dir, program := filepath.Join(folder, "data"), filepath.Join(folder, "program.yaml")
	if err := os.WriteFile(program, []byte(linearProgram), 0o600); err != nil {
		t.Fatal(err)
	}
	const tills = 6
	for round := range rounds {
		p := startServer(t, dir, "--program", program)
		if round == 0 {
			h.enrol(t, p.url)
		}
		// The kill comes by the number of answers, so a slow machine is killed as
		// early as a fast one: sometimes at the first.
		var left atomic.Int64
		left.Store(1 + rnd.Int64N(400)>>rnd.IntN(8))
		enough := make(chan struct{})
		answered := func() {
			if left.Add(-1) == 0 {
				close(enough)
			}
		}
		c := &client.Client{URL: p.url, Key: testKey, Attempts: 1, Timeout: time.Minute}
		var wg sync.WaitGroup
		gone := make(chan struct{})
		for n := range tills {
			x := &till{history: h, n: n, rnd: rand.New(rand.NewPCG(h.seed, uint64(100*round+n+2))), c: c}
			wg.Go(func() {
				if err := x.work(fmt.Sprintf("%d-%d", round, n), answered); err != nil {
					t.Error(err)
				}
			})
		}
		go func() { wg.Wait(); close(gone) }()
		select {
		case <-enough:
		case <-gone: // every till failed by itself
		}
		if rnd.IntN(4) == 0 {
			p.end(t) // a clean stop in the middle of it: the next start has a snapshot
		} else {
			p.kill()
		}
		h.ended()
		<-gone
		h.ended()
		if t.Failed() {
			t.FailNow()
		}
	}
	p := startServer(t, dir)
	x := &till{history: h, c: &client.Client{URL: p.url, Key: testKey}}
	// What is still open is asked again, and at last everybody is looked at.
	asked := map[string]bool{}
	for _, in := range slices.Clone(h.loose) {
		if asked[in.id] {
			continue
		}
		asked[in.id] = true
		if gone, err := x.ask([]deed{in}); gone || err != nil {
			t.Fatalf("%s: gone %t, %v", in, gone, err)
		}
	}
	for _, card := range h.cards {
		if gone, err := x.ask([]deed{{kind: "read", card: card}}); gone || err != nil {
			t.Fatalf("read %s: gone %t, %v", card, gone, err)
		}
	}
	p.end(t)
	if out, err := runProgram("verify", "--data", dir); err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
}

// judge asks for an order.
func (h *history) judge(t *testing.T, settled []porcupine.Operation) {
	t.Helper()
	unknown, refused, again := 0, 0, 0
	for _, o := range h.seen {
		switch out := o.Output.(told); {
		case out.unknown:
			unknown++
		case out.code != "":
			refused++
		case out.replayed:
			again++
		}
	}
	began := time.Now()
	result, info := porcupine.CheckOperationsVerbose(linearModel, settled, linearTimeout)
	t.Logf("seed %d: %d operations on %d members: %d without an answer, %d refused, %d answered again: %s in %s", h.seed, len(h.seen), len(h.cards), unknown, refused, again, result, time.Since(began))
	if result != porcupine.Ok {
		t.Fatalf("seed %d: the history is not shown to be linearizable: %s; see %s", h.seed, result, picture(t, info))
	}
}

// judgeAltered changes one read of the history: the judge must not be blind to what
// it has just let pass.
func (h *history) judgeAltered(t *testing.T, settled []porcupine.Operation) {
	t.Helper()
	var reads []int
	for i, o := range settled {
		if o.Input.(deed).kind == "read" {
			reads = append(reads, i)
		}
	}
	i := reads[rand.New(rand.NewPCG(h.seed, 2)).IntN(len(reads))]
	altered := slices.Clone(settled)
	out := altered[i].Output.(told)
	out.balance++ // all sums are multiples of ten
	altered[i].Output = out
	if result := porcupine.CheckOperationsTimeout(linearModel, altered, linearTimeout); result != porcupine.Illegal {
		t.Fatalf("seed %d: with one point more in answer %d the history is %s", h.seed, i, result)
	}
}

// picture draws what the judge saw, where it outlives the test.
func picture(t *testing.T, info porcupine.LinearizationInfo) string {
	t.Helper()
	f, err := os.CreateTemp("", "kopilka-linear-*.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := porcupine.Visualize(linearModel, info, f); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
