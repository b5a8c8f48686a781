package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// State is the books after some prefix of the log.
type State struct {
	seq    kopilka.Seq
	now    kopilka.Time
	day    kopilka.Day
	secret [16]byte
	ids    kopilka.MemberIDs

	versions  []Version
	scheduled scheduled
	sold      bool // a receipt was taken: the currency is fixed
	keys      []Key
	debts     map[kopilka.MemberNo]kopilka.Points
	above     map[kopilka.MemberNo]struct{} // on the way down, a tier a day: see tier.go
	books     Books
	freeLot   uint32 // head of the list of free lots

	adjusted map[string]kopilka.Points // moved by hand today, by actor or by key; in use while the program asks

	terms     []Term
	carriers  []string                              // what cards are, in the order in which they were first named
	merged    map[kopilka.MemberNo]kopilka.MemberNo // who is part of whom: see resolve
	emissions []emission
	prefixes  []*prefix  // of emissions, in the order of their first
	freeClaim uint32     // head of the list of free claims
	audiences []Audience // the oldest first
	gathering gathering
	grants    []AudienceGrant // to audiences, the oldest first
	mailings  []Mailing       // the oldest first

	accounts  slab.Slab[account]
	cards     slab.Slab[card]
	longCards slab.Slab[longCard]
	phones    slab.Slab[uint64] // phone tags
	keySlots  slab.Slab[uint32] // keys of sealed personal data; 0 = none
	lots      slab.Slab[lot]
	byCard    table
	byPhone   table
	claims    slab.Slab[claim]
	claimsOf  slab.Slab[uint32] // first claim of every member; shorter than accounts where nobody after has any
	numbers   slab.Slab[number]
	moreCards slab.Slab[moreCard]
	earns     slab.Slab[earnsOn]     // shorter than accounts where nobody after was counted
	toldDays  slab.Slab[kopilka.Day] // days up to which members were told what time did to their points
	sets      audienceSets
	touches   slab.Slab[touch]       // of all mailings
	contacts  slab.Slab[kopilka.Day] // last day of one by any mailing; shorter than accounts where nobody after has any
	byMore    table                  // further cards, by the same tag as cards
	recent    recent
	index     *index.Index

	sale   sale               // scratch of the command being applied
	keysOf []uint64           // likewise
	late   []kopilka.MemberNo // likewise: see found
}

// New is the books before the first command.
func New() *State {
	s := &State{
		debts:    map[kopilka.MemberNo]kopilka.Points{},
		above:    map[kopilka.MemberNo]struct{}{},
		adjusted: map[string]kopilka.Points{},
		merged:   map[kopilka.MemberNo]kopilka.MemberNo{},
		index:    index.New(),
	}
	s.lots.Append(lot{})     // number 0 means no lot
	s.claims.Append(claim{}) // likewise
	s.moreCards.Append(moreCard{})
	s.byMore.init()
	s.byCard.init()
	s.byPhone.init()
	s.recent.init()
	return s
}

// account is a member's row: 32 bytes, most of them touched by every receipt.
type account struct {
	entry    uint64         // position of the newest entry in the ledger, and in the upper 16 bits the version
	profile  uint64         // position of the sealed profile, and in the upper 16 bits the active day
	lots     uint32         // first lot, soonest to expire first
	referrer uint32         // member number + 1
	told     kopilka.Labels // where the member was told to stand last: see drift.go
	tier     uint8
	standing uint8 // state, and the bits below
	// cleared is the last day of what inactivity took last: what was earned or
	// spent up to it can no longer come back. 0 = never.
	cleared kopilka.Day
}

// The bits of account.standing. The lowest two are the member's state.
const (
	stateBits = 3

	welcomedBit = 1 << 2 // the welcome was given
	broughtBit  = 1 << 3 // what a referral brings once was given for this member
	claimsBit   = 1 << 4 // the member has claims
	mergedBit   = 1 << 5 // the member is part of another: see State.merged
	erasedBit   = 1 << 6 // the person was forgotten
	blockedBit  = 1 << 7
)

func (a *account) blocked() bool              { return a.standing&blockedBit != 0 }
func (a *account) merged() bool               { return a.standing&mergedBit != 0 }
func (a *account) erased() bool               { return a.standing&erasedBit != 0 }
func (a *account) state() kopilka.MemberState { return kopilka.MemberState(a.standing & stateBits) }

