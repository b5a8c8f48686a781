package importer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
)

// member makes the command that enrols or changes the member of a row, and the
// profile that is to be sealed into it. What the row leaves empty stays as it is.
func (d *Direct) member(row *Row, h kopilka.Head, result *Result) (*kopilka.PutMember, *people.Profile, error) {
	p := &row.Profile
	c := &kopilka.PutMember{Head: h, Card: row.Card, Registered: d.today, State: kopilka.StateRegistered,
		Referrer: kopilka.NoMember, Imported: !d.earn}
	invited := true
	d.queue.View(func(s *engine.State) {
		no, known := s.ByCard(row.Card)
		if !known {
			c.Store, c.Source = row.Store, p.Source
		} else {
			m := s.Member(no, s.Now())
			c.Base, c.Registered, c.State, c.Blocked = m.ProfileAt, m.Registered, m.State, m.Blocked
			c.Referrer, c.KeySlot = m.Referrer, m.KeySlot
		}
		if p.Referrer != "" {
			c.Referrer, invited = s.ByCard(p.Referrer)
		}
	})
	if !invited {
		result.Fate, result.Reason = Later, "referrer is not a member: "+p.Referrer
		return nil, nil, nil
	}
	change := people.Change{}
	if p.RegisteredAt != 0 {
		if c.Registered = d.calendar.DayOf(p.RegisteredAt); c.Registered > d.today {
			refuse(result, "registered_at has not come yet")
			return nil, nil, nil
		}
		change.RegisteredAt = people.To(p.RegisteredAt)
	}
	for field, text := range map[*people.Field[string]]string{&change.Phone: p.Phone, &change.Name: p.Name,
		&change.BirthDate: p.BirthDate, &change.Sex: p.Sex, &change.Store: row.Store, &change.Source: p.Source} {
		if text != "" {
			*field = people.To(text)
		}
	}
	profile, err := d.profile(c.Base, c.KeySlot)
	if err != nil {
		return nil, nil, err
	}
	var invalid people.Invalid
	if err := profile.Apply(&change, d.today); errors.As(err, &invalid) {
		refuse(result, strings.TrimPrefix(invalid[0].Pointer, "/")+" "+invalid[0].Detail)
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, err
	}
	if profile.Phone != "" {
		c.PhoneTag = d.vault.PhoneTag(profile.Phone)
	}
	return c, profile, nil
}

// profile opens what is sealed of a member; who has nothing sealed has an empty one.
func (d *Direct) profile(at kopilka.Seq, slot uint32) (*people.Profile, error) {
	if at == 0 || slot == 0 {
		return &people.Profile{}, nil
	}
	record, err := d.queue.Record(at)
	if err != nil {
		return nil, err
	}
	c, ok := record.Command.(*kopilka.PutMember)
	if !ok {
		panic(fmt.Sprintf("importer: the profile at %d is a %s", at, record.Command.Kind()))
	}
	if c.KeySlot == 0 { // nothing was sealed then; the slot came with a note
		return &people.Profile{}, nil
	}
	return d.vault.Open(slot, c.Profile)
}

// seal seals profiles into their commands: those of new members under new keys,
// with one sync for all.
func (d *Direct) seal(commands []kopilka.Command, profiles []*people.Profile) error {
	var fresh []*people.Profile
	var into []*kopilka.PutMember
	for i, p := range profiles {
		if p == nil {
			continue
		}
		c := commands[i].(*kopilka.PutMember)
		if c.KeySlot == 0 {
			fresh, into = append(fresh, p), append(into, c)
			continue
		}
		var err error
		if _, c.Profile, err = d.vault.Seal(c.KeySlot, p); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	first, sealed, err := d.vault.SealAll(fresh)
	if err != nil {
		return err
	}
	for i, c := range into {
		c.KeySlot, c.Profile = first+uint32(i), sealed[i]
	}
	return nil
}

// grant gives the opening balances of rows of members, once a card for ever.
func (d *Direct) grant(rows []*Row, results []Result) error {
	g := &d.group
	now := d.queue.Now()
	for i, row := range rows {
		if row.Profile.Balance == 0 || results[i].Fate != Done && results[i].Fate != Replayed {
			continue
		}
		c := row.balance(&d.print)
		c.At, c.Day, c.NamedBy = now, d.today, kopilka.ByCard
		found, err := d.queue.FindID(c.ID)
		if err != nil {
			return err
		}
		if found.Seq != 0 {
			if err := d.repeatBalance(found.Seq, &c.Head, &results[i]); err != nil {
				return err
			}
			continue
		}
		c.Looked = found.Looked
		d.queue.View(func(s *engine.State) { c.Member, _ = s.ByCard(row.Card) })
		g.add(i, c, nil)
	}
	if len(g.commands) == 0 {
		return nil
	}
	defer g.clear()
	answers, err := d.queue.SubmitAll(g.commands)
	if err != nil {
		return err
	}
	for i, at := range g.rows {
		result := &results[at]
		switch out := answers[i].Outcome; out.Refusal {
		case kopilka.Accepted:
			result.Fate = Done
		case kopilka.Replayed:
			if err := d.repeatBalance(out.Prior, kopilka.HeadOf(g.commands[i]), result); err != nil {
				return err
			}
		case kopilka.Stale:
			return fmt.Errorf("row %d: the books moved on while its balance was looked up; import again", rows[at].No)
		default:
			refuse(result, "balance: "+out.Refusal.String())
		}
	}
	return nil
}

// repeatBalance leaves a row whose balance was given before as it is, and
// refuses one that names another balance.
func (d *Direct) repeatBalance(at kopilka.Seq, h *kopilka.Head, result *Result) error {
	fate := result.Fate
	if err := d.repeat(at, h, result); err != nil || result.Fate == Refused {
		return err
	}
	result.Fate = fate
	return nil
}
