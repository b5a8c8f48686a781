package whatif

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// Record is a command of the log with what was decided about it. The zero Time of
// an outcome says that there is none: the command was refused, or is the log's own.
type Record struct {
	Seq     kopilka.Seq
	Time    kopilka.Time
	Command kopilka.Command
	Outcome *kopilka.Outcome
}

// Question is what is asked.
type Question struct {
	Program *program.Program // to be in force
	From    kopilka.Day      // the business day from whose beginning on it is
	Start   kopilka.Time     // the first instant of that day
	Actual  Standing         // the books as they are after the last record
	Later   Later
}

// Later is what the log comes back to: of these positions the fold keeps what was
// decided, and of no others.
type Later struct {
	receipts, merges map[kopilka.Seq]struct{}
}

// LaterKinds are the kinds of commands that Later reads.
var LaterKinds = kopilka.KindsOf(kopilka.KindReturn, kopilka.KindUnmerge)

// Add notes what a record comes back to.
func (l *Later) Add(r *Record) {
	if r.Outcome.Time == 0 {
		return
	}
	note := func(all *map[kopilka.Seq]struct{}, seq kopilka.Seq) {
		if *all == nil {
			*all = map[kopilka.Seq]struct{}{}
		}
		(*all)[seq] = struct{}{}
	}
	switch c := r.Command.(type) {
	case *kopilka.Return:
		if c.Receipt != "" {
			note(&l.receipts, c.ReceiptSeq)
		}
	case *kopilka.Unmerge:
		note(&l.merges, c.MergeSeq)
	}
}

// ErrEnrol wraps the end of a fold under a program by which somebody cannot be enrolled
// who was: later commands name members by numbers, and these would be others'.
var ErrEnrol = errors.New("by this program a member of the log cannot be enrolled")

// Fold is the simulated books while the log is read.
type Fold struct {
	question Question
	books    *engine.State
	begun    bool // the program is in force, or comes into force with the next tick
	before   Standing

	left    map[kopilka.Seq]*kopilka.Remains // of receipts that are returned later
	brought map[kopilka.Seq]*kopilka.Unmerge // what would go back of merges that are taken back later
	out     kopilka.Outcome
	actual  tally
	would   tally
}

// New is books before the first record.
func New(q Question) *Fold {
	return &Fold{question: q, books: engine.New(), left: map[kopilka.Seq]*kopilka.Remains{}, brought: map[kopilka.Seq]*kopilka.Unmerge{}}
}

// Books is the simulated books so far.
func (f *Fold) Books() *engine.State { return f.books }

// Apply takes the next record of the log: all of them come, in their order. The
// command may be changed. An error says that the rest of the log cannot be told
// under this program.
func (f *Fold) Apply(r *Record) error {
	s := f.books
	if r.Seq != s.Seq()+1 {
		return fmt.Errorf("whatif: position %d comes after position %d", r.Seq, s.Seq())
	}
	f.begin(r)
	kind := r.Command.Kind()
	switch {
	case kind == kopilka.KindGenesis || kind == kopilka.KindTick:
		s.Apply(r.Time, r.Command, &f.out)
		return nil
	case r.Outcome.Time == 0:
		s.Pass(r.Time)
		return nil
	}
	ease := f.apply(r)
	f.keep(r.Command)
	if f.out.Refusal != kopilka.Accepted && kind == kopilka.KindMember && r.Outcome.Enrolled {
		// Later commands name members by numbers, and these would be others'.
		return fmt.Errorf("%w: position %d: %s", ErrEnrol, r.Seq, f.out.Refusal)
	}
	if f.begun {
		f.actual.add(r.Command, r.Outcome, f.question.Actual.Versions)
		f.would.add(r.Command, &f.out, s.Versions())
		f.would.refuse(r, &f.out, ease)
	}
	return nil
}

// begin puts the program in force when its day comes: with the tick of that day or,
// where the books begin no earlier, as their first.
func (f *Fold) begin(r *Record) {
	if f.begun {
		return
	}
	s, day := f.books, f.books.Day()
	if tick, ok := r.Command.(*kopilka.Tick); ok {
		day = tick.Day
	}
	if day < f.question.From {
		return
	}
	if s.Program() == nil {
		f.begun = r.Command.Kind() == kopilka.KindProgram && r.Outcome.Time != 0 // see look
		return
	}
	f.begun, f.before = true, Stand(s)
	s.Suppose(f.question.Program, min(f.question.Start, r.Time), f.question.From)
}

// apply does a command that succeeded, for as much as the simulated books can give.
// It tells how often it had to ask for less.
func (f *Fold) apply(r *Record) (eased int) {
	s, c := f.books, r.Command
	kopilka.HeadOf(c).Looked = s.Seq() // its id was free, or it would not have succeeded
	f.look(c)
	for {
		s.Apply(r.Time, c, &f.out)
		if f.out.Refusal == kopilka.Accepted || !f.ease(c) {
			return eased
		}
		eased++
		s.Withdraw()
	}
}