const low48 = 1<<48 - 1

func (a *account) lastEntry() kopilka.Seq { return kopilka.Seq(a.entry & low48) }
func (a *account) profileAt() kopilka.Seq { return kopilka.Seq(a.profile & low48) }

// version is the program version under which the account was last settled.
func (a *account) version() int { return int(a.entry >> 48) }

// active is the day of the last purchase, or of enrolment.
func (a *account) active() kopilka.Day { return kopilka.Day(a.profile >> 48) }

func (a *account) setEntry(s kopilka.Seq)     { a.entry = a.entry&^low48 | uint64(s) }
func (a *account) setVersion(v int)           { a.entry = a.entry&low48 | uint64(v)<<48 }
func (a *account) setProfileAt(s kopilka.Seq) { a.profile = a.profile&^low48 | uint64(s) }
func (a *account) setActive(d kopilka.Day)    { a.profile = a.profile&low48 | uint64(d)<<48 }

// Version is a program with the point of the log from which it is in force.
type Version struct {
	Seq     kopilka.Seq
	Time    kopilka.Time
	Day     kopilka.Day
	Program *program.Program

	// Of a rule of inactivity: see clock. 0 = since the books began.
	clockFrom, notBefore kopilka.Day

	terms versionTerms
}

// versionsMax is what the 16 bits of an account can tell apart.
const versionsMax = 1<<16 - 1

// Seq is the position of the last command applied.
func (s *State) Seq() kopilka.Seq { return s.seq }

// Now is the log's time: that of the last entry applied.
func (s *State) Now() kopilka.Time { return s.now }

// Day is the business day that the books are at.
func (s *State) Day() kopilka.Day { return s.day }

// Members is the number of members ever enrolled; their numbers are below it.
func (s *State) Members() int { return s.accounts.Len() }

// IDs turns member numbers into outward ids and back.
func (s *State) IDs() kopilka.MemberIDs { return s.ids }

// Codes turns members into the short-lived codes of the app and back.
func (s *State) Codes() kopilka.Codes { return kopilka.NewCodes(s.secret) }

// Index is who is in which segment.
func (s *State) Index() *index.Index { return s.index }

// Sold tells whether a receipt was taken: from the first one on, currency, minor
// units and time zone are fixed.
func (s *State) Sold() bool { return s.sold }

// Program is the rules in force; nil before the first.
func (s *State) Program() *program.Program {
	if len(s.versions) == 0 {
		return nil
	}
	return s.versions[len(s.versions)-1].Program
}

// Version is the number of the program in force, counted from 1.
func (s *State) Version() int { return len(s.versions) }

// Versions are all programs that were ever in force, the oldest first. The
// slice is only ever appended to.
func (s *State) Versions() []Version { return s.versions }

// versionAt is the number of the program that was in force at t; what happened
// before the first program falls under the first.
func (s *State) versionAt(t kopilka.Time) int {
	for v := len(s.versions); v > 1; v-- {
		if s.versions[v-1].Time <= t {
			return v
		}
	}
	return 1
}

// ByCard finds a member by any of his cards, blocked ones included: see CardState.
func (s *State) ByCard(number string) (kopilka.MemberNo, bool) {
	owner, _, ok := s.findCard(number)
	if !ok {
		return kopilka.NoMember, false
	}
	return s.resolve(owner), true
}

// ByPhone finds a member by the keyed fingerprint of a phone.
func (s *State) ByPhone(tag uint64) (kopilka.MemberNo, bool) {
	owner, ok := s.phoneOf(tag)
	if !ok {
		return kopilka.NoMember, false
	}
	return s.resolve(owner), true
}

// phoneOf finds the number, of a member or of a part of one, that has a phone.
func (s *State) phoneOf(tag uint64) (kopilka.MemberNo, bool) {
	for p := s.byPhone.probe(uint32(tag >> 32)); p.next(); {
		if *s.phones.At(int(p.member)) == tag {
			return p.member, true
		}
	}
	return kopilka.NoMember, false
}

