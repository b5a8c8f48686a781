package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// Books are the sums over all members, as the ledger's entries add up. Points
// that have run out and whose member was not touched since are not among
// Expired yet.
type Books struct {
	Receipts  int64 // of members, imported ones included
	Anonymous int64
	Returns   int64

	Earned, Redeemed, Granted kopilka.Points
	Adjusted                  kopilka.Points // signed
	Legs                      kopilka.Points // welcomes and referrals, less what returns took of them
	Restored, Lapsed, Taken   kopilka.Points
	Expired                   kopilka.Points
	Forfeited                 kopilka.Points // of people who were erased, less what they owed
	Debt                      kopilka.Points // owed now
}

// Points is what the entries add up to: Σ lots − debt.
func (b *Books) Points() kopilka.Points {
	return b.Earned + b.Granted + b.Adjusted + b.Legs - b.Redeemed + b.Restored - b.Lapsed - b.Taken - b.Expired - b.Forfeited
}

// Books gives the sums.
func (s *State) Books() Books { return s.books }

// Check walks over all members and proves the invariants; it says what does not hold.
func (s *State) Check() error {
	if s.toldDays.Len() != s.accounts.Len() || s.keySlots.Len() != s.accounts.Len() {
		return fmt.Errorf("of %d members there are days of telling, of %d keys, of %d accounts", s.toldDays.Len(), s.keySlots.Len(), s.accounts.Len())
	}
	var lots, debts kopilka.Points
	seen, phones, erased := 0, 0, 0
	for m := range s.accounts.Len() {
		a := s.accounts.At(m)
		var before lot
		for at := a.lots; at != 0; {
			l := *s.lots.At(int(at))
			if l.left <= 0 {
				return fmt.Errorf("member %d has a lot of %d points", m, l.left)
			}
			if l.expires < before.expires || l.expires == before.expires && before.left != 0 && l.activates <= before.activates {
				return fmt.Errorf("member %d has a lot of %s-%s behind one of %s-%s", m, l.activates, l.expires, before.activates, before.expires)
			}
			lots += kopilka.Points(l.left)
			before, at = l, l.next
			if seen++; seen > s.lots.Len() {
				return fmt.Errorf("the lots of member %d go in a circle", m)
			}
		}
		held, n, err := s.checkHolds(kopilka.MemberNo(m), a)
		if err != nil {
			return err
		}
		lots += held
		seen += n
		if err := s.checkPart(kopilka.MemberNo(m), a); err != nil {
			return err
		}
		if a.erased() {
			erased++
		} else if found, _, ok := s.findCard(s.Card(kopilka.MemberNo(m))); !ok || int(found) != m {
			return fmt.Errorf("card %s leads to member %d and not to %d", s.Card(kopilka.MemberNo(m)), found, m)
		}
		if tag := *s.phones.At(m); tag != 0 {
			phones++
			if found, ok := s.phoneOf(tag); !ok || int(found) != m {
				return fmt.Errorf("the phone of member %d leads to member %d", m, found)
			}
		}
		if nobody := a.standing&(mergedBit|erasedBit) != 0; nobody != s.index.Gone(kopilka.MemberNo(m)) {
			return fmt.Errorf("member %d is part of another or forgotten: %t; the segments think otherwise", m, nobody)
		}
		if err := s.checkTold(kopilka.MemberNo(m)); err != nil {
			return err
		}
		if err := s.index.Check(kopilka.MemberNo(m)); err != nil {
			return err
		}
	}
	if s.byCard.used() != s.accounts.Len()-erased || s.byPhone.used() != phones {
		return fmt.Errorf("%d cards and %d phones lead to %d members, %d of them erased, with %d phones", s.byCard.used(), s.byPhone.used(), s.accounts.Len(), erased, phones)
	}
	if err := s.checkClaims(); err != nil {
		return err
	}
	if err := s.checkAudiences(); err != nil {
		return err
	}
	if err := s.checkMailings(); err != nil {
		return err
	}
	if err := s.checkNumbers(); err != nil {
		return err
	}
	for _, d := range s.debts {
		debts += d
	}
	if lots < 0 || debts < 0 {
		return fmt.Errorf("the points of all members are more than can be added up")
	}
	if debts != s.books.Debt {
		return fmt.Errorf("debts add up to %d and the books say %d", debts, s.books.Debt)
	}
	if lots-debts != s.books.Points() {
		return fmt.Errorf("lots of %d less debts of %d are not the %d of all entries", lots, debts, s.books.Points())
	}
	for at := s.freeLot; at != 0; at = s.lots.At(int(at)).next {
		if seen++; seen > s.lots.Len() {
			return fmt.Errorf("the free lots go in a circle")
		}
	}
	if seen != s.lots.Len()-1 {
		return fmt.Errorf("%d lots are in use or free, of %d", seen, s.lots.Len()-1)
	}
	return nil
}
