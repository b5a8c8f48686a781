package api

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// postCode makes the short-lived code that a member's app shows to a till. Nothing
// is recorded of it.
func (s *Server) postCode(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	if c.key.Store != "" {
		return problemOf(codeForbidden, "a till of a store reads codes and makes none: whoever made them could spend anybody's points")
	}
	if body := c.body(); len(body) > 0 {
		r := &c.in
		r.start(body)
		for f := r.object(nil); f.next(); {
		}
		if p := r.end(); p != nil {
			return p
		}
	}
	m, p := s.behind(c.param)
	if p != nil {
		return p
	}
	var life kopilka.Time
	var card engine.Card
	s.queue.View(func(b *engine.State) {
		life = kopilka.Time(b.Program().CodeLife.Milliseconds())
		card, _ = b.CardState(c.param)
	})
	if m.Blocked || card.Blocked {
		return problemOf(codeMemberBlocked, "")
	}
	until := s.queue.Now() + life
	e := &c.out
	e.ObjStart()
	strField(e, "code", s.codes.Code(m.No, until))
	s.timeField(e, "expires_at", until)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
