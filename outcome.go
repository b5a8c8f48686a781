package kopilka

// Lot is points with the days between which they can be spent. As part of an
// outcome it says how many points went to, or came from, which lot. Points of
// one member with equal days are one lot: nothing tells them apart.
type Lot struct {
	Points    Points
	Activates Day // first day they can be spent
	Expires   Day // last day they can be spent; DayNever
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
	MaxCertificate       Points // of RedeemCapExceeded for certificates, and of quotes
	Coupon               int    // of what is wrong with a coupon: its index in the receipt's
	Unfit                Unfit  // of what is wrong with a coupon that is known: why

	Time    Time // recorded_at
	Program int  // version of the program that decided, counted from 1
	Member  MemberNo
	Prev    Seq // the member's entry before this one in the ledger; 0 = none

	Earned   Points // earned or granted; adjustments: the signed change; erasures: what was forfeited, less than 0
	Redeemed Points
	CashDue  Money
	DebtPaid Points // part of Earned, of Restored, or of the member's own Legs, that paid a debt
	Expired  []Lot  // lots found expired since the member was last touched; Expires says when

	// Of a return.
	Goods      Money // goods value that came back
	CashRefund Money
	Restored   Points // spent points given back
	Lapsed     Points // part of Restored that had expired meanwhile, and expired at once
	Taken      Points // earned points called back
	DebtMade   Points // part of Taken that became debt
	// CertificateRestored is the value that went back to certificates and gift
	// certificates, of which CertificateLapsed could not: their days were over.
	CertificateRestored, CertificateLapsed Points

	// How the books stand after the command.
	Balance, Pending, Held, Debt Points
	Tier                         uint8 // index into the tiers of the program in force
	Segment                      uint8 // index.Segment
	NextExpiry                   Lot   // the soonest points to expire; Points 0 = none
	Enrolled                     bool  // of PutMember: the member is new; of PutCard: the card is

	// How a receipt was reckoned, beside the program.
	TierBefore    uint8 // whose rates were applied: index into the tiers of version Program
	SegmentBefore uint8 // whose multiplier was applied; of a quote and of a receipt
	Flags         Flags

	CertificateUsed Points // value of certificates and gift certificates that paid
	Discount        Money  // taken off by coupons and discount cards
	Uses            []Use
	Campaigns       []CampaignUse
	Legs            []Leg
	LegsExpired     []LegExpired

	HeldBack Points // of a hold: set aside; of a capture, a void, or a receipt with a hold: freed unspent

	// Of a merge: what came over from the other member, points in holds included.
	// Of an unmerge: what went back.
	Moved     []Lot
	MovedDebt Points
	Purchases []Purchase

	// Shifts are what the feed of changes is told beside the rest: see Shift.
	Shifts []Shift

	First uint32 // of an emission: the first of its numbers in the books, counted from 1

	Left Remains // of receipts, redemptions, captures and returns
}

// Reset empties the outcome and keeps its memory.
func (o *Outcome) Reset() {
	*o = Outcome{Member: NoMember, Expired: o.Expired[:0], Uses: o.Uses[:0], Campaigns: o.Campaigns[:0],
		Legs: o.Legs[:0], LegsExpired: o.LegsExpired[:0], Moved: o.Moved[:0], Purchases: o.Purchases[:0], Shifts: o.Shifts[:0],
		Left: Remains{Lines: o.Left.Lines[:0], Spent: o.Left.Spent[:0], Uses: o.Left.Uses[:0], Legs: o.Left.Legs[:0]}}
}

// The parts of an outcome that most have not: a bit tells which follow.
const (
	outcomeReturn = 1 << iota
	outcomePaid
	outcomeCampaigns
	outcomeLegs
	outcomeHold
	outcomeMerge
	outcomeEmission
	outcomeFlags
	outcomeShifts
)

