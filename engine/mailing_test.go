package engine

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
)

const minute = kopilka.Time(60_000)

// post is a mailing in a shop, to all who are in it.
type post struct {
	*shop
	at kopilka.Seq
}

// mail freezes everybody and begins a mailing over push, 10 minutes, then mail, 60
// minutes, then sms.
func (s *shop) mail(control kopilka.BP, more ...func(*kopilka.Mailing)) post {
	s.t.Helper()
	audience := s.freezeAll(fmt.Sprint("audience-", s.n), control, func(kopilka.MemberNo) bool { return true })
	c := &kopilka.Mailing{Audience: audience, Name: "boots", Channels: []kopilka.Channel{
		{Name: "push", Timeout: 10}, {Name: "mail", Timeout: 60, Cost: 5}, {Name: "sms", Timeout: 30, Cost: 350}}}
	for _, f := range more {
		f(c)
	}
	s.do(c)
	return post{s, s.Seq()}
}

// due lists who is due on a channel at an instant.
func (p post) due(channel int, at kopilka.Time) (who []kopilka.MemberNo) {
	m, _ := p.Mailing(p.at)
	x, _ := p.Drawn(m.Audience)
	for place, no := range p.Of(&x.Audience, 0) {
		if p.DueOn(&m, &x, place, no, at) == channel {
			who = append(who, no)
		}
	}
	return who
}

func (p post) dueIs(channel int, at kopilka.Time, want ...kopilka.MemberNo) {
	p.t.Helper()
	if got := p.due(channel, at); !slices.Equal(got, want) {
		p.t.Fatalf("due on channel %d are %d; want %d", channel, got, want)
	}
}

// hand hands out members at the next whole second, and gives that instant.
func (p post) hand(channel int, who ...kopilka.MemberNo) kopilka.Time {
	p.t.Helper()
	p.shop.now = (p.shop.now+1000)/1000*1000 - 1 // try adds one
	p.do(&kopilka.Dispatch{Mailing: p.at, Channel: channel, Members: who})
	return p.shop.now
}

// hear tells that messages were delivered, or failed.
func (p post) hear(channel int, delivered bool, who ...kopilka.MemberNo) {
	p.t.Helper()
	p.do(p.heard(channel, delivered, who...))
}

func (p post) heard(channel int, delivered bool, who ...kopilka.MemberNo) *kopilka.Deliver {
	c := &kopilka.Deliver{Mailing: p.at, Channel: channel}
	for _, no := range who {
		c.Results = append(c.Results, kopilka.Delivery{Member: no, Delivered: delivered})
	}
	return c
}

func (p post) counts(channel int, dispatched, delivered, failed int64) {
	p.t.Helper()
	m, _ := p.Mailing(p.at)
	if c := m.Channels[channel]; c.Dispatched != dispatched || c.Delivered != delivered || c.Failed != failed {
		p.t.Fatalf("channel %d counts %+v; want %d, %d, %d", channel, c, dispatched, delivered, failed)
	}
	if err := p.Check(); err != nil {
		p.t.Fatal(err)
	}
}

// no expects a refusal that changes nothing.
func (p post) no(c kopilka.Command, want kopilka.Refusal) {
	p.t.Helper()
	before := p.Hash()
	if out := p.try(c); out.Refusal != want {
		p.t.Fatalf("%s %+v: %s; want %s", c.Kind(), c, out.Refusal, want)
	}
	m, _ := p.Mailing(p.at)
	if err := p.Check(); err != nil || p.Hash() != before {
		p.t.Fatalf("a refused %s left %+v, %v", c.Kind(), m, err)
	}
}

