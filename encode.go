package kopilka

import "fmt"

// AppendCommand writes a command as it stands in an entry's body: kind, length
// and fields.
func AppendCommand(b []byte, c Command) []byte {
	b = append(b, byte(c.Kind()))
	// The length goes before the fields and is known after them: two bytes are
	// kept for it, which hold 16 383, and longer commands are moved once.
	at := len(b)
	b = append(b, 0, 0)
	b = c.append(b)
	n := len(b) - at - 2
	if n < 1<<14 {
		b[at], b[at+1] = byte(n)|0x80, byte(n>>7)
		return b
	}
	fields := append([]byte(nil), b[at+2:]...)
	return append(appendUint(b[:at], uint64(n)), fields...)
}

// Decoder reads commands off an entry's body. It keeps one command of every
// kind and fills it again, so that reading allocates nothing; a command is good
// until the next of its kind is read.
type Decoder struct {
	genesis    Genesis
	tick       Tick
	program    SetProgram
	key        CreateKey
	revoke     RevokeKey
	member     PutMember
	receipt    Receipt
	redemption Redemption
	grant      Grant
	adjustment Adjustment
	ret        Return
	refresh    Refresh
	hold       Hold
	capture    Capture
	void       Void
	issue      Issue
	emit       Emit
	card       PutCard
	merge      Merge
	unmerge    Unmerge
	erase      Erase
	rating     Rating
	note       Note
	drift      Drift
	gather     Gather
	audience   Audience
	audGrant   AudienceGrant
	mailing    Mailing
	dispatch   Dispatch
	deliver    Deliver

	fields decoder // of the command being read
}

// SkipCommand is what follows the first command of a body. Of a cut command
// nothing follows.
func SkipCommand(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	d := decoder{b: body[1:]}
	d.bytes()
	return d.b
}

// Next reads the first command of body and gives what follows it. The command
// aliases body.
func (x *Decoder) Next(body []byte) (Command, []byte, error) {
	if len(body) < 2 { // kind and length
		return nil, nil, errCut
	}
	kind := Kind(body[0])
	d := decoder{b: body[1:]}
	fields := d.bytes()
	if d.err != nil {
		return nil, nil, d.err
	}
	rest := d.b
	c := x.command(kind)
	if c == nil {
		return nil, nil, fmt.Errorf("kopilka: command of unknown kind %d: written by a newer version?", kind)
	}
	x.fields = decoder{b: fields}
	c.read(&x.fields)
	if err := x.fields.err; err != nil {
		return nil, nil, fmt.Errorf("%s: %w", kind, err)
	}
	return c, rest, nil
}

func (x *Decoder) command(k Kind) Command {
	switch k {
	case KindGenesis:
		return &x.genesis
	case KindTick:
		return &x.tick
	case KindProgram:
		return &x.program
	case KindKey:
		return &x.key
	case KindRevoke:
		return &x.revoke
	case KindMember:
		return &x.member
	case KindReceipt:
		return &x.receipt
	case KindRedemption:
		return &x.redemption
	case KindGrant:
		return &x.grant
	case KindAdjustment:
		return &x.adjustment
	case KindReturn:
		return &x.ret
	case KindRefresh:
		return &x.refresh
	case KindHold:
		return &x.hold
	case KindCapture:
		return &x.capture
	case KindVoid:
		return &x.void
	case KindIssue:
		return &x.issue
	case KindEmit:
		return &x.emit
	case KindCard:
		return &x.card
	case KindMerge:
		return &x.merge
	case KindUnmerge:
		return &x.unmerge
	case KindErase:
		return &x.erase
	case KindRating:
		return &x.rating
	case KindNote:
		return &x.note
	case KindDrift:
		return &x.drift
	case KindGather:
		return &x.gather
	case KindAudience:
		return &x.audience
	case KindAudienceGrant:
		return &x.audGrant
	case KindMailing:
		return &x.mailing
	case KindDispatch:
		return &x.dispatch
	case KindDeliver:
		return &x.deliver
	}
	return nil
}