func (o *Outcome) parts() (has uint64) {
	if o.Goods != 0 {
		has |= outcomeReturn
	}
	if len(o.Uses) > 0 {
		has |= outcomePaid
	}
	if len(o.Campaigns) > 0 {
		has |= outcomeCampaigns
	}
	if len(o.Legs) > 0 {
		has |= outcomeLegs
	}
	if o.HeldBack != 0 {
		has |= outcomeHold
	}
	if len(o.Moved) > 0 || o.MovedDebt != 0 || len(o.Purchases) > 0 {
		has |= outcomeMerge
	}
	if o.First != 0 {
		has |= outcomeEmission
	}
	if o.Flags != 0 {
		has |= outcomeFlags
	}
	if len(o.Shifts) > 0 {
		has |= outcomeShifts
	}
	return has
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
	b = appendUint(b, uint64(o.TierBefore))
	b = appendUint(b, uint64(o.SegmentBefore))
	b = o.Left.append(b)
	has := o.parts()
	b = appendUint(b, has)
	if has&outcomeReturn != 0 {
		b = appendUint(b, uint64(o.Goods))
		b = appendUint(b, uint64(o.CashRefund))
		b = appendUint(b, uint64(o.Restored))
		b = appendUint(b, uint64(o.Lapsed))
		b = appendUint(b, uint64(o.Taken))
		b = appendUint(b, uint64(o.DebtMade))
		b = appendUint(b, uint64(o.CertificateRestored))
		b = appendUint(b, uint64(o.CertificateLapsed))
	}
	if has&outcomePaid != 0 {
		b = appendUint(b, uint64(o.CertificateUsed))
		b = appendUint(b, uint64(o.Discount))
		b = appendUses(b, o.Uses)
	}
	if has&outcomeCampaigns != 0 {
		b = appendCampaigns(b, o.Campaigns)
	}
	if has&outcomeLegs != 0 {
		b = appendLegs(b, o.Legs)
		b = appendLegsExpired(b, o.LegsExpired)
	}
	if has&outcomeHold != 0 {
		b = appendUint(b, uint64(o.HeldBack))
	}
	if has&outcomeMerge != 0 {
		b = appendLots(b, o.Moved)
		b = appendUint(b, uint64(o.MovedDebt))
		b = appendPurchases(b, o.Purchases)
	}
	if has&outcomeEmission != 0 {
		b = appendUint(b, uint64(o.First))
	}
	if has&outcomeFlags != 0 {
		b = appendUint(b, uint64(o.Flags))
	}
	if has&outcomeShifts != 0 {
		b = appendShifts(b, o.Shifts)
	}
	return b
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
	o.TierBefore, o.SegmentBefore = uint8(d.uint()), uint8(d.uint())
	o.Left.read(&d)
	has := d.uint()
	if has&outcomeReturn != 0 {
		o.Goods, o.CashRefund = Money(d.uint()), Money(d.uint())
		o.Restored, o.Lapsed = Points(d.uint()), Points(d.uint())
		o.Taken, o.DebtMade = Points(d.uint()), Points(d.uint())
		o.CertificateRestored, o.CertificateLapsed = Points(d.uint()), Points(d.uint())
	}
	if has&outcomePaid != 0 {
		o.CertificateUsed, o.Discount = Points(d.uint()), Money(d.uint())
		o.Uses = readUses(&d, o.Uses)
	}
	if has&outcomeCampaigns != 0 {
		o.Campaigns = readCampaigns(&d, o.Campaigns)
	}
	if has&outcomeLegs != 0 {
		o.Legs = readLegs(&d, o.Legs)
		o.LegsExpired = readLegsExpired(&d, o.LegsExpired)
	}
	if has&outcomeHold != 0 {
		o.HeldBack = Points(d.uint())
	}
	if has&outcomeMerge != 0 {
		o.Moved, o.MovedDebt = readLots(&d, o.Moved), Points(d.uint())
		o.Purchases = readPurchases(&d, o.Purchases)
	}
	if has&outcomeEmission != 0 {
		o.First = uint32(d.uint())
	}
	if has&outcomeFlags != 0 {
		o.Flags = Flags(d.uint())
	}
	if has&outcomeShifts != 0 {
		o.Shifts = readShifts(&d, o.Shifts)
	}
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
