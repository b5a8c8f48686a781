package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka"
)

// MailingsMax bounds the mailings that the books keep: each takes eight bytes for
// every member of its audience for ever.
const MailingsMax = 1000

// Mailing is a message to an audience over channels, one after the other.
type Mailing struct {
	Seq      kopilka.Seq
	ID       string
	Name     string
	Audience kopilka.Seq
	Channels []Channel
	Time     kopilka.Time // when it was made
	Starts   kopilka.Time
	Ends     kopilka.Time
	Consent  bool

	First int // of its rows in touches, one for every member of the audience
}

// Channel is a channel of a mailing with what became of its messages.
type Channel struct {
	Name    string
	Timeout int // minutes
	Cost    kopilka.Money

	Dispatched, Delivered, Failed int64
}

// touch is how far a mailing has come with one number of its audience.
type touch struct {
	at    uint32 // second of the log's time, rounded up, of the newest message
	marks uint16 // two bits a channel: see stage
	_     uint16
}

// stage is what became of the message to a member on one channel.
type stage uint16

const (
	unsent stage = iota
	failed
	sent // and nothing was heard of it
	delivered
)

func (t touch) stage(channel int) stage { return stage(t.marks >> (2 * channel) & 3) }

func (t *touch) set(channel int, m stage) {
	t.marks = t.marks&^(3<<(2*channel)) | uint16(m)<<(2*channel)
}

// delivered is the first channel that delivered; -1 = none.
func (t touch) delivered() int {
	for i := range kopilka.ChannelsMax {
		if t.stage(i) == delivered {
			return i
		}
	}
	return -1
}

// newest is the last channel on which the member was handed out; -1 = none.
func (t touch) newest() int {
	for i := kopilka.ChannelsMax - 1; i >= 0; i-- {
		if t.stage(i) != unsent {
			return i
		}
	}
	return -1
}

// due is the channel on which a message is due to a number at an instant; -1 = none:
// one was delivered, one may still be, or every channel had its turn.
func (m *Mailing) due(t touch, at kopilka.Time) int {
	if t.delivered() >= 0 {
		return -1
	}
	last := t.newest()
	if last >= 0 && t.stage(last) == sent && !m.late(t, last, at) {
		return -1
	}
	if last+1 == len(m.Channels) {
		return -1
	}
	return last + 1
}

// late tells whether the message on a channel, of which nothing was heard, is taken for
// lost at an instant: its time is over, or the next channel has had its turn.
func (m *Mailing) late(t touch, channel int, at kopilka.Time) bool {
	return t.newest() > channel || at >= (kopilka.Time(t.at)+60*kopilka.Time(m.Channels[channel].Timeout))*1000
}

// open tells whether somebody can be due at an instant.
func (m *Mailing) open(at kopilka.Time) bool {
	return m.Starts <= at && (m.Ends == 0 || at < m.Ends)
}

func seconds(t kopilka.Time) uint32 {
	return uint32(min((int64(t)+999)/1000, math.MaxUint32))
}

// mailing begins a mailing.
func (s *State) mailing(c *kopilka.Mailing, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	x, known := s.Audience(c.Audience)
	switch {
	case !known:
		refuse(out, kopilka.NotFound)
		return
	case len(s.mailings) >= MailingsMax:
		refuse(out, kopilka.ListFull)
		return
	case len(c.Channels) == 0 || len(c.Channels) > kopilka.ChannelsMax:
		panic(fmt.Sprintf("engine: position %d: a mailing over %d channels", s.seq, len(c.Channels)))
	}
	m := Mailing{Seq: s.seq, ID: clone(c.ID), Name: clone(c.Name), Audience: c.Audience, Time: s.now,
		Starts: c.Starts, Ends: c.Ends, Consent: c.Consent, First: s.touches.Len()}
	for i := range c.Channels {
		m.Channels = append(m.Channels, Channel{Name: clone(c.Channels[i].Name), Timeout: c.Channels[i].Timeout, Cost: c.Channels[i].Cost})
	}
	s.mailings = append(s.mailings, m)
	s.touches.Grow(m.First + x.Members)
}

