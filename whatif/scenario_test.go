package whatif

import (
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// play is a log that is written by hand: it names its members and moments.
type play struct{ *life }

func begins(t *testing.T, p *program.Program) play { return play{begin(t, 1, p, newYear)} }

func (x play) enrol(card string, referrer kopilka.MemberNo, more ...func(*kopilka.PutMember)) kopilka.MemberNo {
	x.t.Helper()
	c := &kopilka.PutMember{Head: x.head(), Card: card, Registered: x.s.Day(), State: kopilka.StateRegistered, Referrer: referrer}
	for _, f := range more {
		f(c)
	}
	x.done(c)
	m, _ := x.s.ByCard(card)
	return m
}

func (x play) done(c kopilka.Command) *kopilka.Outcome {
	x.t.Helper()
	out := x.do(c)
	if out.Refusal != kopilka.Accepted {
		x.t.Fatalf("%s is refused: %s", c.Kind(), out.Refusal)
	}
	return out
}

func (x play) today(m kopilka.MemberNo) kopilka.Deed {
	return kopilka.Deed{Member: m, NamedBy: kopilka.ByCard, At: x.now, Day: x.s.Day()}
}

// sells takes a receipt and gives its place.
func (x play) sells(m kopilka.MemberNo, amount kopilka.Money, redeem kopilka.Points, more ...func(*kopilka.Receipt)) kopilka.Seq {
	x.t.Helper()
	c := &kopilka.Receipt{Head: x.head(), Deed: x.today(m), Amount: amount, Redeem: redeem}
	for _, f := range more {
		f(c)
	}
	x.done(c)
	return x.s.Seq()
}

// returns brings goods of a sale back.
func (x play) returns(sale kopilka.Seq, amount kopilka.Money) {
	x.t.Helper()
	for _, k := range x.sold {
		if k.seq != sale {
			continue
		}
		var d kopilka.Decoder
		c, _, err := d.Next(k.body)
		if err != nil {
			x.t.Fatal(err)
		}
		r := &kopilka.Return{Head: x.head(), Deed: x.today(k.outcome.Member), Receipt: kopilka.HeadOf(c).ID, ReceiptSeq: sale,
			LastReturn: x.last[sale], Amount: amount}
		r.Left.CopyFrom(x.left[sale])
		out := x.done(r)
		x.last[sale] = x.s.Seq()
		x.left[sale].CopyFrom(&out.Left)
		return
	}
	x.t.Fatalf("nothing was sold at %d", sale)
}

const plain = `
program: plain
currency: EUR
time_zone: UTC
earn_base: paid
tiers:
  - {id: base, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
  - {id: gold, earn_bp: 1000, max_redeem_bp: 5000, threshold: 100000}
tier_policy: {metric: spend, window_days: 365, downgrade: full}
redeem_allowed_by: [card]
`

// is compares figures: what, and how much in the actual and the simulated world.
func is(t *testing.T, r *Result, want map[Figure][2]int64) {
	t.Helper()
	for f, w := range want {
		if a, s := r.Actual.Sums[f], r.Simulated.Sums[f]; a != w[0] || s != w[1] {
			t.Errorf("%s is %d, and %d in the simulated world; want %d and %d", f, a, s, w[0], w[1])
		}
		if d := r.Difference.Sums[f]; d != w[1]-w[0] {
			t.Errorf("%s differs by %d", f, d)
		}
	}
	balanced(t, &r.Actual)
	balanced(t, &r.Simulated)
}

// TestScenario reckons every number by hand: another rate, cap, welcome and
// threshold, and what follows from them.
func TestScenario(t *testing.T) {
	x := begins(t, parse(t, plain))
	anna := x.enrol("anna", kopilka.NoMember)
	boris := x.enrol("boris", anna)
	first := x.sells(anna, 60_000, 0) // 3 000; at 10 % 6 000
	x.tick(1)
	x.sells(boris, 10_000, 0) // 500; 1 000, and 300 for Anna
	x.sells(anna, 5000, 2500) // cap 2 500, earns 125 of 2 500; cap 1 000, earns of 4 000, as gold 20 %: 800
	x.returns(first, 30_000)  // takes 1 500; 3 000
	x.sells(kopilka.NoMember, 700, 0)
	x.tick(1)
	x.returns(first, 30_000) // nothing is there any more; 3 000

	other := parse(t, `
program: plain
currency: EUR
time_zone: UTC
earn_base: paid
tiers:
  - {id: base, earn_bp: 1000, max_redeem_bp: 2000, threshold: 0}
  - {id: gold, earn_bp: 2000, max_redeem_bp: 2000, threshold: 60000}
tier_policy: {metric: spend, window_days: 365, downgrade: full}
welcome: {points: 200, trigger: enrolled}
referral: {levels_bp: [300]}
redeem_allowed_by: [card]
`)
	_, r := x.ask(other, newYear)
	is(t, &r, map[Figure][2]int64{
		Receipts: {4, 4}, Returns: {2, 2}, Turnover: {15_700, 15_700},
		Earned: {3625, 7800}, Taken: {625, 6000}, Welcome: {0, 400}, Level1: {0, 300},
		Redeemed: {2500, 1000}, RefusedRedemptions: {0, 1}, RefusedPoints: {0, 1500}, RefusedOther: {0, 0},
		Balance: {500, 300 + 1200}, // Anna's and Boris's
	})
}

// TestCannot: what the simulated world cannot do is counted, and goes as far as it
// can; what follows from it follows from the simulated world.
func TestCannot(t *testing.T) {
	rules := plain + `
expiry: {policy: lots, months: 12}
welcome: {points: 1000, trigger: enrolled}
certificates: [{id: birthday, points: 2000, valid_days: 20, max_redeem_bp: 5000}]
instruments: [{id: spring, kind: coupon, code: SPRING, amount: 300}]
`
	x := begins(t, parse(t, rules))
	anna := x.enrol("anna", kopilka.NoMember, func(c *kopilka.PutMember) { c.Source = "web" })

	hold := &kopilka.Hold{Head: x.head(), Deed: x.today(anna), Points: 600, Until: x.now + dayMS}
	x.done(hold)
	ref := kopilka.HoldRef{ID: hold.ID, Seq: x.s.Seq()}
	x.done(&kopilka.Capture{Head: x.head(), Deed: x.today(anna), Hold: ref, Points: 500}) // not held there
	x.done(&kopilka.Redemption{Head: x.head(), Deed: x.today(anna), Points: 400})         // 100 are there
	redeemed := x.s.Seq()
	x.returns(redeemed, 400) // 100 come back
	x.done(&kopilka.Issue{Head: x.head(), Due: []kopilka.CertificateDue{{Member: anna, Rule: "birthday", From: newYear, To: newYear + 19}}, Reason: "r", Actor: "a"})
	x.sells(anna, 10_000, 0, func(c *kopilka.Receipt) { c.Certificate, c.Coupons = 2000, []string{"SPRING"} })
	x.done(&kopilka.Adjustment{Head: x.head(), Deed: x.today(anna), Points: -800, Reason: "r", Actor: "a"}) // 575 are there
	x.done(&kopilka.SetProgram{Head: x.head(), Document: parse(t, rules+"pending_days: 3\n").Document()})
	x.sells(anna, 1000, 0) // pending; not there

	_, r := x.ask(parse(t, plain+`
expiry: {policy: lots, months: 12}
welcome: {points: 100, trigger: enrolled}
certificates: [{id: birthday, points: 2000, valid_days: 20, max_redeem_bp: 500}]
sources: [{id: web, name: {en: Web}, ends_at: 2025-01-01}]
`), newYear)
	is(t, &r, map[Figure][2]int64{
		Welcome: {1000, 100}, Redeemed: {900, 100}, Restored: {400, 100},
		CertificatesIssued: {1, 1}, CertificatesUsed: {2000, 500}, Discount: {300, 0},
		Earned: {385 + 50, 475 + 50}, Adjusted: {-800, 0},
		Balance: {1000 - 500 + 385 - 800, 100 + 475 + 50}, Pending: {50, 0}, Held: {0, 0},
		RefusedRedemptions: {0, 3}, RefusedPoints: {0, 500 + 300 + 1800},
		RefusedOther: {0, 4}, // the source, the hold, the return of more than was redeemed, the adjustment
	})
}

// TestMergeFacts: a merge that is taken back gives back what it brought in the
// simulated world.
func TestMergeFacts(t *testing.T) {
	x := begins(t, parse(t, plain))
	anna, twin := x.enrol("anna", kopilka.NoMember), x.enrol("twin", kopilka.NoMember)
	x.sells(anna, 1000, 0)
	x.sells(twin, 2000, 0)
	merge := &kopilka.Merge{Head: x.head(), From: twin, Into: anna, Reason: "r", Actor: "a"}
	x.done(merge)
	x.sells(anna, 3000, 0)
	x.done(&kopilka.Adjustment{Head: x.head(), Deed: x.today(anna), Points: -100, Reason: "r", Actor: "a"}) // 60 are there
	x.unmerge()
	f, r := x.ask(parse(t, "program: plain\ncurrency: EUR\ntime_zone: UTC\nearn_base: paid\ntiers: [{id: base, earn_bp: 100, max_redeem_bp: 0}]\n"), newYear)
	is(t, &r, map[Figure][2]int64{Earned: {300, 60}, Balance: {200, 60}, RefusedOther: {0, 1}})
	if a, b := f.Books().Member(anna, x.now).Balance, f.Books().Member(twin, x.now).Balance; a != 40 || b != 20 {
		t.Errorf("Anna has %d and her twin %d; want 40 and 20", a, b)
	}
}

// TestReturnsPolicy: a receipt of the simulated world comes back by the rule that it
// was sold under there.
func TestReturnsPolicy(t *testing.T) {
	x := begins(t, parse(t, plain))
	anna := x.enrol("anna", kopilka.NoMember)
	first := x.sells(anna, 10_000, 0)
	x.done(&kopilka.Redemption{Head: x.head(), Deed: x.today(anna), Points: 400})
	x.returns(first, 10_000)
	_, r := x.ask(parse(t, plain+"returns: {spent_points: unlimited}\n"), 0)
	is(t, &r, map[Figure][2]int64{Taken: {100, 500}, Balance: {0, 0}, Debt: {0, 400}})
	_, r = x.ask(parse(t, plain+"returns: {spent_points: only_pending}\n"), 0)
	is(t, &r, map[Figure][2]int64{Taken: {100, 0}, Balance: {0, 100}, Debt: {0, 0}})
}

// TestReturnedRedemption: a redemption sells nothing, and so nothing that was sold
// comes back of it.
func TestReturnedRedemption(t *testing.T) {
	x := begins(t, parse(t, plain))
	anna := x.enrol("anna", kopilka.NoMember)
	x.sells(anna, 10_000, 0)
	x.done(&kopilka.Redemption{Head: x.head(), Deed: x.today(anna), Points: 400})
	x.returns(x.s.Seq(), 400)
	_, r := x.ask(parse(t, plain), 0)
	is(t, &r, map[Figure][2]int64{Turnover: {10_000, 10_000}, Returns: {1, 1}, Restored: {400, 400}})
}

// TestFromTick: the day begins by the rules of the day before, as it does when a
// program is ordered for an instant.
func TestFromTick(t *testing.T) {
	rules := strings.Replace(plain, "window_days: 365", "window_days: 2", 1)
	x := begins(t, parse(t, rules))
	anna := x.enrol("anna", kopilka.NoMember)
	x.sells(anna, 100_000, 0)
	x.tick(3)
	kept := parse(t, strings.Replace(rules, "downgrade: full", "downgrade: none", 1))
	f := func(from kopilka.Day, gold int64) {
		t.Helper()
		_, r := x.ask(kept, from)
		if got := r.Simulated.Tiers[1].Members; got != gold {
			t.Errorf("from %s on %d are gold; want %d", from, got, gold)
		}
	}
	f(newYear+1, 1)
	f(newYear+2, 0) // went down with the tick of that day
}

// TestFrom: before the day the worlds are one, from its beginning on they are not;
// what was ordered later is not in force.
func TestFrom(t *testing.T) {
	x := begins(t, parse(t, plain))
	anna := x.enrol("anna", kopilka.NoMember)
	x.sells(anna, 1000, 0)
	x.tick(2)
	x.sells(anna, 1000, 0)
	x.done(&kopilka.SetProgram{Head: x.head(), Document: parse(t, plain+"pending_days: 5\n").Document()})
	x.tick(1)
	x.sells(anna, 1000, 0)
	double := parse(t, "program: plain\ncurrency: EUR\ntime_zone: UTC\nearn_base: paid\ntiers: [{id: base, earn_bp: 1000, max_redeem_bp: 0}]\n")
	f := func(from kopilka.Day, before, actual, simulated, pending int64) {
		t.Helper()
		_, r := x.ask(double, from)
		is(t, &r, map[Figure][2]int64{OwedBefore: {before, before}, Earned: {actual, simulated}, Pending: {50, pending}})
	}
	f(0, 0, 150, 300, 0)
	f(newYear, 0, 150, 300, 0)
	f(newYear+1, 50, 100, 200, 0)
	f(newYear+2, 50, 100, 200, 0)
	f(newYear+3, 100, 50, 100, 0)
	f(newYear+4, 150, 0, 0, 50)
}
