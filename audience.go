package kopilka

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Gather names some members of an audience that is about to be frozen: those of
// one block of numbers. Nobody sees them before the Audience that closes the set,
// so a crash between the two leaves nothing.
type Gather struct {
	Head
	Audience string // id of the Audience to come
	Control  BP     // as it will say
	Start    bool   // what was gathered before and never closed is let go
	Block    uint32 // of BlockLen numbers; blocks of one audience go up
	Members  []byte // see AppendBlock
}

// Audience freezes whom an expression meant at one position of the log: those who
// were gathered before it. A share of them is held out, so that what a mailing
// does can be measured against doing nothing.
type Audience struct {
	Head
	Name    string
	Expr    string // in its canonical form
	AsOf    Day
	Control BP  // share of the held out
	Members int // gathered
	HeldOut int // of them
}

// AudienceGrant gives points to the members of an audience who are not held out:
// to all who stand at most GrantStep numbers from the first that has not had its
// turn. The one that a client sent begins, and the server's own go on until
// everybody has had his.
type AudienceGrant struct {
	Head
	Audience Seq
	Begun    Seq // where the grant began; 0 = with this command
	From     int // how many numbers of the audience have had their turn
	Points   Points
	Reason   string
	Actor    string
}

// GrantStep bounds the members of an audience whose turn comes with one command,
// and by that how long the tills wait for it.
const GrantStep = 1000

// BlockLen is the number of members in a block of an audience.
const BlockLen = 1 << 16

// Block is a set of members out of one block of numbers, one bit each.
type Block [BlockLen / 64]uint64

// The forms in which a block is written.
const (
	blockGaps = iota // the distance from each number to the next
	blockBits        // the bits themselves
)

const blockBytes = 1 + BlockLen/8

// AppendBlock writes a block in the shorter of two forms: at most 8 193 bytes.
func AppendBlock(b []byte, set *Block) []byte {
	from := len(b)
	b = append(b, blockGaps)
	next := 0
	for i, w := range set {
		for ; w != 0; w &= w - 1 {
			n := i*64 + bits.TrailingZeros64(w)
			if b = appendUint(b, uint64(n-next)); len(b)-from > blockBytes {
				b = append(b[:from], blockBits)
				for _, w := range set {
					b = binary.LittleEndian.AppendUint64(b, w)
				}
				return b
			}
			next = n + 1
		}
	}
	return b
}

var errBlock = errors.New("kopilka: the members of a block cannot be read")

// ReadBlock fills set from what AppendBlock wrote.
func ReadBlock(b []byte, set *Block) error {
	*set = Block{}
	if len(b) == 0 {
		return errBlock
	}
	form, b := b[0], b[1:]
	switch {
	case form == blockBits && len(b) == BlockLen/8:
		for i := range set {
			set[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		return nil
	case form != blockGaps:
		return errBlock
	}
	for next := uint64(0); len(b) > 0; {
		gap, n := binary.Uvarint(b)
		if n <= 0 || gap >= BlockLen || next+gap >= BlockLen {
			return errBlock
		}
		b = b[n:]
		next += gap
		set[next/64] |= 1 << (next % 64)
		next++
	}
	return nil
}

// Draw tells who of an audience is held out. It is a function of a secret, so that
// nobody can guess it or steer who is, and of the audience's id, so that every
// audience has a draw of its own. Nothing of it is stored.
type Draw struct {
	key     [2]uint64
	control uint64
}

// NewDraw is the draw of an audience, of which control is held out.
func NewDraw(secret [16]byte, audience string, control BP) Draw {
	p := NewPermutation(secret, "held out of "+audience, 1)
	return Draw{key: p.key, control: uint64(control)}
}

// HeldOut tells whether a member of the audience is held out.
func (d *Draw) HeldOut(m MemberNo) bool {
	return sipHash(d.key, uint64(m))%uint64(BPWhole) < d.control
}

func (*Gather) Kind() Kind        { return KindGather }
func (*Audience) Kind() Kind      { return KindAudience }
func (*AudienceGrant) Kind() Kind { return KindAudienceGrant }

func (c *Gather) append(b []byte) []byte {
	b = appendUint(appendString(c.Head.append(b), c.Audience), uint64(c.Control))
	return appendBytes(appendUint(appendBool(b, c.Start), uint64(c.Block)), c.Members)
}

func (c *Gather) read(d *decoder) {
	c.Head.read(d)
	c.Audience, c.Control, c.Start = d.string(), BP(d.uint()), d.bool()
	c.Block, c.Members = uint32(d.uint()), d.bytes()
}

func (c *Audience) append(b []byte) []byte {
	b = appendString(appendString(c.Head.append(b), c.Name), c.Expr)
	b = appendUint(appendUint(b, uint64(c.AsOf)), uint64(c.Control))
	return appendUint(appendUint(b, uint64(c.Members)), uint64(c.HeldOut))
}

func (c *Audience) read(d *decoder) {
	c.Head.read(d)
	c.Name, c.Expr, c.AsOf, c.Control = d.string(), d.string(), Day(d.uint()), BP(d.uint())
	c.Members, c.HeldOut = int(d.uint()), int(d.uint())
}

func (c *AudienceGrant) append(b []byte) []byte {
	b = appendUint(appendUint(c.Head.append(b), uint64(c.Audience)), uint64(c.Begun))
	b = appendInt(appendUint(b, uint64(c.From)), int64(c.Points))
	return appendString(appendString(b, c.Reason), c.Actor)
}

func (c *AudienceGrant) read(d *decoder) {
	c.Head.read(d)
	c.Audience, c.Begun, c.From = Seq(d.uint()), Seq(d.uint()), int(d.uint())
	c.Points, c.Reason, c.Actor = Points(d.int()), d.string(), d.string()
}
