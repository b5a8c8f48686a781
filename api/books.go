package api

import (
	"encoding/hex"

	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// books shows the sums over all members and, when asked, the hash of the whole
// state, which reads all of it.
func (s *Server) books(c *call) *problem {
	if p := c.reads("hash"); p != nil {
		return p
	}
	hashed, p := c.flag("hash")
	if p != nil {
		return p
	}
	var b engine.Books
	var members int
	var seq int64
	s.queue.View(func(st *engine.State) { b, members, seq = st.Books(), st.Members(), int64(st.Seq()) })
	e := &c.out
	e.ObjStart()
	intField(e, "seq", seq)
	intField(e, "members", int64(members))
	intField(e, "receipts", b.Receipts)
	intField(e, "anonymous_receipts", b.Anonymous)
	intField(e, "returns", b.Returns)
	intField(e, "points", int64(b.Points()))
	intField(e, "debt", int64(b.Debt))
	intField(e, "earned", int64(b.Earned))
	intField(e, "granted", int64(b.Granted))
	intField(e, "adjusted", int64(b.Adjusted))
	intField(e, "legs", int64(b.Legs))
	intField(e, "redeemed", int64(b.Redeemed))
	intField(e, "restored", int64(b.Restored))
	intField(e, "lapsed", int64(b.Lapsed))
	intField(e, "taken", int64(b.Taken))
	intField(e, "expired", int64(b.Expired))
	intField(e, "forfeited", int64(b.Forfeited))
	if hashed {
		hash, at, err := s.queue.Hash()
		if err != nil {
			return s.failed(err)
		}
		strField(e, "hash", hex.EncodeToString(hash[:]))
		intField(e, "hash_seq", int64(at))
	}
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