func (*Genesis) Kind() Kind    { return KindGenesis }
func (*Tick) Kind() Kind       { return KindTick }
func (*SetProgram) Kind() Kind { return KindProgram }
func (*CreateKey) Kind() Kind  { return KindKey }
func (*RevokeKey) Kind() Kind  { return KindRevoke }
func (*PutMember) Kind() Kind  { return KindMember }
func (*Receipt) Kind() Kind    { return KindReceipt }
func (*Redemption) Kind() Kind { return KindRedemption }
func (*Grant) Kind() Kind      { return KindGrant }
func (*Adjustment) Kind() Kind { return KindAdjustment }
func (*Return) Kind() Kind     { return KindReturn }
func (*Refresh) Kind() Kind    { return KindRefresh }

func (c *Genesis) append(b []byte) []byte {
	b = c.Head.append(b)
	b = append(b, c.Secret[:]...)
	return appendUint(b, uint64(c.Day))
}

func (c *Genesis) read(d *decoder) {
	c.Head.read(d)
	d.fixed(c.Secret[:])
	c.Day = Day(d.uint())
}

func (c *Tick) append(b []byte) []byte { return appendUint(c.Head.append(b), uint64(c.Day)) }

func (c *Tick) read(d *decoder) {
	c.Head.read(d)
	c.Day = Day(d.uint())
}

func (c *SetProgram) append(b []byte) []byte {
	b = appendBytes(c.Head.append(b), c.Document)
	b = appendInt(b, int64(c.At))
	return appendUint(b, uint64(c.Day))
}

func (c *SetProgram) read(d *decoder) {
	c.Head.read(d)
	c.Document = d.bytes()
	c.At, c.Day = Time(d.int()), Day(d.uint())
}

func (c *CreateKey) append(b []byte) []byte {
	b = c.Head.append(b)
	b = appendString(b, c.KeyID)
	b = append(b, c.Hash[:]...)
	b = appendUint(b, uint64(c.Role))
	b = appendString(b, c.Store)
	return appendString(b, c.Note)
}

func (c *CreateKey) read(d *decoder) {
	c.Head.read(d)
	c.KeyID = d.string()
	d.fixed(c.Hash[:])
	c.Role, c.Store, c.Note = Role(d.uint()), d.string(), d.string()
}

func (c *RevokeKey) append(b []byte) []byte { return appendString(c.Head.append(b), c.KeyID) }

func (c *RevokeKey) read(d *decoder) {
	c.Head.read(d)
	c.KeyID = d.string()
}

func (c *PutMember) append(b []byte) []byte {
	b = c.Head.append(b)
	b = appendString(b, c.Card)
	b = appendUint(b, uint64(c.Base))
	b = appendUint(b, uint64(c.Registered))
	b = appendUint(b, uint64(c.State))
	b = appendBool(b, c.Blocked)
	b = appendUint(b, c.PhoneTag)
	b = appendUint(b, uint64(c.Referrer+1))
	b = appendUint(b, uint64(c.KeySlot))
	b = appendBytes(b, c.Profile)
	b = appendBool(b, c.Imported)
	b = appendString(b, c.Store)
	b = appendString(b, c.Cashier)
	b = appendString(b, c.Source)
	b = appendString(b, c.Carrier)
	b = appendString(b, c.Tier)
	return appendDue(b, c.Due)
}

func (c *PutMember) read(d *decoder) {
	c.Head.read(d)
	c.Card, c.Base, c.Registered = d.string(), Seq(d.uint()), Day(d.uint())
	c.State, c.Blocked, c.PhoneTag = MemberState(d.uint()), d.bool(), d.uint()
	c.Referrer, c.KeySlot = MemberNo(d.uint())-1, uint32(d.uint())
	c.Profile, c.Imported = d.bytes(), d.bool()
	c.Store, c.Cashier, c.Source, c.Carrier, c.Tier = d.string(), d.string(), d.string(), d.string(), d.string()
	c.Due = readDue(d, c.Due)
}

