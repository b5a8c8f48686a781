package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

// memberChange is a member to be enrolled or changed: what the request leaves
// out stays, null clears.
type memberChange struct {
	cmd      kopilka.PutMember
	card     string
	change   people.Change // what is personal
	referrer people.Field[string]
	state    people.Field[kopilka.MemberState]
	blocked  people.Field[bool]

	before, merged people.Profile // for the index of names
}

// The field card is known in batches only; elsewhere the path says it.
var memberFields = []string{"op", "card", "id", "phone", "name", "birth_date", "sex", "store", "registered_at",
	"referrer", "source", "state", "blocked", "consent", "attributes"}

var consentFields = []string{"text_version", "at", "source"}

// decodeMember reads a member to be enrolled or changed.
func (o *order) decodeMember(r *reader, fields []string, card string) {
	m := &o.member
	*m = memberChange{card: card}
	m.cmd.Imported = o.past && !o.earns
	o.begin(&m.cmd, &m.cmd.Head, nil)
	x := &m.change
	for f := r.object(fields); f.next(); {
		switch f.name {
		case "op":
			r.string()
		case "card":
			m.card = r.card()
		case "id":
			m.cmd.ID = r.id()
		case "phone":
			x.Phone = orNull(r, r.phone)
		case "name":
			x.Name = orNull(r, r.string)
		case "birth_date":
			x.BirthDate = orNull(r, r.string)
		case "sex":
			x.Sex = orNull(r, r.string)
		case "store":
			x.Store = orNull(r, r.short)
		case "registered_at":
			x.RegisteredAt = orNull(r, r.time)
		case "referrer":
			m.referrer = orNull(r, r.card)
		case "source":
			x.Source = orNull(r, r.short)
		case "state":
			m.state = people.To(r.memberState())
		case "blocked":
			m.blocked = people.To(r.boolean())
		case "consent":
			x.Consent = orNull(r, r.consent)
		case "attributes":
			x.Attributes = orNull(r, r.attributes)
		}
	}
	if m.card == "" {
		r.failAt("", "card is missing")
	}
	m.print(&o.print)
}

// orNull reads a value, or null, which clears.
func orNull[T any](r *reader, read func() T) people.Field[T] {
	var v people.Field[T]
	if v.Set = true; !r.null() {
		v.Value = read()
	}
	return v
}

func (r *reader) memberState() kopilka.MemberState {
	s, ok := kopilka.ParseMemberState(r.string())
	if !ok || s == kopilka.StateCreated {
		r.fail("must be registered or installed")
	}
	return s
}

func (r *reader) consent() *people.Consent {
	v := &people.Consent{}
	for f := r.object(consentFields); f.next(); {
		switch f.name {
		case "text_version":
			v.TextVersion = r.short()
		case "at":
			v.At = r.time()
		case "source":
			v.Source = r.short()
		}
	}
	return v
}

// attributes reads a shop's own fields: any names, and values that are strings,
// numbers as they are written, booleans, or null.
func (r *reader) attributes() map[string]any {
	if !r.is(jx.Object, "must be an object") {
		return nil
	}
	all := map[string]any{}
	it, err := r.d.ObjIter()
	r.depth++
	for err == nil && it.Next() {
		key := string(it.Key())
		r.path[r.depth-1] = step{name: key}
		if _, twice := all[key]; twice {
			r.fail("the field comes twice")
		}
		all[key] = r.scalar()
		if r.bad {
			return nil
		}
	}
	r.depth--
	if err == nil {
		err = it.Err()
	}
	if err != nil {
		r.fail("the JSON is broken: " + err.Error())
	}
	return all
}

func (r *reader) scalar() any {
	if r.bad {
		return nil
	}
	switch r.d.Next() {
	case jx.Null:
		r.null()
		return nil
	case jx.Bool:
		return r.boolean()
	case jx.String:
		return strings.Clone(r.string())
	case jx.Number:
		raw, err := r.d.Raw()
		if err != nil {
			r.fail("the JSON is broken: " + err.Error())
		}
		return json.Number(raw)
	}
	r.fail("must be a string, a number, true, false or null")
	return nil
}

