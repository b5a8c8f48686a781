package report

import "github.com/kopilka/kopilka"

// Sources is who came by which promo code, link or poster, and what they bought;
// and what was bought with which of them named on the receipt. A return belongs to
// the source of its receipt, and only one that names no receipt to its own.
func Sources(set *Setting) Fold {
	f := &sourcesFold{set: set, roll: roll{set: set}}
	f.returns = later[int64]{set: set, tell: f.takeBack}
	return f
}

type sourcesFold struct {
	set      *Setting
	roll     roll
	buyers   members
	bought   []int64 // net amount by member
	receipts tally[source]
	returns  later[int64] // goods of receipts that came back
}

type source struct {
	members, enrolled, buyers int64
	receipts, net             int64
}

func (f *sourcesFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, enrolling, enrolling | deals
}

func (f *sourcesFold) Add(r *Record) {
	f.roll.add(r)
	d, ok := f.set.deal(r)
	if !ok {
		return
	}
	if c, ok := r.Command.(*kopilka.Return); ok && c.Receipt != "" {
		f.returns.add(c.ReceiptSeq, int64(d.back))
	} else {
		s := f.receipts.of(d.Source)
		count(d.receipt, &s.receipts)
		s.net += d.net()
	}
	if !d.known() {
		return
	}
	for len(f.bought) <= int(d.member) {
		f.bought = append(f.bought, 0)
	}
	f.bought[d.member] += d.net()
	if d.sold > 0 {
		f.buyers.add(d.member)
	}
}

// takeBack takes a return off the source of its sale.
func (f *sourcesFold) takeBack(sale *Record, goods int64) {
	f.receipts.of(kopilka.DeedOf(sale.Command).Source).net -= goods
}

func (f *sourcesFold) Report() (Report, error) {
	if err := f.returns.look(); err != nil {
		return Report{}, err
	}
	f.roll.close()
	var t tally[source]
	for i := range f.roll.rows {
		m, p := kopilka.MemberNo(i), &f.roll.rows[i]
		contact, buys := f.roll.contact(m), f.buyers.has(m)
		if !contact && !buys && (i >= len(f.bought) || f.bought[i] == 0) {
			continue
		}
		s := t.of(f.roll.source(m))
		count(contact, &s.members)
		count(contact && !p.imported && f.set.In(p.registered), &s.enrolled)
		count(buys, &s.buyers)
		if i < len(f.bought) {
			s.net += f.bought[i]
		}
	}
	members := t.table("members", []string{"source"}, []string{"members", "enrolled", "buyers", "turnover"},
		func(s *source) []int64 { return []int64{s.members, s.enrolled, s.buyers, s.net} })
	receipts := f.receipts.table("receipts", []string{"source"}, []string{"receipts", "turnover"},
		func(s *source) []int64 { return []int64{s.receipts, s.net} })
	return Report{Tables: []Table{members, receipts}}, nil
}
