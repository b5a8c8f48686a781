package engine

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka"
)

// AudienceGrantsMax bounds the grants to audiences that the books remember.
const AudienceGrantsMax = 10_000

// AudienceGrant is points for an audience. It is one deed, done in steps: Next tells
// how far it has come, so that a restart goes on where it ended.
type AudienceGrant struct {
	Seq      kopilka.Seq
	ID       string
	Audience kopilka.Seq
	Points   kopilka.Points
	Next     int // numbers of the audience that have had their turn
	Total    int // members who stood for them
	Given    int // of whom so many got theirs
	Done     bool
}

// grantAudience gives points to those whose turn it is, as a grant by hand gives
// them to one: to be spent at once. Who is blocked, or would hold more than anybody
// may, is passed over.
func (s *State) grantAudience(c *kopilka.AudienceGrant, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	x, known := s.Drawn(c.Audience)
	if !known {
		refuse(out, kopilka.NotFound)
		return
	}
	at, begun := s.audienceGrant(c.Begun)
	switch {
	case c.Begun == 0 && len(s.grants) >= AudienceGrantsMax:
		refuse(out, kopilka.ListFull)
		return
	case c.Begun != 0 && (!begun || s.grants[at].Audience != c.Audience || s.grants[at].Next != c.From || s.grants[at].Done):
		refuse(out, kopilka.Stale)
		return
	case c.Begun == 0 && x.Members > x.HeldOut && c.Points > (kopilka.PointsMax-s.books.Granted)/kopilka.Points(x.Members-x.HeldOut):
		refuse(out, kopilka.BalanceLimit)
		return
	case c.Begun == 0:
		at = len(s.grants)
		s.grants = append(s.grants, AudienceGrant{Seq: s.seq, ID: clone(c.ID), Audience: c.Audience, Points: c.Points})
		s.flagActor(c.Actor, c.Points*kopilka.Points(x.Members-x.HeldOut), out)
	}
	g := &s.grants[at]
	for place, no := range s.Of(&x.Audience, g.Next) {
		if place == c.From+kopilka.GrantStep {
			break
		}
		g.Next = place + 1
		if m, ok := s.Stands(&x, no); ok {
			g.Total++
			s.planFor(m, kopilka.LegGrant, c.Points, out)
		}
	}
	g.Given += len(out.Legs)
	g.Done = g.Next == x.Members
	if len(out.Legs) > 0 {
		activates, expires := lifetime(s.Program(), s.day, 0)
		s.payLegs(kopilka.NoMember, activates, expires, out)
		s.enterLegs(out)
	}
}

// audienceGrant finds the place of a grant by where it began.
func (s *State) audienceGrant(begun kopilka.Seq) (int, bool) {
	return slices.BinarySearchFunc(s.grants, begun, func(g AudienceGrant, at kopilka.Seq) int { return cmp.Compare(g.Seq, at) })
}

// AudienceGrant is the grant that began at a position.
func (s *State) AudienceGrant(begun kopilka.Seq) (AudienceGrant, bool) {
	if at, ok := s.audienceGrant(begun); ok {
		return s.grants[at], true
	}
	return AudienceGrant{}, false
}

// AudienceGrants are all grants to audiences, the oldest first.
func (s *State) AudienceGrants() []AudienceGrant { return slices.Clone(s.grants) }

// UnfinishedGrant is the oldest grant in which somebody has not had his turn.
func (s *State) UnfinishedGrant() (AudienceGrant, bool) {
	for _, g := range s.grants {
		if !g.Done {
			return g, true
		}
	}
	return AudienceGrant{}, false
}
