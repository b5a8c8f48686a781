package kopilka

// Leg is points that a command gave to a member, or took back from him, beside
// what it earned and spent for the buyer: a welcome, the thanks of a referral.
// All legs of a command are one record with it.
type Leg struct {
	Member MemberNo
	Kind   LegKind
	Points Points // less than 0 where a return takes them back
	Prev   Seq    // the member's entry before this one in his ledger; 0 = none

	Activates, Expires Day // of the lot that they went to

	// How the books stand with the member after the command.
	Balance, Pending, Held, Debt Points
}

// LegKind says why a leg was paid. Kinds are only ever added at the end.
type LegKind uint8

// Kinds of legs: the buyer's own welcome, what a first purchase brings to the
// referrer and to the buyer, the shares of the circles above the buyer, and what
// a merge does to the member who is merged.
const (
	LegWelcome LegKind = iota + 1
	LegReferrer
	LegReferee
	LegLevel1
	LegLevel2
	LegLevel3
	LegMerged   // points of a member who became part of another, less than 0
	LegUnmerged // points that he got back
	LegGrant    // of a grant to an audience
)

var legKindNames = [...]string{"", "welcome", "referrer", "referee", "level_1", "level_2", "level_3", "merged", "unmerged", "grant"}

// String is the kind's name in answers.
func (k LegKind) String() string {
	if int(k) < len(legKindNames) {
		return legKindNames[k]
	}
	return "unknown"
}

// LegExpired is points found expired in the account of a leg's member, as
// Outcome.Expired is for the buyer.
type LegExpired struct {
	Leg int // index in Outcome.Legs
	Lot
}

// Use is value of an instrument or of a certificate that a receipt was paid with
// or, of coupons and discount cards, made cheaper by.
type Use struct {
	Kind UseKind
	Term Term // the instrument or the certificate, by its number in the books
	// Claim is the place in the log of the certificate, or of the member's use of
	// coupons that are counted by member, 0 where they are not; Number is the number
	// of an emitted instrument in the books, or of the member to whom the certificate
	// was given, counted from 1; 0 = neither.
	Claim  Seq
	Number uint32
	Points Points // value used
}

// UseKind says what kind of thing was used. Kinds are only ever added at the end.
type UseKind uint8

const (
	UseCertificate UseKind = iota + 1 // a member's: pays like points, with its own cap
	UseGift                           // a gift certificate: pays like a certificate
	UseCoupon                         // takes off a sum or a percentage
	UseDiscount                       // a discount card: takes off a percentage
)

var useKindNames = [...]string{"", "certificate", "gift_certificate", "coupon", "discount_card"}

// String is the kind's name in answers and in program documents.
func (k UseKind) String() string {
	if int(k) < len(useKindNames) {
		return useKindNames[k]
	}
	return "unknown"
}

// Term is the number that the books give to a name of the program: a certificate,
// an instrument, a campaign, a source. The same name keeps its number over all
// versions of the program. Terms count from 1.
type Term uint16

// CampaignUse is what a campaign added to what a receipt earned.
type CampaignUse struct {
	Term   Term
	Points Points
}

// Flags are what looked odd about a command. They are told and counted, and
// never refuse anything.
type Flags uint8

const (
	// FlagEarnsOften: the card earned more often on this day than the program
	// thinks a buyer does.
	FlagEarnsOften Flags = 1 << iota
	// FlagAdjusts: more value was moved by hand on this day, by the same actor,
	// than the program thinks right.
	FlagAdjusts
	// FlagSet: the points earned were set aside for Fraud.HoldDays longer.
	FlagSet
	// FlagDormant: something was done by hand to a member who had not come for long:
	// points moved, a certificate given, a merge.
	FlagDormant
)

var flagNames = [...]string{"earns_often", "adjusts_much", "set_aside", "dormant"}

// Names are the words for the flags in answers, in the order of their bits.
func (f Flags) Names() (names []string) {
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func appendLegs(b []byte, legs []Leg) []byte {
	b = appendUint(b, uint64(len(legs)))
	for i := range legs {
		l := &legs[i]
		b = appendUint(b, uint64(l.Member+1))
		b = appendUint(b, uint64(l.Kind))
		b = appendInt(b, int64(l.Points))
		b = appendUint(b, uint64(l.Prev))
		b = appendUint(b, uint64(l.Activates))
		b = appendUint(b, uint64(l.Expires))
		b = appendUint(b, uint64(l.Balance))
		b = appendUint(b, uint64(l.Pending))
		b = appendUint(b, uint64(l.Held))
		b = appendUint(b, uint64(l.Debt))
	}
	return b
}

func readLegs(d *decoder, legs []Leg) []Leg {
	legs = legs[:0]
	for range d.count() {
		legs = append(legs, Leg{Member: MemberNo(d.uint()) - 1, Kind: LegKind(d.uint()), Points: Points(d.int()), Prev: Seq(d.uint()),
			Activates: Day(d.uint()), Expires: Day(d.uint()),
			Balance: Points(d.uint()), Pending: Points(d.uint()), Held: Points(d.uint()), Debt: Points(d.uint())})
	}
	return legs
}

func appendLegsExpired(b []byte, all []LegExpired) []byte {
	b = appendUint(b, uint64(len(all)))
	for i := range all {
		b = all[i].Lot.append(appendUint(b, uint64(all[i].Leg)))
	}
	return b
}

func readLegsExpired(d *decoder, all []LegExpired) []LegExpired {
	all = all[:0]
	for range d.count() {
		x := LegExpired{Leg: int(d.uint())}
		x.Lot.read(d)
		all = append(all, x)
	}
	return all
}

func appendUses(b []byte, uses []Use) []byte {
	b = appendUint(b, uint64(len(uses)))
	for i := range uses {
		u := &uses[i]
		b = appendUint(b, uint64(u.Kind))
		b = appendUint(b, uint64(u.Term))
		b = appendUint(b, uint64(u.Claim))
		b = appendUint(b, uint64(u.Number))
		b = appendUint(b, uint64(u.Points))
	}
	return b
}

func readUses(d *decoder, uses []Use) []Use {
	uses = uses[:0]
	for range d.count() {
		uses = append(uses, Use{Kind: UseKind(d.uint()), Term: Term(d.uint()), Claim: Seq(d.uint()),
			Number: uint32(d.uint()), Points: Points(d.uint())})
	}
	return uses
}

func appendCampaigns(b []byte, all []CampaignUse) []byte {
	b = appendUint(b, uint64(len(all)))
	for _, c := range all {
		b = appendInt(appendUint(b, uint64(c.Term)), int64(c.Points))
	}
	return b
}

func readCampaigns(d *decoder, all []CampaignUse) []CampaignUse {
	all = all[:0]
	for range d.count() {
		all = append(all, CampaignUse{Term: Term(d.uint()), Points: Points(d.int())})
	}
	return all
}
