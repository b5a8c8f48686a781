package api

import (
	"fmt"
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

const (
	// dispatchMax bounds the members of a dispatch, and the results of a delivery.
	dispatchMax = 1000
	// timeoutMax bounds how long a channel is waited for, in minutes: 30 days.
	timeoutMax = 30 * 24 * 60
	// messageCostMax bounds the cost of one message, in minor units.
	messageCostMax = 1_000_000
)

var (
	mailingFields  = []string{"id", "audience", "name", "channels", "starts_at", "ends_at", "requires_consent"}
	channelFields  = []string{"channel", "timeout_minutes", "cost"}
	dispatchFields = []string{"id", "channel", "limit"}
	deliverFields  = []string{"id", "channel", "results"}
	resultFields   = []string{"member_id", "status"}
)

// postMailing begins a mailing to an audience.
func (s *Server) postMailing(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Mailing{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	audience := ""
	r := &c.in
	r.start(c.body())
	for f := r.object(mailingFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "audience":
			audience = r.id()
		case "name":
			cmd.Name = r.short()
		case "channels":
			r.array(kopilka.ChannelsMax, func() { cmd.Channels = append(cmd.Channels, r.channel(cmd.Channels)) })
		case "starts_at":
			cmd.Starts = r.time()
		case "ends_at":
			cmd.Ends = r.time()
		case "requires_consent":
			cmd.Consent = r.boolean()
		}
	}
	switch {
	case audience == "":
		r.failAt("/audience", "audience is missing: to whom?")
	case len(cmd.Channels) == 0:
		r.failAt("/channels", "a mailing needs a channel")
	case cmd.Ends != 0 && cmd.Ends <= cmd.Starts:
		r.failAt("/ends_at", "must be after starts_at")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Mailing(audience, cmd)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem {
		x, p := s.audience(audience)
		cmd.Audience = x.Seq
		return p
	}
	return c.carry(created)
}

// channel reads a channel, which is none of those before it.
func (r *reader) channel(before []kopilka.Channel) (x kopilka.Channel) {
	for f := r.object(channelFields); f.next(); {
		switch f.name {
		case "channel":
			x.Name = r.carrier()
			if slices.ContainsFunc(before, func(b kopilka.Channel) bool { return b.Name == x.Name }) {
				r.fail("the channel comes twice")
			}
		case "timeout_minutes":
			x.Timeout = int(r.integer(1, timeoutMax))
		case "cost":
			x.Cost = kopilka.Money(r.integer(0, messageCostMax))
		}
	}
	switch {
	case x.Name == "":
		r.fail("channel is missing")
	case x.Timeout == 0:
		r.fail("timeout_minutes is missing")
	}
	return x
}

var noMailing = problem{code: codeNotFound, detail: "no mailing has this id"}

// mailing finds a mailing by its id.
func (s *Server) mailing(id string) (m engine.Mailing, p *problem) {
	seq, p := s.madeBy(id)
	if p != nil {
		return m, p
	}
	ok := false
	s.queue.View(func(b *engine.State) { m, ok = b.Mailing(seq) })
	if !ok || m.ID != id {
		return m, &noMailing
	}
	return m, nil
}

// channelOf finds a channel of a mailing by its name.
func (s *Server) channelOf(id, name string) (m engine.Mailing, channel int, p *problem) {
	if m, p = s.mailing(id); p != nil {
		return m, 0, p
	}
	channel = slices.IndexFunc(m.Channels, func(x engine.Channel) bool { return x.Name == name })
	if channel < 0 {
		p = malformed("/channel", "the mailing has no such channel")
	}
	return m, channel, p
}

// dueOn tells on which channel of a mailing the member behind a number is due, -1 = on
// none. Consent lies in the profiles, which the books cannot open.
func (s *Server) dueOn(b *engine.State, m *engine.Mailing, x *engine.Drawn, place int, no kopilka.MemberNo, at kopilka.Time) int {
	on := b.DueOn(m, x, place, no, at)
	if on < 0 || !m.Consent {
		return on
	}
	var consent [1]int64
	s.facets.HasConsent(b.Resolve(no), consent[:])
	if consent[0] == 0 {
		return -1
	}
	return on
}

// postDispatch hands out members who are due on a channel, each for the only time.
// Dispatches of one mailing go one after the other.
func (s *Server) postDispatch(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Dispatch{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	name, limit := "", dispatchMax
	r := &c.in
	r.start(c.body())
	for f := r.object(dispatchFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "channel":
			name = r.carrier()
		case "limit":
			limit = int(r.integer(1, dispatchMax))
		}
	}
	if name == "" {
		r.failAt("/channel", "channel is missing")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Dispatch(c.param, name, limit)
	cmd.Content = o.print.Sum()
	o.about = c.param
	o.complete = func() *problem {
		m, channel, p := s.channelOf(c.param, name)
		if p != nil {
			return p
		}
		cmd.Mailing, cmd.Channel, cmd.Members = m.Seq, channel, cmd.Members[:0]
		var x engine.Drawn
		s.queue.View(func(b *engine.State) { x, _ = b.Drawn(m.Audience) })
		now := s.queue.Now()
		s.eachOf(&x.Audience, 0, func(b *engine.State, place int, no kopilka.MemberNo) bool {
			if s.dueOn(b, &m, &x, place, no, now) == channel {
				cmd.Members = append(cmd.Members, no)
			}
			return len(cmd.Members) < limit
		})
		return nil
	}
	done, p := c.decided()
	if p != nil {
		return p
	}
	first, ok := done.cmd.(*kopilka.Dispatch)
	if !ok {
		return s.failed(fmt.Errorf("the dispatch at %d is a %s", done.seq, done.cmd.Kind()))
	}
	if done.handed, p = s.recipients(first.Members); p != nil {
		return p
	}
	return c.done(&done, created)
}

// recipient is one to whom a message goes, as a gateway needs to know him.
type recipient struct {
	no      kopilka.MemberNo // as he stands in the audience
	card    string
	profile people.Profile
}

// recipients looks up who the numbers that were handed out are today. Of one who was
// forgotten since, only the number is left.
func (s *Server) recipients(numbers []kopilka.MemberNo) ([]recipient, *problem) {
	rows := make([]engine.Member, len(numbers))
	s.queue.View(func(b *engine.State) {
		for i, no := range numbers {
			rows[i] = b.Member(no, s.queue.Now())
		}
	})
	all := make([]recipient, len(numbers))
	for i := range rows {
		all[i].no = numbers[i]
		if rows[i].Erased {
			continue
		}
		profile, p := s.profile(&rows[i])
		if p != nil {
			return nil, p
		}
		all[i].card, all[i].profile = rows[i].Card, profile
	}
	return all, nil
}

// postDelivery notes what a channel's gateway has heard of messages.
func (s *Server) postDelivery(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Deliver{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	name := ""
	var members []string
	r := &c.in
	r.start(c.body())
	for f := r.object(deliverFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "channel":
			name = r.carrier()
		case "results":
			r.array(dispatchMax, func() {
				member, delivered := r.delivery()
				members = append(members, member)
				cmd.Results = append(cmd.Results, kopilka.Delivery{Delivered: delivered})
			})
		}
	}
	switch {
	case name == "":
		r.failAt("/channel", "channel is missing")
	case len(members) == 0:
		r.failAt("/results", "results is missing: what was heard?")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Deliver(c.param, name)
	for i, member := range members {
		o.print.Delivery(member, cmd.Results[i].Delivered)
	}
	cmd.Content = o.print.Sum()
	o.about = c.param
	o.complete = func() *problem {
		m, channel, p := s.channelOf(c.param, name)
		if p != nil {
			return p
		}
		cmd.Mailing, cmd.Channel = m.Seq, channel
		s.queue.View(func(b *engine.State) {
			for i, member := range members {
				no, ok := b.IDs().No(member)
				if !ok || int64(no) >= int64(b.Members()) || !b.Handed(&m, no, channel) {
					p = malformed(fmt.Sprintf("/results/%d/member_id", i), "nobody of this member_id was handed out on the channel")
					return
				}
				cmd.Results[i].Member = no
			}
		})
		return p
	}
	return c.carry(created)
}

// delivery reads what became of one message.
func (r *reader) delivery() (member string, delivered bool) {
	status := ""
	for f := r.object(resultFields); f.next(); {
		switch f.name {
		case "member_id":
			member = r.short()
		case "status":
			if status = r.string(); status != "delivered" && status != "failed" {
				r.fail("must be delivered or failed")
			}
		}
	}
	switch {
	case member == "":
		r.fail("member_id is missing")
	case status == "":
		r.fail("status is missing")
	}
	return member, status == "delivered"
}

// mailingAnswer writes what was begun.
func (s *Server) mailingAnswer(e *jx.Encoder, c *kopilka.Mailing) {
	var x engine.Audience
	s.queue.View(func(b *engine.State) { x, _ = b.Audience(c.Audience) })
	s.mailingFields(e, x.ID, c.Name, c.Starts, c.Ends, c.Consent)
	e.FieldStart("channels")
	e.ArrStart()
	for i := range c.Channels {
		e.ObjStart()
		channelField(e, c.Channels[i].Name, c.Channels[i].Timeout, c.Channels[i].Cost)
		e.ObjEnd()
	}
	e.ArrEnd()
}

func (s *Server) mailingFields(e *jx.Encoder, audience, name string, starts, ends kopilka.Time, consent bool) {
	strField(e, "audience", audience)
	optField(e, "name", name)
	s.boundField(e, "starts_at", starts)
	s.boundField(e, "ends_at", ends)
	e.FieldStart("requires_consent")
	e.Bool(consent)
}

// boundField writes an instant, or null where there is none.
func (s *Server) boundField(e *jx.Encoder, name string, t kopilka.Time) {
	if t == 0 {
		nullField(e, name)
		return
	}
	s.timeField(e, name, t)
}

func channelField(e *jx.Encoder, name string, timeout int, cost kopilka.Money) {
	strField(e, "channel", name)
	intField(e, "timeout_minutes", int64(timeout))
	intField(e, "cost", int64(cost))
}

// dispatchAnswer writes who was handed out.
func (s *Server) dispatchAnswer(e *jx.Encoder, c *kopilka.Dispatch, handed []recipient) {
	s.channelAnswer(e, c.Mailing, c.Channel)
	e.FieldStart("members")
	e.ArrStart()
	for i := range handed {
		x := &handed[i]
		e.ObjStart()
		strField(e, "member_id", s.ids.ID(x.no))
		optField(e, "card", x.card)
		optField(e, "phone", x.profile.Phone)
		optField(e, "name", x.profile.Name)
		e.ObjEnd()
	}
	e.ArrEnd()
}

// deliverAnswer writes how much was heard.
func (s *Server) deliverAnswer(e *jx.Encoder, c *kopilka.Deliver) {
	s.channelAnswer(e, c.Mailing, c.Channel)
	delivered := 0
	for _, x := range c.Results {
		if x.Delivered {
			delivered++
		}
	}
	intField(e, "delivered", int64(delivered))
	intField(e, "failed", int64(len(c.Results)-delivered))
}

// channelAnswer writes the mailing and channel that a command was about.
func (s *Server) channelAnswer(e *jx.Encoder, at kopilka.Seq, channel int) {
	var m engine.Mailing
	s.queue.View(func(b *engine.State) { m, _ = b.Mailing(at) })
	strField(e, "mailing", m.ID)
	strField(e, "channel", m.Channels[channel].Name)
}

// mailings lists all mailings, the newest first.
func (s *Server) mailings(c *call) *problem {
	if p := c.reads("limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(50, 200)
	if p != nil {
		return p
	}
	from, given, p := c.cursor()
	if p != nil {
		return p
	}
	var all []engine.Mailing
	var audiences []string
	s.queue.View(func(b *engine.State) { all = b.Mailings() })
	slices.Reverse(all)
	if given {
		all = slices.DeleteFunc(all, func(m engine.Mailing) bool { return uint64(m.Seq) > from.at })
	}
	page := all[:min(limit, len(all))]
	s.queue.View(func(b *engine.State) {
		for i := range page {
			x, _ := b.Audience(page[i].Audience)
			audiences = append(audiences, x.ID)
		}
	})
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range page {
		e.ObjStart()
		s.mailingShown(e, &page[i], audiences[i], nil)
		e.ObjEnd()
	}
	e.ArrEnd()
	next := cursor{}
	if len(all) > limit {
		next.at = uint64(all[limit].Seq)
	}
	c.nextCursor(len(all) > limit, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// waiting is how many messages of a channel are lost, and how many are due.
type waiting struct{ timedOut, due int64 }

// mailingShown writes a mailing as the books keep it, into an object that is open.
func (s *Server) mailingShown(e *jx.Encoder, m *engine.Mailing, audience string, now []waiting) {
	strField(e, "id", m.ID)
	intField(e, "seq", int64(m.Seq))
	s.mailingFields(e, audience, m.Name, m.Starts, m.Ends, m.Consent)
	e.FieldStart("channels")
	e.ArrStart()
	for i := range m.Channels {
		x := &m.Channels[i]
		e.ObjStart()
		channelField(e, x.Name, x.Timeout, x.Cost)
		intField(e, "dispatched", x.Dispatched)
		intField(e, "delivered", x.Delivered)
		intField(e, "failed", x.Failed)
		if now != nil {
			intField(e, "timed_out", now[i].timedOut)
			intField(e, "due", now[i].due)
		}
		intField(e, "total_cost", x.Dispatched*int64(x.Cost))
		e.ObjEnd()
	}
	e.ArrEnd()
	s.timeField(e, "recorded_at", m.Time)
}

// getMailing shows a mailing with how far it has come, for which it goes through the
// audience.
func (s *Server) getMailing(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	m, p := s.mailing(c.param)
	if p != nil {
		return p
	}
	var x engine.Drawn
	s.queue.View(func(b *engine.State) { x, _ = b.Drawn(m.Audience) })
	count := make([]waiting, len(m.Channels))
	now := s.queue.Now()
	s.eachOf(&x.Audience, 0, func(b *engine.State, place int, no kopilka.MemberNo) bool {
		_, late := b.Heard(&m, place, now)
		for i := range count {
			if late(i) {
				count[i].timedOut++
			}
		}
		if on := s.dueOn(b, &m, &x, place, no, now); on >= 0 {
			count[on].due++
		}
		return true
	})
	e := &c.out
	e.ObjStart()
	s.mailingShown(e, &m, x.ID, count)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
