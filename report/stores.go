package report

import "github.com/kopilka/kopilka"

// Stores is what was sold where, and how many buyers showed a card.
func Stores(set *Setting) Fold {
	f := &storesFold{set: set}
	f.homeless = later[place]{set: set, tell: f.bringHome}
	return f
}

type storesFold struct {
	set      *Setting
	stores   tally[place]
	cashiers tally[place]
	homeless later[place] // returns that name no store: they belong to that of their sale
}

// place is the deals of a store or of a cashier.
type place struct {
	receipts, identified int64
	sold, returned       int64
	net                  int64 // of members
	earned, spent        int64
}

func (f *storesFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, spending
}

func (f *storesFold) Add(r *Record) {
	at := kopilka.DeedOf(r.Command)
	if at == nil || !f.set.In(at.Day) {
		return
	}
	var p place
	p.earned, p.spent = moved(r.Outcome)
	if d, ok := f.set.deal(r); ok {
		p.add(&d)
		if d.receipt {
			f.cashiers.of(d.Store, d.Cashier).add(&d)
		}
	}
	if c, ok := r.Command.(*kopilka.Return); ok && c.Store == "" && c.Receipt != "" {
		f.homeless.add(c.ReceiptSeq, p)
		return
	}
	f.stores.of(at.Store).plus(&p)
}

func (p *place) add(d *deal) {
	count(d.receipt, &p.receipts)
	count(d.receipt && d.known(), &p.identified)
	p.sold += int64(d.sold)
	p.returned += int64(d.back)
	if d.known() {
		p.net += d.net()
	}
}

func (p *place) plus(q *place) {
	p.receipts += q.receipts
	p.identified += q.identified
	p.sold += q.sold
	p.returned += q.returned
	p.net += q.net
	p.earned += q.earned
	p.spent += q.spent
}

// bringHome gives a return that names no store to the store of its sale.
func (f *storesFold) bringHome(sale *Record, back place) {
	f.stores.of(kopilka.DeedOf(sale.Command).Store).plus(&back)
}

func (f *storesFold) Report() (Report, error) {
	if err := f.homeless.look(); err != nil {
		return Report{}, err
	}
	stores := f.stores.table("stores", []string{"store"},
		[]string{"receipts", "identified", "identified_share_bp", "turnover", "turnover_members", "sold", "returned", "points_earned", "points_spent"},
		func(p *place) []int64 {
			return []int64{p.receipts, p.identified, ratio(p.identified, p.receipts, bp), p.sold - p.returned, p.net,
				p.sold, p.returned, p.earned, p.spent}
		})
	cashiers := f.cashiers.table("cashiers", []string{"store", "cashier"},
		[]string{"receipts", "identified", "identified_share_bp", "sold"},
		func(p *place) []int64 {
			return []int64{p.receipts, p.identified, ratio(p.identified, p.receipts, bp), p.sold}
		})
	return Report{Tables: []Table{stores, cashiers}}, nil
}