func (s *State) mailingAt(at kopilka.Seq) (int, bool) {
	return slices.BinarySearchFunc(s.mailings, at, func(m Mailing, at kopilka.Seq) int { return cmp.Compare(m.Seq, at) })
}

// Mailing is the mailing that was made at a position.
func (s *State) Mailing(at kopilka.Seq) (m Mailing, ok bool) {
	i, ok := s.mailingAt(at)
	if !ok {
		return m, false
	}
	m = s.mailings[i]
	m.Channels = slices.Clone(m.Channels)
	return m, true
}

// Mailings are all mailings, the oldest first.
func (s *State) Mailings() []Mailing {
	all := slices.Clone(s.mailings)
	for i := range all {
		all[i].Channels = slices.Clone(all[i].Channels)
	}
	return all
}

// DueOn is the channel on which the member whom a number of the mailing's audience
// stands for is due at an instant, -1 = on none. Who is blocked is not contacted. Where
// more numbers of the audience are one person by now, he is due when each of them
// is, on the first channel that none of them was handed out on or before.
func (s *State) DueOn(m *Mailing, x *Drawn, place int, no kopilka.MemberNo, at kopilka.Time) int {
	if !m.open(at) {
		return -1
	}
	on := m.due(*s.touches.At(m.First + place), at)
	if on < 0 {
		return -1
	}
	who, ok := s.Stands(x, no)
	if !ok || s.accounts.At(int(who)).blocked() {
		return -1
	}
	if !s.accounts.At(int(who)).hasClaims() {
		return on // nobody is part of him
	}
	for _, part := range s.Parts(who) {
		place, in := s.Place(&x.Audience, part)
		if !in {
			continue
		}
		also := m.due(*s.touches.At(m.First + place), at)
		if also < 0 {
			return -1
		}
		on = max(on, also)
	}
	return on
}

// dispatch hands members out.
func (s *State) dispatch(c *kopilka.Dispatch, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	at, known := s.mailingAt(c.Mailing)
	if !known || uint(c.Channel) >= uint(len(s.mailings[at].Channels)) {
		refuse(out, kopilka.NotFound)
		return
	}
	m := &s.mailings[at]
	x, _ := s.Drawn(m.Audience)
	for i, no := range c.Members {
		place, in := s.Place(&x.Audience, no)
		if !in || i > 0 && no <= c.Members[i-1] || s.DueOn(m, &x, place, no, s.now) != c.Channel {
			refuse(out, kopilka.Stale)
			return
		}
	}
	if len(c.Members) > 0 {
		s.contacts.Grow(s.accounts.Len())
	}
	for _, no := range c.Members {
		place, _ := s.Place(&x.Audience, no)
		t := s.touches.Mut(m.First + place)
		t.set(c.Channel, sent)
		t.at = seconds(s.now)
		*s.contacts.Mut(int(no)) = s.day
	}
	m.Channels[c.Channel].Dispatched += int64(len(c.Members))
}

// deliver notes what was heard of messages. What was delivered stays so, whenever
// that is heard, and stops the cascade; a failure that is heard of twice is one.
func (s *State) deliver(c *kopilka.Deliver, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	at, known := s.mailingAt(c.Mailing)
	if !known || uint(c.Channel) >= uint(len(s.mailings[at].Channels)) {
		refuse(out, kopilka.NotFound)
		return
	}
	m := &s.mailings[at]
	for i := range c.Results {
		if !s.Handed(m, c.Results[i].Member, c.Channel) {
			refuse(out, kopilka.NotFound)
			return
		}
	}
	x, _ := s.Audience(m.Audience)
	ch := &m.Channels[c.Channel]
	for i := range c.Results {
		place, _ := s.Place(&x, c.Results[i].Member)
		t := s.touches.Mut(m.First + place)
		switch was := t.stage(c.Channel); {
		case c.Results[i].Delivered && was != delivered:
			t.set(c.Channel, delivered)
			ch.Delivered++
			if was == failed {
				ch.Failed--
			}
		case !c.Results[i].Delivered && was == sent:
			t.set(c.Channel, failed)
			ch.Failed++
		}
	}
}

