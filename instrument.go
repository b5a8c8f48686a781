package kopilka

// CertificateMax asks for as much of a member's certificates as may be spent.
const CertificateMax = RedeemMax

// CertificateDue is a certificate that somebody is to have: a value beside the
// points, with a cap of its own, that pays on its days only.
type CertificateDue struct {
	Member MemberNo
	Rule   string // id of the certificate in the program
	// Year is the calendar year of the date that it is for, of which a member
	// gets one and no more; 0 = given by hand.
	Year     uint16
	From, To Day    // first and last day it can pay
	Points   Points // its value; 0 = as the program says
}

// Issue gives certificates: those of a date that has come near, or one by hand.
// Whoever has one of the rule and year already is passed over. Whose date it is
// comes as a fact: the books cannot open what is sealed.
type Issue struct {
	Head
	Due    []CertificateDue
	Reason string // by hand
	Actor  string // by hand
}

// Emit makes numbers of an instrument: gift certificates, coupons, discount cards.
// The numbers themselves follow from the secret of the books, the prefix and how
// many were made before, so that a million of them is one short command.
type Emit struct {
	Head
	Instrument string // id of the instrument in the program
	Prefix     string // digits that every number begins with
	Count      int
	From, To   Day // first and last day the numbers are good; DayNever
}

func (*Issue) Kind() Kind { return KindIssue }
func (*Emit) Kind() Kind  { return KindEmit }

func (c *Issue) append(b []byte) []byte {
	b = appendDue(c.Head.append(b), c.Due)
	return appendString(appendString(b, c.Reason), c.Actor)
}

func (c *Issue) read(d *decoder) {
	c.Head.read(d)
	c.Due = readDue(d, c.Due)
	c.Reason, c.Actor = d.string(), d.string()
}

func appendDue(b []byte, due []CertificateDue) []byte {
	b = appendUint(b, uint64(len(due)))
	for i := range due {
		x := &due[i]
		b = appendUint(b, uint64(x.Member+1))
		b = appendString(b, x.Rule)
		b = appendUint(b, uint64(x.Year))
		b = appendUint(b, uint64(x.From))
		b = appendUint(b, uint64(x.To))
		b = appendUint(b, uint64(x.Points))
	}
	return b
}

func readDue(d *decoder, due []CertificateDue) []CertificateDue {
	due = due[:0]
	for range d.count() {
		due = append(due, CertificateDue{Member: MemberNo(d.uint()) - 1, Rule: d.string(), Year: uint16(d.uint()),
			From: Day(d.uint()), To: Day(d.uint()), Points: Points(d.uint())})
	}
	return due
}

func (c *Emit) append(b []byte) []byte {
	b = appendString(appendString(c.Head.append(b), c.Instrument), c.Prefix)
	b = appendUint(b, uint64(c.Count))
	return appendUint(appendUint(b, uint64(c.From)), uint64(c.To))
}

func (c *Emit) read(d *decoder) {
	c.Head.read(d)
	c.Instrument, c.Prefix, c.Count = d.string(), d.string(), int(d.uint())
	c.From, c.To = Day(d.uint()), Day(d.uint())
}

// Unfit says which bound kept an instrument from being good for a receipt.
type Unfit uint8

const (
	UnfitTwice  Unfit = iota + 1 // the receipt names it twice
	UnfitValue                   // gift certificate: all its value is spent
	UnfitUses                    // the uses of the number, or of the code by all
	UnfitBudget                  // the budget of the instrument
	UnfitMember                  // the member's own uses
	UnfitDay                     // the days of the number
	UnfitTime                    // the time of the instrument
	UnfitNobody                  // it is counted by member, and nobody is named
	UnfitAmount                  // the receipt is too small
	UnfitStore
	UnfitCategory
)
