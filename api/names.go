package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// learnNames fills the index of names and the facets, which are not kept
// anywhere, from the sealed profiles. It runs behind the first requests: until it
// is through, some members are found by card and phone only, and queries that ask
// what is personal wait. Members are taken in the order in
// which their profiles lie in the log, so that each of its frames is read once.
// A profile that cannot be read costs its own member's name and no other's.
func (s *Server) learnNames(ctx context.Context) {
	start := time.Now()
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
				if at, sealed := b.Profile(no); sealed {
					places = append(places, place{at, no})
				}
				no++
			}
		})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	known, unreadable := 0, 0
	var first error // of the unreadable
	for _, p := range places {
		if ctx.Err() != nil {
			return
		}
		var m engine.Member
		s.queue.View(func(b *engine.State) { m = b.Member(p.no, s.queue.Now()) })
		profile, err := s.unseal(&m)
		if err != nil {
			if unreadable++; first == nil {
				first = err
			}
			continue
		}
		s.facets.Learn(p.no, &profile)
		if profile.Name != "" {
			s.names.Put(p.no, profile.Name)
			known++
		}
	}
	if unreadable > 0 {
		s.opts.Log.Error("api: members whose profiles cannot be read are not found by name", "members", unreadable, "first", first)
	}
	if known > 0 {
		s.opts.Log.Info("api: the names of members can be searched", "names", known, "took", time.Since(start))
	}
}

// learn makes a member who was just put known under the new name and facets.
func (s *Server) learn(m *memberChange, no kopilka.MemberNo) {
	s.facets.Put(no, &m.merged)
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
	case <-s.learned:
		return true
	case <-late.C:
		return false
	}
}
