package kopilka

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
	Takes    Takes         // likewise
	Uses     []Use         // certificates and instruments, by what is still out of each
	Legs     []RemainsLeg
}

// RemainsLine is one line of a receipt as far as it has not come back.
type RemainsLine struct {
	Goods       Money
	Spent       Points // points paid for it
	Earned      Points // points it earned
	Base        Money  // the part of it that earned
	Certificate Points // value of certificates paid for it
	Discount    Money  // taken off its price by coupons and discount cards
}

// RemainsLeg is a leg as far as it has not been called back.
type RemainsLeg struct {
	Member             MemberNo
	Kind               LegKind
	Points             Points
	Owed               Points // called back, but spent meanwhile
	Activates, Expires Day
}

// Takes says what else a receipt takes with it: welcome and once when all of it has
// come back, the tier with every return.
type Takes uint8

const (
	TakeWelcome Takes = 1 << iota // the welcome that it brought
	TakeOnce                      // what its being the first brought to referrer and referee
	TakeTier                      // the tier that is no longer reached, at once and not at the next tick
)

// Goods is the value of what has not come back.
func (r *Remains) Goods() Money {
	var m Money
	for i := range r.Lines {
		m += r.Lines[i].Goods
	}
	return m
}

const (
	remainsPaid = 1 << iota // lines have certificates or discounts
	remainsUses
	remainsLegs
)

func (r *Remains) append(b []byte) []byte {
	b = appendUint(b, uint64(r.Day))
	b = appendUint(b, uint64(r.Made))
	b = appendBool(b, r.Purchase)
	var has uint64
	for i := range r.Lines {
		if r.Lines[i].Certificate != 0 || r.Lines[i].Discount != 0 {
			has |= remainsPaid
		}
	}
	if len(r.Uses) > 0 {
		has |= remainsUses
	}
	if len(r.Legs) > 0 {
		has |= remainsLegs
	}
	b = appendUint(b, has)
	b = appendUint(b, uint64(len(r.Lines)))
	for i := range r.Lines {
		l := &r.Lines[i]
		b = appendUint(b, uint64(l.Goods))
		b = appendUint(b, uint64(l.Spent))
		b = appendUint(b, uint64(l.Earned))
		b = appendInt(b, int64(l.Goods-l.Base)) // mostly 0
		if has&remainsPaid != 0 {
			b = appendUint(b, uint64(l.Certificate))
			b = appendUint(b, uint64(l.Discount))
		}
	}
	b = appendLots(b, r.Spent)
	b = r.Earned.append(b)
	b = appendUint(b, uint64(r.Owed))
	b = appendUint(b, uint64(r.Policy))
	b = appendUint(b, uint64(r.Takes))
	if has&remainsUses != 0 {
		b = appendUses(b, r.Uses)
	}
	if has&remainsLegs != 0 {
		b = appendUint(b, uint64(len(r.Legs)))
		for i := range r.Legs {
			l := &r.Legs[i]
			b = appendUint(b, uint64(l.Member+1))
			b = appendUint(b, uint64(l.Kind))
			b = appendUint(b, uint64(l.Points))
			b = appendUint(b, uint64(l.Owed))
			b = appendUint(b, uint64(l.Activates))
			b = appendUint(b, uint64(l.Expires))
		}
	}
	return b
}

func (r *Remains) read(d *decoder) {
	r.Day, r.Made, r.Purchase = Day(d.uint()), Day(d.uint()), d.bool()
	has := d.uint()
	r.Lines = r.Lines[:0]
	for range d.count() {
		l := RemainsLine{Goods: Money(d.uint()), Spent: Points(d.uint()), Earned: Points(d.uint())}
		l.Base = l.Goods - Money(d.int())
		if has&remainsPaid != 0 {
			l.Certificate, l.Discount = Points(d.uint()), Money(d.uint())
		}
		r.Lines = append(r.Lines, l)
	}
	r.Spent = readLots(d, r.Spent)
	r.Earned.read(d)
	r.Owed, r.Policy, r.Takes = Points(d.uint()), ReturnsPolicy(d.uint()), Takes(d.uint())
	r.Uses, r.Legs = r.Uses[:0], r.Legs[:0]
	if has&remainsUses != 0 {
		r.Uses = readUses(d, r.Uses)
	}
	if has&remainsLegs != 0 {
		for range d.count() {
			r.Legs = append(r.Legs, RemainsLeg{Member: MemberNo(d.uint()) - 1, Kind: LegKind(d.uint()),
				Points: Points(d.uint()), Owed: Points(d.uint()), Activates: Day(d.uint()), Expires: Day(d.uint())})
		}
	}
}

// CopyFrom makes r equal to other and keeps its own memory.
func (r *Remains) CopyFrom(other *Remains) {
	lines, spent, uses, legs := r.Lines[:0], r.Spent[:0], r.Uses[:0], r.Legs[:0]
	*r = *other
	r.Lines, r.Spent = append(lines, other.Lines...), append(spent, other.Spent...)
	r.Uses, r.Legs = append(uses, other.Uses...), append(legs, other.Legs...)
}
