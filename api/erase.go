package api

import (
	"context"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

var eraseFields = []string{"id", "reason", "actor"}

// postErase forgets a person. The books forget first, durably; then the keys under
// which everything personal is sealed are destroyed, and what is in the log, in
// snapshots and in copies of them cannot be read any more. A crash between the two
// leaves nothing behind: the next start destroys what it finds, and so does the same
// request again.
func (s *Server) postErase(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Erase{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	r := &c.in
	r.start(c.body())
	for f := r.object(eraseFields); f.next(); {
		if f.name == "id" {
			cmd.ID = r.id()
			continue
		}
		hand.field(r, f.name)
	}
	hand.given(r)
	if p := r.end(); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.Erase(c.param, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.about = c.param
	var person []known
	o.complete = func() *problem {
		m, p := s.behind(c.param)
		if p != nil {
			return p
		}
		cmd.Member = m.No
		person, p = s.knownOf(m.No)
		return p
	}
	r2, p := c.decided()
	if p != nil {
		return p
	}
	if r2.replayed {
		if err := s.eraseKeys(c.ctx); err != nil {
			return s.failed(err)
		}
	} else if p := s.forget(person); p != nil {
		return p
	}
	return c.done(&r2, created)
}

// known is a number that stands for a person, and the name it is found by.
type known struct {
	no   kopilka.MemberNo
	name string
}

// knownOf gives all numbers that stand for a member, with their names.
func (s *Server) knownOf(m kopilka.MemberNo) (all []known, p *problem) {
	var parts []engine.Member
	s.queue.View(func(b *engine.State) {
		for _, no := range b.Parts(m) {
			parts = append(parts, b.Row(no, s.queue.Now()))
		}
	})
	for i := range parts {
		profile, p := s.profile(&parts[i])
		if p != nil {
			return nil, p
		}
		all = append(all, known{parts[i].No, profile.Name})
	}
	return all, nil
}

// forget destroys the keys of a person whom the books have forgotten, and takes him
// out of the indexes.
func (s *Server) forget(person []known) *problem {
	var slots []uint32
	s.queue.View(func(b *engine.State) {
		for _, x := range person {
			// Read after the command, so that the key of a note that came in between goes too.
			if slot := b.Row(x.no, s.queue.Now()).KeySlot; slot != 0 {
				slots = append(slots, slot)
			}
		}
	})
	for _, x := range person {
		s.names.Remove(x.no, x.name)
		s.dates.Forget(x.no)
		s.facets.Forget(x.no)
	}
	if err := s.vault.EraseAll(slots); err != nil {
		return s.failed(err)
	}
	return nil
}

// eraseKeys destroys the keys of all who were ever forgotten, those that are gone
// already aside.
func (s *Server) eraseKeys(ctx context.Context) error {
	var slots []uint32
	for no, more := kopilka.MemberNo(0), true; more && ctx.Err() == nil; {
		s.queue.View(func(b *engine.State) {
			for range 1 << 14 {
				if more = int64(no) < int64(b.Members()); !more {
					return
				}
				if slot, erased := b.ErasedKey(no); erased && slot != 0 {
					slots = append(slots, slot)
				}
				no++
			}
		})
	}
	return s.vault.EraseAll(slots)
}
