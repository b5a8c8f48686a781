package people

import (
	"strings"

	"github.com/kopilka/kopilka"
)

// column is one value a member, or none. The values stand in a dictionary, and
// members have their places in it: in a map while only few members have a value,
// so that a key which one integration makes up for one member costs little, then
// in pages, of which only those are made that are needed.
type column struct {
	values dictionary
	few    map[kopilka.MemberNo]uint32
	pages  []*[pageLen]uint32
}

const (
	pageLen = 256
	fewMax  = 256 // of column.few
)

// set gives a member a value; nil is none.
func (c *column) set(m kopilka.MemberNo, v any) {
	before := c.at(m)
	if v == nil && before == 0 {
		return
	}
	place := uint32(0)
	if v != nil {
		place = c.values.take(v)
	}
	if before != 0 {
		c.values.drop(before)
	}
	if c.pages == nil && len(c.few) >= fewMax && place != 0 {
		for m, place := range c.few {
			c.page(m)[m%pageLen] = place
		}
		c.few = nil
	}
	switch {
	case c.pages != nil:
		c.page(m)[m%pageLen] = place
	case place == 0:
		delete(c.few, m)
	default:
		if c.few == nil {
			c.few = map[kopilka.MemberNo]uint32{}
		}
		c.few[m] = place
	}
}

// page is the page of a member, made if need be.
func (c *column) page(m kopilka.MemberNo) *[pageLen]uint32 {
	at := int(m / pageLen)
	if short := at + 1 - len(c.pages); short > 0 {
		c.pages = append(c.pages, make([]*[pageLen]uint32, short)...)
	}
	if c.pages[at] == nil {
		c.pages[at] = new([pageLen]uint32)
	}
	return c.pages[at]
}

// at is the place of a member's value; 0 = none.
func (c *column) at(m kopilka.MemberNo) uint32 {
	if c.pages == nil {
		return c.few[m]
	}
	if at := int(m / pageLen); at < len(c.pages) && c.pages[at] != nil {
		return c.pages[at][m%pageLen]
	}
	return 0
}

// equals gives 1 for members from a number on who have a value, else 0.
func (c *column) equals(v any, from kopilka.MemberNo, to []int64) {
	place := c.values.places[v]
	for i := range to {
		to[i] = truth(place != 0 && c.at(from+kopilka.MemberNo(i)) == place)
	}
}

// is gives 1 for members from a number on whose value is as asked, else 0. Values
// that many share are asked about once; where nearly everybody has his own, each
// member's is.
func (c *column) is(asked func(any) bool, from kopilka.MemberNo, to []int64) {
	if len(c.values.held) > len(to) {
		for i := range to {
			place := c.at(from + kopilka.MemberNo(i))
			to[i] = truth(place != 0 && asked(c.values.held[place].value))
		}
		return
	}
	yes := c.values.which(asked)
	for i := range to {
		to[i] = truth(yes[c.at(from+kopilka.MemberNo(i))])
	}
}

// dictionary is different values, each with the number of members who have it. What
// nobody has any more is gone from it: it may have been personal.
type dictionary struct {
	places map[any]uint32
	held   []held // the first stands for no value
	free   []uint32
}

type held struct {
	value any
	by    uint32
}

// take gives the place of a value that one more member has.
func (d *dictionary) take(v any) uint32 {
	at, known := d.places[v]
	if !known {
		if d.places == nil {
			d.places, d.held = map[any]uint32{}, make([]held, 1)
		}
		if n := len(d.free); n > 0 {
			at, d.free = d.free[n-1], d.free[:n-1]
		} else {
			at = uint32(len(d.held))
			d.held = append(d.held, held{})
		}
		if s, is := v.(string); is {
			v = strings.Clone(s) // it may be a piece of a request
		}
		d.places[v] = at
		d.held[at].value = v
	}
	d.held[at].by++
	return at
}

// drop takes note that one member less has the value at a place.
func (d *dictionary) drop(at uint32) {
	h := &d.held[at]
	if h.by--; h.by > 0 {
		return
	}
	delete(d.places, h.value)
	*h = held{}
	d.free = append(d.free, at)
}

func (d *dictionary) empty() bool { return len(d.places) == 0 }

// which asks about every value; the answer for no value is no.
func (d *dictionary) which(asked func(any) bool) []bool {
	yes := make([]bool, max(1, len(d.held)))
	for at, h := range d.held {
		yes[at] = h.by > 0 && asked(h.value)
	}
	return yes
}
