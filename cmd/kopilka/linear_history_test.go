package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
)

// history is what clients saw, from their side of the wire.
type history struct {
	seed  uint64
	cards []string
	began time.Time

	mu    sync.Mutex
	seen  []porcupine.Operation
	open  []int             // of seen: without an answer, ended by the end of their server
	sent  map[string][]deed // of a card: what can come back, be captured or sent again
	loose []deed            // without an answer: somebody may ask again
}

func newHistory(seed uint64, members int) *history {
	h := &history{seed: seed, began: time.Now(), sent: map[string][]deed{}}
	for n := range members {
		h.cards = append(h.cards, fmt.Sprintf("card-%d", n))
	}
	return h
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// saw enters what was asked and what came.
func (h *history) saw(till int, in deed, out told, call int64) {
	ret := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if out.unknown {
		h.open = append(h.open, len(h.seen))
		h.loose = append(h.loose, in)
	}
	if out.code == "" && in.kind != "read" && !out.replayed {
		h.sent[in.card] = append(h.sent[in.card], in)
	}
	h.seen = append(h.seen, porcupine.Operation{ClientId: till, Input: in, Call: call, Output: out, Return: ret})
}

// ended notes that the server is gone: what it had not answered it will not do.
func (h *history) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.open {
		h.seen[i].Return = h.now()
	}
	h.open = h.open[:0]
}

// settled is the history with what was learned later about commands without an
// answer. An id that was answered again was there from the first attempt, with that
// answer; one that was refused later, or answered as new, was not. That takes nothing
// from the judge, who holds the later answers to the same rules, and spares him
// all subsets of what was under way at every kill. Where several attempts could have
// been the one, they stay open.
func (h *history) settled() []porcupine.Operation {
	attempts := map[string][]porcupine.Operation{}
	for _, o := range h.seen {
		id := o.Input.(deed).id
		attempts[id] = append(attempts[id], o)
	}
	var all []porcupine.Operation
	for _, o := range h.seen {
		if !o.Output.(told).unknown {
			all = append(all, o)
			continue
		}
		open, never := 0, false
		var first told
		for _, a := range attempts[o.Input.(deed).id] {
			switch out := a.Output.(told); {
			case out.unknown:
				open++
			case out.code != "":
				never = never || a.Call > o.Return
			case !out.replayed:
				never = true
			default:
				first = out
			}
		}
		switch first.replayed = false; {
		case never:
		case first.seq != 0 && open == 1:
			o.Output = first
			all = append(all, o)
		default:
			all = append(all, o)
		}
	}
	return all
}

// till sends what comes to its mind, until the server does not answer.
type till struct {
	*history
	n   int
	rnd *rand.Rand
	c   *client.Client
}

// next makes a deed up.
func (x *till) next(id string) deed {
	in := deed{card: x.cards[x.rnd.IntN(len(x.cards))], id: id}
	in.kind = []string{"read", "read", "read", "accrual", "accrual", "receipt", "receipt", "redemption", "hold", "capture", "void", "return", "return", "block", "unblock", "unblock", "again", "again"}[x.rnd.IntN(18)]
	if in.kind == "block" && x.rnd.IntN(3) > 0 {
		in.kind = "receipt"
	}
	some := 10 * (1 + x.rnd.Int64N(500))
	switch in.kind {
	case "read":
		in.id = ""
	case "accrual":
		in.amount = kopilka.Money(some) * 10
	case "receipt":
		in.amount = kopilka.Money(some) * 10
		if x.rnd.IntN(2) == 0 {
			in.points = kopilka.Points(some) * kopilka.Points(1+x.rnd.Int64N(10)) // at most the amount
		}
	case "redemption", "hold":
		in.points = kopilka.Points(some)
	case "capture", "void", "return", "again":
		return x.about(in)
	}
	return in
}

