package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// putMember enrols the member of a card, or changes one. The books keep the card,
// who invited whom, and where the sealed rest lies in the log.
func (s *State) putMember(c *kopilka.PutMember, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if c.Registered > s.day {
		refuse(out, kopilka.Stale)
		return
	}
	m, enrolled := s.ByCard(c.Card)
	var profileAt kopilka.Seq
	if enrolled {
		profileAt = s.accounts.At(int(m)).profileAt()
	}
	if c.Base != profileAt {
		refuse(out, kopilka.Stale) // merged into a profile that has changed since
		return
	}
	if enrolled && s.otherKey(m, c.KeySlot) {
		refuse(out, kopilka.Stale) // a note was sealed under the member's first key meanwhile
		return
	}
	phoneOf, shared := kopilka.NoMember, false
	if c.PhoneTag != 0 {
		if phoneOf, shared = s.phoneOf(c.PhoneTag); shared && s.resolve(phoneOf) != m {
			refuse(out, kopilka.PhoneTaken)
			return
		}
	}
	if enrolled && s.standsAbove(m, c.Referrer) {
		refuse(out, kopilka.ReferralCycle)
		return
	}
	source := s.source(c.Source)
	if !enrolled && !c.Imported && s.closed(source) {
		refuse(out, kopilka.SourceClosed)
		return
	}

	if s.tierUnknown(c.Tier, out) || s.carrierUnknown(c.Carrier, out) {
		return
	}

	if !enrolled {
		m = s.enrol(c.Card, c.Registered)
		out.Enrolled = true
		if source.term != 0 && !c.Imported { // a file is not what the places are for
			s.term(source.term).Count++
		}
	} else if c.Registered != s.registered(m) {
		s.register(m, s.accounts.Mut(int(m)), c.Registered)
	}
	a := s.accounts.Mut(int(m))
	before := a.state()
	a.standing = a.standing&^(stateBits|blockedBit) | uint8(c.State)
	if c.Blocked {
		a.standing |= blockedBit
	}
	a.referrer = uint32(c.Referrer + 1)
	*s.keySlots.Mut(int(m)) = c.KeySlot
	a.setProfileAt(s.seq)
	if shared && phoneOf != m {
		s.setPhone(phoneOf, 0) // a part's phone becomes the member's own, for good
	}
	s.setPhone(m, c.PhoneTag)
	s.setTier(a, c.Tier)
	if c.Carrier != "" {
		owner, more, _ := s.findCard(c.Card)
		state, _ := s.CardState(c.Card)
		s.keepCard(m, a, owner, more, c.Carrier, state.Blocked)
	}
	for i := range c.Due {
		s.award(m, a, &c.Due[i])
	}
	s.joined(m, a, c, before, out)
	s.answer(m, a, out)
}

// source is what the program says of a source of members, and its number in the
// books; both are zero for one that is not listed, which is free.
type source struct {
	rule *program.Source
	term kopilka.Term
}

func (s *State) source(id string) source {
	if id == "" || len(s.versions) == 0 {
		return source{}
	}
	v := &s.versions[len(s.versions)-1]
	for i := range v.Program.Sources {
		if v.Program.Sources[i].ID == id {
			return source{&v.Program.Sources[i], v.terms.sources[i]}
		}
	}
	return source{}
}

// closed tells whether a source brings nobody more: before and after its time,
// and when its places are taken. What a file brings of the past is not asked.
func (s *State) closed(x source) bool {
	if x.rule == nil {
		return false
	}
	return x.rule.StartsAt != 0 && s.now < x.rule.StartsAt || x.rule.EndsAt != 0 && s.now >= x.rule.EndsAt ||
		x.rule.Cap > 0 && s.term(x.term).Count >= int64(x.rule.Cap)
}

// enrol gives the next number to a card.
func (s *State) enrol(number string, registered kopilka.Day) kopilka.MemberNo {
	m := kopilka.MemberNo(s.accounts.Len())
	var a account
	a.setVersion(len(s.versions))
	a.setActive(registered)
	s.accounts.Append(a)
	s.phones.Append(0)
	s.keySlots.Append(0)
	s.toldDays.Append(s.day)
	s.appendCard(number)
	s.byCard.insert(s.cardTag(number), m)
	s.index.Enrol(m, registered)
	return m
}

// setPhone makes the member known under a phone's tag, and no longer under the
// one before; 0 is none.
func (s *State) setPhone(m kopilka.MemberNo, tag uint64) {
	before := *s.phones.At(int(m))
	if before == tag {
		return
	}
	if before != 0 {
		s.byPhone.remove(uint32(before>>32), m)
	}
	if tag != 0 {
		s.byPhone.insert(uint32(tag>>32), m)
	}
	*s.phones.Mut(int(m)) = tag
}

// otherKey tells whether the personal data of a member is sealed under another key.
func (s *State) otherKey(m kopilka.MemberNo, slot uint32) bool {
	before := *s.keySlots.At(int(m))
	return before != 0 && before != slot
}
