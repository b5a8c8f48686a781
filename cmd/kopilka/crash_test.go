package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
	"github.com/kopilka/kopilka/seed"
)

// wish is a command that a till has sent, as its own journal has it.
type wish struct {
	receipt client.Receipt
	answer  *client.Answer // nil while the outcome is unknown
	refused bool
}

// TestKilledUnderLoad kills the server again and again while tills send
// receipts, and asks one question: is everything that was answered there, once,
// with the same answer, and does everything else settle on a retry?
func TestKilledUnderLoad(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(t.TempDir(), "data")
	const cards, tills = 5, 8
	card := func(n int) string { return fmt.Sprintf("card-%d", n) }

	p := startServer(t, dir)
	want := map[string]kopilka.Points{}
	for n := range cards {
		c := &client.Client{URL: p.url, Key: testKey}
		a, err := c.PutMember(client.PutMember{Card: card(n), Name: fmt.Sprintf("Member %d", n)})
		if err != nil {
			t.Fatal(err)
		}
		want[card(n)] = a.Balance // the welcome
	}
	seed := seed.Of(t)
	var mu sync.Mutex
	var journal []*wish
	for round := range rounds {
		// Attempts is 1: a till whose server is gone writes "unknown" and goes on.
		c := &client.Client{URL: p.url, Key: testKey, Attempts: 1, Timeout: 5 * time.Second}
		var wg sync.WaitGroup
		for till := range tills {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(seed, uint64(round*tills+till)))
				for n := 0; ; n++ {
					w := &wish{receipt: client.Receipt{ID: fmt.Sprintf("%d-%d-%d", round, till, n),
						Buyer: client.ByCard(card(rnd.IntN(cards))), Amount: kopilka.Money(rnd.Int64N(100_000))}}
					if rnd.IntN(3) == 0 {
						w.receipt.Redeem = client.Spend(rnd.Int64N(200))
					}
					mu.Lock()
					journal = append(journal, w)
					mu.Unlock()
					a, err := c.Receipt(w.receipt)
					var no *client.Problem
					switch {
					case err == nil:
						w.answer = a
					case errors.As(err, &no):
						w.refused = true
					default:
						return
					}
				}
			})
		}
		// Sometimes the server hardly gets to listen before it is killed.
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		p.kill()
		wg.Wait()
		p = startServer(t, dir)
	}

	c := &client.Client{URL: p.url, Key: testKey}
	acknowledged, settled := 0, 0
	seqs := map[kopilka.Seq]string{}
	for _, w := range journal {
		if w.refused {
			continue
		}
		a, err := c.Receipt(w.receipt)
		var no *client.Problem
		if w.answer == nil && errors.As(err, &no) {
			continue // judged anew, and refused: it was never there
		}
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, w.receipt.ID, err)
		}
		if first := w.answer; first != nil {
			acknowledged++
			if !a.Replayed || a.Seq != first.Seq || a.Earned != first.Earned || a.Redeemed != first.Redeemed || a.Balance != first.Balance {
				t.Fatalf("seed %d: %s was answered %+v, and now %+v", seed, w.receipt.ID, first, a)
			}
		} else {
			settled++
		}
		if other, twice := seqs[a.Seq]; twice {
			t.Fatalf("seed %d: position %d belongs to %s and to %s", seed, a.Seq, other, w.receipt.ID)
		}
		seqs[a.Seq] = w.receipt.ID
		want[w.receipt.Card] += a.Earned - a.Redeemed
	}
	for n := range cards {
		m, err := c.Member(card(n), 0)
		if err != nil {
			t.Fatal(err)
		}
		var lots, entries kopilka.Points
		for _, l := range m.Lots {
			lots += l.Left
		}
		for e, err := range c.Ledger(card(n)) {
			if err != nil {
				t.Fatal(err)
			}
			entries += e.Points
		}
		if m.Balance != want[card(n)] || lots != want[card(n)] || entries != want[card(n)] {
			t.Fatalf("seed %d: %s: the tills know of %d points; balance %d, lots %d, entries %d", seed, card(n), want[card(n)], m.Balance, lots, entries)
		}
	}
	t.Logf("%d kills, %d acknowledged, %d settled on a retry", rounds, acknowledged, settled)
	if acknowledged == 0 {
		t.Fatal("nothing was acknowledged: the test proves nothing")
	}
	p.end(t)
	out, err := runProgram("verify", "--data", dir)
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
}