func (c *Receipt) append(b []byte) []byte {
	b = c.Head.append(b)
	b = c.Deed.append(b)
	b = appendUint(b, uint64(c.Amount))
	b = appendLines(b, c.Lines)
	b = appendUint(b, uint64(c.NoEarn))
	b = appendUint(b, uint64(c.NoRedeem))
	b = appendInt(b, int64(c.Redeem))
	b = appendBool(b, c.Imported)
	b = appendBool(b, c.Earn)
	b = appendInt(b, int64(c.Certificate))
	b = appendUint(b, uint64(len(c.Coupons)))
	for _, number := range c.Coupons {
		b = appendString(b, number)
	}
	b = appendBool(b, c.CardCoupon)
	b = c.Hold.append(b)
	b = appendInt(b, int64(c.Started))
	return appendInt(b, int64(c.Finished))
}

func (c *Receipt) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Amount = Money(d.uint())
	c.Lines = readLines(d, c.Lines)
	c.NoEarn, c.NoRedeem, c.Redeem = Money(d.uint()), Money(d.uint()), Points(d.int())
	c.Imported, c.Earn = d.bool(), d.bool()
	c.Certificate, c.Coupons = Points(d.int()), c.Coupons[:0]
	for range d.count() {
		c.Coupons = append(c.Coupons, d.string())
	}
	c.CardCoupon = d.bool()
	c.Hold.read(d)
	c.Started, c.Finished = Time(d.int()), Time(d.int())
}

func (c *Redemption) append(b []byte) []byte {
	b = c.Head.append(b)
	b = c.Deed.append(b)
	b = appendUint(b, uint64(c.Amount))
	return appendInt(b, int64(c.Points))
}

func (c *Redemption) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Amount, c.Points = Money(d.uint()), Points(d.int())
}

func (c *Grant) append(b []byte) []byte {
	b = c.Head.append(b)
	b = c.Deed.append(b)
	b = appendInt(b, int64(c.Points))
	return appendString(b, c.Reason)
}

func (c *Grant) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Points, c.Reason = Points(d.int()), d.string()
}

func (c *Adjustment) append(b []byte) []byte {
	b = c.Head.append(b)
	b = c.Deed.append(b)
	b = appendInt(b, int64(c.Points))
	b = appendString(b, c.Reason)
	return appendString(b, c.Actor)
}

func (c *Adjustment) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Points, c.Reason, c.Actor = Points(d.int()), d.string(), d.string()
}

func (c *Return) append(b []byte) []byte {
	b = c.Head.append(b)
	b = c.Deed.append(b)
	b = appendString(b, c.Receipt)
	b = appendUint(b, uint64(c.ReceiptSeq))
	b = appendUint(b, uint64(c.LastReturn))
	b = c.Left.append(b)
	b = appendUint(b, uint64(c.Amount))
	b = appendUint(b, uint64(len(c.Lines)))
	for _, l := range c.Lines {
		b = appendUint(b, uint64(l.Line))
		b = appendUint(b, uint64(l.Amount))
	}
	return appendBool(b, c.Imported)
}

func (c *Return) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Receipt, c.ReceiptSeq, c.LastReturn = d.string(), Seq(d.uint()), Seq(d.uint())
	c.Left.read(d)
	c.Amount = Money(d.uint())
	c.Lines = c.Lines[:0]
	for range d.count() {
		c.Lines = append(c.Lines, ReturnLine{Line: int(d.uint()), Amount: Money(d.uint())})
	}
	c.Imported = d.bool()
}

func (c *Refresh) append(b []byte) []byte { return c.Head.append(b) }
func (c *Refresh) read(d *decoder)        { c.Head.read(d) }
