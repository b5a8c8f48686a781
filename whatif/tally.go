package whatif

import (
	"math/bits"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// tally is what commands of one world add up to, as far as the books do not keep it.
type tally struct {
	sums  Sums
	tiers map[string]*Tier
}

// add counts a command that may have been refused.
func (t *tally) add(c kopilka.Command, out *kopilka.Outcome, versions []engine.Version) {
	if out.Refusal != kopilka.Accepted {
		return
	}
	v := &t.sums
	for i := range out.Legs {
		if l := &out.Legs[i]; l.Kind >= kopilka.LegWelcome && l.Kind <= kopilka.LegLevel3 {
			v[Welcome+Figure(l.Kind-kopilka.LegWelcome)] += int64(l.Points)
		}
	}
	v[CertificatesUsed] += int64(out.CertificateUsed - out.CertificateRestored)
	v[Discount] += int64(out.Discount)
	switch c := c.(type) {
	case *kopilka.Receipt:
		v[Receipts]++
		v[Turnover] += int64(c.Amount)
		if out.Member != kopilka.NoMember {
			t.tier(versions[out.Program-1].Program.Tiers[out.TierBefore].ID).sell(int64(c.Amount), out)
		}
	case *kopilka.Return:
		if c.Receipt == "" || c.Left.Purchase { // what a redemption spent points on was never sold here
			v[Turnover] -= int64(out.Goods)
		}
		v[Discount] -= int64(out.Goods-out.CashRefund) - int64(out.Restored+out.CertificateRestored)
	}
}

func (t *tally) tier(id string) *Tier {
	if t.tiers == nil {
		t.tiers = map[string]*Tier{}
	}
	x := t.tiers[id]
	if x == nil {
		x = &Tier{ID: id}
		t.tiers[id] = x
	}
	return x
}

func (x *Tier) sell(amount int64, out *kopilka.Outcome) {
	x.Receipts++
	x.Turnover += amount
	x.Earned += int64(out.Earned)
	x.Redeemed += int64(out.Redeemed)
}

// refuse counts what succeeded in the log and could not be done, or only in part.
func (t *tally) refuse(r *Record, would *kopilka.Outcome, eased int) {
	refused := would.Refusal != kopilka.Accepted
	if !refused && eased == 0 {
		return
	}
	v := &t.sums
	paid := paidBy(r.Outcome)
	if !refused {
		paid -= paidBy(would)
	}
	switch r.Command.Kind() {
	case kopilka.KindReceipt, kopilka.KindRedemption, kopilka.KindCapture:
		v[RefusedRedemptions]++
		v[RefusedPoints] += max(paid, 0)
	default: // a hold too: what it was to pay for comes later, if it does
		v[RefusedOther]++
	}
}

// paidBy is what a command spent of points, certificates and discounts.
func paidBy(out *kopilka.Outcome) int64 {
	return int64(out.Redeemed) + int64(out.CertificateUsed) + int64(out.Discount)
}

// shareBP is part × 10 000 / whole, towards zero, or None of nothing.
func shareBP(part, whole int64) int64 {
	if whole <= 0 {
		return None
	}
	negative := part < 0
	if negative {
		part = -part
	}
	hi, lo := bits.Mul64(uint64(part), uint64(kopilka.BPWhole))
	if hi >= uint64(whole) {
		return None // beyond what a share can say
	}
	q, _ := bits.Div64(hi, lo, uint64(whole))
	if negative {
		return -int64(q)
	}
	return int64(q)
}
