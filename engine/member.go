package engine

import "github.com/kopilka/kopilka"

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
	if enrolled && s.accounts.At(int(m)).keySlot != 0 && s.accounts.At(int(m)).keySlot != c.KeySlot {
		refuse(out, kopilka.Stale) // a note was sealed under the member's first key meanwhile
		return
	}
	if c.PhoneTag != 0 {
		if owner, taken := s.ByPhone(c.PhoneTag); taken && owner != m {
			refuse(out, kopilka.PhoneTaken)
			return
		}
	}
	for up := c.Referrer; up != kopilka.NoMember; up = kopilka.MemberNo(s.accounts.At(int(up)).referrer) - 1 {
		if enrolled && up == m {
			refuse(out, kopilka.ReferralCycle)
			return
		}
	}

	if !enrolled {
		m = s.enrol(c.Card, c.Registered)
		out.Enrolled = true
	} else if c.Registered != s.index.Registered(m) {
		s.index.Enrol(m, c.Registered)
	}
	a := s.accounts.Mut(int(m))
	a.standing = a.standing&^(stateBits|blockedBit) | uint8(c.State)
	if c.Blocked {
		a.standing |= blockedBit
	}
	a.referrer = uint32(c.Referrer + 1)
	a.keySlot = c.KeySlot
	a.setProfileAt(s.seq)
	s.setPhone(m, c.PhoneTag)

	for i := range c.Due {
		s.award(m, a, &c.Due[i])
	}
	s.stand(m, out) // a profile is no entry in the ledger, but its answer tells the balance
}

// enrol gives the next number to a card.
func (s *State) enrol(number string, registered kopilka.Day) kopilka.MemberNo {
	m := kopilka.MemberNo(s.accounts.Len())
	var a account
	a.setVersion(len(s.versions))
	a.setActive(registered)
	s.accounts.Append(a)
	s.phones.Append(0)
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
