package whatif

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// usual has every rule that a log of life can meet.
const usual = `
program: usual
currency: EUR
time_zone: UTC
earn_base: paid
tiers:
  - {id: base, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
  - {id: gold, earn_bp: 1000, max_redeem_bp: 7000, threshold: 30000}
tier_policy: {metric: spend, window_days: 30, downgrade: one}
expiry: {policy: lots, months: 1}
pending_days: 2
welcome: {points: 300, trigger: enrolled}
referral: {once: {referrer: 100, referee: 50, trigger: first_purchase}, levels_bp: [150, 100, 50]}
certificates: [{id: birthday, points: 2000, valid_days: 20, max_redeem_bp: 2000}]
instruments: [{id: spring, kind: coupon, code: SPRING, percent_bp: 1000, per_member: 2, budget: 20000}]
sources: [{id: web, name: {en: Web}}]
returns: {spent_points: unlimited, welcome: take, once: take}
redeem_allowed_by: [card]
`

func parse(t testing.TB, document string) *program.Program {
	t.Helper()
	p, err := program.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// with is the usual program with words changed: old, new, old, new …
func with(t *testing.T, change ...string) *program.Program {
	t.Helper()
	for i := 0; i < len(change); i += 2 {
		if !strings.Contains(usual, change[i]) {
			t.Fatalf("the usual program has no %q", change[i])
		}
	}
	return parse(t, strings.NewReplacer(change...).Replace(usual))
}

var newYear = kopilka.DayOfDate(2026, 1, 1)

// TestSameProgram: the same program gives a difference of zero and the same books,
// whatever is in the log and whatever day it is asked from.
func TestSameProgram(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x := begin(t, seed, with(t), newYear)
			for range 400 {
				x.step()
			}
			before := x.s.Program()
			for _, from := range []kopilka.Day{0, newYear, newYear + kopilka.Day(x.IntN(60)), x.s.Day(), x.s.Day() + 1} {
				f, r := x.ask(before, from)
				if f.Books().Hash() != x.s.Hash() {
					t.Errorf("from %s: other books", from)
				}
				for i, n := range r.Difference.Sums {
					if n != 0 && n != None {
						t.Errorf("from %s: %s differs by %d", from, Figure(i), n)
					}
				}
				for _, v := range r.Difference.Tiers {
					if v.Members != 0 || v.Receipts != 0 || v.Turnover != 0 || v.Earned != 0 || v.Redeemed != 0 {
						t.Errorf("from %s: tier %+v", from, v)
					}
				}
				balanced(t, &r.Actual)
			}
		})
	}
}

// balanced: what is owed at the end follows from what was owed and what happened.
func balanced(t *testing.T, x *Side) {
	t.Helper()
	v := &x.Sums
	flows := v[OwedBefore] + v[Earned] - v[Taken] + v[Granted] + v[Adjusted] + v[Welcome] + v[Referrer] + v[Referee] +
		v[Level1] + v[Level2] + v[Level3] - v[Redeemed] + v[Restored] - v[Lapsed] - v[Expired] - v[Forfeited]
	if owed := v[Balance] + v[Pending] + v[Held] - v[Debt]; owed != flows {
		t.Errorf("%d are owed, and %d by what happened", owed, flows)
	}
}

// TestOtherPrograms: whatever the program, the books of the simulated world hold,
// and the sales are those of the log.
func TestOtherPrograms(t *testing.T) {
	others := []*program.Program{
		with(t, "earn_bp: 500", "earn_bp: 0", "earn_bp: 1000", "earn_bp: 9000"),
		with(t, "max_redeem_bp: 5000", "max_redeem_bp: 0", "redeem_allowed_by: [card]", "redeem_allowed_by: [code]"),
		with(t, "certificates: [{id: birthday, points: 2000, valid_days: 20, max_redeem_bp: 2000}]", "", "instruments: [{id: spring, kind: coupon, code: SPRING, percent_bp: 1000, per_member: 2, budget: 20000}]", ""),
		with(t, "{id: web, name: {en: Web}}", "{id: web, name: {en: Web}, cap: 1}", "welcome: {points: 300, trigger: enrolled}", ""),
		with(t, "expiry: {policy: lots, months: 1}", "expiry: {policy: inactivity, months: 1}", "pending_days: 2", "pending_days: 9"),
		with(t, "metric: spend", "metric: manual", "spent_points: unlimited", "spent_points: only_pending"),
	}
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x := begin(t, seed, with(t), newYear)
			for i := range 400 {
				if i == 200 && x.odds(50) {
					x.do(&kopilka.SetProgram{Head: x.head(), Document: others[x.IntN(len(others))].Document()})
				}
				x.step()
			}
			for _, p := range others {
				f, r := x.ask(p, newYear+kopilka.Day(x.IntN(40)))
				if f.Books().Seq() != x.s.Seq() || f.Books().Members() != x.s.Members() {
					t.Errorf("position %d with %d members; want %d with %d", f.Books().Seq(), f.Books().Members(), x.s.Seq(), x.s.Members())
				}
				if r.Difference.Sums[Receipts] != 0 || r.Difference.Sums[Turnover] < 0 {
					t.Errorf("%d receipts and %d of turnover differ", r.Difference.Sums[Receipts], r.Difference.Sums[Turnover])
				}
				balanced(t, &r.Actual)
				balanced(t, &r.Simulated)
			}
		})
	}
}

// TestLife: the random logs have something of everything in them.
func TestLife(t *testing.T) {
	done := map[kopilka.Kind]int{}
	for seed := range uint64(30) {
		x := begin(t, seed, with(t), newYear)
		for range 400 {
			x.step()
		}
		x.each(func(r *Record) error {
			if r.Outcome.Time != 0 {
				done[r.Command.Kind()]++
			}
			return nil
		})
	}
	for _, k := range []kopilka.Kind{kopilka.KindReceipt, kopilka.KindReturn, kopilka.KindRedemption, kopilka.KindGrant, kopilka.KindAdjustment,
		kopilka.KindHold, kopilka.KindCapture, kopilka.KindVoid, kopilka.KindIssue, kopilka.KindMerge, kopilka.KindUnmerge, kopilka.KindErase, kopilka.KindMember,
		kopilka.KindGather, kopilka.KindAudience, kopilka.KindAudienceGrant, kopilka.KindMailing, kopilka.KindDispatch, kopilka.KindDeliver} {
		if done[k] < 3 {
			t.Errorf("%d of kind %s", done[k], k)
		}
	}
}
