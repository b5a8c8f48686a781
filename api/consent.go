package api

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
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

// versionsMax bounds the profiles that one request opens.
const versionsMax = 400

// consents lists what a member agreed to and took back: of his own number the newest
// first, and then of each that became part of him. Each command names the profile that
// it changed, so the history is a walk back along the log; an entry stands where a
// profile and the one before it differ in consent. A cursor is the position of the next
// profile; a page is shorter than asked where many profiles say nothing new.
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
	heads := s.profilesOf(m.No)
	if given {
		if heads, p = s.profilesFrom(heads, kopilka.Seq(from.at)); p != nil {
			return p
		}
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	next := cursor{}
	shown, opened := 0, 0
	for _, head := range heads {
		v, err := s.version(head.at)
		for ; err == nil && v != nil && shown < limit && opened < versionsMax; opened++ {
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
		if v != nil {
			next.at = uint64(v.seq)
			break
		}
	}
	e.ArrEnd()
	c.nextCursor(next.at != 0, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// newestProfile is where the newest profile of a number lies.
type newestProfile struct {
	no kopilka.MemberNo
	at kopilka.Seq
}

// profilesOf gives the newest profiles of a member and of his parts.
func (s *Server) profilesOf(m kopilka.MemberNo) (all []newestProfile) {
	s.queue.View(func(b *engine.State) {
		for _, no := range b.Parts(m) {
			if at, sealed := b.Profile(no); sealed && at != 0 {
				all = append(all, newestProfile{no, at})
			}
		}
	})
	return all
}

// profilesFrom cuts the profiles of a member down to what comes from a position on,
// which is one of them.
func (s *Server) profilesFrom(all []newestProfile, at kopilka.Seq) ([]newestProfile, *problem) {
	if at == 0 || at > s.queue.Seq() {
		return nil, notOfThisList()
	}
	record, err := s.queue.Record(at)
	if err != nil {
		return nil, s.failed(err)
	}
	i := slices.IndexFunc(all, func(x newestProfile) bool { return x.no == record.Outcome.Member && at <= x.at })
	if _, is := record.Command.(*kopilka.PutMember); !is || i < 0 {
		return nil, notOfThisList()
	}
	all = slices.Clone(all[i:])
	all[0].at = at
	return all, nil
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
