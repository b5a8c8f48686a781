package kopilka

// HoldRef names a hold by the id its client gave it and its place in the log;
// the zero one names none.
type HoldRef struct {
	ID  string
	Seq Seq
}

func (h *HoldRef) append(b []byte) []byte { return appendUint(appendString(b, h.ID), uint64(h.Seq)) }
func (h *HoldRef) read(d *decoder)        { *h = HoldRef{ID: d.string(), Seq: Seq(d.uint())} }

// Hold sets points aside for an order: they can be spent by its capture, or by a
// receipt that names it, and by nothing else. At Until it lapses by itself.
type Hold struct {
	Head
	Deed
	Points Points
	Until  Time
}

// Capture spends points of a hold, and frees what it does not spend.
type Capture struct {
	Head
	Deed
	Hold   HoldRef
	Amount Money  // of the goods it pays for in part; 0 = not told
	Points Points // or RedeemMax, for all that is held
}

// Void frees the points of a hold.
type Void struct {
	Head
	Deed
	Hold HoldRef
}

func (*Hold) Kind() Kind    { return KindHold }
func (*Capture) Kind() Kind { return KindCapture }
func (*Void) Kind() Kind    { return KindVoid }

func (c *Hold) append(b []byte) []byte {
	b = c.Deed.append(c.Head.append(b))
	b = appendUint(b, uint64(c.Points))
	return appendInt(b, int64(c.Until))
}

func (c *Hold) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Points, c.Until = Points(d.uint()), Time(d.int())
}

func (c *Capture) append(b []byte) []byte {
	b = c.Hold.append(c.Deed.append(c.Head.append(b)))
	b = appendUint(b, uint64(c.Amount))
	return appendInt(b, int64(c.Points))
}

func (c *Capture) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Hold.read(d)
	c.Amount, c.Points = Money(d.uint()), Points(d.int())
}

func (c *Void) append(b []byte) []byte { return c.Hold.append(c.Deed.append(c.Head.append(b))) }

func (c *Void) read(d *decoder) {
	c.Head.read(d)
	c.Deed.read(d)
	c.Hold.read(d)
}