// Member is what the books say of one member on their day.
type Member struct {
	No         kopilka.MemberNo
	Card       string
	Registered kopilka.Day
	State      kopilka.MemberState
	Blocked    bool
	Erased     bool  // the person was forgotten: the row is nobody's
	Tier       uint8 // index into the tiers of the program in force
	TierMetric int64 // spend or receipts in the window of the tier policy

	Balance, Pending, Held, Debt kopilka.Points

	// Holds that have not lapsed, the oldest first, and certificates whose days are
	// not over, soonest to end first, also those with nothing left.
	Holds        []HeldFor
	Certificates []Certificate

	Lots       []kopilka.Lot // soonest to expire first; Activates 0 = can be spent now
	Expired    []kopilka.Lot // run out, and not yet in the ledger
	NextExpiry kopilka.Lot
	LastDay    kopilka.Day // on which inactivity takes what is there; DayNever where it does not

	LastEntry kopilka.Seq
	ProfileAt kopilka.Seq
	KeySlot   uint32
	PhoneTag  uint64
	Referrer  kopilka.MemberNo
}

// Member reads the row of the member that a number below Members leads to, as it
// stands at an instant: a hold that lapses by then has lapsed.
func (s *State) Member(m kopilka.MemberNo, at kopilka.Time) Member { return s.Row(s.resolve(m), at) }

// Row reads the row of a number by itself, also of one that is part of another
// member.
func (s *State) Row(m kopilka.MemberNo, at kopilka.Time) Member {
	at = max(at, s.now)
	a := s.accounts.At(int(m))
	v := Member{
		No: m, Card: s.Card(m), Registered: s.registered(m),
		State: a.state(), Blocked: a.blocked(), Erased: a.erased(), Tier: s.tier(m, a),
		Debt: s.debts[m], LastEntry: a.lastEntry(), ProfileAt: a.profileAt(),
		KeySlot: *s.keySlots.At(int(m)), PhoneTag: *s.phones.At(int(m)),
		Referrer: kopilka.MemberNo(a.referrer) - 1,
	}
	v.TierMetric = s.tierMetric(m, s.Program())
	v.Holds, v.Certificates = s.holdsOf(m, a, at), s.certificatesOf(m, a)
	whole := s.inactive(a)
	for w := s.walk(m, a, at, draw{}); w.next(); {
		o := w.lot
		if whole.gone || o.Expires < s.day {
			o.Expires = whole.ends(o.Expires)
			v.Expired = append(v.Expired, o)
			continue
		}
		if o.Activates > s.day {
			v.Pending += o.Points
		} else {
			o.Activates = 0
			v.Balance += o.Points
		}
		v.Lots = appendLike(v.Lots, o)
	}
	v.Held = s.heldLots(m, a, at, &v.Lots)
	v.NextExpiry, v.LastDay = s.nextExpiry(m, a, at), s.lastDay(a)
	return v
}

// appendLike appends a lot, or adds it to the last where nothing tells them apart:
// what has become spendable since the lots were settled is one with its like.
func appendLike(lots []kopilka.Lot, o kopilka.Lot) []kopilka.Lot {
	if n := len(lots); n > 0 && lots[n-1].Activates == o.Activates && lots[n-1].Expires == o.Expires {
		lots[n-1].Points += o.Points
		return lots
	}
	return append(lots, o)
}

// Profile is where the sealed profile of a number lies in the log, be it part of
// another member or not; false when nothing is sealed for it, or no longer.
func (s *State) Profile(m kopilka.MemberNo) (at kopilka.Seq, sealed bool) {
	a := s.accounts.At(int(m))
	return a.profileAt(), *s.keySlots.At(int(m)) != 0 && !a.erased()
}

// PhoneTag is the phone that leads to a number itself, be it part of another member
// or not; 0 = none.
func (s *State) PhoneTag(m kopilka.MemberNo) uint64 { return *s.phones.At(int(m)) }

// KeySlots is the greatest number of a sealing key that a member has.
func (s *State) KeySlots() (greatest uint32) {
	for m := range s.keySlots.Len() {
		greatest = max(greatest, *s.keySlots.At(m))
	}
	return greatest
}

// member panics where a number that the log has resolved is not in the books.
func (s *State) member(m kopilka.MemberNo) *account {
	if int64(m) >= int64(s.accounts.Len()) {
		panic(fmt.Sprintf("engine: position %d names member %d of %d", s.seq, m, s.accounts.Len()))
	}
	return s.accounts.Mut(int(m))
}