// Handed tells whether a number was handed out on a channel of a mailing.
func (s *State) Handed(m *Mailing, no kopilka.MemberNo, channel int) bool {
	x, _ := s.Audience(m.Audience)
	place, in := s.Place(&x, no)
	return in && s.touches.At(m.First+place).stage(channel) != unsent
}

// Heard is what a mailing has come to with one number: the first channel that
// delivered, and the one of whose message nothing was heard in time; -1 = none.
func (s *State) Heard(m *Mailing, place int, at kopilka.Time) (deliveredOn int, timedOut func(channel int) bool) {
	t := *s.touches.At(m.First + place)
	return t.delivered(), func(channel int) bool { return t.stage(channel) == sent && m.late(t, channel, at) }
}

// Message is what became of the message to one number on a channel of a mailing. Where
// nothing was heard in time it is taken for lost.
type Message struct {
	Channel                     int
	Delivered, Failed, TimedOut bool
}

// Messages are those of a mailing to a number of its audience, in the order of channels.
func (s *State) Messages(m *Mailing, no kopilka.MemberNo, at kopilka.Time) (all []Message) {
	x, _ := s.Audience(m.Audience)
	place, in := s.Place(&x, no)
	if !in {
		return nil
	}
	t := *s.touches.At(m.First + place)
	for ch := range m.Channels {
		if is := t.stage(ch); is != unsent {
			all = append(all, Message{ch, is == delivered, is == failed, is == sent && m.late(t, ch, at)})
		}
	}
	return all
}

// Contacted is the last day on which a member, or somebody who is part of him, was
// handed out to a channel; 0 = never.
func (s *State) Contacted(m kopilka.MemberNo) kopilka.Day {
	last := kopilka.Day(0)
	if s.contacts.Len() == 0 {
		return last
	}
	note := func(no kopilka.MemberNo) {
		if int(no) < s.contacts.Len() {
			last = max(last, *s.contacts.At(int(no)))
		}
	}
	note(m)
	if s.accounts.At(int(m)).hasClaims() {
		for _, part := range s.Parts(m) {
			note(part)
		}
	}
	return last
}

// checkMailings proves that what the channels count is what their members show.
func (s *State) checkMailings() error {
	first := 0
	for i := range s.mailings {
		m := &s.mailings[i]
		x, ok := s.Audience(m.Audience)
		if !ok || m.First != first {
			return fmt.Errorf("mailing %s is to audience %d, %t, and has its rows from %d; those before end at %d", m.ID, m.Audience, ok, m.First, first)
		}
		first += x.Members
		var counted [kopilka.ChannelsMax][4]int64
		for place, no := range s.Of(&x, 0) {
			t := *s.touches.At(m.First + place)
			for ch := range counted {
				counted[ch][t.stage(ch)]++
			}
			if t.marks != 0 && *s.contacts.At(int(no)) == 0 {
				return fmt.Errorf("mailing %s has handed out member %d, who was never contacted", m.ID, no)
			}
		}
		for ch := range counted {
			n := &counted[ch]
			var want Channel
			if ch < len(m.Channels) {
				want = m.Channels[ch]
			}
			if n[sent]+n[failed]+n[delivered] != want.Dispatched || n[failed] != want.Failed || n[delivered] != want.Delivered {
				return fmt.Errorf("channel %d of mailing %s has marks of %d and counts %+v", ch, m.ID, *n, want)
			}
		}
	}
	if s.touches.Len() != first {
		return fmt.Errorf("%d rows of mailings, and the last ends at %d", s.touches.Len(), first)
	}
	return nil
}
