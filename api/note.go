package api

import (
	"errors"

	"github.com/kopilka/kopilka"
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
			return s.failed(err)
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

// newestNote finds the newest note about a member; nil when there is none.
func (s *Server) newestNote(m kopilka.MemberNo) (*note, *problem) {
	found, err := s.queue.FindNote(m)
	if err != nil {
		return nil, s.failed(err)
	}
	return s.note(found.Seq)
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
		return nil, notOfThisList()
	}
	return &note{n, at, record.Time}, nil
}

// notes lists the notes about a member, the newest first. A cursor is the position
// of the next one.
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
	var next *note
	if given {
		next, p = s.note(kopilka.Seq(from.at))
	} else {
		next, p = s.newestNote(m.No)
	}
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for shown := 0; next != nil && shown < limit; shown++ {
		if next.Member != m.No {
			return notOfThisList()
		}
		if p := s.noteShown(c, next); p != nil {
			return p
		}
		if next, p = s.note(next.Before); p != nil {
			return p
		}
	}
	e.ArrEnd()
	more := cursor{}
	if next != nil {
		more.at = uint64(next.seq)
	}
	c.nextCursor(next != nil, more)
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
