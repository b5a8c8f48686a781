package kopilka

// Mailing is a message to an audience over channels, one after the other: who is
// not reached by the first is due on the second, and so on.
type Mailing struct {
	Head
	Audience Seq
	Name     string
	Channels []Channel
	// Starts and Ends bound the instants at which somebody is due; 0 = no bound.
	Starts, Ends Time
	Consent      bool // only who has given consent is due
}

// ChannelsMax bounds the channels of a mailing.
const ChannelsMax = 8

// Channel is one way of a mailing to reach people.
type Channel struct {
	Name    string
	Timeout int   // minutes after which a message that nobody has heard of is taken for lost
	Cost    Money // of one message
}

// Dispatch hands members out to a channel of a mailing, each for the only time.
// They were found due when it was made; where one of them is no longer, it is Stale.
type Dispatch struct {
	Head
	Mailing Seq
	Channel int        // index in the mailing's
	Members []MemberNo // numbers of the audience, in their order
}

// Deliver is what a channel's gateway has heard of messages.
type Deliver struct {
	Head
	Mailing Seq
	Channel int
	Results []Delivery
}

// Delivery is what became of one message.
type Delivery struct {
	Member    MemberNo // number of the audience
	Delivered bool     // else it failed
}

func (*Mailing) Kind() Kind  { return KindMailing }
func (*Dispatch) Kind() Kind { return KindDispatch }
func (*Deliver) Kind() Kind  { return KindDeliver }

func (c *Mailing) append(b []byte) []byte {
	b = appendString(appendUint(c.Head.append(b), uint64(c.Audience)), c.Name)
	b = appendUint(b, uint64(len(c.Channels)))
	for i := range c.Channels {
		x := &c.Channels[i]
		b = appendUint(appendUint(appendString(b, x.Name), uint64(x.Timeout)), uint64(x.Cost))
	}
	return appendBool(appendInt(appendInt(b, int64(c.Starts)), int64(c.Ends)), c.Consent)
}

func (c *Mailing) read(d *decoder) {
	c.Head.read(d)
	c.Audience, c.Name, c.Channels = Seq(d.uint()), d.string(), c.Channels[:0]
	for range d.count() {
		c.Channels = append(c.Channels, Channel{Name: d.string(), Timeout: int(d.uint()), Cost: Money(d.uint())})
	}
	c.Starts, c.Ends, c.Consent = Time(d.int()), Time(d.int()), d.bool()
}

func (c *Dispatch) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.Mailing)), uint64(c.Channel))
	b = appendUint(b, uint64(len(c.Members)))
	for _, m := range c.Members {
		b = appendUint(b, uint64(m))
	}
	return b
}

func (c *Dispatch) read(d *decoder) {
	c.Head.read(d)
	c.Mailing, c.Channel, c.Members = Seq(d.uint()), int(d.uint()), c.Members[:0]
	for range d.count() {
		c.Members = append(c.Members, MemberNo(d.uint()))
	}
}

func (c *Deliver) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.Mailing)), uint64(c.Channel))
	b = appendUint(b, uint64(len(c.Results)))
	for i := range c.Results {
		b = appendBool(appendUint(b, uint64(c.Results[i].Member)), c.Results[i].Delivered)
	}
	return b
}

func (c *Deliver) read(d *decoder) {
	c.Head.read(d)
	c.Mailing, c.Channel, c.Results = Seq(d.uint()), int(d.uint()), c.Results[:0]
	for range d.count() {
		c.Results = append(c.Results, Delivery{Member: MemberNo(d.uint()), Delivered: d.bool()})
	}
}
