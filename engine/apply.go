package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// Apply does the next command of the log at the log's time and fills out with
// what was decided. A refused command changes nothing but the position.
func (s *State) Apply(at kopilka.Time, c kopilka.Command, out *kopilka.Outcome) {
	s.seq++
	s.now = max(s.now, at)
	if s.scheduled.due(s) {
		s.takeEffect()
	}
	out.Reset()
	out.Time = s.now
	out.Program = len(s.versions)
	s.late = s.late[:0]

	switch c := c.(type) {
	case *kopilka.Receipt:
		s.receipt(c, out)
	case *kopilka.Redemption:
		s.redemption(c, out)
	case *kopilka.Grant:
		s.grant(c, out)
	case *kopilka.Adjustment:
		s.adjustment(c, out)
	case *kopilka.Return:
		s.giveBack(c, out)
	case *kopilka.Hold:
		s.hold(c, out)
	case *kopilka.Capture:
		s.capture(c, out)
	case *kopilka.Void:
		s.void(c, out)
	case *kopilka.Issue:
		s.issue(c, out)
	case *kopilka.Emit:
		s.emit(c, out)
	case *kopilka.PutMember:
		s.putMember(c, out)
	case *kopilka.PutCard:
		s.putCard(c, out)
	case *kopilka.Merge:
		s.merge(c, out)
	case *kopilka.Unmerge:
		s.unmerge(c, out)
	case *kopilka.Erase:
		s.erase(c, out)
	case *kopilka.Tick:
		s.tick(c)
	case *kopilka.SetProgram:
		s.setProgram(c, out)
	case *kopilka.CreateKey:
		s.createKey(c, out)
	case *kopilka.RevokeKey:
		s.revokeKey(c, out)
	case *kopilka.Refresh:
		s.refresh(c, out)
	case *kopilka.Rating:
		s.rating(c, out)
	case *kopilka.Note:
		s.keepNote(c, out)
	case *kopilka.Drift:
		s.drift(c, out)
	case *kopilka.Gather:
		s.gather(c, out)
	case *kopilka.Audience:
		s.freeze(c, out)
	case *kopilka.AudienceGrant:
		s.grantAudience(c, out)
	case *kopilka.Mailing:
		s.mailing(c, out)
	case *kopilka.Dispatch:
		s.dispatch(c, out)
	case *kopilka.Deliver:
		s.deliver(c, out)
	case *kopilka.Genesis:
		s.genesis(c)
	default:
		panic(fmt.Sprintf("engine: position %d: command of kind %s", s.seq, c.Kind()))
	}
	if out.Refusal == kopilka.Accepted {
		s.announce(c, out)
		s.remember(c)
		s.recent.turn(s.seq)
	}
}

// spent tells whether the command's id is spent, or not known to be free.
func (s *State) spent(h *kopilka.Head, out *kopilka.Outcome) bool {
	if h.ID == "" {
		return false
	}
	if h.Looked < s.recent.base {
		return refuse(out, kopilka.Stale)
	}
	if out.Prior = s.recent.find(kopilka.FingerprintID(h.ID)); out.Prior != 0 {
		return refuse(out, kopilka.Replayed)
	}
	return false
}

// remember makes what a command that succeeded is known by spent.
func (s *State) remember(c kopilka.Command) {
	s.keysOf = kopilka.AppendFingerprints(s.keysOf[:0], c)
	for _, key := range s.keysOf {
		s.recent.add(key, s.seq)
	}
}

// refuse says no; it is true so that a check can be returned with it.
func refuse(out *kopilka.Outcome, r kopilka.Refusal) bool {
	out.Refusal = r
	return true
}

// enter makes the command the newest entry in the member's ledger, and puts
// into the outcome how the books stand with the member after it.
func (s *State) enter(m kopilka.MemberNo, a *account, out *kopilka.Outcome) {
	out.Prev = a.lastEntry()
	a.setEntry(s.seq)
	s.answer(m, a, out)
}

// answer puts into the outcome how the books stand with the member. What a command did
// to a profile or a card is no entry in the ledger, but its answer has the balance.
func (s *State) answer(m kopilka.MemberNo, a *account, out *kopilka.Outcome) {
	out.Member = m
	out.Balance, out.Pending, out.Held = s.available(m, a, s.now)
	out.Debt = s.debts[m]
	out.Tier = s.tier(m, a)
	out.Segment = s.index.Segment(m)
	out.NextExpiry = s.nextExpiry(m, a, s.now)
}

// genesis makes the books.
func (s *State) genesis(c *kopilka.Genesis) {
	if s.seq != 1 {
		panic(fmt.Sprintf("engine: a second genesis at position %d", s.seq))
	}
	s.secret = c.Secret
	s.ids = kopilka.NewMemberIDs(c.Secret)
	s.day = c.Day
	s.index.Start(c.Day)
}

// refresh sets the frozen boundaries of segments anew.
func (s *State) refresh(c *kopilka.Refresh, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	s.index.Refresh()
}

// Key is an API key as the books know it: not the key, but its hash.
type Key struct {
	ID      string
	Hash    [32]byte // SHA-256 of the whole key
	Role    kopilka.Role
	Store   string
	Note    string
	Created kopilka.Time
	Revoked bool
}

// Key finds an API key by its id.
func (s *State) Key(id string) (Key, bool) {
	for i := range s.keys {
		if s.keys[i].ID == id {
			return s.keys[i], true
		}
	}
	return Key{}, false
}

// Keys are all API keys in order of creation, revoked ones included.
func (s *State) Keys() []Key { return append([]Key(nil), s.keys...) }

func (s *State) createKey(c *kopilka.CreateKey, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if _, taken := s.Key(c.KeyID); taken {
		refuse(out, kopilka.KeyTaken)
		return
	}
	s.keys = append(s.keys, Key{ID: clone(c.KeyID), Hash: c.Hash, Role: c.Role,
		Store: clone(c.Store), Note: clone(c.Note), Created: s.now})
}

func (s *State) revokeKey(c *kopilka.RevokeKey, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	for i := range s.keys {
		if s.keys[i].ID == c.KeyID {
			s.keys[i].Revoked = true
			return
		}
	}
	refuse(out, kopilka.NotFound)
}

// clone copies a string out of the log's bytes.
func clone(s string) string { return string(append([]byte(nil), s...)) }
