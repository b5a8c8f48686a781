package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// purchases is the purchase log: every change of a member's history in the order
// in which it became known. It is only ever appended to, so that what lies
// below a length is a view for whoever noted the length.
//
// It is read three ways: all of it, to fold a window or a past day; one member
// along prev, when a return takes away the last day; and the entries of a few
// days, at a tick. For the latter every chunk knows its first and last day. Live
// traffic comes nearly in order of days, so a day lies in a few chunks; a
// history that was imported out of order is scanned, 16 bytes an entry.
type purchases struct {
	slab.Slab[purchase]
	chunks []span
}

// purchase is one entry. An amount beyond 32 bits is two entries, of which the
// second counts in units of 2³¹: sums come out right and nobody needs to know.
type purchase struct {
	prev   uint32 // entry before this one of the same member, plus one; 0 = none
	member uint32
	money  int32
	day    uint16
	live   int8  // change of live receipts on that day
	shift  uint8 // 0 or wideBits
}

const wideBits = 31

func (e *purchase) amount() kopilka.Money { return kopilka.Money(e.money) << e.shift }

// chunkLen is the number of entries that share a span of days.
const chunkLen = 4096

type span struct{ first, last uint16 }

// add appends an entry and gives the new head of the member's chain.
func (p *purchases) add(head uint32, m kopilka.MemberNo, day kopilka.Day, dF int, dM kopilka.Money) uint32 {
	e := purchase{member: uint32(m), day: uint16(day), live: int8(dF), money: int32(dM)}
	if kopilka.Money(e.money) == dM {
		return p.append(head, e)
	}
	high := dM >> wideBits
	if int64(high) != int64(int32(high)) {
		panic(fmt.Sprintf("index: a purchase of %d", dM))
	}
	e.money = int32(dM & (1<<wideBits - 1))
	head = p.append(head, e)
	e.live, e.money, e.shift = 0, int32(high), wideBits
	return p.append(head, e)
}

func (p *purchases) append(head uint32, e purchase) uint32 {
	e.prev = head
	n := p.Append(e)
	if n >= math.MaxUint32-1 {
		panic(fmt.Sprintf("index: the purchase log is full with %d entries", n))
	}
	p.note(n, e.day)
	return uint32(n) + 1
}

// note widens the span of entry n's chunk.
func (p *purchases) note(n int, day uint16) {
	if n%chunkLen == 0 {
		p.chunks = append(p.chunks, span{day, day})
		return
	}
	c := &p.chunks[n/chunkLen]
	c.first, c.last = min(c.first, day), max(c.last, day)
}

// restored notes the spans of entries that came from a snapshot.
func (p *purchases) restored() {
	p.chunks = nil
	for i := range p.Len() {
		p.note(i, p.At(i).day)
	}
}

// on calls f for every entry of the given days, a handful at most.
func (p *purchases) on(days []int, f func(*purchase)) {
	var few [8]uint16
	for c, s := range p.chunks {
		here := few[:0]
		for _, d := range days {
			if int(s.first) <= d && d <= int(s.last) {
				here = append(here, uint16(d))
			}
		}
		if len(here) == 0 {
			continue
		}
		from := c * chunkLen
		block := p.Block(from / slab.BlockLen)
		at := from % slab.BlockLen
		for i := range block[at:min(at+chunkLen, at+p.Len()-from)] {
			if e := &block[at+i]; slices.Contains(here, e.day) {
				f(e)
			}
		}
	}
}

// view is the purchase log below a length, under which nothing changes.
type view struct {
	blocks [][]purchase
	len    int
	chunks []span // as they were: that of the last one may grow
}

func (p *purchases) view() view {
	v := view{make([][]purchase, p.Blocks()), p.Len(), slices.Clone(p.chunks)}
	for i := range v.blocks {
		v.blocks[i] = p.Block(i)
	}
	return v
}

// At is entry i.
func (v *view) At(i int) *purchase { return &v.blocks[i/slab.BlockLen][i%slab.BlockLen] }

// entries is the purchase log or a view of it.
type entries interface{ At(i int) *purchase }

// stamp is the change of live receipts on a day.
type stamp struct {
	day  uint16
	live int8
}

// lastLive walks the chain that begins at head for the greatest day, not after
// the given one, that has a live receipt. It gives that day plus one, 0 for
// none, and its work space to be used again.
func lastLive(log entries, head uint32, day kopilka.Day, days []stamp) (uint16, []stamp) {
	days = days[:0]
	for head != 0 {
		e := log.At(int(head - 1))
		if e.live != 0 && e.day <= uint16(day) {
			days = append(days, stamp{e.day, e.live})
		}
		head = e.prev
	}
	slices.SortFunc(days, func(a, b stamp) int { return cmp.Compare(b.day, a.day) })
	sum := 0
	for i, s := range days {
		sum += int(s.live)
		if i+1 == len(days) || days[i+1].day != s.day {
			if sum > 0 {
				return s.day + 1, days
			}
			sum = 0
		}
	}
	return 0, days
}
