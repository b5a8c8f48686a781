package api

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// mailed is a mailing whose commands a test puts into the log itself.
type mailed struct {
	s  *shop
	at kopilka.Seq
	n  int
}

// mailTo begins a mailing to an audience.
func mailTo(s *shop, id, audience string, channels ...kopilka.Channel) *mailed {
	s.t.Helper()
	x, p := s.server.audience(audience)
	if p != nil {
		s.t.Fatal(p)
	}
	m := &mailed{s: s}
	m.at = m.put(&kopilka.Mailing{Head: kopilka.Head{ID: id, Looked: s.queue.Seq()}, Audience: x.Seq, Channels: channels})
	return m
}

func (m *mailed) put(c kopilka.Command) kopilka.Seq {
	m.s.t.Helper()
	a, err := m.s.queue.Submit(c)
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		m.s.t.Fatalf("%+v: %v, %s", c, err, a.Outcome.Refusal)
	}
	return a.Seq
}

// head is the head of the next command.
func (m *mailed) head() kopilka.Head {
	m.n++
	return kopilka.Head{ID: fmt.Sprintf("mailed-%d-%d", m.at, m.n), Looked: m.s.queue.Seq()}
}

// handOut hands cards to a channel.
func (m *mailed) handOut(channel int, cards ...string) {
	m.s.t.Helper()
	c := &kopilka.Dispatch{Head: m.head(), Mailing: m.at, Channel: channel}
	for _, card := range cards {
		c.Members = append(c.Members, m.s.no(card))
	}
	slices.Sort(c.Members)
	m.put(c)
}

// hear is told what became of the messages to cards.
func (m *mailed) hear(channel int, delivered bool, cards ...string) {
	m.s.t.Helper()
	c := &kopilka.Deliver{Head: m.head(), Mailing: m.at, Channel: channel}
	for _, card := range cards {
		c.Results = append(c.Results, kopilka.Delivery{Member: m.s.no(card), Delivered: delivered})
	}
	m.put(c)
}

// Who was contacted is a matter of business days, and a person's numbers count together.
func TestQueryContacted(t *testing.T) {
	s := open(t)
	for _, card := range []string{"anna", "boris", "clara"} {
		s.enrol(card)
	}
	s.means("contacted")
	s.means("!contacted:7d", "anna", "boris", "clara")
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	m := mailTo(s, "spring", "all", kopilka.Channel{Name: "push", Timeout: 60}, kopilka.Channel{Name: "sms", Timeout: 60})
	s.means("contacted")
	m.handOut(0, "anna")
	s.means("contacted", "anna")
	s.means("contacted:1d", "anna")
	m.hear(0, false, "anna")
	s.means("contacted:1d", "anna")

	// The seventh day is today's sixth before.
	s.clock(testStart.Add(6 * 24 * time.Hour))
	m.handOut(0, "boris")
	s.means("contacted:1d", "boris")
	s.means("contacted:7d", "anna", "boris")
	s.means("contacted:6d", "boris")
	s.clock(testStart.Add(7 * 24 * time.Hour))
	s.means("contacted:7d", "boris")
	s.means("contacted & !contacted:7d", "anna")
	s.means("!contacted", "clara")

	// A later message is the last one, whatever mailing it is of.
	mailTo(s, "summer", "all", kopilka.Channel{Name: "push", Timeout: 60}).handOut(0, "anna")
	s.means("contacted:1d", "anna")

	// Anna becomes part of Clara, and is parted from her again.
	s.as("admin", "POST", "/v1/members/clara/merge", `{"id":"m","from":"anna","reason":"r","actor":"a"}`).is(201)
	s.means("contacted:1d", "clara")
	s.means("contacted", "boris", "clara")
	s.as("admin", "POST", "/v1/merges/m/undo", `{"id":"u","reason":"r","actor":"a"}`).is(201)
	s.means("contacted:1d", "anna")
	s.ask("contacted:2026-03-02").refused(codeMalformed, "/expr")

	// The founders' example.
	s.as("till", "PUT", "/v1/members/lena", `{"sex":"f","birth_date":"1990-03-02","store":"S12"}`).is(201)
	s.sell("lena", 600_000)
	of := ""
	s.queue.View(func(b *engine.State) {
		at, _ := b.Index().AsOf(b.Day()).Table().Standing(s.no("lena"))
		of = b.Program().RFM.Segments.Names[at.Segment].ID
	})
	s.means(of+" & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !contacted:7d", "lena")
	s.means("core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !contacted:7d")
	s.as("admin", "POST", "/v1/audiences", `{"id":"of-lena","expr":"store:S12"}`).is(201)
	mailTo(s, "autumn", "of-lena", kopilka.Channel{Name: "push", Timeout: 60}).handOut(0, "lena")
	s.means(of + " & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !contacted:7d")
}
