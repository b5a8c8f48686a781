package main

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
)

// linearProgram has rules that a model can state in a line each: a tenth of every
// purchase is earned, all of it may be paid with points, and nothing runs out.
const linearProgram = `
program: linear
currency: EUR
time_zone: UTC
earn_base: total
tiers:
  - {id: base, name: {en: Base}, earn_bp: 1000, max_redeem_bp: 10000, threshold: 0}
expiry: {policy: none}
returns: {spent_points: within_balance}
`

// deed is what somebody asks of the server about one member.
type deed struct {
	kind   string // read, accrual, receipt, redemption, return, hold, capture, void, block, unblock
	card   string
	id     string // of the command
	of     string // what a return, a capture or a void is of
	points kopilka.Points
	amount kopilka.Money
}

// told is what the server answered.
type told struct {
	unknown   bool   // nothing, so it is there or it is not
	code      string // of a refusal
	available kopilka.Points
	replayed  bool
	seq       kopilka.Seq

	earned, redeemed, restored, taken, freed, balance, held kopilka.Points

	open    string // of a read: the holds
	blocked bool   // of a read
}

// done is a command that was accepted.
type done struct {
	kind   string
	answer told           // seq 0: nobody has heard yet
	points kopilka.Points // of a hold
	over   bool           // it came back, or was captured or voided
}

// standing is one member as the model has it. Its map is never written to.
type standing struct {
	balance, held kopilka.Points
	blocked       bool
	seq           kopilka.Seq // nothing later is known to have happened
	ids           map[string]done
	sum           uint64 // of ids
}

var linearSeed = maphash.MakeSeed()

// with is the standing with one entry of ids put in place.
func (s standing) with(id string, d done) standing {
	ids := make(map[string]done, len(s.ids)+1)
	maps.Copy(ids, s.ids)
	if old, ok := ids[id]; ok {
		s.sum ^= entrySum(id, old)
	}
	ids[id] = d
	s.sum ^= entrySum(id, d)
	s.ids = ids
	return s
}

func entrySum(id string, d done) uint64 {
	return maphash.Comparable(linearSeed, struct {
		id string
		d  done
	}{id, d})
}

func (s standing) hash() uint64 {
	return s.sum ^ maphash.Comparable(linearSeed, [3]int64{int64(s.balance), int64(s.held), int64(s.seq)})
}

func (s standing) equal(o standing) bool {
	return s.sum == o.sum && s.balance == o.balance && s.held == o.held && s.blocked == o.blocked && s.seq == o.seq && maps.Equal(s.ids, o.ids)
}

