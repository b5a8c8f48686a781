package engine

import (
	"strconv"
	"testing"

	"github.com/kopilka/kopilka"
)

// As generations turn over, what the books forget has been handed over before,
// all of it and nothing else, and what they have not forgotten they refuse.
func TestRecentTurns(t *testing.T) {
	s := newShop(t, plainProgram)
	m := s.enrol("anna")
	runs := map[uint64]kopilka.Seq{} // what went to disk
	ids := map[kopilka.Seq]string{}
	var before Recent

	var out kopilka.Outcome
	grant := kopilka.Grant{Deed: kopilka.Deed{Member: m}, Points: 1}
	give := func(id string, looked kopilka.Seq) *kopilka.Outcome {
		grant.ID, grant.Looked = id, looked
		s.Apply(s.now, &grant, &out)
		return &out
	}
	for i := 0; before.Generations < 4; i++ {
		id := strconv.Itoa(i)
		if give(id, s.Recent().Base); out.Refusal != kopilka.Accepted {
			t.Fatalf("grant %d: %s", i, out.Refusal)
		}
		ids[s.Seq()] = id
		now := s.Recent()
		if now == before {
			continue
		}
		if now.Generations != before.Generations+1 || now.Base != before.Full || now.Full != s.Seq() {
			t.Fatalf("after %+v at %d: %+v", before, s.Seq(), now)
		}
		n := len(runs)
		s.OldMarks(func(key uint64, seq kopilka.Seq) {
			if seq <= now.Base || seq > now.Full {
				t.Fatalf("the old generation of (%d, %d] has position %d", now.Base, now.Full, seq)
			}
			if runs[key] != 0 {
				t.Fatalf("the fingerprint of position %d was handed over before, with %d", seq, runs[key])
			}
			runs[key] = seq
		})
		for seq := now.Base + 1; seq <= now.Full; seq++ {
			if id := ids[seq]; id != "" && runs[kopilka.FingerprintID(id)] != seq {
				t.Fatalf("position %d is not among the marks of (%d, %d]", seq, now.Base, now.Full)
			}
		}
		if len(runs)-n < generationLen-4 {
			t.Fatalf("a generation of %d", len(runs)-n)
		}
		before = now
	}
	if s.Seq() < 1<<18 {
		t.Fatalf("only %d commands", s.Seq())
	}

	base := s.Recent().Base
	for seq, id := range ids {
		key := kopilka.FingerprintID(id)
		switch found := s.FindRecent(key); {
		case seq <= base && (found != 0 || runs[key] != seq):
			t.Fatalf("position %d, not after %d: the books find %d, the runs %d", seq, base, found, runs[key])
		case seq > base && found != seq:
			t.Fatalf("position %d, after %d: the books find %d", seq, base, found)
		case seq > base && seq%1000 == 0:
			if give(id, base); out.Refusal != kopilka.Replayed || out.Prior != seq {
				t.Fatalf("the id of position %d again: %s of %d", seq, out.Refusal, out.Prior)
			}
		}
	}
	if give("new", base-1); out.Refusal != kopilka.Stale {
		t.Fatalf("searched up to %d of %d: %s", base-1, base, out.Refusal)
	}
	if give("new", base); out.Refusal != kopilka.Accepted {
		t.Fatalf("searched up to %d: %s", base, out.Refusal)
	}
}

// Two returns that were made from the same look-up: the second looks again.
func TestReturnsAtOnce(t *testing.T) {
	s := newShop(t, plainProgram)
	m := s.enrol("anna")
	sale := s.do(&kopilka.Receipt{Head: kopilka.Head{ID: "sale"}, Deed: kopilka.Deed{Member: m}, Amount: 1000})
	a, b := returnOf("sale", 0, sale, 600), returnOf("sale", 0, sale, 600)
	first := s.do(a)
	at := s.Seq()
	if out := s.try(b); out.Refusal != kopilka.Stale {
		t.Fatalf("the second return: %s", out.Refusal)
	}
	if out := s.try(returnOf("sale", at, first, 600)); out.Refusal != kopilka.ReturnExceedsReceipt {
		t.Fatalf("the second return, looked up again: %s", out.Refusal)
	}
	if out := s.do(returnOf("sale", at, first, 400)); out.Taken != 40 || out.Balance != 0 {
		t.Fatalf("the rest: %+v", out)
	}
}
