package api

import (
	"fmt"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

var certificateFields = []string{"id", "certificate", "points", "valid_days", "reason", "actor"}

// validDaysMax bounds how long a certificate by hand is good, as the program does.
const validDaysMax = 366

// postCertificate gives a member a certificate of the program by hand: of the value
// and for the days that the program says, or of others. It is good from today.
func (s *Server) postCertificate(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Issue{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	var rule string
	var points kopilka.Points
	days := 0
	r := &c.in
	r.start(c.body())
	for f := r.object(certificateFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "certificate":
			rule = r.short()
		case "points":
			points = kopilka.Points(r.amount(1))
		case "valid_days":
			days = int(r.integer(1, validDaysMax))
		default:
			hand.field(r, f.name)
		}
	}
	if rule == "" {
		r.failAt("", "certificate is missing: the id of one in the program")
	}
	hand.given(r)
	if p := r.end(); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.Certificate(c.param, rule, points, days, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem {
		m, p := s.behind(c.param)
		if p != nil {
			return p
		}
		known := s.certificateOf(rule)
		if known == nil {
			return problemOf(codeNotFound, "no certificate of the program has this id")
		}
		due := kopilka.CertificateDue{Member: m.No, Rule: rule, Points: points}
		if points == 0 {
			due.Points = known.Points
		}
		valid := days
		if days == 0 {
			valid = known.ValidDays
		}
		due.From = s.queue.Calendar().DayOf(s.queue.Now())
		due.To = due.From.AddDays(valid - 1)
		cmd.Due = []kopilka.CertificateDue{due}
		return nil
	}
	return c.carry(created)
}

// certificateOf finds a certificate in the program in force.
func (s *Server) certificateOf(id string) *program.Certificate {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	for i := range rules.Certificates {
		if rules.Certificates[i].ID == id {
			return &rules.Certificates[i]
		}
	}
	return nil
}

// issueAnswer writes a certificate that was given by hand.
func (s *Server) issueAnswer(e *jx.Encoder, c *kopilka.Issue) {
	if len(c.Due) != 1 {
		panic(fmt.Sprintf("api: %d certificates by hand at once", len(c.Due)))
	}
	due := &c.Due[0]
	s.memberIDField(e, due.Member)
	strField(e, "certificate", due.Rule)
	intField(e, "left", int64(due.Points))
	strField(e, "valid_from", due.From.String())
	strField(e, "valid_to", due.To.String())
}

// certificates writes what a member has beside points, the soonest to end first,
// with the first and the last day that each can pay. Those of which nothing is left
// are left out.
func certificates(e *jx.Encoder, all []engine.Certificate) {
	e.FieldStart("certificates")
	e.ArrStart()
	for i := range all {
		x := &all[i]
		if x.Left == 0 {
			continue
		}
		e.ObjStart()
		strField(e, "id", x.Rule)
		intField(e, "left", int64(x.Left))
		strField(e, "valid_from", x.From.String())
		strField(e, "valid_to", x.To.String())
		e.ObjEnd()
	}
	e.ArrEnd()
}
