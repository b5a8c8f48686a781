package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/program"
)

// lookMember merges a change into the member as he stands, and seals it.
func (s *Server) lookMember(o *order) *problem {
	m := &o.member
	c := &m.cmd
	var now engine.Member
	known, invited := false, true
	referrer := kopilka.NoMember
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, known = b.ByCard(m.card); known {
			now = b.Member(no, s.queue.Now())
		}
		if m.referrer.Value != "" {
			referrer, invited = b.ByCard(m.referrer.Value)
		}
	})
	switch {
	case !known && s.valued(m.card):
		return &cardIsValue
	case m.referrer.Value == m.card:
		return problemOf(codeReferralCycle, "nobody invites himself")
	case !invited:
		return &problem{code: codeMemberNotFound, detail: memberNotFound,
			faults: []fault{{"/referrer", "no member has this card"}}}
	}
	c.Card, c.Carrier, c.Tier = m.card, m.carrier.Value, m.tier.Value
	c.Store, c.Cashier, c.Source = "", "", ""
	if !known {
		// Who enrolled a member, where, and what brought him, is what the first
		// command says. A later one changes the profile, and no report of the past.
		c.Store, c.Cashier, c.Source = m.store, m.cashier.Value, m.change.Source.Value
	}
	if p := s.mergeBooks(o, &now, known, referrer); p != nil {
		return p
	}
	var p *problem
	if m.before, p = s.profile(&now); p != nil {
		return p
	}
	m.merged = m.before
	if err := m.merged.Apply(&m.change, s.queue.Calendar().DayOf(s.queue.Now())); err != nil {
		return unfit(err)
	}
	if p := s.dateless(m); p != nil {
		return p
	}
	c.Due = nil
	if !c.Imported {
		c.Due = s.newlyDue(m)
	}
	c.PhoneTag = 0
	if m.merged.Phone != "" {
		c.PhoneTag = s.vault.PhoneTag(m.merged.Phone)
	}
	var err error
	if c.KeySlot, c.Profile, err = s.vault.Seal(now.KeySlot, &m.merged); err != nil {
		return s.unsealed(err)
	}
	return nil
}

// unsealed is the problem of what could not be sealed.
func (s *Server) unsealed(err error) *problem {
	if errors.Is(err, people.ErrErased) {
		return &lookAgain
	}
	return s.failed(err)
}

// unfit is the problem of a change that cannot be made.
func unfit(err error) *problem {
	p := problemOf(codeMalformed, "the member cannot be changed so")
	var faults people.Invalid
	if errors.As(err, &faults) {
		for _, f := range faults {
			p.faults = append(p.faults, fault{f.Pointer, f.Detail})
		}
	}
	return p
}

// mergeBooks sets what the books hold of a member: base, state, block, day of
// registration, referrer.
func (s *Server) mergeBooks(o *order, now *engine.Member, known bool, referrer kopilka.MemberNo) *problem {
	m := &o.member
	c := &m.cmd
	calendar := s.queue.Calendar()
	today := calendar.DayOf(s.queue.Now())
	if known {
		c.Base, c.Registered, c.State, c.Blocked, c.Referrer = now.ProfileAt, now.Registered, now.State, now.Blocked, now.Referrer
	} else {
		c.Base, c.Registered, c.State, c.Blocked, c.Referrer = 0, today, kopilka.StateCreated, false, kopilka.NoMember
		if o.past {
			c.State = kopilka.StateRegistered // whom a history knows has been through it
		}
	}
	if m.state.Set {
		if m.state.Value < c.State {
			return malformed("/state", "is behind the member's, which is "+c.State.String())
		}
		c.State = m.state.Value
	}
	if m.blocked.Set {
		c.Blocked = m.blocked.Value
	}
	if m.referrer.Set && !s.same(c.Referrer, referrer) {
		if !m.admin && s.isThere(c.Referrer) {
			return &problem{code: codeForbidden, detail: "to change who invited a member, or clear it, needs a key of the role admin",
				faults: []fault{{"/referrer", "is set; changing it needs a key of the role admin"}}}
		}
		c.Referrer = referrer
	}
	if at := m.change.RegisteredAt.Value; at != 0 {
		if c.Registered = calendar.DayOf(at); c.Registered > today {
			return &problem{code: codeTooLate, detail: "registered_at is on a day that has not come",
				faults: []fault{{"/registered_at", "is on a day that has not come"}}}
		}
	}
	if given := m.change.Consent.Value; given != nil && given.At > s.queue.Now()+kopilka.Time(aheadMax.Milliseconds()) {
		return &problem{code: codeTooLate, detail: "consent.at is more than 5 minutes ahead of the server",
			faults: []fault{{"/consent/at", "is more than 5 minutes ahead of the server"}}}
	}
	return nil
}

// isThere tells whether a referrer is somebody. A till may say who invited a member
// where nobody did; to change it would send the shares of all purchases to come
// elsewhere. Who was forgotten is nobody.
func (s *Server) isThere(referrer kopilka.MemberNo) (yes bool) {
	if referrer != kopilka.NoMember {
		s.queue.View(func(b *engine.State) { yes = b.Card(referrer) != "" })
	}
	return yes
}

// profile opens what is sealed of a member; of one who has nothing, or was
// forgotten, it is empty.
func (s *Server) profile(m *engine.Member) (people.Profile, *problem) {
	p, err := s.unseal(m)
	if err != nil {
		return people.Profile{}, s.failed(err)
	}
	return p, nil
}

func (s *Server) unseal(m *engine.Member) (people.Profile, error) {
	if m.KeySlot == 0 || m.ProfileAt == 0 {
		return people.Profile{}, nil
	}
	v, err := s.version(m.ProfileAt)
	if err != nil {
		return people.Profile{}, fmt.Errorf("the profile at %d: %w", m.ProfileAt, err)
	}
	s.dropPhone(&v.profile, m.PhoneTag)
	return v.profile, nil
}

// dateless refuses attributes that are to be dates, since a certificate comes with
// them, and are none: the certificate would never come.
func (s *Server) dateless(m *memberChange) *problem {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	p := problemOf(codeMalformed, "the member cannot be changed so")
	for i := range rules.Certificates {
		on := rules.Certificates[i].On
		name, is := strings.CutPrefix(on, "attributes.")
		if !is || m.change.Attributes.Value[name] == nil {
			continue
		}
		if _, _, ok := m.merged.Date(on); !ok {
			f := fault{"/attributes/" + pointerEscapes.Replace(name), "must be a date such as 1985-04-30, or 04-30 without its year: a certificate comes by it"}
			if !slices.Contains(p.faults, f) {
				p.faults = append(p.faults, f)
			}
		}
	}
	if len(p.faults) == 0 {
		return nil
	}
	return p
}

// dropPhone takes a phone out of a profile that the books do not know as its
// member's: he has lost it, while he was part of another, to that one.
func (s *Server) dropPhone(p *people.Profile, tag uint64) {
	if p.Phone != "" && s.vault.PhoneTag(p.Phone) != tag {
		p.Phone = ""
	}
}

// newlyDue are the certificates of dates that the change has told or moved, so that
// who comes on his birthday has it at once. Others get theirs when their day comes.
func (s *Server) newlyDue(m *memberChange) []kopilka.CertificateDue {
	var rules *program.Program
	var today kopilka.Day
	s.queue.View(func(b *engine.State) { rules, today = b.Program(), b.Day() })
	if !dated(rules) {
		return nil
	}
	before, now := due(rules, &m.before, today), due(rules, &m.merged, today)
	return slices.DeleteFunc(now, func(x kopilka.CertificateDue) bool { return slices.Contains(before, x) })
}
