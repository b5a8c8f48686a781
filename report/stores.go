package report

import "github.com/kopilka/kopilka"

// Stores is what was sold where, and how many buyers showed a card.
func Stores(set *Setting) Fold { return &storesFold{set: set} }

type storesFold struct {
	set      *Setting
	stores   tally[place]
	cashiers tally[place]
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
	if at := deedOf(r.Command); at != nil && f.set.In(at.Day) {
		earned, spent := moved(r.Outcome)
		p := f.stores.of(at.Store)
		p.earned += earned
		p.spent += spent
	}
	d, ok := f.set.deal(r)
	if !ok {
		return
	}
	f.stores.of(d.Store).add(&d)
	if d.receipt {
		f.cashiers.of(d.Store, d.Cashier).add(&d)
	}
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

func (f *storesFold) Report() (Report, error) {
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
