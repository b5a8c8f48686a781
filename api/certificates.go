package api

import (
	"errors"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// given is one certificate that a member got, with what became of it.
type given struct {
	kopilka.CertificateDue // Points is its value
	seq                    kopilka.Seq
	at                     kopilka.Time
	reason, actor          string
	left, lapsed           kopilka.Points
	uses                   []certificateUse
}

// certificateUse is what a receipt was paid with it, and what of that came back.
type certificateUse struct {
	receipt        string
	seq            kopilka.Seq
	used, restored kopilka.Points
}

// givenCertificates lists all certificates that a member ever got.
func (s *Server) givenCertificates(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	var parts []kopilka.MemberNo
	var seq kopilka.Seq
	var today kopilka.Day
	s.queue.View(func(b *engine.State) {
		if no, ok := b.ByCard(c.param); ok {
			parts = b.Parts(no)
		}
		seq, today = b.Seq(), b.Day()
	})
	if parts == nil {
		return problemOf(codeMemberNotFound, memberNotFound)
	}
	all, p := s.certificatesOf(parts, seq, today)
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	s.givenList(e, all)
	intField(e, "seq", int64(seq))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// certificatesOf finds all certificates that the numbers of one member ever got up to a
// position of the log, the oldest first, as they stood on that day. The books keep
// those that can still pay; the rest is read from the log, in one pass over it.
func (s *Server) certificatesOf(parts []kopilka.MemberNo, seq kopilka.Seq, today kopilka.Day) ([]*given, *problem) {
	f := certificateFold{s: s, calendar: s.queue.Calendar(), versions: s.versions(), part: map[kopilka.MemberNo]bool{}, into: map[kopilka.MemberNo]kopilka.MemberNo{}}
	for _, part := range parts {
		f.part[part] = true
	}
	kinds := kopilka.KindsOf(kopilka.KindIssue, kopilka.KindMember, kopilka.KindReceipt, kopilka.KindReturn, kopilka.KindMerge, kopilka.KindUnmerge)
	if p := s.readThrough(seq, kinds, f.add); p != nil {
		return nil, p
	}
	for _, x := range f.all {
		if x.To < today {
			x.lapsed += x.left
			x.left = 0
		}
	}
	return f.all, nil
}

// readThrough shows f what was decided of some kinds of commands up to a position, in
// one pass over the log, for which it waits its turn.
func (s *Server) readThrough(seq kopilka.Seq, kinds kopilka.Kinds, f func(*commit.Record)) *problem {
	if p := s.passes.begin(); p != nil {
		return p
	}
	defer s.passes.end()
	n := 0
	err := s.queue.Records(1, seq, kinds, func(record *commit.Record) error {
		if n++; n%stopLook == 0 && s.stopped.Err() != nil {
			return errStopping
		}
		if record.Outcome.Time != 0 {
			f(record)
		}
		return nil
	})
	switch {
	case errors.Is(err, errStopping):
		return problemOf(codeOverloaded, "the server is shutting down")
	case err != nil:
		return s.failed(err)
	}
	return nil
}

func (s *Server) givenList(e *jx.Encoder, all []*given) {
	e.ArrStart()
	for _, x := range all {
		s.givenShown(e, x)
	}
	e.ArrEnd()
}

// certificateFold gathers the certificates of the numbers that stand for one member.
type certificateFold struct {
	s        *Server
	calendar kopilka.Calendar
	versions []engine.Version
	part     map[kopilka.MemberNo]bool
	into     map[kopilka.MemberNo]kopilka.MemberNo // of those parts that were part of another at the time
	all      []*given
}

func (f *certificateFold) add(record *commit.Record) {
	out := &record.Outcome
	switch c := record.Command.(type) {
	case *kopilka.Issue:
		for i := range c.Due {
			f.award(record, &c.Due[i], c.Due[i].Member, c.Reason, c.Actor)
		}
	case *kopilka.PutMember:
		for i := range c.Due {
			f.award(record, &c.Due[i], out.Member, "", "")
		}
	case *kopilka.Receipt:
		for i := range out.Uses {
			if x := f.find(&out.Uses[i]); x != nil {
				x.left -= out.Uses[i].Points
				x.uses = append(x.uses, certificateUse{receipt: strings.Clone(c.ID), seq: record.Seq, used: out.Uses[i].Points})
			}
		}
	case *kopilka.Return:
		f.giveBack(record, c)
	case *kopilka.Merge:
		if f.part[c.From] && f.part[c.Into] {
			f.into[c.From] = c.Into
		}
	case *kopilka.Unmerge:
		delete(f.into, c.From)
	}
}

// award is a certificate that was due: as the engine gives it, once for a year of the
// rule, and once by one command.
func (f *certificateFold) award(record *commit.Record, due *kopilka.CertificateDue, m kopilka.MemberNo, reason, actor string) {
	if !f.part[m] {
		return
	}
	m = f.person(m)
	value, known := f.value(due.Rule, record.Seq)
	if !known {
		return
	}
	for _, x := range f.all {
		if x.Rule == due.Rule && f.person(x.Member) == m && (x.seq == record.Seq || due.Year != 0 && x.Year >= due.Year) {
			return
		}
	}
	x := &given{CertificateDue: *due, seq: record.Seq, at: record.Outcome.Time, reason: strings.Clone(reason), actor: strings.Clone(actor)}
	x.Member, x.Rule = m, strings.Clone(due.Rule)
	if x.Points == 0 {
		x.Points = value
	}
	x.left = x.Points
	f.all = append(f.all, x)
}

// person is who stood for a number at the time.
func (f *certificateFold) person(m kopilka.MemberNo) kopilka.MemberNo {
	for {
		into, ok := f.into[m]
		if !ok {
			return m
		}
		m = into
	}
}

// value is that of a rule in the program that was in force at a position; false when
// it had none of this id.
func (f *certificateFold) value(rule string, at kopilka.Seq) (kopilka.Points, bool) {
	n := len(f.versions) - 1
	for n > 0 && f.versions[n].Seq > at {
		n--
	}
	for i := range f.versions[n].Program.Certificates {
		if of := &f.versions[n].Program.Certificates[i]; of.ID == rule {
			return of.Points, true
		}
	}
	return 0, false
}

// find is the certificate of a use; nil when it is another's, or no certificate.
func (f *certificateFold) find(u *kopilka.Use) *given {
	if u.Kind != kopilka.UseCertificate || !f.part[kopilka.MemberNo(u.Number)-1] {
		return nil
	}
	rule := f.s.term(u.Term).ID
	for _, x := range f.all {
		if x.seq == u.Claim && x.Rule == rule && x.Member == kopilka.MemberNo(u.Number)-1 {
			return x
		}
	}
	return nil
}

// giveBack is what a return gave back to the certificates that had paid: what is less
// out of each after it. Where its days were over, that lapsed.
func (f *certificateFold) giveBack(record *commit.Record, c *kopilka.Return) {
	out := &record.Outcome
	for i := range c.Left.Uses {
		x := f.find(&c.Left.Uses[i])
		if x == nil {
			continue
		}
		points := c.Left.Uses[i].Points - out.Left.Uses[i].Points
		if x.To < f.calendar.DayOf(out.Time) {
			x.lapsed += points
		} else {
			x.left += points
		}
		for k := range x.uses {
			if x.uses[k].seq == c.ReceiptSeq {
				x.uses[k].restored += points
			}
		}
	}
}

func (s *Server) givenShown(e *jx.Encoder, x *given) {
	e.ObjStart()
	strField(e, "id", x.Rule)
	intField(e, "seq", int64(x.seq))
	if x.Year == 0 {
		strField(e, "given", "by_hand")
		nullField(e, "year")
	} else {
		strField(e, "given", "by_date")
		intField(e, "year", int64(x.Year))
	}
	optField(e, "reason", x.reason)
	optField(e, "actor", x.actor)
	strField(e, "valid_from", x.From.String())
	strField(e, "valid_to", x.To.String())
	intField(e, "value", int64(x.Points))
	e.FieldStart("uses")
	e.ArrStart()
	for i := range x.uses {
		u := &x.uses[i]
		e.ObjStart()
		strField(e, "receipt", u.receipt)
		intField(e, "seq", int64(u.seq))
		intField(e, "used", int64(u.used))
		intField(e, "restored", int64(u.restored))
		e.ObjEnd()
	}
	e.ArrEnd()
	intField(e, "left", int64(x.left))
	intField(e, "lapsed", int64(x.lapsed))
	s.timeField(e, "recorded_at", x.at)
	e.ObjEnd()
}
