package whatif

import (
	"math/bits"

	"github.com/kopilka/kopilka"
)

// A payback calculator: what a program brings and costs in a month, from a few
// numbers. Those that nobody states are measured from the log, except for the one
// that matters most: how much more members buy because there is a program. No log
// knows that; it is stated, or else the answer says how much it would have to be.

// Measured is what the log of some days says of a shop.
type Measured struct {
	From, To kopilka.Day // business days, both included

	Turnover int64 // receipts less returns
	Members  int64 // of that, of members
	Paid     int64 // what members paid with points and certificates, and what instruments took off; less what went back
}

// MeasuredKinds are the kinds of commands that Measured reads.
var MeasuredKinds = kopilka.KindsOf(kopilka.KindReceipt, kopilka.KindRedemption, kopilka.KindCapture, kopilka.KindReturn)

// Add counts a record, if it is of the days.
func (m *Measured) Add(r *Record) {
	out := r.Outcome
	if out.Time == 0 {
		return
	}
	var deed *kopilka.Deed
	var sold, paid int64
	switch c := r.Command.(type) {
	case *kopilka.Receipt:
		deed, sold, paid = &c.Deed, int64(c.Amount), paidBy(out)
	case *kopilka.Return:
		deed, paid = &c.Deed, -int64(out.Goods-out.CashRefund)
		if c.Receipt == "" || c.Left.Purchase { // what a redemption spent points on was never sold here
			sold = -int64(out.Goods)
		}
	case *kopilka.Redemption:
		deed, paid = &c.Deed, paidBy(out)
	case *kopilka.Capture:
		deed, paid = &c.Deed, paidBy(out)
	}
	if deed.Day < m.From || deed.Day > m.To {
		return
	}
	m.Turnover += sold
	if deed.Member != kopilka.NoMember {
		m.Members += sold
		m.Paid += paid
	}
}

// days is how many days were measured.
func (m *Measured) days() int64 { return int64(m.To-m.From) + 1 }

// A Source says where a number comes from.
type Source uint8

const (
	Unknown  Source = iota // nobody has said, and nothing can tell
	Stated                 // by who asks
	FromDays               // measured
)

// String is the source's name in answers.
func (s Source) String() string { return [...]string{"unknown", "stated", "measured"}[s] }

// Input is a number with where it comes from.
type Input struct {
	Value  int64
	Source Source
}

// State is a number that is stated.
func State(v int64) Input { return Input{v, Stated} }

// Plan is what the calculator reckons with. Amounts are in minor units.
type Plan struct {
	CostPerMonth int64 // of running the program, points not included
	CostOnce     int64 // of beginning it
	MarginBP     int64 // of what is sold more
	Turnover     Input // of the shop in a month, without what the program adds
	MembersBP    Input // share of turnover that is members'
	RewardBP     Input // share of members' turnover that points, certificates and discounts pay
	UpliftBP     Input // how much more members buy because of the program
}

// Limits of a plan: shares are at most the whole, an uplift is at most a
// hundredfold, and a month's turnover is at most TurnoverMax.
const (
	UpliftMax   = 100 * int64(kopilka.BPWhole)
	TurnoverMax = kopilka.BalanceMax
)

// Fill measures what is not stated; false when the turnover is beyond TurnoverMax.
// A share of nothing stays unknown.
func (p *Plan) Fill(m *Measured) bool {
	if p.Turnover.Source == Unknown {
		// A month is a twelfth of 365 days.
		month, ok := scale(max(m.Turnover, 0), 365, 12*m.days())
		if !ok || month > TurnoverMax {
			return false
		}
		p.Turnover = Input{month, FromDays}
	}
	fill := func(in *Input, part, whole int64) {
		if share := shareBP(part, whole); in.Source == Unknown && share != None {
			*in = Input{min(max(share, 0), int64(kopilka.BPWhole)), FromDays}
		}
	}
	fill(&p.MembersBP, m.Members, m.Turnover)
	fill(&p.RewardBP, m.Paid, m.Members)
	return true
}

// Payback is the answer, by the month. None stands where a number that it follows
// from is unknown, or where there is none.
type Payback struct {
	Members     int64 // turnover of members without the program
	Extra       int64 // what they buy more
	Gain        int64 // margin of that
	Reward      int64 // what points, certificates and discounts pay of all of it
	Cost        int64 // reward and running
	Net         int64 // gain less cost
	ReturnBP    int64 // net ÷ cost
	Months      int64 // until what it cost to begin has come back
	BreakEvenBP int64 // uplift from which on nothing is lost
}

// Reckon gives the answer; all divisions are cut, those that ask how much is needed
// are rounded up.
func (p *Plan) Reckon() Payback {
	v := Payback{Extra: None, Gain: None, Reward: None, Cost: None, Net: None, ReturnBP: None, Months: None, BreakEvenBP: None, Members: None}
	if p.MembersBP.Source == Unknown || p.RewardBP.Source == Unknown {
		return v
	}
	v.Members = part(p.Turnover.Value, p.MembersBP.Value)
	v.BreakEvenBP = p.breakEven(v.Members)
	if p.UpliftBP.Source == Unknown {
		return v
	}
	v.Extra = part(v.Members, p.UpliftBP.Value)
	v.Gain = part(v.Extra, p.MarginBP)
	v.Reward = part(v.Members+v.Extra, p.RewardBP.Value)
	v.Cost = p.CostPerMonth + v.Reward
	v.Net = v.Gain - v.Cost
	if v.Cost > 0 {
		v.ReturnBP = shareBP(v.Net, v.Cost)
	}
	if v.Net > 0 {
		v.Months = (p.CostOnce + v.Net - 1) / v.Net
	}
	return v
}

// breakEven is the smallest uplift u with members × u × margin ≥ running cost +
// members × (1 + u) × reward; None where rewards take all of the margin.
func (p *Plan) breakEven(members int64) int64 {
	margin := p.MarginBP - p.RewardBP.Value
	if margin <= 0 || members == 0 {
		return None
	}
	whole := uint64(kopilka.BPWhole)
	fixed := uint64(p.CostPerMonth)*whole + uint64(members)*uint64(p.RewardBP.Value) // in 1/10 000 of a minor unit
	hi, lo := bits.Mul64(fixed, whole)
	per := uint64(members) * uint64(margin)
	lo, carry := bits.Add64(lo, per-1, 0)
	hi += carry
	if hi >= per {
		return None
	}
	u, _ := bits.Div64(hi, lo, per)
	if u > 1<<62 {
		return None
	}
	return int64(u)
}

// part is v × bp / 10 000, cut. The limits of a plan keep it inside 64 bits.
func part(v, bp int64) int64 {
	hi, lo := bits.Mul64(uint64(v), uint64(bp))
	q, _ := bits.Div64(hi, lo, uint64(kopilka.BPWhole))
	return int64(q)
}

// scale is v × a / b, cut; false when it is beyond 64 bits.
func scale(v, a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(v), uint64(a))
	if hi >= uint64(b) {
		return 0, false
	}
	q, _ := bits.Div64(hi, lo, uint64(b))
	return int64(q), q < 1<<63
}
