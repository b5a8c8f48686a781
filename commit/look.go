package commit

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/wal"
)

// Found is what a look-up found.
type Found struct {
	Seq    kopilka.Seq // position of the command; 0 = there is none
	Looked kopilka.Seq // up to which position the look-up is complete
}

// FindID finds the command that spent an id.
func (q *Queue) FindID(id string) (Found, error) {
	return q.find(kopilka.FingerprintID(id), func(c kopilka.Command) bool {
		return kopilka.HeadOf(c).ID == id
	})
}

// FindReceiptNo finds a receipt, or a redemption, by its second key.
func (q *Queue) FindReceiptNo(kind kopilka.Kind, store, till, receiptNo string, day kopilka.Day) (Found, error) {
	return q.find(kopilka.FingerprintReceiptNo(kind, store, till, receiptNo, day), func(c kopilka.Command) bool {
		var d *kopilka.Deed
		switch c := c.(type) {
		case *kopilka.Receipt:
			d = &c.Deed
		case *kopilka.Redemption:
			d = &c.Deed
		default:
			return false
		}
		return c.Kind() == kind && d.Store == store && d.Till == till && d.ReceiptNo == receiptNo && d.Day == day
	})
}

// FindReturn finds the newest return of a receipt.
func (q *Queue) FindReturn(receipt string) (Found, error) {
	return q.find(kopilka.FingerprintReturns(receipt), func(c kopilka.Command) bool {
		r, ok := c.(*kopilka.Return)
		return ok && r.Receipt == receipt
	})
}

// FindHold finds what ended a hold: its capture, its void, or the receipt that
// spent it.
func (q *Queue) FindHold(hold string) (Found, error) {
	return q.find(kopilka.FingerprintHold(hold), func(c kopilka.Command) bool {
		switch c := c.(type) {
		case *kopilka.Capture:
			return c.Hold.ID == hold
		case *kopilka.Void:
			return c.Hold.ID == hold
		case *kopilka.Receipt:
			return c.Hold.ID == hold
		}
		return false
	})
}

// FindRating finds the newest rating of a receipt.
func (q *Queue) FindRating(receipt string) (Found, error) {
	return q.find(kopilka.FingerprintRating(receipt), func(c kopilka.Command) bool {
		r, ok := c.(*kopilka.Rating)
		return ok && r.Receipt == receipt
	})
}

// FindNote finds the newest note about a member.
func (q *Queue) FindNote(m kopilka.MemberNo) (Found, error) {
	return q.find(kopilka.FingerprintNotes(m), func(c kopilka.Command) bool {
		n, ok := c.(*kopilka.Note)
		return ok && n.Member == m
	})
}

// FindUnmerge finds the end of a merge.
func (q *Queue) FindUnmerge(merge string) (Found, error) {
	return q.find(kopilka.FingerprintUnmerge(merge), func(c kopilka.Command) bool {
		u, ok := c.(*kopilka.Unmerge)
		return ok && u.MergeID == merge
	})
}

// find looks in the books, which remember the newest commands, and then in the
// runs. A fingerprint that is known is only a hint; what stands at its position
// decides.
func (q *Queue) find(key uint64, is func(kopilka.Command) bool) (Found, error) {
	var f Found
	var seq kopilka.Seq
	q.View(func(s *engine.State) {
		f.Looked = s.Seq()
		seq = s.FindRecent(key)
	})
	if seq != 0 {
		r, err := q.Record(seq)
		if err != nil {
			return f, err
		}
		if is(r.Command) {
			f.Seq = seq
			return f, nil
		}
	}
	var failed error
	err := q.machine.runs.Find(key, func(seq kopilka.Seq) bool {
		r, err := q.Record(seq)
		if err != nil {
			failed = err
			return false
		}
		if is(r.Command) {
			f.Seq = seq
			return false
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return f, err
}

// Record is a command of the log that succeeded, with what was decided.
type Record struct {
	Seq     kopilka.Seq
	Time    kopilka.Time // of its entry
	Command kopilka.Command
	Outcome kopilka.Outcome
}

// Record reads a command and its outcome back. A command that was refused has
// no outcome kept: its Outcome says so by a zero Time.
func (q *Queue) Record(seq kopilka.Seq) (Record, error) {
	r, err := q.Command(seq)
	if err == nil {
		err = q.outcome(seq, &r.Outcome)
	}
	return r, err
}

// Command reads a command back, without its outcome.
func (q *Queue) Command(seq kopilka.Seq) (Record, error) {
	e, err := q.frames.holding(seq, q.log)
	if err != nil {
		return Record{Seq: seq}, err
	}
	return commandIn(e, seq)
}

// commandIn reads a command out of its entry.
func commandIn(e *kopilka.Entry, seq kopilka.Seq) (r Record, err error) {
	r = Record{Seq: seq, Time: e.Time}
	body := e.Body
	for at := e.First; at < seq; at++ {
		body = kopilka.SkipCommand(body)
	}
	// The decoder is this record's own and the entry is never changed: what
	// aliases them lives as long as the record does.
	var d kopilka.Decoder
	if r.Command, _, err = d.Next(body); err != nil {
		return r, fmt.Errorf("read position %d: %w", seq, err)
	}
	return r, nil
}

// outcome looks for what was decided at a position: among the outcomes that are
// in no frame yet, or else in the frames after the command's own.
func (q *Queue) outcome(seq kopilka.Seq, out *kopilka.Outcome) error {
	m := q.machine
	m.mu.RLock()
	found, err := m.kept.find(seq, out)
	m.mu.RUnlock()
	for at := seq; !found && err == nil && at <= q.Seq(); {
		var e *kopilka.Entry
		if e, err = q.frames.holding(at, q.log); err != nil {
			break
		}
		if found, err = findKept(e.Kept, seq, out); beyond(e.Kept, seq) {
			break
		}
		at = e.First + kopilka.Seq(e.Count)
	}
	return err
}

// beyond tells whether kept outcomes begin after a position: none will come
// for it.
func beyond(records []byte, seq kopilka.Seq) (yes bool) {
	_ = kopilka.EachKept(records, func(s kopilka.Seq, _ []byte) bool {
		yes = s > seq
		return false
	})
	return yes
}

// LogCopy gives the log up to its newest durable frame, to be read while it goes on.
func (q *Queue) LogCopy() (*wal.Copy, error) { return q.log.Copy() }
