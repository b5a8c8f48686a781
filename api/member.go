package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
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
	tier     people.Field[string] // id of a tier to be set by hand
	carrier  people.Field[string] // what the card is
	cashier  people.Field[string] // who enrols
	store    string               // where the member is enrolled: the one given, or that of the key
	admin    bool                 // the key's role is admin

	before, merged people.Profile // for the index of names
}

// The field card is known in batches only; elsewhere the path says it.
var memberFields = []string{"op", "card", "id", "phone", "name", "birth_date", "sex", "store", "registered_at",
	"referrer", "source", "state", "blocked", "consent", "attributes", "cashier", "carrier", "tier"}

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
			m.store = x.Store.Value
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
		case "cashier":
			m.cashier = people.To(r.short())
		case "carrier":
			m.carrier = people.To(r.carrier())
		case "tier":
			if m.tier = people.To(r.short()); m.tier.Value == "" {
				r.fail("is the id of a tier")
			}
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
	// Of attributes null clears all, and {} says nothing.
	if p.Set("attributes", x.Attributes.Set && (x.Attributes.Value == nil || len(x.Attributes.Value) > 0)) {
		for _, key := range slices.Sorted(maps.Keys(x.Attributes.Value)) {
			value, _ := json.Marshal(x.Attributes.Value[key]) // came from JSON
			p.Text(key)
			p.Text(string(value))
		}
	}
	for _, f := range [...]struct {
		name string
		people.Field[string]
	}{{"cashier", m.cashier}, {"carrier", m.carrier}, {"tier", m.tier}} {
		if p.Set(f.name, f.Set) {
			p.Text(f.Value)
		}
	}
	m.cmd.Content = p.Sum()
}

func said[T any](f people.Field[T]) kopilka.Said[T] { return kopilka.Said[T](f) }

// putMember enrols the member of a card, or changes one.
func (s *Server) putMember(c *call) *problem {
	if !kopilka.ValidCard(c.param) {
		return malformed("", "a card is 1 to 32 visible ASCII characters without /")
	}
	return c.command(func(r *reader) { c.order.decodeMember(r, memberFields[2:], c.param) })
}
