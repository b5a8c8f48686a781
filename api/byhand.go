package api

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// byHand is why the office did something, and who did.
type byHand struct{ reason, actor string }

// field reads reason or actor.
func (h *byHand) field(r *reader, name string) {
	switch name {
	case "reason":
		h.reason = r.text(reasonMax)
	case "actor":
		h.actor = r.text(actorMax)
	}
}

// decode reads a body of nothing but an id and the two.
func (h *byHand) decode(r *reader, body []byte, id *string) *problem {
	r.start(body)
	for f := r.object(byHandFields); f.next(); {
		if f.name == "id" {
			*id = r.id()
			continue
		}
		h.field(r, f.name)
	}
	h.given(r)
	return r.end()
}

var byHandFields = []string{"id", "reason", "actor"}

// given checks that both were said.
func (h *byHand) given(r *reader) {
	switch {
	case h.reason == "":
		r.failAt("", "reason is missing: say why")
	case h.actor == "":
		r.failAt("", "actor is missing: say who")
	}
}

// behind finds the member behind a card.
func (s *Server) behind(card string) (engine.Member, *problem) {
	var m engine.Member
	ok := false
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, ok = b.ByCard(card); ok {
			m = b.Member(no, s.queue.Now())
		}
	})
	if !ok {
		return m, problemOf(codeMemberNotFound, memberNotFound)
	}
	return m, nil
}
