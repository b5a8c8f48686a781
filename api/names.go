package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
)

// learnNames fills the index of names, that of dates and the facets, which are not
// kept anywhere, from the sealed profiles. It runs behind the first requests: until
// it is through, some members are found by card and phone only, and queries that ask
// what is personal wait.
func (s *Server) learnNames(ctx context.Context) {
	start := time.Now()
	known := 0
	s.eachProfile(ctx, func(no kopilka.MemberNo, p *people.Profile) {
		s.dates.Learn(no, p)
		s.facets.Learn(no, p)
		if p.Name != "" {
			s.names.Put(no, p.Name)
			known++
		}
	})
	if known > 0 {
		s.opts.Log.Info("api: the names of members can be searched", "names", known, "took", time.Since(start))
	}
}

// eachProfile calls f for every profile, while nothing else is learnt. Members are taken
// in the order in which their profiles lie in the log, so that each of its frames is read
// once. A profile that cannot be read is passed over, and costs its own member's name
// and no other's; so is one that is no longer the newest: who changed it learns it.
func (s *Server) eachProfile(ctx context.Context, f func(kopilka.MemberNo, *people.Profile)) {
	type place struct {
		at kopilka.Seq
		no kopilka.MemberNo
	}
	var places []place
	for no, more := kopilka.MemberNo(0), true; more && ctx.Err() == nil; {
		s.queue.View(func(b *engine.State) {
			for range 1 << 12 {
				if more = int64(no) < int64(b.Members()); !more {
					return
				}
				if at, sealed := b.Profile(no); sealed && at != 0 {
					places = append(places, place{at, no})
				}
				no++
			}
		})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	unreadable := 0
	var first error // of the unreadable
	for _, p := range places {
		if ctx.Err() != nil {
			return
		}
		var phone uint64
		s.queue.View(func(b *engine.State) { phone = b.PhoneTag(p.no) })
		v, err := s.version(p.at)
		if err != nil {
			if unreadable++; first == nil {
				first = fmt.Errorf("the profile at %d: %w", p.at, err)
			}
			continue
		}
		s.dropPhone(&v.profile, phone)
		s.learning.Lock()
		if newest, sealed := s.profileOf(p.no); sealed && newest == p.at {
			f(p.no, &v.profile)
		}
		s.learning.Unlock()
	}
	if unreadable > 0 {
		s.opts.Log.Error("api: members whose profiles cannot be read are not found by name", "members", unreadable, "first", first)
	}
}

// learn makes a member who was just put known under the new name, and by the new dates
// and facets. Answers come in any order, so the books are asked which profile is the
// newest: who was overtaken takes out what he knows of and puts what is, and of whoever
// was forgotten nothing is learnt.
func (s *Server) learn(m *memberChange, no kopilka.MemberNo, at kopilka.Seq) {
	s.learning.Lock()
	defer s.learning.Unlock()
	newest, sealed := s.profileOf(no)
	if !sealed {
		return
	}
	profile := &m.merged
	if newest != at {
		v, err := s.version(newest)
		if err != nil {
			s.opts.Log.Error("api: a member is not found by name until the next start", "member", s.ids.ID(no), "err", err)
			return
		}
		profile = &v.profile
	}
	s.dates.Put(no, profile)
	s.facets.Put(no, profile)
	if m.before.Phone != m.merged.Phone {
		s.queue.View(func(b *engine.State) {
			for _, part := range b.Parts(no) {
				if b.PhoneTag(part) == 0 {
					s.facets.DropPhone(part) // it may be the member's own from now on
				}
			}
		})
	}
	for _, name := range [...]string{m.before.Name, m.merged.Name} {
		if name != profile.Name {
			s.names.Remove(no, name)
		}
	}
	s.names.Put(no, profile.Name)
}

// profileOf is where the newest profile of a number lies; false when there is none, or
// no longer.
func (s *Server) profileOf(no kopilka.MemberNo) (at kopilka.Seq, sealed bool) {
	s.queue.View(func(b *engine.State) { at, sealed = b.Profile(no) })
	return at, sealed && at != 0
}

// hasLearned tells whether every profile was read, and waits a little for it.
func (s *Server) hasLearned() bool {
	late := time.NewTimer(waitMax)
	defer late.Stop()
	select {
	case <-s.issuer.learned:
		return true
	case <-late.C:
		return false
	}
}
