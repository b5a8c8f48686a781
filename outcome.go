package kopilka

// Lot is points with the days between which they can be spent. As part of an
// outcome it says how many points went to, or came from, which lot. Points of
// one member with equal days are one lot: nothing tells them apart.
type Lot struct {
	Points    Points
	Activates Day // first day they can be spent
	Expires   Day // last day they can be spent; DayNever
}

// Remains is what is left of a receipt to be given back. The first stands in
// the outcome of the receipt, each later one in the outcome of a return, so a
// return never has to ask what the rules were.
type Remains struct {
	Day      Day           // business day of the receipt
	Made     Day           // day of the books when it was taken, which is later for a late one
	Purchase bool          // counts for segments, as a redemption does not
	Lines    []RemainsLine // at least one where anything was sold
	Spent    []Lot         // points spent, by the lot they came from
	Earned   Lot           // points earned that a return has not yet called back
	Owed     Points        // called back, but spent meanwhile: taken at later returns
	Policy   ReturnsPolicy // the rule of the receipt's day
}

// RemainsLine is one line of a receipt as far as it has not come back.
type RemainsLine struct {
	Goods  Money
	Spent  Points // points paid for it
	Earned Points // points it earned
}

// Goods is the value of what has not come back.
func (r *Remains) Goods() Money {
	var m Money
	for i := range r.Lines {
		m += r.Lines[i].Goods
	}
	return m
}

// Outcome is what was decided about a command. For every command that
// succeeded it is kept for ever, so that a retry gets the first answer, a return
// gives back exactly what was taken, and any number can be explained.
type Outcome struct {
	Refusal Refusal
	Prior   Seq // of Replayed, IdempotencyMismatch and DuplicateReceipt: the earlier command

	// What a refusal may tell.
	Available, Requested Points // of InsufficientPoints
	MaxRedeem            Points // of RedeemCapExceeded, and of quotes

	Time    Time // recorded_at
	Program int  // version of the program that decided, counted from 1
	Member  MemberNo
	Prev    Seq // the member's entry before this one in the ledger; 0 = none

	Earned   Points // earned or granted; adjustments: the signed change
	Redeemed Points
	CashDue  Money
	DebtPaid Points // part of Earned, or of Restored, that paid a debt
	Expired  []Lot  // lots found expired since the member was last touched; Expires says when

	// Of a return.
	Goods      Money // goods value that came back
	CashRefund Money
	Restored   Points // spent points given back
	Lapsed     Points // part of Restored that had expired meanwhile, and expired at once
	Taken      Points // earned points called back
	DebtMade   Points // part of Taken that became debt

	// How the books stand after the command.
	Balance, Pending, Held, Debt Points
	Tier                         uint8 // index into the program's tiers
	Segment                      uint8 // index.Segment
	NextExpiry                   Lot   // the soonest points to expire; Points 0 = none
	Enrolled                     bool  // of PutMember: the member is new

	Left Remains // of receipts, redemptions and returns
}

// Reset empties the outcome and keeps its memory.
func (o *Outcome) Reset() {
	*o = Outcome{Member: NoMember, Expired: o.Expired[:0],
		Left: Remains{Lines: o.Left.Lines[:0], Spent: o.Left.Spent[:0]}}
}

// Append writes the outcome as entries keep it.
func (o *Outcome) Append(b []byte) []byte {
	b = appendUint(b, uint64(o.Refusal))
	b = appendUint(b, uint64(o.Prior))
	b = appendInt(b, int64(o.Time))
	b = appendUint(b, uint64(o.Program))
	b = appendUint(b, uint64(o.Member+1))
	b = appendUint(b, uint64(o.Prev))
	b = appendInt(b, int64(o.Earned))
	b = appendUint(b, uint64(o.Redeemed))
	b = appendUint(b, uint64(o.CashDue))
	b = appendUint(b, uint64(o.DebtPaid))
	b = appendLots(b, o.Expired)
	b = appendUint(b, uint64(o.Balance))
	b = appendUint(b, uint64(o.Pending))
	b = appendUint(b, uint64(o.Held))
	b = appendUint(b, uint64(o.Debt))
	b = appendUint(b, uint64(o.Tier))
	b = appendUint(b, uint64(o.Segment))
	b = o.NextExpiry.append(b)
	b = appendBool(b, o.Enrolled)
	b = o.Left.append(b)
	if o.Goods == 0 {
		return b // not a return: what follows is zero
	}
	b = appendUint(b, uint64(o.Goods))
	b = appendUint(b, uint64(o.CashRefund))
	b = appendUint(b, uint64(o.Restored))
	b = appendUint(b, uint64(o.Lapsed))
	b = appendUint(b, uint64(o.Taken))
	return appendUint(b, uint64(o.DebtMade))
}

