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

// eachProfile calls f for every profile. Members are taken in the order in which
// their profiles lie in the log, so that each of its frames is read once. A profile
// that cannot be read is passed over, and costs its own member's name and no other's.
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
		s.queue.View(func(b *engine.State) { // as it is by now
			p.at, _ = b.Profile(p.no)
			phone = b.PhoneTag(p.no)
		})
		v, err := s.version(p.at)
		if err != nil {
			if unreadable++; first == nil {
				first = fmt.Errorf("the profile at %d: %w", p.at, err)
			}
			continue
		}
		s.dropPhone(&v.profile, phone)
		f(p.no, &v.profile)
	}
	if unreadable > 0 {
		s.opts.Log.Error("api: members whose profiles cannot be read are not found by name", "members", unreadable, "first", first)
	}
}

// learn makes a member who was just put known under the new name, and by the new dates
// and facets.
func (s *Server) learn(m *memberChange, no kopilka.MemberNo) {
	s.dates.Put(no, &m.merged)
	s.facets.Put(no, &m.merged)
	if m.before.Phone != m.merged.Phone {
		s.queue.View(func(b *engine.State) {
			for _, part := range b.Parts(no) {
				if b.PhoneTag(part) == 0 {
					s.facets.DropPhone(part) // it may be the member's own from now on
				}
			}
		})
	}
	if m.before.Name == m.merged.Name {
		return
	}
	if m.before.Name != "" {
		s.names.Remove(no, m.before.Name)
	}
	if m.merged.Name != "" {
		s.names.Put(no, m.merged.Name)
	}
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
