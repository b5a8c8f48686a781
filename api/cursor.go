package api

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/go-faster/jx"
)

// A cursor says where the next page of a list begins. It is two numbers, which
// mean something to the list alone, in a form that nobody is tempted to count with.
type cursor struct{ at, skip uint64 }

func (c cursor) String() string {
	b := binary.AppendUvarint(nil, c.at)
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(b, c.skip))
}

// cursor reads the parameter cursor; false when there is none.
func (c *call) cursor() (at cursor, given bool, p *problem) {
	text := c.query("cursor")
	if text == "" {
		return cursor{}, false, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		var n, m int
		at.at, n = binary.Uvarint(b)
		if n > 0 {
			at.skip, m = binary.Uvarint(b[n:])
		}
		if m > 0 && n+m == len(b) {
			return at, true, nil
		}
	}
	return cursor{}, false, malformed("", "cursor is not one that a next_cursor gave")
}

// nextCursor ends a list: where the next page begins, or null.
func nextCursor(e *jx.Encoder, more bool, at cursor) {
	e.FieldStart("next_cursor")
	if !more {
		e.Null()
		return
	}
	e.Str(at.String())
}
