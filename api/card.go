package api

import (
	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

var cardFields = []string{"id", "carrier", "blocked"}

// putCard makes one more card lead to a member, or changes one of his: what the
// request leaves out stays.
func (s *Server) putCard(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	if !kopilka.ValidCard(c.second) {
		return malformed("", "a card is 1 to 32 visible ASCII characters without /")
	}
	cmd := &kopilka.PutCard{Card: c.second}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var carrier kopilka.Said[string]
	var blocked kopilka.Said[bool]
	r := &c.in
	r.start(c.body())
	for f := r.object(cardFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "carrier":
			carrier = kopilka.Said[string]{Set: true, Value: r.carrier()}
		case "blocked":
			blocked = kopilka.Said[bool]{Set: true, Value: r.boolean()}
		}
	}
	if p := r.end(); p != nil {
		return p
	}
	if blocked.Set && c.key.Role != kopilka.RoleAdmin {
		return &problem{code: codeForbidden, detail: "blocking needs a key of the role admin",
			faults: []fault{{"/blocked", "needs a key of the role admin"}}}
	}
	o.print.Card(c.param, c.second, carrier, blocked)
	cmd.Content = o.print.Sum()
	o.about = c.second
	o.complete = func() *problem {
		m, p := s.behind(c.param)
		if p != nil {
			return p
		}
		var was engine.Card
		known := false
		s.queue.View(func(b *engine.State) { was, known = b.CardState(c.second) })
		if !known && s.valued(c.second) {
			return &cardIsValue
		}
		cmd.Member, cmd.Carrier, cmd.Blocked = m.No, was.Carrier, was.Blocked
		if carrier.Set {
			cmd.Carrier = carrier.Value
		}
		if blocked.Set {
			cmd.Blocked = blocked.Value
		}
		return nil
	}
	return c.carry(created)
}

// cards writes all cards that lead to a member, the one that enrolled him first.
func cards(e *jx.Encoder, all []engine.Card) {
	e.FieldStart("cards")
	e.ArrStart()
	for i := range all {
		e.ObjStart()
		cardFieldsShown(e, all[i].Number, all[i].Carrier, all[i].Blocked)
		e.ObjEnd()
	}
	e.ArrEnd()
}

func cardFieldsShown(e *jx.Encoder, number, carrier string, blocked bool) {
	strField(e, "card", number)
	optField(e, "carrier", carrier)
	e.FieldStart("blocked")
	e.Bool(blocked)
}
