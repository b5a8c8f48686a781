package api

import (
	"errors"
	"fmt"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

// version is a member's profile as one command left it.
type version struct {
	*kopilka.PutMember
	seq     kopilka.Seq
	at      kopilka.Time // recorded
	profile people.Profile
}

// version opens the profile at a position; nil at 0.
func (s *Server) version(at kopilka.Seq) (*version, error) {
	if at == 0 {
		return nil, nil
	}
	record, err := s.queue.Command(at)
	if err != nil {
		return nil, err
	}
	v := &version{seq: at, at: record.Time}
	if v.PutMember, err = profileIn(&record); err != nil {
		return nil, err
	}
	v.profile, err = s.openProfile(v.PutMember)
	return v, err
}

// profileIn is the command that a profile is in.
func profileIn(record *commit.Record) (*kopilka.PutMember, error) {
	c, ok := record.Command.(*kopilka.PutMember)
	if !ok {
		return nil, fmt.Errorf("the profile at %d is a %s", record.Seq, record.Command.Kind())
	}
	return c, nil
}

// openProfile opens what a command sealed; of one that sealed nothing, or whose
// member was forgotten, it is empty.
func (s *Server) openProfile(c *kopilka.PutMember) (people.Profile, error) {
	if c.KeySlot == 0 {
		return people.Profile{}, nil
	}
	p, err := s.vault.Open(c.KeySlot, c.Profile)
	switch {
	case errors.Is(err, people.ErrErased):
		return people.Profile{}, nil
	case err != nil:
		return people.Profile{}, err
	}
	return *p, nil
}

// consents lists what a member agreed to and took back, the newest first. Each
// command names the profile that it changed, so the history is a walk back along the
// log; an entry stands where a profile and the one before it differ in consent. A
// cursor is the position of the next profile.
func (s *Server) consents(c *call) *problem {
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
	m, p := s.behind(c.param)
	if p != nil {
		return p
	}
	at := m.ProfileAt
	if given {
		at = kopilka.Seq(from.at)
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	v, err := s.version(at)
	for shown := 0; err == nil && v != nil && shown < limit; {
		var before *version
		if before, err = s.version(v.Base); err != nil {
			break
		}
		if v.changesConsent(before) {
			s.consentShown(e, v)
			shown++
		}
		v = before
	}
	if err != nil {
		return s.failed(err)
	}
	e.ArrEnd()
	next := cursor{}
	if v != nil {
		next.at = uint64(v.seq)
	}
	c.nextCursor(v != nil, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

func (v *version) changesConsent(before *version) bool {
	var was *people.Consent
	if before != nil {
		was = before.profile.Consent
	}
	is := v.profile.Consent
	if is == nil || was == nil {
		return is != was
	}
	return *is != *was
}

// consentShown writes one consent, or with given false the end of one.
func (s *Server) consentShown(e *jx.Encoder, v *version) {
	e.ObjStart()
	e.FieldStart("given")
	e.Bool(v.profile.Consent != nil)
	if x := v.profile.Consent; x != nil {
		strField(e, "text_version", x.TextVersion)
		s.timeField(e, "at", x.At)
		optField(e, "source", x.Source)
	} else {
		nullField(e, "text_version")
		s.timeField(e, "at", v.at)
		nullField(e, "source")
	}
	intField(e, "seq", int64(v.seq))
	s.timeField(e, "recorded_at", v.at)
	e.ObjEnd()
}
