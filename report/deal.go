package report

import "github.com/kopilka/kopilka"

// deal is what a record of the period means for turnover: a receipt, which sells,
// or a return, which takes back what a receipt sold. Everything else sells nothing: a
// redemption or a capture spends points on goods that the shop's till has in no receipt
// here, so what comes back of those was never sold either.
type deal struct {
	*kopilka.Deed
	member   kopilka.MemberNo // whom it counts for now; NoMember: nobody
	sold     kopilka.Money    // amount of a receipt
	back     kopilka.Money    // goods of a return
	receipt  bool
	imported bool
}

// net is what the deal adds to turnover.
func (d *deal) net() int64 { return int64(d.sold - d.back) }

// known tells whether the buyer was a member.
func (d *deal) known() bool { return d.member != kopilka.NoMember }

// deals are the kinds of commands that deal reads.
var deals = kopilka.KindsOf(kopilka.KindReceipt, kopilka.KindReturn)

// deal reads a record; false when it is no deal of the period. A sale is of the day
// on which it happened, a return of the day on which the goods came back. Whose a sale
// is its outcome says: a command may name somebody who was part of another by then. A
// return is of whom its sale is of now. That is who its command names, as the sale's
// outcome did; whom its own outcome credited he may have been part of only then, and
// what he had bought went back to him with the undo.
func (s *Setting) deal(r *Record) (d deal, ok bool) {
	switch c := r.Command.(type) {
	case *kopilka.Receipt:
		d = deal{Deed: &c.Deed, member: r.Outcome.Member, sold: c.Amount, receipt: true, imported: c.Imported}
	case *kopilka.Return:
		if c.Receipt != "" && !c.Left.Purchase {
			return d, false // of a redemption or a capture
		}
		d = deal{Deed: &c.Deed, member: r.Outcome.Member, back: r.Outcome.Goods, imported: c.Imported}
		if c.Receipt != "" {
			d.member = c.Member
		}
	default:
		return d, false
	}
	if d.known() {
		d.member = s.into(d.member)
	}
	return d, s.In(d.Day)
}

// moved is how many points a record earned and spent, of the buyer alone: what
// returns called back and gave back is taken off.
func moved(out *kopilka.Outcome) (earned, spent int64) {
	return int64(out.Earned - out.Taken), int64(out.Redeemed - out.Restored)
}

// spending are the kinds of commands that spend points or give spent points back.
var spending = deals | kopilka.KindsOf(kopilka.KindRedemption, kopilka.KindCapture)
