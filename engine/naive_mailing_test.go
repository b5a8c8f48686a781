package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// What the clerk does with mailings: a heap of slips, one for every message, gone
// through whenever somebody asks who is due.

// sending is a mailing on paper.
type sending struct {
	seq      kopilka.Seq
	to       *frozen
	command  kopilka.Mailing
	messages []*message
}

// message is a slip about one message to one number.
type message struct {
	no        kopilka.MemberNo
	channel   int
	at        kopilka.Time
	day       kopilka.Day
	delivered bool
	failed    bool
}

func (b *clerk) mailing(c *kopilka.Mailing, o *kopilka.Outcome) {
	x := b.audience(c.Audience)
	if x == nil {
		o.Refusal = kopilka.NotFound
		return
	}
	b.office.mailings = append(b.office.mailings, &sending{seq: b.seq, to: x, command: *c})
}

// sendingOf finds a mailing and one of its channels.
func (b *clerk) sendingOf(at kopilka.Seq, channel int) *sending {
	for _, m := range b.office.mailings {
		if m.seq == at && channel < len(m.command.Channels) {
			return m
		}
	}
	return nil
}

// due is on which channel a number is due; those who are on none are left out.
func (b *clerk) due(m *sending, at kopilka.Time) map[kopilka.MemberNo]int {
	due := map[kopilka.MemberNo]int{}
	if at < m.command.Starts || m.command.Ends != 0 && at >= m.command.Ends {
		return due
	}
	lowest, numbers := b.persons(m.to)
	for _, no := range lowest {
		who, on, wait := b.resolve(no), 0, false
		for _, number := range numbers[who] {
			var last *message
			for _, x := range m.messages {
				if x.no == number {
					wait = wait || x.delivered
					last = x // a number's slips come in the order of channels
				}
			}
			if last != nil {
				minutes := kopilka.Time(m.command.Channels[last.channel].Timeout)
				sent := (last.at + 999) / 1000 * 1000
				wait = wait || !last.failed && at < sent+minutes*60_000
				on = max(on, last.channel+1)
			}
		}
		if !wait && !b.people[who].blocked && on < len(m.command.Channels) {
			due[no] = on
		}
	}
	return due
}

func (b *clerk) dispatch(c *kopilka.Dispatch, o *kopilka.Outcome) {
	m := b.sendingOf(c.Mailing, c.Channel)
	if m == nil {
		o.Refusal = kopilka.NotFound
		return
	}
	due := b.due(m, b.now)
	for i, no := range c.Members {
		if on, is := due[no]; !is || on != c.Channel || i > 0 && c.Members[i-1] >= no {
			o.Refusal = kopilka.Stale
			return
		}
	}
	for _, no := range c.Members {
		m.messages = append(m.messages, &message{no: no, channel: c.Channel, at: b.now, day: b.day})
	}
}

func (m *sending) message(no kopilka.MemberNo, channel int) *message {
	for _, x := range m.messages {
		if x.no == no && x.channel == channel {
			return x
		}
	}
	return nil
}

func (b *clerk) deliver(c *kopilka.Deliver, o *kopilka.Outcome) {
	m := b.sendingOf(c.Mailing, c.Channel)
	if m == nil {
		o.Refusal = kopilka.NotFound
		return
	}
	for _, r := range c.Results {
		if m.message(r.Member, c.Channel) == nil {
			o.Refusal = kopilka.NotFound
			return
		}
	}
	for _, r := range c.Results {
		x := m.message(r.Member, c.Channel)
		x.delivered = x.delivered || r.Delivered
		x.failed = !x.delivered
	}
}

// sameMailings compares who is due, now and later, what the channels count, and
// who was contacted when.
func (b *clerk) sameMailings(s *State) error {
	if len(s.mailings) != len(b.office.mailings) {
		return fmt.Errorf("%d mailings; want %d", len(s.mailings), len(b.office.mailings))
	}
	for _, want := range b.office.mailings {
		m, ok := s.Mailing(want.seq)
		x, known := s.Drawn(m.Audience)
		if !ok || !known || m.Audience != want.to.seq {
			return fmt.Errorf("no mailing of %d to audience %d", want.seq, want.to.seq)
		}
		for _, later := range [...]kopilka.Time{0, 60_000, 3_600_000} {
			due := b.due(want, b.now+later)
			for place, no := range s.Of(&x.Audience, 0) {
				on, is := due[no]
				if !is {
					on = -1
				}
				if got := s.DueOn(&m, &x, place, no, b.now+later); got != on {
					return fmt.Errorf("number %d of mailing %s is due on %d in %d ms; want %d", no, m.ID, got, later, on)
				}
			}
		}
		counts := make([][3]int64, len(m.Channels))
		for _, slip := range want.messages {
			counts[slip.channel][0]++
			if slip.delivered {
				counts[slip.channel][1]++
			}
			if slip.failed {
				counts[slip.channel][2]++
			}
		}
		for i, c := range m.Channels {
			if got := [3]int64{c.Dispatched, c.Delivered, c.Failed}; got != counts[i] {
				return fmt.Errorf("channel %d of mailing %s counts %d; want %d", i, m.ID, got, counts[i])
			}
		}
	}
	for m := range kopilka.MemberNo(len(b.people)) {
		if b.people[m].merged() || b.people[m].erased {
			continue // he is asked about under another number, or not at all
		}
		last := kopilka.Day(0)
		for _, sent := range b.office.mailings {
			for _, slip := range sent.messages {
				if b.resolve(slip.no) == m {
					last = max(last, slip.day)
				}
			}
		}
		if got := s.Contacted(m); got != last {
			return fmt.Errorf("member %d was contacted on %s; want %s", m, got, last)
		}
	}
	return nil
}
