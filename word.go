package kopilka

// Rating is what a buyer thought of a receipt: one to five stars and, sealed,
// words. A later one of the same receipt stands in place of the earlier.
type Rating struct {
	Head
	Member  MemberNo // of the receipt
	Receipt string   // id of the receipt
	Sale    Seq      // where it stands
	Stars   uint8    // 1–5
	KeySlot uint32   // of the sealing key; 0 = that of nobody's words, or no words
	Words   []byte   // sealed; empty = none
}

// Note is what a contact centre writes down about a member, sealed.
type Note struct {
	Head
	Member  MemberNo
	Before  Seq // the note before it; 0 = none
	No      int // how many notes there are with it
	Actor   string
	KeySlot uint32
	Words   []byte // sealed
}

func (*Rating) Kind() Kind { return KindRating }
func (*Note) Kind() Kind   { return KindNote }

func (c *Rating) append(b []byte) []byte {
	b = appendString(appendUint(c.Head.append(b), uint64(c.Member+1)), c.Receipt)
	b = appendUint(appendUint(b, uint64(c.Sale)), uint64(c.Stars))
	return appendBytes(appendUint(b, uint64(c.KeySlot)), c.Words)
}

func (c *Rating) read(d *decoder) {
	c.Head.read(d)
	c.Member, c.Receipt, c.Sale = MemberNo(d.uint())-1, d.string(), Seq(d.uint())
	c.Stars, c.KeySlot, c.Words = uint8(d.uint()), uint32(d.uint()), d.bytes()
}

func (c *Note) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.Member+1)), uint64(c.Before))
	b = appendString(appendUint(b, uint64(c.No)), c.Actor)
	return appendBytes(appendUint(b, uint64(c.KeySlot)), c.Words)
}

func (c *Note) read(d *decoder) {
	c.Head.read(d)
	c.Member, c.Before, c.No, c.Actor = MemberNo(d.uint())-1, Seq(d.uint()), int(d.uint()), d.string()
	c.KeySlot, c.Words = uint32(d.uint()), d.bytes()
}
