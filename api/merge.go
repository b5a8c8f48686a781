package api

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
)

var mergeFields = []string{"id", "from", "reason", "actor"}

// postMerge makes one member of two who are the same person: what the card `from`
// leads to becomes part of the member of the path.
func (s *Server) postMerge(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Merge{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	from := ""
	r := &c.in
	r.start(c.body())
	for f := r.object(mergeFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "from":
			from = r.card()
		default:
			hand.field(r, f.name)
		}
	}
	if from == "" {
		r.failAt("", "from is missing: the card of the member who is to become part of this one")
	}
	hand.given(r)
	if p := r.end(); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.Merge(c.param, from, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem {
		into, part, fromIs := kopilka.NoMember, kopilka.NoMember, false
		is := false
		s.queue.View(func(b *engine.State) {
			into, is = b.ByCard(c.param)
			part, fromIs = b.ByCard(from)
		})
		switch {
		case !is:
			return problemOf(codeMemberNotFound, memberNotFound)
		case !fromIs:
			return &problem{code: codeMemberNotFound, detail: memberNotFound,
				faults: []fault{{"/from", "no member has this card"}}}
		}
		cmd.Into, cmd.From = into, part
		return nil
	}
	done, p := c.decided()
	if p != nil {
		return p
	}
	if p := s.lookAgain(done.cmd.(*kopilka.Merge).Into); p != nil {
		return p
	}
	return c.done(&done, created)
}

// postUnmerge takes a merge back. What the merge brought is told by its outcome, less
// what has come back since of what the part had bought.
func (s *Server) postUnmerge(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	if !kopilka.ValidID(c.param) {
		return &noMerge
	}
	cmd := &kopilka.Unmerge{MergeID: c.param}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	if p := hand.decode(&c.in, c.body(), &cmd.ID); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.Unmerge(c.param, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem { return s.lookUnmerge(cmd) }
	done, p := c.decided()
	if p != nil {
		return p
	}
	taken := done.cmd.(*kopilka.Unmerge)
	if p := s.lookAgain(taken.From, taken.Into); p != nil {
		return p
	}
	return c.done(&done, created)
}

var noMerge = problem{code: codeNotFound, detail: "no merge has this id"}

// lookUnmerge finds the merge, and what is left of what it brought.
func (s *Server) lookUnmerge(c *kopilka.Unmerge) *problem {
	found, err := s.queue.FindID(c.MergeID)
	if err != nil {
		return s.failed(err)
	}
	if found.Seq == 0 {
		return &noMerge
	}
	record, err := s.queue.Record(found.Seq)
	if err != nil {
		return s.failed(err)
	}
	merge, ok := record.Command.(*kopilka.Merge)
	if !ok {
		return &noMerge
	}
	end, err := s.queue.FindUnmerge(c.MergeID)
	if err != nil {
		return s.failed(err)
	}
	if end.Seq != 0 {
		return problemOf(codeNotMerged, "the merge was taken back already")
	}
	c.Looked = min(c.Looked, found.Looked, end.Looked)
	c.From, c.Into, c.MergeSeq = merge.From, merge.Into, found.Seq
	c.Points, c.Debt = slices.Clone(record.Outcome.Moved), record.Outcome.MovedDebt
	c.Purchases = slices.Clone(record.Outcome.Purchases)
	s.queue.View(func(b *engine.State) { c.Last = b.Row(c.Into, s.queue.Now()).LastEntry })
	return s.takeBackSince(c)
}

// takeBackSince takes off what goes back what has been returned, since the merge, of
// receipts that the part had brought along, and that its own parts had.
func (s *Server) takeBackSince(c *kopilka.Unmerge) *problem {
	type ledger struct {
		of kopilka.MemberNo
		at kopilka.Seq // newest entry
	}
	var ledgers []ledger
	s.queue.View(func(b *engine.State) {
		for _, no := range b.Parts(c.From) {
			if b.LeadsThrough(no, c.From) {
				ledgers = append(ledgers, ledger{no, b.Row(no, s.queue.Now()).LastEntry})
			}
		}
	})
	var back []commit.Record
	for _, l := range ledgers {
		for at := l.at; at != 0; {
			record, err := s.queue.Record(at)
			if err != nil {
				return s.failed(err)
			}
			switch record.Command.(type) {
			case *kopilka.Receipt, *kopilka.Redemption, *kopilka.Capture:
				// Receipts of friends stand in the ledger too, for the legs they brought.
				if at > c.MergeSeq || record.Outcome.Member != l.of {
					break
				}
				if back, err = s.returnedSince(c, kopilka.HeadOf(record.Command).ID, back); err != nil {
					return s.failed(err)
				}
			}
			var ok bool
			if at, ok = before(l.of, &record.Outcome); !ok {
				return s.failed(fmt.Errorf("the ledger of member %d has an entry of another at %d", l.of, record.Seq))
			}
		}
	}
	slices.SortFunc(back, func(a, b commit.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	for i := range back {
		c.CameBack(back[i].Command.(*kopilka.Return), &back[i].Outcome)
	}
	return nil
}

// returnedSince appends the returns of a receipt since the merge.
func (s *Server) returnedSince(c *kopilka.Unmerge, receipt string, back []commit.Record) ([]commit.Record, error) {
	found, err := s.queue.FindReturn(receipt)
	if err != nil {
		return back, err
	}
	c.Looked = min(c.Looked, found.Looked)
	for at := found.Seq; at > c.MergeSeq; {
		record, err := s.queue.Record(at)
		if err != nil {
			return back, err
		}
		back = append(back, record)
		at = record.Command.(*kopilka.Return).LastReturn
	}
	return back, nil
}

// movedFields writes who the other of the two is, and what went over.
func (s *Server) movedFields(e *jx.Encoder, part kopilka.MemberNo, out *kopilka.Outcome) {
	strField(e, "from_member_id", s.ids.ID(part))
	var points kopilka.Points
	for i := range out.Moved {
		points += out.Moved[i].Points
	}
	receipts, amount := int64(0), kopilka.Money(0)
	for _, p := range out.Purchases {
		receipts += int64(p.Live)
		amount += p.Amount
	}
	intField(e, "points_moved", int64(points))
	intField(e, "debt_moved", int64(out.MovedDebt))
	intField(e, "receipts_moved", receipts)
	intField(e, "amount_moved", int64(amount))
}