// One channel after the other: by a failure at once, by silence when its time is over
// and not a millisecond before, and never again after a delivery, however late.
func TestCascade(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	for _, name := range []string{"anna", "boris", "vera", "dora"} {
		s.enrol(name)
	}
	p := s.mail(0)
	p.dueIs(0, s.now, 0, 1, 2, 3)
	at := p.hand(0, 0, 1, 2)
	p.dueIs(0, s.now, 3)
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: []kopilka.MemberNo{0}}, kopilka.Stale)
	p.hear(0, true, 0)
	p.hear(0, false, 1)
	p.hear(0, false, 1) // heard of twice, failed once
	p.counts(0, 3, 1, 1)
	p.dueIs(1, s.now, 1)
	p.dueIs(1, at+10*minute-1, 1)
	p.dueIs(1, at+10*minute, 1, 2)
	p.no(&kopilka.Dispatch{Mailing: p.at, Channel: 1, Members: []kopilka.MemberNo{2}}, kopilka.Stale)

	s.now = at + 10*minute
	if _, late := timedOut(p, 2, s.now-1); late {
		t.Fatal("timed out too early")
	}
	if _, late := timedOut(p, 2, s.now); !late {
		t.Fatal("not timed out")
	}
	at = p.hand(1, 1, 2)
	p.hear(0, true, 2) // the push has arrived after all
	p.dueIs(2, at+60*minute, 1)
	p.counts(0, 3, 2, 1)
	p.hear(0, false, 2) // and what was delivered has not failed
	p.counts(0, 3, 2, 1)
	p.hear(1, false, 1)
	p.hear(1, true, 1) // the gateway thought better of it
	p.counts(1, 2, 1, 0)
	p.dueIs(2, at+60*minute)

	p.hand(0, 3)
	p.hear(0, false, 3)
	p.hand(1, 3)
	p.hear(1, false, 3)
	p.hand(2, 3)
	for channel := range 4 { // every channel has had its turn
		p.dueIs(channel, s.now+1000*minute)
	}
	if on, _ := timedOut(p, 0, s.now); on != 0 {
		t.Fatalf("delivered on %d", on)
	}
	for _, m := range []kopilka.MemberNo{0, 1, 2, 3} {
		if s.Contacted(m) != s.Day() {
			t.Fatalf("%d was contacted on %s", m, s.Contacted(m))
		}
	}
}

// timedOut is Heard of the first channel.
func timedOut(p post, place int, at kopilka.Time) (on int, late bool) {
	m, _ := p.Mailing(p.at)
	on, of := p.Heard(&m, place, at)
	return on, of(0)
}

// A second that is begun counts as whole: silence is never cut short.
func TestTimeOutRoundsUp(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	s.enrol("anna")
	p := s.mail(0)
	s.now = s.now/1000*1000 + 1000
	p.do(&kopilka.Dispatch{Mailing: p.at, Members: []kopilka.MemberNo{0}}) // a millisecond past
	p.dueIs(1, s.now+10*minute)
	p.dueIs(1, s.now+10*minute+998)
	p.dueIs(1, s.now+10*minute+999, 0)
}

// Who is blocked, forgotten, held out or one with somebody held out gets nothing;
// persons of two numbers get one message, and two again once they are parted.
func TestMailingPersons(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	for i := range 40 {
		s.enrol(fmt.Sprint("m", i))
	}
	p := s.mail(5000)
	m, _ := s.Mailing(p.at)
	x, _ := s.Drawn(m.Audience)
	var free, held []kopilka.MemberNo
	for _, no := range s.Of(&x.Audience, 0) {
		if x.Held(no) {
			held = append(held, no)
		} else {
			free = append(free, no)
		}
	}
	p.dueIs(0, s.now, free...)
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: held[:1]}, kopilka.Stale)

	s.do(&kopilka.PutMember{Card: fmt.Sprint("m", free[0]), Registered: s.Day(), Referrer: kopilka.NoMember, Blocked: true, Base: s.Member(free[0], s.now).ProfileAt})
	s.do(&kopilka.Erase{Member: free[1], Reason: "r", Actor: "a"})
	s.do(&kopilka.Merge{From: held[0], Into: free[2], Reason: "r", Actor: "a"})
	p.dueIs(0, s.now, free[3:]...)

	// Two numbers of one person: the lower one stands for him.
	merge := &kopilka.Merge{From: free[3], Into: free[9], Reason: "r", Actor: "a"}
	s.do(merge)
	both := s.Seq()
	p.dueIs(0, s.now, slices.Delete(slices.Clone(free[3:]), 6, 7)...)
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: free[9:10]}, kopilka.Stale)
	p.hand(0, free[3])
	p.hear(0, false, free[3])
	p.dueIs(1, s.now, free[3])
	if s.Contacted(free[9]) != s.Day() {
		t.Fatal("he was contacted under his other number")
	}
	s.do(&kopilka.Unmerge{From: free[3], Into: free[9], MergeSeq: both, Last: s.Row(free[9], s.Now()).LastEntry, Reason: "r", Actor: "a"})
	p.dueIs(1, s.now, free[3])
	p.dueIs(0, s.now, slices.Concat(free[4:])...)
	if s.Contacted(free[9]) != 0 {
		t.Fatal("he was never contacted")
	}

	// Whoever was reached under one number is reached when the two become one.
	p.hand(0, free[4], free[5])
	p.hear(0, true, free[5])
	p.hear(0, false, free[4])
	s.do(&kopilka.Merge{From: free[5], Into: free[4], Reason: "r", Actor: "a"})
	p.dueIs(1, s.now+1000*minute, free[3])
	// And who waits under one waits, the other being further or not.
	at := p.hand(0, free[6])
	s.do(&kopilka.Merge{From: free[6], Into: free[3], Reason: "r", Actor: "a"})
	p.dueIs(1, at+10*minute-1)
	p.dueIs(1, at+10*minute, free[3])
	// The higher number may be further than the one that stands for both.
	p.hand(0, free[8])
	p.hear(0, false, free[8])
	s.do(&kopilka.Merge{From: free[8], Into: free[7], Reason: "r", Actor: "a"})
	p.dueIs(1, s.now, free[7])
	if slices.Contains(p.due(0, s.now), free[7]) {
		t.Fatal("the person has had this channel")
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}

