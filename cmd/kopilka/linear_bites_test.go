package main

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/kopilka/kopilka/seed"
)

// madeUp is a history that a right server would make, of one member and two tills
// whose requests overlap by one.
func madeUp(rnd *rand.Rand, n int) []porcupine.Operation {
	h := newHistory(0, 1)
	x := &till{history: h, rnd: rnd}
	var s standing
	for i := range int64(n) {
		in := x.next("c" + string(rune('A'+i/26)) + string(rune('a'+i%26)))
		out := told{seq: s.seq + 1, balance: s.balance, held: s.held, blocked: s.blocked, open: s.open()}
		if in.kind != "read" {
			if first, spent := s.ids[in.id]; spent {
				out = first.answer
				out.replayed = true
			} else if _, out = s.do(in); out.code == "" {
				out.seq = s.seq + 1
			}
		}
		s = s.step(in, out)[0]
		if out.code == "" && in.kind != "read" && !out.replayed {
			h.sent[in.card] = append(h.sent[in.card], in)
		}
		h.seen = append(h.seen, porcupine.Operation{ClientId: int(i % 2), Input: in, Output: out, Call: 10 * i, Return: 10*i + 15})
	}
	return h.seen
}

// TestLinearBites alters right histories as a wrong server would, and the judge must
// refuse every one.
func TestLinearBites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed.Of(t), 0))
	want := func(history []porcupine.Operation, result porcupine.CheckResult, what string) {
		t.Helper()
		if got := porcupine.CheckOperationsTimeout(linearModel, history, linearTimeout); got != result {
			t.Fatalf("%s: %s; want %s", what, got, result)
		}
	}
	at := func(i int64, in deed, out told) porcupine.Operation {
		in.card = "card-0"
		return porcupine.Operation{Input: in, Output: out, Call: 10 * i, Return: 10*i + 5}
	}
	unknown := told{unknown: true}
	accrual := deed{kind: "accrual", id: "a", amount: 1000}
	earned := told{seq: 1, earned: 100, balance: 100}
	again := earned
	again.replayed = true
	read := deed{kind: "read"}

	for range 20 {
		h := madeUp(rnd, 60)
		want(h, porcupine.Ok, "a right history")
		i := rnd.IntN(len(h))
		for h[i].Input.(deed).kind != "read" {
			i = rnd.IntN(len(h))
		}
		altered := slices.Clone(h)
		out := h[i].Output.(told)
		out.balance += 10
		altered[i].Output = out
		altered[i].Call, altered[i].Return = h[i].Call+7, h[i].Call+7 // between its neighbours, so that neither can explain it
		if i > 0 {
			altered[i-1].Return = h[i].Call
		}
		if i+1 < len(h) {
			altered[i+1].Call = h[i].Call + 9
		}
		want(altered, porcupine.Illegal, "a read of points that nobody had")
	}

	want([]porcupine.Operation{at(0, accrual, earned), at(1, read, told{seq: 1, balance: 100})}, porcupine.Ok, "what was earned is read")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, read, told{seq: 0})}, porcupine.Illegal, "a stale read")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, read, told{seq: 1})}, porcupine.Illegal, "a stale read that claims to be new")
	want([]porcupine.Operation{at(0, read, told{seq: 4}), at(1, accrual, earned)}, porcupine.Illegal, "a position that was shown before")

	want([]porcupine.Operation{at(0, accrual, earned), at(1, accrual, again)}, porcupine.Ok, "a retry")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, accrual, told{seq: 2, earned: 100, balance: 200})}, porcupine.Illegal, "a doubled accrual: the id is forgotten")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, accrual, again), at(2, read, told{seq: 2, balance: 200})}, porcupine.Illegal, "a doubled accrual behind a right answer")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, accrual, told{replayed: true, seq: 1, earned: 100, balance: 110})}, porcupine.Illegal, "another first answer")
	want([]porcupine.Operation{at(0, accrual, again)}, porcupine.Illegal, "a first answer before the first time")

	want([]porcupine.Operation{at(0, accrual, unknown), at(1, read, told{seq: 1, balance: 100})}, porcupine.Ok, "a command without an answer that is there")
	want([]porcupine.Operation{at(0, accrual, unknown), at(1, read, told{})}, porcupine.Ok, "a command without an answer that is not there")
	want([]porcupine.Operation{at(0, accrual, unknown), at(1, read, told{}), at(2, read, told{seq: 1, balance: 100})}, porcupine.Illegal, "a command that comes back from the dead")
	want([]porcupine.Operation{at(0, accrual, unknown), at(1, read, told{seq: 1, balance: 100}), at(2, read, told{seq: 1})}, porcupine.Illegal, "a read that shows what is later missing")
	want([]porcupine.Operation{at(0, accrual, unknown), at(1, accrual, unknown), at(2, read, told{seq: 2, balance: 200})}, porcupine.Illegal, "two attempts that both count")

	hold := deed{kind: "hold", id: "h", points: 60}
	held := told{seq: 2, balance: 40, held: 60}
	spend := deed{kind: "redemption", id: "d", points: 60}
	want([]porcupine.Operation{at(0, accrual, earned), at(1, hold, held), at(2, spend, told{code: "insufficient-points", available: 40})}, porcupine.Ok, "what is held cannot be spent")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, hold, held), at(2, spend, told{seq: 3, redeemed: 60, balance: -20, held: 60})}, porcupine.Illegal, "an overdraft")
	want([]porcupine.Operation{at(0, accrual, earned), at(1, hold, held), at(2, deed{kind: "void", id: "v", of: "h"}, told{seq: 3, freed: 60, balance: 100}),
		at(3, deed{kind: "capture", id: "x", of: "h", points: 60}, told{seq: 4, redeemed: 60, balance: 40})}, porcupine.Illegal, "a hold that ends twice")
}
