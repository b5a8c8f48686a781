package importer

import "github.com/kopilka/kopilka"

// said is the fingerprint of what a row says, to tell a replay from another row
// under the same id. It is that of the line which HTTP sends for the row: a file
// that was imported into a folder and is imported again through a server, or the
// other way round, is answered as replays.
func (row *Row) said(p *kopilka.ContentPrint) uint64 {
	by := kopilka.ByNobody
	if row.Card != "" {
		by = kopilka.ByCard
	}
	deed := row.deed()
	switch row.Deed {
	case Sale:
		p.Receipt(by, row.Card, &kopilka.Receipt{Deed: deed, Amount: row.Amount, Redeem: row.Redeemed})
	case GoodsBack:
		p.Return(by, row.Card, &deed, row.ReturnOf, row.Amount)
	case Person:
		m := &row.Profile
		p.Member(&kopilka.MemberContent{Card: row.Card, Phone: given(m.Phone), Name: given(m.Name), BirthDate: given(m.BirthDate),
			Sex: given(m.Sex), Store: given(row.Store), Referrer: given(m.Referrer), Source: given(m.Source),
			RegisteredAt: given(m.RegisteredAt)})
	}
	return p.Sum()
}

// given is a field of a member; what a row leaves empty it does not say.
func given[T comparable](v T) kopilka.Said[T] {
	var nothing T
	return kopilka.Said[T]{Set: v != nothing, Value: v}
}

// deed is where and when the row happened, as it says itself.
func (row *Row) deed() kopilka.Deed {
	return kopilka.Deed{Member: kopilka.NoMember, At: row.At,
		Store: row.Store, Till: row.Till, Cashier: row.Cashier, ReceiptNo: row.ReceiptNo}
}

// balance is the grant of the row's opening balance, with the fingerprint of the
// line that HTTP sends for it, which says no time.
func (row *Row) balance(p *kopilka.ContentPrint) *kopilka.Grant {
	c := &kopilka.Grant{Points: row.Profile.Balance, Reason: balanceReason}
	p.Grant(kopilka.ByCard, row.Card, c)
	c.ID, c.Content = row.balanceID(), p.Sum()
	return c
}
