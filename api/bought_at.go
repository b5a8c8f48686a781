package api

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/query"
)

// place is the receipts of a store in a period.
type place struct {
	store string
	index.Period
}

func (p *place) has(store string, day kopilka.Day) bool {
	return p.store == store && p.First <= day && day <= p.Last
}

// placeOf is what a term of bought_at asks about.
func (a *population) placeOf(t *query.Term) place { return place{t.Text, a.period(t)} }

// goPlaces counts every member's live receipts of the stores and periods that an
// expression asks about, up to the position. The books do not keep where somebody
// bought, so the log is read, in one pass from the first day asked about: about a
// microsecond a receipt, while tills go on.
func (a *population) goPlaces(expr *query.Expr) *problem {
	for _, t := range expr.Terms() {
		if t.Field == query.BoughtAt {
			a.places[a.placeOf(t)] = nil
		}
	}
	if len(a.places) == 0 {
		return nil
	}
	first := kopilka.DayNever
	for p := range a.places {
		first = min(first, p.First)
		a.places[p] = make([]uint32, a.members)
	}
	var back []kopilka.Seq // receipts of which nothing is left
	err := a.receipts(first, func(r *commit.Record) {
		switch c := r.Command.(type) {
		case *kopilka.Receipt:
			a.buys(c, 1)
		case *kopilka.Return:
			if c.Left.Purchase && r.Outcome.Left.Goods() == 0 && c.Left.Day >= first {
				back = append(back, c.ReceiptSeq)
			}
		}
	})
	// Sales that lie together are looked up together.
	slices.Sort(back)
	for _, seq := range back {
		if err != nil {
			break
		}
		var sale commit.Record
		if sale, err = a.s.queue.Command(seq); err == nil {
			a.buys(sale.Command.(*kopilka.Receipt), -1)
		}
	}
	switch {
	case err == errStopping:
		return problemOf(codeOverloaded, "the server is shutting down")
	case err != nil:
		return a.s.failed(fmt.Errorf("count who bought where: %w", err))
	}
	return nil
}

// receipts calls f for the receipts and the returns since a day, up to the position.
func (a *population) receipts(since kopilka.Day, f func(*commit.Record)) error {
	q := a.s.queue
	from, err := q.SeqSince(q.Calendar().Start(since))
	if err != nil {
		return err
	}
	n := 0
	return q.Records(from, a.seq, kopilka.KindsOf(kopilka.KindReceipt, kopilka.KindReturn), func(r *commit.Record) error {
		if n++; n%stopLook == 0 && a.s.stopped.Err() != nil {
			return errStopping
		}
		if r.Outcome.Time != 0 { // it was not refused
			f(r)
		}
		return nil
	})
}

// buys counts a receipt, or takes it back, where it was bought.
func (a *population) buys(c *kopilka.Receipt, n int32) {
	if c.Member == kopilka.NoMember || c.Amount == 0 {
		return
	}
	m := c.Member
	for into, merged := a.aliases[m]; merged; into, merged = a.aliases[m] {
		m = into
	}
	for p, counts := range a.places {
		if p.has(c.Store, c.Day) {
			counts[m] += uint32(n)
		}
	}
}
