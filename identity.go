package kopilka

// PutCard makes one more card lead to a member, or changes one of his: the first
// card, which enrolled him, or a further one.
type PutCard struct {
	Head
	Member  MemberNo
	Card    string
	Carrier string // what the card is: plastic, app, wallet, …
	Blocked bool   // a lost card: it is known, and may neither earn nor spend
}

// Merge makes one member of two: From's cards, phone, points, claims, purchases
// and those he invited are Into's from then on. From's number stays and leads to
// Into, so that whatever names it still finds its way.
type Merge struct {
	Head
	From, Into MemberNo
	Reason     string
	Actor      string
}

// Unmerge takes a merge back. It carries what was looked up of it; an entry of
// the member after Last makes it Stale.
type Unmerge struct {
	Head
	From, Into MemberNo
	MergeID    string
	MergeSeq   Seq
	Last       Seq        // newest entry of Into when it was looked up
	Points     []Lot      // what the merge brought over
	Debt       Points     // likewise
	Purchases  []Purchase // likewise, less what has come back since
	Reason     string
	Actor      string
}

// CameBack takes a return off what goes back: of goods that the part had bought
// before the merge, returned after it. The goods off the purchases of their day, and
// what the return took and gave back of points: the goods were the part's, so it is
// the part who bears what their return took.
func (c *Unmerge) CameBack(back *Return, out *Outcome) {
	for i := range c.Purchases {
		if p := &c.Purchases[i]; p.Day == out.Left.Day && out.Left.Purchase {
			p.Amount -= out.Goods
			if out.Left.Goods() == 0 {
				p.Live--
			}
			break
		}
	}
	// Of a last day first, as a return takes them, then as they come.
	points, last := out.Taken-out.DebtMade, back.Left.Earned.Expires
	for _, first := range [...]bool{true, false} {
		for i := range c.Points {
			if l := &c.Points[i]; (l.Expires == last) == first {
				n := min(points, l.Points)
				l.Points -= n
				points -= n
			}
		}
	}
	c.Debt += out.DebtMade
	if out.Lapsed > 0 {
		return
	}
	for i, l := range back.Left.Spent {
		if l.Points -= out.Left.Spent[i].Points; l.Points > 0 {
			c.Points = append(c.Points, l)
		}
	}
}

// Purchase is a change in what a member bought on a day.
type Purchase struct {
	Day    Day
	Live   int32 // live receipts more
	Amount Money // net amount more
}

// Erase forgets a person: cards and phone lead nowhere, points are forfeited, and
// the key of what is sealed is destroyed. What was bought and paid stays in the
// books, of nobody.
type Erase struct {
	Head
	Member MemberNo
	Reason string
	Actor  string
}

func (*PutCard) Kind() Kind { return KindCard }
func (*Merge) Kind() Kind   { return KindMerge }
func (*Unmerge) Kind() Kind { return KindUnmerge }
func (*Erase) Kind() Kind   { return KindErase }

func (c *PutCard) append(b []byte) []byte {
	b = appendUint(c.Head.append(b), uint64(c.Member+1))
	b = appendString(appendString(b, c.Card), c.Carrier)
	return appendBool(b, c.Blocked)
}

func (c *PutCard) read(d *decoder) {
	c.Head.read(d)
	c.Member, c.Card, c.Carrier, c.Blocked = MemberNo(d.uint())-1, d.string(), d.string(), d.bool()
}

func (c *Merge) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.From+1)), uint64(c.Into+1))
	return appendString(appendString(b, c.Reason), c.Actor)
}

func (c *Merge) read(d *decoder) {
	c.Head.read(d)
	c.From, c.Into = MemberNo(d.uint())-1, MemberNo(d.uint())-1
	c.Reason, c.Actor = d.string(), d.string()
}

func (c *Unmerge) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.From+1)), uint64(c.Into+1))
	b = appendUint(appendString(b, c.MergeID), uint64(c.MergeSeq))
	b = appendUint(b, uint64(c.Last))
	b = appendLots(b, c.Points)
	b = appendUint(b, uint64(c.Debt))
	b = appendPurchases(b, c.Purchases)
	return appendString(appendString(b, c.Reason), c.Actor)
}

func (c *Unmerge) read(d *decoder) {
	c.Head.read(d)
	c.From, c.Into = MemberNo(d.uint())-1, MemberNo(d.uint())-1
	c.MergeID, c.MergeSeq, c.Last = d.string(), Seq(d.uint()), Seq(d.uint())
	c.Points, c.Debt = readLots(d, c.Points), Points(d.uint())
	c.Purchases = readPurchases(d, c.Purchases)
	c.Reason, c.Actor = d.string(), d.string()
}

func appendPurchases(b []byte, all []Purchase) []byte {
	b = appendUint(b, uint64(len(all)))
	for _, p := range all {
		b = appendUint(b, uint64(p.Day))
		b = appendInt(b, int64(p.Live))
		b = appendInt(b, int64(p.Amount))
	}
	return b
}

func readPurchases(d *decoder, all []Purchase) []Purchase {
	all = all[:0]
	for range d.count() {
		all = append(all, Purchase{Day: Day(d.uint()), Live: int32(d.int()), Amount: Money(d.int())})
	}
	return all
}

func (c *Erase) append(b []byte) []byte {
	b = appendUint(c.Head.append(b), uint64(c.Member+1))
	return appendString(appendString(b, c.Reason), c.Actor)
}

func (c *Erase) read(d *decoder) {
	c.Head.read(d)
	c.Member, c.Reason, c.Actor = MemberNo(d.uint())-1, d.string(), d.string()
}