// open is the holds that stand, as a read shows them.
func (s standing) open() string {
	var all []string
	for id, d := range s.ids {
		if d.kind == "hold" && !d.over {
			all = append(all, fmt.Sprintf("%s:%d", id, d.points))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// do is the rules: how the member stands after a new command, and the answer.
func (s standing) do(in deed) (standing, told) {
	no := func(code string) (standing, told) { return s, told{code: code} }
	target, found := s.ids[in.of]
	var out told
	switch in.kind {
	case "block", "unblock":
		s.blocked = in.kind == "block"
	case "return":
		switch {
		case !found || !slices.Contains([]string{"accrual", "receipt", "redemption", "capture"}, target.kind):
			return no("not-found")
		case target.over:
			return no("already-returned")
		}
		out.restored = target.answer.redeemed
		out.taken = min(target.answer.earned, s.balance+out.restored)
		s.balance += out.restored - out.taken
	case "capture", "void":
		switch {
		case !found || target.kind != "hold":
			return no("not-found")
		case target.over:
			return no("hold-expired")
		case in.kind == "capture" && s.blocked:
			return no("member-blocked")
		case in.points > target.points:
			return s, told{code: "insufficient-points", available: target.points}
		}
		out.redeemed, out.freed = in.points, target.points-in.points
		s.held -= target.points
		s.balance += out.freed
		if in.kind == "void" {
			out.freed = target.points
		}
	default:
		switch {
		case s.blocked:
			return no("member-blocked")
		case in.points > s.balance:
			return s, told{code: "insufficient-points", available: s.balance}
		}
		s.balance -= in.points
		if in.kind == "hold" {
			s.held += in.points
		} else {
			out.redeemed, out.earned = in.points, kopilka.Points(in.amount/10)
			s.balance += out.earned
		}
	}
	if in.of != "" {
		target.over = true
		s = s.with(in.of, target)
	}
	out.balance, out.held = s.balance, s.held
	return s.with(in.id, done{kind: in.kind, answer: out, points: in.points}), out
}

// step is all standings that an answer may have left behind; none says that it
// cannot have been given here.
func (s standing) step(in deed, out told) []standing {
	if in.kind == "read" {
		if out.balance != s.balance || out.held != s.held || out.blocked != s.blocked || out.seq < s.seq || out.open != s.open() {
			return nil
		}
		s.seq = out.seq
		return []standing{s}
	}
	first, spent := s.ids[in.id]
	switch {
	case out.unknown:
		if spent {
			return []standing{s}
		}
		next, want := s.do(in)
		if want.code != "" {
			return []standing{s}
		}
		return []standing{s, next}
	case spent:
		if out.code != "" || !out.replayed {
			return nil // an id is spent for ever
		}
		want, got := first.answer, out
		if want.seq == 0 {
			want.seq = got.seq
		}
		if want.replayed = true; want != got {
			return nil
		}
		first.answer.seq = got.seq
		return []standing{s.with(in.id, first)}
	}
	next, want := s.do(in)
	if want.code == "" {
		if out.seq <= s.seq {
			return nil // the position was shown before
		}
		want.seq = out.seq
		entry := next.ids[in.id]
		entry.answer.seq = out.seq
		next = next.with(in.id, entry)
		next.seq = out.seq
	}
	if want != out {
		return nil
	}
	return []standing{next}
}

// linearModel is a member at a time. What was under way when the server was killed
// is there from before the kill, or never: a set of standings is carried along.
var linearModel = func() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			of := map[string][]porcupine.Operation{}
			for _, o := range history {
				card := o.Input.(deed).card
				of[card] = append(of[card], o)
			}
			var all [][]porcupine.Operation
			for _, card := range slices.Sorted(maps.Keys(of)) {
				all = append(all, of[card])
			}
			return all
		},
		Init: func() []any { return []any{standing{}} },
		Step: func(state, input, output any) []any {
			var all []any
			for _, s := range state.(standing).step(input.(deed), output.(told)) {
				all = append(all, s)
			}
			return all
		},
		Equal: func(a, b any) bool { return a.(standing).equal(b.(standing)) },
		Hash:  func(s any) uint64 { return s.(standing).hash() },
		DescribeOperation: func(input, output any) string {
			return input.(deed).String() + " → " + output.(told).String()
		},
		DescribeState: func(state any) string {
			s := state.(standing)
			return fmt.Sprintf("balance %d, held %d, blocked %t, position %d, %d ids", s.balance, s.held, s.blocked, s.seq, len(s.ids))
		},
	}
	return m.ToModel()
}()

func (d deed) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", d.kind, d.id)
	if d.of != "" {
		fmt.Fprintf(&b, " of %s", d.of)
	}
	if d.amount > 0 {
		fmt.Fprintf(&b, " amount %d", d.amount)
	}
	if d.points > 0 {
		fmt.Fprintf(&b, " points %d", d.points)
	}
	return b.String()
}

func (o told) String() string {
	switch {
	case o.unknown:
		return "?"
	case o.code != "":
		return fmt.Sprintf("%s %d", o.code, o.available)
	}
	again := ""
	if o.replayed {
		again = " again"
	}
	return fmt.Sprintf("balance %d held %d at %d%s", o.balance, o.held, o.seq, again)
}

// op is the command as the client sends it.
func (d deed) op() client.Op {
	by := client.ByCard(d.card)
	switch d.kind {
	case "accrual":
		return client.Accrual{ID: d.id, Buyer: by, Amount: d.amount}
	case "receipt":
		return client.Receipt{ID: d.id, Buyer: by, Amount: d.amount, Redeem: client.Spend(d.points)}
	case "redemption":
		return client.Redemption{ID: d.id, Buyer: by, Points: client.Spend(d.points)}
	case "return":
		return client.Return{ID: d.id, Receipt: d.of}
	case "hold":
		return client.Hold{ID: d.id, Buyer: by, Points: d.points}
	case "capture":
		return client.Capture{ID: d.id, Hold: d.of, Points: client.Spend(d.points)}
	case "void":
		return client.Void{ID: d.id, Hold: d.of}
	case "block", "unblock":
		blocked := d.kind == "block"
		return client.PutMember{ID: d.id, Card: d.card, Blocked: &blocked}
	}
	panic("there is no command " + d.kind)
}

// send gives the command to its own route.
func (d deed) send(c *client.Client) (*client.Answer, error) {
	switch o := d.op().(type) {
	case client.Accrual:
		return c.Accrual(o)
	case client.Receipt:
		return c.Receipt(o)
	case client.Redemption:
		return c.Redemption(o)
	case client.Return:
		return c.Return(o)
	case client.Hold:
		return c.Hold(o)
	case client.Capture:
		return c.Capture(o)
	case client.Void:
		return c.Void(o)
	case client.PutMember:
		return c.PutMember(o)
	}
	panic("there is no route for " + d.kind)
}