// Nobody is due before a mailing starts or when it has ended; what is heard later
// still counts.
func TestMailingBounds(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	s.enrol("anna")
	s.enrol("boris")
	starts := s.now/1000*1000 + 100_000
	ends := starts + 20*minute
	p := s.mail(0, func(c *kopilka.Mailing) { c.Starts, c.Ends = starts, ends })
	p.dueIs(0, starts-1)
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: []kopilka.MemberNo{0}}, kopilka.Stale)
	p.dueIs(0, starts, 0, 1)
	s.now = starts
	p.hand(0, 0)
	p.dueIs(1, ends-1, 0)
	p.dueIs(1, ends)
	s.now = ends
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: []kopilka.MemberNo{1}}, kopilka.Stale)
	p.hear(0, true, 0)
	p.counts(0, 1, 1, 0)

	p.no(&kopilka.Dispatch{Mailing: p.at + 1}, kopilka.NotFound)
	p.no(&kopilka.Dispatch{Mailing: p.at, Channel: 3}, kopilka.NotFound)
	p.no(&kopilka.Dispatch{Mailing: p.at, Channel: -1}, kopilka.NotFound)
	p.no(&kopilka.Deliver{Mailing: p.at, Channel: 3}, kopilka.NotFound)
	p.no(p.heard(0, true, 0, 1), kopilka.NotFound) // the second was never handed out
	p.no(p.heard(1, true, 0), kopilka.NotFound)    // on another channel
	p.no(p.heard(0, true, 1000), kopilka.NotFound) // nobody
	p.no(&kopilka.Mailing{Audience: 1}, kopilka.NotFound)

	s.now = starts // the log's time does not go back
	p.no(&kopilka.Dispatch{Mailing: p.at, Members: []kopilka.MemberNo{1}}, kopilka.Stale)
	again := p.mail(0)
	again.no(&kopilka.Dispatch{Mailing: again.at, Members: []kopilka.MemberNo{1, 0}}, kopilka.Stale)
	again.no(&kopilka.Dispatch{Mailing: again.at, Members: []kopilka.MemberNo{0, 0}}, kopilka.Stale)
	c := &kopilka.Dispatch{Head: kopilka.Head{ID: "d"}, Mailing: again.at, Members: []kopilka.MemberNo{0, 1}}
	s.do(c)
	again.no(c, kopilka.Replayed)
	m, _ := s.Mailing(p.at)
	for range MailingsMax - 2 {
		s.do(&kopilka.Mailing{Audience: m.Audience, Channels: []kopilka.Channel{{Name: "push", Timeout: 1, Cost: 1}}})
	}
	p.no(&kopilka.Mailing{Audience: m.Audience, Channels: []kopilka.Channel{{Name: "push", Timeout: 1, Cost: 1}}}, kopilka.ListFull)
}

// The books that are read back in the middle of a mailing go on as those that were
// written.
func TestMailingRestored(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	for i := range 100 {
		s.enrol(fmt.Sprint(i))
	}
	p := s.mail(2000)
	first := p.due(0, s.now)
	at := p.hand(0, first[:50]...)
	p.hear(0, true, first[:10]...)
	p.hear(0, false, first[10:20]...)
	before := s.Hash()
	var b bytes.Buffer
	picture := s.Picture(new(sync.Mutex))
	if _, err := picture.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	picture.Close()
	s.State = New()
	if err := s.Restore(&b); err != nil || s.Hash() != before {
		t.Fatal("the books read back are others", err)
	}
	p.counts(0, 50, 10, 10)
	p.dueIs(0, s.now, first[50:]...)
	p.dueIs(1, s.now, first[10:20]...)
	p.dueIs(1, at+10*minute, first[10:50]...)
	p.hand(1, first[10:20]...)
	p.counts(1, 10, 0, 0)
}