// print is the fingerprint of the change.
func (m *memberChange) print(p *kopilka.ContentPrint) {
	x := &m.change
	p.Member(&kopilka.MemberContent{Card: m.card, Phone: said(x.Phone), Name: said(x.Name), BirthDate: said(x.BirthDate), Sex: said(x.Sex),
		Store: said(x.Store), Referrer: said(m.referrer), Source: said(x.Source), RegisteredAt: said(x.RegisteredAt)})
	if p.Set("state", m.state.Set) {
		p.Number(int64(m.state.Value))
	}
	if p.Set("blocked", m.blocked.Set) {
		p.Blocked(m.blocked.Value)
	}
	if p.Set("consent", x.Consent.Set) && x.Consent.Value != nil {
		p.Text(x.Consent.Value.TextVersion)
		p.Number(int64(x.Consent.Value.At))
		p.Text(x.Consent.Value.Source)
	}
	if p.Set("attributes", x.Attributes.Set) {
		for _, key := range slices.Sorted(maps.Keys(x.Attributes.Value)) {
			value, _ := json.Marshal(x.Attributes.Value[key]) // came from JSON
			p.Text(key)
			p.Text(string(value))
		}
	}
	m.cmd.Content = p.Sum()
}

func said[T any](f people.Field[T]) kopilka.Said[T] { return kopilka.Said[T](f) }

// lookMember merges a change into the member as he stands, and seals it.
func (s *Server) lookMember(o *order) *problem {
	m := &o.member
	c := &m.cmd
	var now engine.Member
	known, invited := false, true
	referrer := kopilka.NoMember
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, known = b.ByCard(m.card); known {
			now = b.Member(no, s.queue.Now())
		}
		if m.referrer.Value != "" {
			referrer, invited = b.ByCard(m.referrer.Value)
		}
	})
	switch {
	case m.referrer.Value == m.card:
		return problemOf(codeReferralCycle, "nobody invites himself")
	case !invited:
		return &problem{code: codeMemberNotFound, detail: memberNotFound,
			faults: []fault{{"/referrer", "no member has this card"}}}
	}
	c.Card = m.card
	if p := s.mergeBooks(o, &now, known, referrer); p != nil {
		return p
	}
	var p *problem
	if m.before, p = s.profile(&now); p != nil {
		return p
	}
	m.merged = m.before
	if err := m.merged.Apply(&m.change, s.queue.Calendar().DayOf(s.queue.Now())); err != nil {
		return unfit(err)
	}
	c.PhoneTag = 0
	if m.merged.Phone != "" {
		c.PhoneTag = s.vault.PhoneTag(m.merged.Phone)
	}
	var err error
	if c.KeySlot, c.Profile, err = s.vault.Seal(now.KeySlot, &m.merged); err != nil {
		return s.failed(err)
	}
	return nil
}

// unfit is the problem of a change that cannot be made.
func unfit(err error) *problem {
	p := problemOf(codeMalformed, "the member cannot be changed so")
	var faults people.Invalid
	if errors.As(err, &faults) {
		for _, f := range faults {
			p.faults = append(p.faults, fault{f.Pointer, f.Detail})
		}
	}
	return p
}

// mergeBooks sets what the books hold of a member: base, state, block, day of
// registration, referrer.
func (s *Server) mergeBooks(o *order, now *engine.Member, known bool, referrer kopilka.MemberNo) *problem {
	m := &o.member
	c := &m.cmd
	calendar := s.queue.Calendar()
	today := calendar.DayOf(s.queue.Now())
	if known {
		c.Base, c.Registered, c.State, c.Blocked, c.Referrer = now.ProfileAt, now.Registered, now.State, now.Blocked, now.Referrer
	} else {
		c.Base, c.Registered, c.State, c.Blocked, c.Referrer = 0, today, kopilka.StateCreated, false, kopilka.NoMember
		if o.past {
			c.State = kopilka.StateRegistered // whom a history knows has been through it
		}
	}
	if m.state.Set {
		if m.state.Value < c.State {
			return malformed("/state", "is behind the member's, which is "+c.State.String())
		}
		c.State = m.state.Value
	}
	if m.blocked.Set {
		c.Blocked = m.blocked.Value
	}
	if m.referrer.Set {
		c.Referrer = referrer
	}
	if at := m.change.RegisteredAt.Value; at != 0 {
		if c.Registered = calendar.DayOf(at); c.Registered > today {
			return &problem{code: codeTooLate, detail: "registered_at is on a day that has not come",
				faults: []fault{{"/registered_at", "is on a day that has not come"}}}
		}
	}
	return nil
}

// profile opens what is sealed of a member; of one who has nothing, or was
// forgotten, it is empty.
func (s *Server) profile(m *engine.Member) (people.Profile, *problem) {
	p, err := s.unseal(m)
	if err != nil {
		return people.Profile{}, s.failed(err)
	}
	return p, nil
}

func (s *Server) unseal(m *engine.Member) (people.Profile, error) {
	if m.KeySlot == 0 || m.ProfileAt == 0 {
		return people.Profile{}, nil
	}
	record, err := s.queue.Command(m.ProfileAt)
	if err != nil {
		return people.Profile{}, err
	}
	c, ok := record.Command.(*kopilka.PutMember)
	if !ok {
		return people.Profile{}, fmt.Errorf("the profile at %d is a %s", m.ProfileAt, record.Command.Kind())
	}
	p, err := s.vault.Open(c.KeySlot, c.Profile)
	switch {
	case errors.Is(err, people.ErrErased):
		return people.Profile{}, nil
	case err != nil:
		return people.Profile{}, fmt.Errorf("the profile at %d: %w", m.ProfileAt, err)
	}
	return *p, nil
}