// look puts what the simulated books know in place of what was looked up for the
// command.
func (f *Fold) look(c kopilka.Command) {
	switch c := c.(type) {
	case *kopilka.SetProgram:
		if f.begun { // whatever was ordered from then on, this is in force
			*c = kopilka.SetProgram{Head: c.Head, Document: f.question.Program.Document()}
		}
	case *kopilka.Return:
		c.LastReturn = f.books.Seq()
		if left := f.left[c.ReceiptSeq]; left != nil {
			c.Left.CopyFrom(left)
		} else if c.Receipt != "" {
			c.Left = kopilka.Remains{} // never sold here: nothing is left of it
		}
	case *kopilka.Unmerge:
		c.Last = f.books.Row(c.Into, f.books.Now()).LastEntry
		if b := f.brought[c.MergeSeq]; b != nil {
			c.Points, c.Debt = append(c.Points[:0], b.Points...), b.Debt
		}
	}
}

// ease makes a refused command ask for less; false when there is nothing that it
// could leave out.
func (f *Fold) ease(c kopilka.Command) bool {
	out := &f.out
	short := out.Refusal == kopilka.RedeemCapExceeded || out.Refusal == kopilka.InsufficientPoints || out.Refusal == kopilka.RedeemNotPermitted
	switch c := c.(type) {
	case *kopilka.Receipt:
		switch out.Refusal {
		case kopilka.HoldExpired:
			c.Hold = kopilka.HoldRef{}
			return true
		case kopilka.NotFound, kopilka.InstrumentUsed, kopilka.InstrumentExpired, kopilka.InstrumentUnfit:
			c.Coupons = slices.Delete(c.Coupons, out.Coupon, out.Coupon+1)
			return true
		}
		switch {
		case short && c.Certificate > out.MaxCertificate:
			c.Certificate = out.MaxCertificate
			return true
		case short && c.Redeem > out.MaxRedeem:
			c.Redeem = out.MaxRedeem
			return true
		}
	case *kopilka.Redemption:
		if short && c.Points > out.MaxRedeem && out.MaxRedeem > 0 {
			c.Points = out.MaxRedeem
			return true
		}
	case *kopilka.Capture:
		if short && c.Points > out.MaxRedeem && out.MaxRedeem > 0 {
			c.Points = out.MaxRedeem
			return true
		}
	case *kopilka.Return:
		// Of a redemption that was cut there is less to come back.
		if whole := c.Left.Goods(); out.Refusal == kopilka.ReturnExceedsReceipt && whole > 0 {
			c.Lines, c.Amount = nil, whole
			return true
		}
	case *kopilka.PutMember:
		switch {
		case out.Refusal == kopilka.Stale:
			m, known := f.books.ByCard(c.Card)
			if !known {
				return false
			}
			at := f.books.Member(m, f.books.Now()).ProfileAt
			if at == c.Base {
				return false
			}
			c.Base = at
			return true
		case out.Refusal == kopilka.SourceClosed && c.Source != "":
			c.Source = ""
			return true
		case (out.Refusal == kopilka.TierNotByHand || out.Refusal == kopilka.NotFound) && c.Tier != "":
			c.Tier = ""
			return true
		}
	}
	return false
}

// keep keeps what a later command comes back to.
func (f *Fold) keep(c kopilka.Command) {
	if f.out.Refusal != kopilka.Accepted {
		return
	}
	seq := f.books.Seq()
	switch c := c.(type) {
	case *kopilka.Receipt, *kopilka.Redemption, *kopilka.Capture:
		if _, later := f.question.Later.receipts[seq]; later {
			f.left[seq] = new(kopilka.Remains)
			f.left[seq].CopyFrom(&f.out.Left)
		}
	case *kopilka.Return:
		for _, b := range f.brought {
			if c.Receipt != "" && c.Member != kopilka.NoMember && c.ReceiptSeq < b.MergeSeq && f.books.LeadsThrough(c.Member, b.From) {
				b.CameBack(c, &f.out)
			}
		}
		left := f.left[c.ReceiptSeq]
		switch {
		case left == nil:
		case f.out.Left.Goods() == 0:
			delete(f.left, c.ReceiptSeq)
		default:
			left.CopyFrom(&f.out.Left)
		}
	case *kopilka.Merge:
		if _, later := f.question.Later.merges[seq]; later {
			f.brought[seq] = &kopilka.Unmerge{From: c.From, MergeSeq: seq, Points: slices.Clone(f.out.Moved), Debt: f.out.MovedDebt}
		}
	case *kopilka.Unmerge:
		delete(f.brought, c.MergeSeq)
	}
}
