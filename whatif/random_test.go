package whatif

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

const dayMS = 24 * 60 * 60 * 1000

// kept is a record as a log keeps it.
type kept struct {
	seq     kopilka.Seq
	time    kopilka.Time
	body    []byte
	outcome kopilka.Outcome
}

// life is a shop's log, and the books that it leads to.
type life struct {
	*rand.Rand
	t    testing.TB
	s    *engine.State
	now  kopilka.Time
	log  []kept
	n    int
	sold []kept                           // receipts, redemptions and captures
	left map[kopilka.Seq]*kopilka.Remains // of sold
	last map[kopilka.Seq]kopilka.Seq      // newest return
	hold []kopilka.HoldRef
	held map[kopilka.Seq]kopilka.MemberNo
	join []kept      // merges
	back kopilka.Seq // newest return of all
}

func begin(t testing.TB, seed uint64, p *program.Program, day kopilka.Day) *life {
	x := &life{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, s: engine.New(), now: kopilka.Time(day) * dayMS,
		left: map[kopilka.Seq]*kopilka.Remains{}, last: map[kopilka.Seq]kopilka.Seq{}, held: map[kopilka.Seq]kopilka.MemberNo{}}
	x.do(&kopilka.Genesis{Day: day, Secret: [16]byte{1, 2, 3}})
	x.do(&kopilka.SetProgram{Head: x.head(), Document: p.Document()})
	return x
}

func (x *life) head() kopilka.Head {
	x.n++
	return kopilka.Head{ID: fmt.Sprintf("c%d", x.n), Looked: x.s.Seq(), By: "key"}
}

// do applies a command and keeps the record. A refused command leaves no outcome.
func (x *life) do(c kopilka.Command) *kopilka.Outcome {
	x.now += 1000
	k := kept{time: x.now, body: kopilka.AppendCommand(nil, c)}
	x.s.Apply(x.now, c, &k.outcome)
	k.seq = x.s.Seq()
	out := k.outcome
	if kind := c.Kind(); out.Refusal != kopilka.Accepted || kind == kopilka.KindGenesis || kind == kopilka.KindTick {
		k.outcome = kopilka.Outcome{}
	}
	x.log = append(x.log, k)
	if out.Refusal == kopilka.Accepted {
		switch c.(type) {
		case *kopilka.Receipt, *kopilka.Redemption, *kopilka.Capture:
			x.sold = append(x.sold, k)
			x.left[k.seq] = &k.outcome.Left
		case *kopilka.Merge:
			x.join = append(x.join, k)
		}
	}
	return &out
}

// tick moves the books on by days.
func (x *life) tick(days int) {
	for range days {
		day := x.s.Day() + 1
		x.now = max(x.now, kopilka.Time(day)*dayMS)
		x.do(&kopilka.Tick{Day: day})
	}
}

func (x *life) odds(percent int) bool { return x.IntN(100) < percent }

func (x *life) deed(m kopilka.MemberNo) kopilka.Deed {
	back := x.IntN(3) * x.IntN(2)
	return kopilka.Deed{Member: m, NamedBy: kopilka.ByCard, At: x.now - kopilka.Time(back)*dayMS, Day: x.s.Day() - kopilka.Day(back), Store: "S1"}
}

func (x *life) anybody() kopilka.MemberNo { return kopilka.MemberNo(x.IntN(x.s.Members())) }

// step does one thing that a shop does. What cannot be done is in the log as refused.
func (x *life) step() {
	if x.s.Members() < 2 || x.odds(8) {
		x.enrol()
		return
	}
	m := x.anybody()
	switch n := x.IntN(100); {
	case n < 45:
		x.sell(m)
	case n < 55:
		x.bringBack()
	case n < 59:
		x.do(&kopilka.Redemption{Head: x.head(), Deed: x.deed(m), Points: kopilka.Points(1 + x.IntN(300)), Amount: kopilka.Money(x.IntN(2) * 1000)})
	case n < 62:
		x.do(&kopilka.Grant{Head: x.head(), Deed: x.deed(m), Points: kopilka.Points(1 + x.IntN(500)), Reason: "thanks"})
	case n < 65:
		x.do(&kopilka.Adjustment{Head: x.head(), Deed: x.deed(m), Points: kopilka.Points(x.IntN(400) - 200), Reason: "r", Actor: "a"})
	case n < 70:
		c := &kopilka.Hold{Head: x.head(), Deed: x.deed(m), Points: kopilka.Points(1 + x.IntN(400)), Until: x.now + kopilka.Time(1+x.IntN(3))*dayMS}
		if x.do(c).Refusal == kopilka.Accepted {
			x.hold = append(x.hold, kopilka.HoldRef{ID: c.ID, Seq: x.s.Seq()})
			x.held[x.s.Seq()] = m
		}
	case n < 74 && len(x.hold) > 0:
		ref := x.hold[x.IntN(len(x.hold))]
		if x.odds(50) {
			x.do(&kopilka.Void{Head: x.head(), Deed: x.deed(x.held[ref.Seq]), Hold: ref})
		} else {
			x.do(&kopilka.Capture{Head: x.head(), Deed: x.deed(x.held[ref.Seq]), Hold: ref, Points: kopilka.Points(x.IntN(300))})
		}
	case n < 77:
		day := x.s.Day()
		x.do(&kopilka.Issue{Head: x.head(), Due: []kopilka.CertificateDue{{Member: m, Rule: "birthday", From: day, To: day + 20}}, Reason: "r", Actor: "a"})
	case n < 79:
		x.do(&kopilka.Merge{Head: x.head(), From: m, Into: x.anybody(), Reason: "r", Actor: "a"})
	case n < 81 && len(x.join) > 0:
		x.unmerge()
	case n < 82 && x.odds(20):
		x.do(&kopilka.Erase{Head: x.head(), Member: m, Reason: "r", Actor: "a"})
	case n < 90:
		x.reachOut()
	default:
		x.tick(1 + x.IntN(1+x.IntN(30)))
	}
}

