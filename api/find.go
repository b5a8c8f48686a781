package api

import (
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

// findMembers finds members by card, by member_id, by phone, or by the beginning of a name.
func (s *Server) findMembers(c *call) *problem {
	if p := c.reads("q", "limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(20, 100)
	if p != nil {
		return p
	}
	from, _, p := c.cursor()
	if p != nil {
		return p
	}
	// A plus that was not escaped arrives as a space.
	q := c.query("q")
	if strings.HasPrefix(q, " ") {
		q = "+" + q[1:]
	}
	if q == "" || len(q) > queryMax {
		return malformed("", "q is a card, a member_id, a phone or the beginning of a name")
	}
	found, p := s.search(q, int(min(from.skip, searchMax)), limit+1)
	if p != nil {
		return p
	}
	switch len(found) {
	case 0:
		c.missed(&nobodyFound)
	case 1:
		if c.key.Role != kopilka.RoleAdmin {
			if p := s.memberOften(found[0].No); p != nil {
				return p
			}
		}
	}
	more := len(found) > limit
	if more {
		found = found[:limit]
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range found {
		s.showFound(e, &found[i])
	}
	e.ArrEnd()
	c.nextCursor(more && from.skip+uint64(limit) < searchMax, cursor{skip: from.skip + uint64(limit)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// nobodyFound is never answered: it is what a search that finds nobody counts as.
var nobodyFound = problem{code: codeMemberNotFound}

// searchMax bounds how many members of one beginning of a name are shown: who
// has not been found by then is found by typing one letter more.
const searchMax = 1000

// openedMax bounds how many profiles one search unseals. It is reached when the
// index of names, which knows the first letters of words, knows many who turn
// out to be others.
const openedMax = 5000

// queryMax bounds the text of a search in bytes.
const queryMax = 200

// foundMember is a member with the profile that a search has opened.
type foundMember struct {
	memberView
	profile people.Profile
}

// search gives up to limit members, after leaving out skip of them.
func (s *Server) search(q string, skip, limit int) (found []foundMember, p *problem) {
	for _, who := range s.exactly(q) {
		no, ok := s.find(who, s.queue.Now())
		if !ok {
			continue
		}
		v, p := s.opened(no)
		if p != nil || skip > 0 || v.Erased {
			return nil, p
		}
		return append(found, v), nil
	}
	opened := 0
	seen := map[kopilka.MemberNo]bool{} // of parts of one member, or of one who has some
	for no := range s.names.Candidates(q) {
		if opened++; opened > openedMax {
			return nil, malformed("", "too many names begin so: type more of the name")
		}
		v, p := s.opened(no)
		if p != nil {
			return nil, p
		}
		matches := people.Match(v.profile.Name, q)
		if v.No != no { // a part of a member is found by the name it had
			if matches, p = s.named(no, q); p != nil {
				return nil, p
			}
		}
		if !matches || seen[v.No] {
			continue
		}
		seen[v.No] = true
		if skip > 0 {
			skip--
			continue
		}
		if found = append(found, v); len(found) == limit {
			break
		}
	}
	return found, nil
}

// exactly gives the names that a search may be in full: a card, a member_id, as
// receipts and legs name people, or a phone with its plus or without.
func (s *Server) exactly(q string) []naming {
	all := []naming{{kopilka.ByCard, q}, {kopilka.ByMemberID, q}}
	for _, text := range [...]string{q, "+" + q} {
		if phone, ok := people.NormalizePhone(text); ok {
			all = append(all, naming{kopilka.ByPhone, phone})
		}
	}
	return all
}

// named tells whether a query finds the name that a part of a member had.
func (s *Server) named(no kopilka.MemberNo, q string) (bool, *problem) {
	var row engine.Member
	s.queue.View(func(b *engine.State) { row = b.Row(no, s.queue.Now()) })
	profile, p := s.profile(&row)
	return people.Match(profile.Name, q), p
}

// opened reads the member that a number stands for, with his profile.
func (s *Server) opened(no kopilka.MemberNo) (v foundMember, p *problem) {
	s.queue.View(func(b *engine.State) { v.read(b, no, s.queue.Now()) })
	v.profile, p = s.profile(&v.Member)
	return v, p
}

// showFound writes what tells one found member from another.
func (s *Server) showFound(e *jx.Encoder, m *foundMember) {
	e.ObjStart()
	strField(e, "member_id", s.ids.ID(m.No))
	strField(e, "card", m.Card)
	optField(e, "name", m.profile.Name)
	optField(e, "phone", m.profile.Phone)
	intField(e, "balance", int64(m.Balance))
	strField(e, "tier", m.rules.Tiers[m.Tier].ID)
	strField(e, "segment", m.rules.RFM.Segments.Names[m.at.Segment].ID)
	e.FieldStart("blocked")
	e.Bool(m.Blocked)
	e.ObjEnd()
}
