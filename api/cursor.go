package api

import (
	"encoding/base64"
	"encoding/binary"
)

// A cursor says where the next page of a list begins. It is two numbers, which
// mean something to the list alone, behind the mark of the list that made it, in a
// form that nobody is tempted to count with. Whose list it is may change: a card can
// be another's by the next page, so what stands at the place is looked at.
type cursor struct{ at, skip uint64 }

// cursor reads the parameter cursor; false when there is none.
func (c *call) cursor() (at cursor, given bool, p *problem) {
	b, given, p := c.marked()
	if !given || p != nil {
		return cursor{}, false, p
	}
	n, m := 0, 0
	at.at, n = binary.Uvarint(b)
	if n > 0 {
		at.skip, m = binary.Uvarint(b[n:])
	}
	if m <= 0 || n+m != len(b) {
		return cursor{}, false, notOfThisList()
	}
	return at, true, nil
}

// nextCursor ends a list: where the next page begins, or null.
func (c *call) nextCursor(more bool, at cursor) {
	if !more {
		nullField(&c.out, "next_cursor")
		return
	}
	b := binary.AppendUvarint(nil, at.at)
	strField(&c.out, "next_cursor", c.mark(binary.AppendUvarint(b, at.skip)))
}

// mark makes the text of a cursor.
func (c *call) mark(b []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(c.listMark(b), b...))
}

// marked reads from the parameter cursor what mark was given by the same list.
func (c *call) marked() (b []byte, given bool, p *problem) {
	if !c.ctx.QueryArgs().Has("cursor") {
		return nil, false, nil
	}
	b, p = c.unmark(c.query("cursor"))
	return b, p == nil, p
}

// unmark reads what mark was given from the text of a cursor.
func (c *call) unmark(text string) ([]byte, *problem) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < markBytes || c.mark(b[markBytes:]) != text {
		return nil, notOfThisList()
	}
	return b[markBytes:], nil
}

const markBytes = 8

// listMark tells a cursor of this list from one of another and from what a client has
// made up: it is a signature of the route, of what the route is asked for, and of the
// place.
func (c *call) listMark(b []byte) []byte {
	var said []byte
	for _, part := range [...]string{c.route.path, c.param, c.query("q"), c.query("as_of"), string(b)} {
		said = append(binary.AppendUvarint(said, uint64(len(part))), part...)
	}
	if group := c.query("group"); group != "" {
		said = append(said, group...)
	}
	mark := c.s.vault.CursorMark(said)
	return mark[:]
}

func notOfThisList() *problem {
	return malformed("", "cursor is not one that a next_cursor of this list gave")
}