func (x *life) enrol() {
	card := fmt.Sprintf("card-%d", x.IntN(40))
	c := &kopilka.PutMember{Head: x.head(), Card: card, Registered: x.s.Day(), State: kopilka.MemberState(x.IntN(3)),
		Referrer: kopilka.NoMember, Source: []string{"", "web"}[x.IntN(2)]}
	if m, known := x.s.ByCard(card); known {
		c.Base = x.s.Member(m, x.now).ProfileAt
		c.Referrer = x.s.Member(m, x.now).Referrer
		c.Registered = x.s.Member(m, x.now).Registered
	} else if x.s.Members() > 0 && x.odds(60) {
		c.Referrer = x.anybody()
	}
	x.do(c)
}

func (x *life) sell(m kopilka.MemberNo) {
	if x.odds(10) {
		m = kopilka.NoMember
	}
	c := &kopilka.Receipt{Head: x.head(), Deed: x.deed(m)}
	for range x.IntN(4) {
		c.Lines = append(c.Lines, kopilka.Line{Amount: kopilka.Money(1 + x.IntN(5000)), NoEarn: x.odds(10), NoRedeem: x.odds(10)})
		c.Amount += c.Lines[len(c.Lines)-1].Amount
	}
	if len(c.Lines) == 0 {
		c.Amount = kopilka.Money(x.IntN(20000))
	}
	switch x.IntN(4) {
	case 0:
		c.Redeem = kopilka.RedeemMax
	case 1:
		c.Redeem = kopilka.Points(x.IntN(500))
	}
	if x.odds(15) {
		c.Certificate = kopilka.CertificateMax
	}
	if x.odds(15) {
		c.Coupons = []string{"SPRING"}
	}
	if len(x.hold) > 0 && x.odds(10) {
		c.Hold = x.hold[x.IntN(len(x.hold))]
		c.Member = x.held[c.Hold.Seq]
	}
	x.do(c)
}

func (x *life) bringBack() {
	if len(x.sold) == 0 {
		return
	}
	k := x.sold[x.IntN(len(x.sold))]
	left := x.left[k.seq]
	if left.Goods() == 0 {
		return
	}
	var d kopilka.Decoder
	sale, _, err := d.Next(k.body)
	if err != nil {
		x.t.Fatal(err)
	}
	c := &kopilka.Return{Head: x.head(), Deed: x.deed(k.outcome.Member), Receipt: kopilka.HeadOf(sale).ID, ReceiptSeq: k.seq,
		LastReturn: x.last[k.seq], Amount: left.Goods()}
	c.Left.CopyFrom(left)
	if x.odds(60) {
		c.Amount = 1 + kopilka.Money(x.IntN(int(left.Goods())))
	}
	if out := x.do(c); out.Refusal == kopilka.Accepted {
		x.last[k.seq] = x.s.Seq()
		if c.Member != kopilka.NoMember {
			x.back = x.s.Seq()
		}
		left.CopyFrom(&out.Left)
	}
}

func (x *life) unmerge() {
	k := x.join[x.IntN(len(x.join))]
	if x.back > k.seq {
		return // what came back would have to be taken off
	}
	var d kopilka.Decoder
	merge, _, err := d.Next(k.body)
	if err != nil {
		x.t.Fatal(err)
	}
	m := merge.(*kopilka.Merge)
	c := &kopilka.Unmerge{Head: x.head(), From: m.From, Into: m.Into, MergeID: m.ID, MergeSeq: k.seq,
		Last: x.s.Row(m.Into, x.now).LastEntry, Points: k.outcome.Moved, Debt: k.outcome.MovedDebt, Purchases: k.outcome.Purchases, Reason: "r", Actor: "a"}
	x.do(c)
}

// ask folds the log again under another program.
func (x *life) ask(p *program.Program, from kopilka.Day) (*Fold, Result) {
	x.t.Helper()
	q := Question{Program: p, From: from, Start: kopilka.Time(from) * dayMS, Actual: Stand(x.s)}
	x.each(func(r *Record) error { q.Later.Add(r); return nil })
	f := New(q)
	x.each(f.Apply)
	if err := f.Books().Check(); err != nil {
		x.t.Fatal(err)
	}
	return f, f.Result()
}

func (x *life) each(f func(*Record) error) {
	x.t.Helper()
	var d kopilka.Decoder
	for i := range x.log {
		k := &x.log[i]
		c, _, err := d.Next(k.body)
		if err != nil {
			x.t.Fatal(err)
		}
		if err := f(&Record{Seq: k.seq, Time: k.time, Command: c, Outcome: &k.outcome}); err != nil {
			x.t.Fatal(err)
		}
	}
}