// about makes a deed that is about an earlier one, or that one again.
func (x *till) about(in deed) deed {
	x.mu.Lock()
	defer x.mu.Unlock()
	if in.kind == "again" && len(x.loose) > 0 && x.rnd.IntN(2) == 0 {
		return x.loose[x.rnd.IntN(len(x.loose))]
	}
	sent := x.sent[in.card]
	if len(sent) == 0 {
		return deed{kind: "read", card: in.card}
	}
	sent = sent[max(0, len(sent)-40):]
	for range 20 {
		of := sent[x.rnd.IntN(len(sent))]
		hold := of.kind == "hold"
		switch {
		case in.kind == "again":
			return of
		case in.kind == "return" && (of.amount > 0 || of.kind == "redemption" || of.kind == "capture"):
			in.of = of.id
			return in
		case in.kind == "void" && hold:
			in.of = of.id
			return in
		case in.kind == "capture" && hold:
			in.of, in.points = of.id, 10*(1+kopilka.Points(x.rnd.Int64N(int64(of.points)/9))) // sometimes too many
			return in
		}
	}
	return deed{kind: "read", card: in.card}
}

// work sends until the server is gone. Every answer is counted.
func (x *till) work(name string, answered func()) error {
	for n := 0; ; n++ {
		ins := []deed{x.next(fmt.Sprintf("%s-%d", name, n))}
		if ins[0].kind != "read" && x.rnd.IntN(6) == 0 {
			for k := range 1 + x.rnd.IntN(3) {
				if in := x.next(fmt.Sprintf("%s-%d.%d", name, n, k)); in.kind != "read" {
					ins = append(ins, in)
				}
			}
		}
		gone, err := x.ask(ins)
		if gone || err != nil {
			return err
		}
		answered()
	}
}

// ask sends one request, of several commands if there are some, and enters what came.
func (x *till) ask(ins []deed) (gone bool, err error) {
	call := x.now()
	if ins[0].kind == "read" {
		m, err := x.c.Member(ins[0].card, 0)
		if err != nil {
			return true, notGone(err)
		}
		out := told{seq: m.Seq, balance: m.Balance, held: m.Held, blocked: m.Blocked}
		var open []string
		for _, h := range m.Holds {
			open = append(open, fmt.Sprintf("%s:%d", h.ID, h.Points))
		}
		slices.Sort(open)
		out.open = strings.Join(open, " ")
		if m.Debt != 0 || m.Pending != 0 {
			return false, fmt.Errorf("%s has a debt of %d and %d pending; the program gives neither", m.Card, m.Debt, m.Pending)
		}
		x.saw(x.n, ins[0], out, call)
		return false, nil
	}
	if len(ins) == 1 {
		a, err := ins[0].send(x.c)
		return x.heard(ins[0], a, err, call), nil
	}
	var ops []client.Op
	for _, in := range ins {
		ops = append(ops, in.op())
	}
	all, failed := x.c.Batch(ops...)
	for i, in := range ins {
		var a *client.Answer
		err := failed
		if failed == nil {
			a, err = all[i].Answer()
		}
		gone = x.heard(in, a, err, call) || gone
	}
	return gone, nil
}

// heard enters what came of a command.
func (x *till) heard(in deed, a *client.Answer, err error, call int64) (gone bool) {
	var no *client.Problem
	switch {
	case err == nil:
		x.saw(x.n, in, told{replayed: a.Replayed, seq: a.Seq, earned: a.Earned, redeemed: a.Redeemed, restored: a.PointsRestored,
			taken: a.PointsTaken, freed: a.Freed, balance: a.Balance, held: a.Held}, call)
		return false
	case errors.As(err, &no) && no.Status < 500:
		x.saw(x.n, in, told{code: no.Code, available: no.Available}, call)
		return false
	case errors.As(err, &no) || errors.Is(err, client.ErrUnknown):
		x.saw(x.n, in, told{unknown: true}, call)
	}
	return true // it was not sent, or there is no telling
}

// notGone is the error of a read, unless the server is gone.
func notGone(err error) error {
	var no *client.Problem
	if errors.As(err, &no) && no.Status < 500 {
		return err
	}
	return nil
}

// enrol makes the members, before anybody sends anything.
func (h *history) enrol(t *testing.T, url string) {
	t.Helper()
	c := &client.Client{URL: url, Key: testKey}
	for _, card := range h.cards {
		if _, err := c.PutMember(client.PutMember{Card: card}); err != nil {
			t.Fatal(err)
		}
	}
}
