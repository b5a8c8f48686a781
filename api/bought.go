package api

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/query"
)

// place is the receipts of a store, or those with goods of a category, in a period.
type place struct {
	field query.Field // BoughtAt or BoughtIn
	name  string
	index.Period
}

func (p *place) has(day kopilka.Day) bool { return p.First <= day && day <= p.Last }

// isPlaced tells whether a term asks where or of which category somebody bought.
func isPlaced(t *query.Term) bool { return t.Field == query.BoughtAt || t.Field == query.BoughtIn }

// placeOf is what such a term asks about.
func (a *population) placeOf(t *query.Term) place { return place{t.Field, t.Text, a.period(t)} }

// emptied is a line of a receipt of which nothing is left.
type emptied struct {
	sale   kopilka.Seq
	member kopilka.MemberNo // who bought it
	line   int32
}

// wholeSale stands in place of a line where nothing is left of the whole receipt.
const wholeSale = -1

// goPlaces counts every member's live receipts of the stores, categories and periods
// that an expression asks about, up to the position. The books do not keep where
// somebody bought or what, so the log is read, in one pass from the first day asked
// about: about a microsecond a receipt, while tills go on.
func (a *population) goPlaces(expr *query.Expr) *problem {
	for _, t := range expr.Terms() {
		if isPlaced(t) {
			a.places[a.placeOf(t)] = nil
		}
	}
	if len(a.places) == 0 {
		return nil
	}
	first, lined := kopilka.DayNever, false
	for p := range a.places {
		first = min(first, p.First)
		lined = lined || p.field == query.BoughtIn
		a.places[p] = make([]uint32, a.members)
	}
	var back []emptied
	err := a.receipts(first, func(r *commit.Record) {
		switch c := r.Command.(type) {
		case *kopilka.Receipt:
			a.buys(c, r.Outcome.Member)
		case *kopilka.Return:
			if c.Left.Purchase && c.Left.Day >= first && c.Member != kopilka.NoMember {
				back = appendEmptied(back, c, &r.Outcome.Left, lined)
			}
		}
	})
	// Sales that lie together are looked up together.
	slices.SortFunc(back, func(a, b emptied) int { return cmp.Compare(a.sale, b.sale) })
	for len(back) > 0 && err == nil {
		n := 1
		for n < len(back) && back[n].sale == back[0].sale {
			n++
		}
		var sale commit.Record
		if sale, err = a.s.queue.Command(back[0].sale); err == nil {
			a.unbuys(sale.Command.(*kopilka.Receipt), back[:n])
		}
		back = back[n:]
	}
	switch {
	case err == errStopping:
		return problemOf(codeOverloaded, "the server is shutting down")
	case err != nil:
		return a.s.failed(fmt.Errorf("count who bought where: %w", err))
	}
	return nil
}

// appendEmptied adds what a return left nothing of: the whole receipt and, with
// lined, every line that had something before it.
func appendEmptied(back []emptied, c *kopilka.Return, left *kopilka.Remains, lined bool) []emptied {
	for i := range left.Lines {
		if lined && left.Lines[i].Goods == 0 && c.Left.Lines[i].Goods > 0 {
			back = append(back, emptied{c.ReceiptSeq, c.Member, int32(i)})
		}
	}
	if left.Goods() == 0 {
		back = append(back, emptied{c.ReceiptSeq, c.Member, wholeSale})
	}
	return back
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

// buys counts a receipt of a member where it was bought, and in the categories of its
// goods. Whose it is the outcome says: a command may name somebody who was part of
// another by then.
func (a *population) buys(c *kopilka.Receipt, m kopilka.MemberNo) {
	a.placesOf(c, m, func(p *place, receipts *uint32) {
		if p.field == query.BoughtAt || soldIn(c, p.name, nil) {
			*receipts++
		}
	})
}

// unbuys takes a receipt back from where nothing of it is left.
func (a *population) unbuys(c *kopilka.Receipt, gone []emptied) {
	whole := slices.ContainsFunc(gone, func(e emptied) bool { return e.line == wholeSale })
	a.placesOf(c, gone[0].member, func(p *place, receipts *uint32) {
		if p.field == query.BoughtAt && whole || p.field == query.BoughtIn && soldIn(c, p.name, nil) && !soldIn(c, p.name, gone) {
			*receipts--
		}
	})
}

// soldIn tells whether a receipt has goods of a category beside the lines that are gone.
func soldIn(c *kopilka.Receipt, category string, gone []emptied) bool {
	for i := range c.Lines {
		if c.Lines[i].Category == category && c.Lines[i].Amount > 0 &&
			!slices.ContainsFunc(gone, func(e emptied) bool { return e.line == int32(i) }) {
			return true
		}
	}
	return false
}

// placesOf calls f for the places of which a receipt may be, with its buyer's count.
func (a *population) placesOf(c *kopilka.Receipt, m kopilka.MemberNo, f func(p *place, receipts *uint32)) {
	if m == kopilka.NoMember || c.Amount == 0 {
		return
	}
	for into, merged := a.aliases[m]; merged; into, merged = a.aliases[m] {
		m = into
	}
	for p, counts := range a.places {
		if p.has(c.Day) && (p.field == query.BoughtIn || p.name == c.Store) {
			f(&p, &counts[m])
		}
	}
}