// Read fills the outcome from its kept form. Nothing of it aliases b.
func (o *Outcome) Read(b []byte) error {
	o.Reset()
	d := decoder{b: b}
	o.Refusal, o.Prior, o.Time = Refusal(d.uint()), Seq(d.uint()), Time(d.int())
	o.Program, o.Member, o.Prev = int(d.uint()), MemberNo(d.uint())-1, Seq(d.uint())
	o.Earned, o.Redeemed, o.CashDue = Points(d.int()), Points(d.uint()), Money(d.uint())
	o.DebtPaid = Points(d.uint())
	o.Expired = readLots(&d, o.Expired)
	o.Balance, o.Pending = Points(d.uint()), Points(d.uint())
	o.Held, o.Debt = Points(d.uint()), Points(d.uint())
	o.Tier, o.Segment = uint8(d.uint()), uint8(d.uint())
	o.NextExpiry.read(&d)
	o.Enrolled = d.bool()
	o.Left.read(&d)
	o.Goods, o.CashRefund = Money(d.uint()), Money(d.uint())
	o.Restored, o.Lapsed = Points(d.uint()), Points(d.uint())
	o.Taken, o.DebtMade = Points(d.uint()), Points(d.uint())
	return d.err
}

func (l *Lot) append(b []byte) []byte {
	b = appendUint(b, uint64(l.Points))
	b = appendUint(b, uint64(l.Activates))
	return appendUint(b, uint64(l.Expires))
}

func (l *Lot) read(d *decoder) {
	*l = Lot{Points: Points(d.uint()), Activates: Day(d.uint()), Expires: Day(d.uint())}
}

func appendLots(b []byte, lots []Lot) []byte {
	b = appendUint(b, uint64(len(lots)))
	for i := range lots {
		b = lots[i].append(b)
	}
	return b
}

func readLots(d *decoder, lots []Lot) []Lot {
	lots = lots[:0]
	for range d.count() {
		var l Lot
		l.read(d)
		lots = append(lots, l)
	}
	return lots
}

func (r *Remains) append(b []byte) []byte {
	b = appendUint(b, uint64(r.Day))
	b = appendUint(b, uint64(r.Made))
	b = appendBool(b, r.Purchase)
	b = appendUint(b, uint64(len(r.Lines)))
	for i := range r.Lines {
		b = appendUint(b, uint64(r.Lines[i].Goods))
		b = appendUint(b, uint64(r.Lines[i].Spent))
		b = appendUint(b, uint64(r.Lines[i].Earned))
	}
	b = appendLots(b, r.Spent)
	b = r.Earned.append(b)
	b = appendUint(b, uint64(r.Owed))
	return appendUint(b, uint64(r.Policy))
}

func (r *Remains) read(d *decoder) {
	r.Day, r.Made, r.Purchase = Day(d.uint()), Day(d.uint()), d.bool()
	r.Lines = r.Lines[:0]
	for range d.count() {
		r.Lines = append(r.Lines, RemainsLine{Goods: Money(d.uint()), Spent: Points(d.uint()), Earned: Points(d.uint())})
	}
	r.Spent = readLots(d, r.Spent)
	r.Earned.read(d)
	r.Owed, r.Policy = Points(d.uint()), ReturnsPolicy(d.uint())
}
