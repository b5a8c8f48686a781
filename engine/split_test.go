package engine

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

// Any split of a receipt, returned in any order, by amounts and by lines, ends
// where one return of everything ends, whatever happened before.
func TestReturnSplit(t *testing.T) {
	lots := 0
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		tape, x := record(seed, 60+rng.IntN(120))
		rest := slices.DeleteFunc(x.done, func(d done) bool { return d.left.Goods() == 0 })
		if len(rest) == 0 {
			continue
		}
		d := rest[rng.IntN(len(rest))]
		whole, split := tape.play(t, New(), nil), tape.play(t, New(), nil)
		deed := kopilka.Deed{Member: d.member, Day: whole.Day(), At: x.now}

		var out kopilka.Outcome
		giveBack := func(s *State, n int, r *kopilka.Return) {
			t.Helper()
			r.Head = kopilka.Head{ID: "r" + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676))}
			r.Deed, r.Receipt, r.ReceiptSeq = deed, d.id, d.seq
			s.Apply(x.now, r, &out)
			if out.Refusal != kopilka.Accepted {
				t.Fatalf("seed %d: return %+v: %s", seed, r, out.Refusal)
			}
		}
		exact := unspent(whole, &d)
		giveBack(whole, 0, &kopilka.Return{Left: d.left, LastReturn: d.lastReturn, Amount: d.left.Goods()})
		end := copyRemains(&out.Left)

		left, last, parts := copyRemains(&d.left), d.lastReturn, 0
		for ; left.Goods() > 0; parts++ {
			r := &kopilka.Return{Left: left, LastReturn: last}
			goods := left.Goods()
			some := func(most kopilka.Money) kopilka.Money {
				if parts > 50 || rng.IntN(4) == 0 {
					return most
				}
				return 1 + kopilka.Money(rng.Int64N(int64(most)))
			}
			if rng.IntN(2) == 0 {
				r.Amount = some(goods)
			} else {
				for i := range left.Lines {
					if n := left.Lines[i].Goods; n > 0 && (rng.IntN(2) == 0 || len(r.Lines) == 0 && i == len(left.Lines)-1) {
						r.Lines = append(r.Lines, kopilka.ReturnLine{Line: i, Amount: some(n)})
					}
				}
				if len(r.Lines) == 0 {
					continue
				}
			}
			giveBack(split, parts, r)
			left, last = copyRemains(&out.Left), split.Seq()
		}

		if !reflect.DeepEqual(left, end) {
			t.Fatalf("seed %d: after one return\n%+v, after %d\n%+v", seed, end, parts, left)
		}
		a, b := whole.Books(), split.Books()
		a.Returns, b.Returns = 0, 0
		if a != b {
			t.Fatalf("seed %d: books after one return\n%+v, after %d\n%+v", seed, a, parts, b)
		}
		for m := range kopilka.MemberNo(whole.Members()) {
			one, many := whole.Row(m, x.now), split.Row(m, x.now)
			if one.Balance != many.Balance || one.Pending != many.Pending || one.Debt != many.Debt || one.Tier != many.Tier ||
				!reflect.DeepEqual(one.Certificates, many.Certificates) {
				t.Fatalf("seed %d: member %d after one return\n%+v, after %d\n%+v", seed, m, one, parts, many)
			}
		}
		if !slices.Equal(whole.terms, split.terms) {
			t.Fatalf("seed %d: names after one return\n%+v, after %d\n%+v", seed, whole.terms, parts, split.terms)
		}
		if d.member == kopilka.NoMember {
			continue
		}
		one, many := whole.Member(d.member, whole.Now()), split.Member(d.member, split.Now())
		one.LastEntry, many.LastEntry = 0, 0
		if !exact {
			one.Lots, many.Lots, one.NextExpiry, many.NextExpiry = nil, nil, kopilka.Lot{}, kopilka.Lot{}
		} else {
			lots++
		}
		if !reflect.DeepEqual(one, many) {
			t.Fatalf("seed %d: after one return\n%+v, after %d\n%+v", seed, one, parts, many)
		}
		if whole.Index().Standing(d.member) != split.Index().Standing(d.member) {
			t.Fatalf("seed %d: the member stands elsewhere after %d returns than after one", seed, parts)
		}
		if err := split.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if lots < 40 {
		t.Fatalf("only %d cases compared lots", lots)
	}
}

// unspent tells whether everything that a return will call back still lies in
// the lot it went to, and there is no debt. Otherwise points are taken from
// whatever lots are there at the time, and which of them depends on the order.
func unspent(s *State, d *done) bool {
	if d.member == kopilka.NoMember {
		return true
	}
	v, owed := s.Member(d.member, s.Now()), d.left.Owed
	for _, l := range d.left.Lines {
		owed += l.Earned
	}
	if owed == 0 {
		return v.Debt == 0
	}
	for _, l := range v.Lots {
		activates := d.left.Earned.Activates
		if activates <= s.Day() {
			activates = 0
		}
		if l.Activates == activates && l.Expires == d.left.Earned.Expires {
			return l.Points >= owed && v.Debt == 0
		}
	}
	return false
}