// putMember enrols the member of a card, or changes one.
func (s *Server) putMember(c *call) *problem {
	if !kopilka.ValidCard(c.param) {
		return malformed("", "a card is 1 to 32 visible ASCII characters without /")
	}
	return c.command(func(r *reader) { c.order.decodeMember(r, memberFields[2:], c.param) })
}

// getMember shows all that is known of the member of a card.
func (s *Server) getMember(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var m memberView
	ok := false
	s.queue.View(func(b *engine.State) {
		var no kopilka.MemberNo
		if no, ok = b.ByCard(c.param); ok {
			m.read(b, no, s.queue.Now())
		}
	})
	if !ok {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	p := s.showMember(c, &m)
	if p != nil {
		return p
	}
	return c.reply(fasthttp.StatusOK)
}

// findMembers finds members by card, by phone, or by the beginning of a name.
func (s *Server) findMembers(c *call) *problem {
	if p := c.reads("q", "limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(20, 100)
	if p != nil {
		return p
	}
	from, _, p := c.cursor()
	if p != nil {
		return p
	}
	// A plus that was not escaped arrives as a space.
	q := c.query("q")
	if strings.HasPrefix(q, " ") {
		q = "+" + q[1:]
	}
	if q == "" || len(q) > queryMax {
		return malformed("", "q is a card, a phone or the beginning of a name")
	}
	found, p := s.search(q, int(min(from.skip, searchMax)), limit+1)
	if p != nil {
		return p
	}
	more := len(found) > limit
	if more {
		found = found[:limit]
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range found {
		s.showFound(e, &found[i])
	}
	e.ArrEnd()
	c.nextCursor(more && from.skip+uint64(limit) < searchMax, cursor{skip: from.skip + uint64(limit)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// searchMax bounds how many members of one beginning of a name are shown: who
// has not been found by then is found by typing one letter more.
const searchMax = 1000

// openedMax bounds how many profiles one search unseals. It is reached when the
// index of names, which knows the first letters of words, knows many who turn
// out to be others.
const openedMax = 5000

// queryMax bounds the text of a search in bytes.
const queryMax = 200

// foundMember is a member with the profile that a search has opened.
type foundMember struct {
	memberView
	profile people.Profile
}

// search gives up to limit members, after leaving out skip of them.
func (s *Server) search(q string, skip, limit int) (found []foundMember, p *problem) {
	for _, who := range s.exactly(q) {
		no, ok := s.find(who)
		if !ok {
			continue
		}
		v, p := s.opened(no)
		if p != nil || skip > 0 {
			return nil, p
		}
		return append(found, v), nil
	}
	opened := 0
	for no := range s.names.Candidates(q) {
		if opened++; opened > openedMax {
			return nil, malformed("", "too many names begin so: type more of the name")
		}
		v, p := s.opened(no)
		if p != nil {
			return nil, p
		}
		if !people.Match(v.profile.Name, q) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		if found = append(found, v); len(found) == limit {
			break
		}
	}
	return found, nil
}

// exactly gives the names that a search may be in full: a card, or a phone with
// its plus or without.
func (s *Server) exactly(q string) []naming {
	all := []naming{{kopilka.ByCard, q}}
	for _, text := range [...]string{q, "+" + q} {
		if phone, ok := people.NormalizePhone(text); ok {
			all = append(all, naming{kopilka.ByPhone, phone})
		}
	}
	return all
}

func (s *Server) opened(no kopilka.MemberNo) (v foundMember, p *problem) {
	s.queue.View(func(b *engine.State) { v.read(b, no, s.queue.Now()) })
	v.profile, p = s.profile(&v.Member)
	return v, p
}

// showFound writes what tells one found member from another.
func (s *Server) showFound(e *jx.Encoder, m *foundMember) {
	e.ObjStart()
	strField(e, "member_id", s.ids.ID(m.No))
	strField(e, "card", m.Card)
	optField(e, "name", m.profile.Name)
	optField(e, "phone", m.profile.Phone)
	intField(e, "balance", int64(m.Balance))
	strField(e, "tier", m.rules.Tiers[m.Tier].ID)
	strField(e, "segment", m.rules.RFM.Segments.Names[m.at.Segment].ID)
	e.FieldStart("blocked")
	e.Bool(m.Blocked)
	e.ObjEnd()
}
