package kopilka

// Drift tells what time and rules have changed with members of whom no command
// spoke: segments and tiers that moved on a tick, under a new program or at a
// refresh, points that ran out or can be spent since, holds that have lapsed. It
// is the server's own; its outcome says what, and the feed of changes reads it there.
type Drift struct {
	Head
	First MemberNo // the members from this number on,
	Count uint32   // so many of them
}

// DriftMax bounds the members of one Drift, and by that how long tills wait for it.
const DriftMax = 1024

// Labels is a segment and a tier in the words of a version of the program, counted
// from 1. Of who is nobody, not yet or no longer, all are 0.
type Labels struct {
	Version uint16
	Segment uint8 // index into the segments of the version
	Tier    uint8 // index into its tiers
}

// Shift is what a command tells of a member beside what its own outcome says:
// that his labels are others than was told before, or his points.
type Shift struct {
	Member        MemberNo
	Before, After Labels // as told last, and now; alike where only points are told

	// Points tells that what follows is how the books stand with the member.
	Points                       bool
	Balance, Pending, Held, Debt Points
}

// MovedPoints tells whether the command moved points of a member, so that what the
// outcome says of his balance is news.
func (o *Outcome) MovedPoints(m MemberNo) bool {
	for i := range o.Legs {
		if o.Legs[i].Member == m {
			return true
		}
	}
	return o.Member == m && (o.Earned != 0 || o.Redeemed != 0 || o.DebtPaid != 0 || o.HeldBack != 0 ||
		o.Restored != o.Lapsed || o.Taken != 0 || len(o.Moved) > 0 || o.MovedDebt != 0)
}

// Kind is KindDrift.
func (*Drift) Kind() Kind { return KindDrift }

func (c *Drift) append(b []byte) []byte {
	return appendUint(appendUint(c.Head.append(b), uint64(c.First)), uint64(c.Count))
}

func (c *Drift) read(d *decoder) {
	c.Head.read(d)
	c.First, c.Count = MemberNo(d.uint()), uint32(d.uint())
}

func (l *Labels) append(b []byte) []byte {
	return appendUint(appendUint(appendUint(b, uint64(l.Version)), uint64(l.Segment)), uint64(l.Tier))
}

func (l *Labels) read(d *decoder) {
	*l = Labels{Version: uint16(d.uint()), Segment: uint8(d.uint()), Tier: uint8(d.uint())}
}

func appendShifts(b []byte, all []Shift) []byte {
	b = appendUint(b, uint64(len(all)))
	for i := range all {
		x := &all[i]
		b = appendUint(b, uint64(x.Member+1))
		b = x.After.append(x.Before.append(b))
		b = appendBool(b, x.Points)
		b = appendUint(b, uint64(x.Balance))
		b = appendUint(b, uint64(x.Pending))
		b = appendUint(b, uint64(x.Held))
		b = appendUint(b, uint64(x.Debt))
	}
	return b
}

func readShifts(d *decoder, all []Shift) []Shift {
	all = all[:0]
	for range d.count() {
		x := Shift{Member: MemberNo(d.uint()) - 1}
		x.Before.read(d)
		x.After.read(d)
		x.Points = d.bool()
		x.Balance, x.Pending = Points(d.uint()), Points(d.uint())
		x.Held, x.Debt = Points(d.uint()), Points(d.uint())
		all = append(all, x)
	}
	return all
}
