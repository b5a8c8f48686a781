package api

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

var noteFields = []string{"id", "text", "actor"}

// wordsMax bounds a note in bytes.
const wordsMax = 2000

// postNote keeps what a contact centre writes down about a member, sealed.
func (s *Server) postNote(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Note{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	text := ""
	r := &c.in
	r.start(c.body())
	for f := r.object(noteFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "text":
			text = r.string()
			if len(text) > wordsMax {
				r.fail("is longer than 2000 bytes")
			}
		case "actor":
			cmd.Actor = r.text(actorMax)
		}
	}
	switch {
	case text == "":
		r.failAt("", "text is missing")
	case cmd.Actor == "":
		r.failAt("", "actor is missing: say who")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Words(c.param, text, cmd.Actor)
	cmd.Content = o.print.Sum()
	o.about = c.param
	o.complete = func() *problem {
		m, p := s.behind(c.param)
		if p != nil {
			return p
		}
		before, p := s.newestNote(m.No)
		if p != nil {
			return p
		}
		cmd.Member, cmd.Before, cmd.No = m.No, 0, 1
		if before != nil {
			cmd.Before, cmd.No = before.seq, before.No+1
		}
		var err error
		if cmd.KeySlot, cmd.Words, err = s.vault.SealWords(m.KeySlot, text); err != nil {
			return s.unsealed(err)
		}
		return nil
	}
	return c.carry(created)
}

// note is a note with its place in the log.
type note struct {
	*kopilka.Note
	seq kopilka.Seq
	at  kopilka.Time
}

// newestNote finds the newest note about a number; nil when there is none.
func (s *Server) newestNote(m kopilka.MemberNo) (*note, *problem) {
	found, err := s.queue.FindNote(m)
	if err != nil {
		return nil, s.failed(err)
	}
	return s.note(found.Seq)
}

// newestNotes finds the newest note about each number that stands for a member.
func (s *Server) newestNotes(m kopilka.MemberNo) (all []*note, p *problem) {
	var parts []kopilka.MemberNo
	s.queue.View(func(b *engine.State) { parts = b.Parts(m) })
	for _, no := range parts {
		n, p := s.newestNote(no)
		if p != nil {
			return nil, p
		}
		if n != nil {
			all = append(all, n)
		}
	}
	return all, nil
}

// notesOf counts the notes about a member.
func (s *Server) notesOf(m kopilka.MemberNo) (n int, p *problem) {
	all, p := s.newestNotes(m)
	for _, x := range all {
		n += x.No
	}
	return n, p
}

// eachNote calls f for the notes about a member before a position, the newest first,
// until it says false. Those of his parts are chains of their own, and come in between.
func (s *Server) eachNote(m kopilka.MemberNo, before kopilka.Seq, f func(*note) (bool, *problem)) *problem {
	heads, p := s.newestNotes(m)
	if p != nil {
		return p
	}
	for {
		heads = slices.DeleteFunc(heads, func(n *note) bool { return n == nil })
		if len(heads) == 0 {
			return nil
		}
		newest := slices.MaxFunc(heads, func(a, b *note) int { return cmp.Compare(a.seq, b.seq) })
		if newest.seq < before {
			if more, p := f(newest); p != nil || !more {
				return p
			}
		}
		at := slices.Index(heads, newest)
		if heads[at], p = s.note(newest.Before); p != nil {
			return p
		}
	}
}

// note reads the note at a position; nil at 0.
func (s *Server) note(at kopilka.Seq) (*note, *problem) {
	if at == 0 {
		return nil, nil
	}
	record, err := s.queue.Command(at)
	if err != nil {
		return nil, s.failed(err)
	}
	n, ok := record.Command.(*kopilka.Note)
	if !ok {
		return nil, s.failed(fmt.Errorf("the note at %d is a %s", at, record.Command.Kind()))
	}
	return &note{n, at, record.Time}, nil
}

// notes lists the notes about a member, the newest first. A cursor is the position
// of the last one shown.
func (s *Server) notes(c *call) *problem {
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
	before := kopilka.Seq(math.MaxUint64)
	if given {
		before = kopilka.Seq(from.at)
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	shown, more := 0, false
	p = s.eachNote(m.No, before, func(n *note) (bool, *problem) {
		if more = shown == limit; more {
			return false, nil
		}
		shown++
		before = n.seq
		return true, s.noteShown(c, n)
	})
	if p != nil {
		return p
	}
	e.ArrEnd()
	c.nextCursor(more, cursor{at: uint64(before)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// noteShown writes a note. Of a member who was forgotten nothing is left to read.
func (s *Server) noteShown(c *call, n *note) *problem {
	text, err := s.vault.OpenWords(n.KeySlot, n.Words)
	if err != nil && !errors.Is(err, people.ErrErased) {
		return s.failed(err)
	}
	e := &c.out
	e.ObjStart()
	strField(e, "id", n.ID)
	intField(e, "seq", int64(n.seq))
	strField(e, "text", text)
	strField(e, "actor", n.Actor)
	s.timeField(e, "recorded_at", n.at)
	e.ObjEnd()
	return nil
}
