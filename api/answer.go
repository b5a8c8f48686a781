package api

import (
	"time"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

func strField(e *jx.Encoder, name, v string) {
	e.FieldStart(name)
	e.Str(v)
}

func intField(e *jx.Encoder, name string, v int64) {
	e.FieldStart(name)
	e.Int64(v)
}

// optField writes null for an empty string.
func optField(e *jx.Encoder, name, v string) {
	e.FieldStart(name)
	if v == "" {
		e.Null()
		return
	}
	e.Str(v)
}

func nullField(e *jx.Encoder, name string) {
	e.FieldStart(name)
	e.Null()
}

// timeField writes an instant in the program's time zone.
func (s *Server) timeField(e *jx.Encoder, name string, t kopilka.Time) {
	e.FieldStart(name)
	s.time(e, t)
}

// stamp is RFC 3339 with milliseconds, so that the last one of a day is told
// from the first one of the next.
const stamp = "2006-01-02T15:04:05.000Z07:00"

func (s *Server) time(e *jx.Encoder, t kopilka.Time) {
	var few [40]byte
	b := append(few[:0], '"')
	b = t.Std().In(s.zone()).AppendFormat(b, stamp)
	e.Raw(append(b, '"'))
}

func (s *Server) zone() *time.Location { return s.queue.Calendar().Zone }

// answer writes what was decided about a command into an object that is open.
// All of it is in the log, so that the first answer can be given again.
func (s *Server) answer(e *jx.Encoder, r *result) {
	out := r.outcome
	id := kopilka.HeadOf(r.cmd).ID
	e.FieldStart("id")
	if id == "" {
		e.Null()
	} else {
		e.Str(id)
	}
	intField(e, "seq", int64(r.seq))
	switch c := r.cmd.(type) {
	case *kopilka.Receipt:
		s.memberIDField(e, buyer(c.Member, out))
		s.receiptAnswer(e, r.seq, c, out)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Redemption:
		s.memberIDField(e, buyer(c.Member, out))
		intField(e, "earned", 0)
		intField(e, "redeemed", int64(out.Redeemed))
		intField(e, "cash_due", int64(out.CashDue))
		s.standing(e, r.seq, out)
	case *kopilka.Grant:
		s.memberIDField(e, buyer(c.Member, out))
		intField(e, "earned", int64(out.Earned))
		intField(e, "redeemed", 0)
		s.standing(e, r.seq, out)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Adjustment:
		s.memberIDField(e, buyer(c.Member, out))
		intField(e, "points", int64(c.Points))
		s.standing(e, r.seq, out)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Return:
		s.memberIDField(e, buyer(c.Member, out))
		optField(e, "receipt", c.Receipt)
		intField(e, "goods", int64(out.Goods))
		intField(e, "cash_refund", int64(out.CashRefund))
		intField(e, "points_restored", int64(out.Restored))
		intField(e, "points_lapsed", int64(out.Lapsed))
		intField(e, "points_taken", int64(out.Taken))
		intField(e, "certificate_restored", int64(out.CertificateRestored))
		intField(e, "certificate_lapsed", int64(out.CertificateLapsed))
		s.standing(e, r.seq, out)
		s.legsField(e, out.Legs)
	case *kopilka.Hold:
		s.memberIDField(e, buyer(c.Member, out))
		intField(e, "points", int64(c.Points))
		s.timeField(e, "expires_at", c.Until)
		s.standing(e, r.seq, out)
	case *kopilka.Capture:
		s.memberIDField(e, buyer(c.Member, out))
		strField(e, "hold", c.Hold.ID)
		intField(e, "earned", 0)
		intField(e, "redeemed", int64(out.Redeemed))
		intField(e, "freed", int64(out.HeldBack))
		intField(e, "cash_due", int64(out.CashDue))
		s.standing(e, r.seq, out)
	case *kopilka.Void:
		s.memberIDField(e, buyer(c.Member, out))
		strField(e, "hold", c.Hold.ID)
		intField(e, "freed", int64(out.HeldBack))
		s.standing(e, r.seq, out)
	case *kopilka.Rating:
		s.memberIDField(e, buyer(c.Member, out))
		strField(e, "receipt", c.Receipt)
		intField(e, "stars", int64(c.Stars))
	case *kopilka.PutMember:
		s.memberIDField(e, out.Member)
		strField(e, "card", c.Card)
		strField(e, "state", c.State.String())
		e.FieldStart("enrolled")
		e.Bool(out.Enrolled)
		s.legsField(e, out.Legs)
		s.standing(e, r.seq, out)
	case *kopilka.Note:
		s.memberIDField(e, out.Member)
		intField(e, "notes", int64(c.No))
	case *kopilka.PutCard:
		s.memberIDField(e, out.Member)
		cardFieldsShown(e, c.Card, c.Carrier, c.Blocked)
	case *kopilka.Merge:
		s.memberIDField(e, c.Into)
		s.movedFields(e, c.From, out)
		s.standing(e, r.seq, out)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Unmerge:
		s.memberIDField(e, c.Into)
		strField(e, "merge", c.MergeID)
		s.movedFields(e, c.From, out)
		s.standing(e, r.seq, out)
	case *kopilka.Erase:
		s.memberIDField(e, out.Member)
		intField(e, "forfeited", -int64(out.Earned))
		e.FieldStart("erased")
		e.Bool(true)
	case *kopilka.Issue:
		s.issueAnswer(e, c)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Emit:
		s.emissionAnswer(e, c, out)
	case *kopilka.Audience:
		audienceAnswer(e, c)
	case *kopilka.AudienceGrant:
		s.audienceGrantAnswer(e, r.seq, c)
		flagsField(e, out.Flags, r.watched)
	case *kopilka.Mailing:
		s.mailingAnswer(e, c)
	case *kopilka.Dispatch:
		s.dispatchAnswer(e, c, r.handed)
	case *kopilka.Deliver:
		s.deliverAnswer(e, c)
	case *kopilka.SetProgram:
		switch {
		case len(c.Document) == 0:
			e.FieldStart("withdrawn")
			e.Bool(true)
		case c.At > out.Time:
			s.timeField(e, "in_force_from", c.At)
		default:
			intField(e, "version", int64(out.Program))
		}
	case *kopilka.CreateKey:
		newKeyFields(e, c, r.secret)
	case *kopilka.RevokeKey:
		strField(e, "key_id", c.KeyID)
		e.FieldStart("revoked")
		e.Bool(true)
	}
	s.timeField(e, "recorded_at", out.Time)
}

func (s *Server) memberIDField(e *jx.Encoder, m kopilka.MemberNo) {
	e.FieldStart("member_id")
	if m == kopilka.NoMember {
		e.Null()
		return
	}
	e.Str(s.ids.ID(m))
}

// buyer is whom a command was about: the member that it named or, where that one
// is part of another, who stands for both.
func buyer(named kopilka.MemberNo, out *kopilka.Outcome) kopilka.MemberNo {
	if out.Member != kopilka.NoMember {
		return out.Member
	}
	return named
}

// standing writes how the books stand with the member after the command; of
// nobody, nothing.
func (s *Server) standing(e *jx.Encoder, seq kopilka.Seq, out *kopilka.Outcome) {
	if out.Member == kopilka.NoMember {
		for _, name := range [...]string{"balance", "pending", "held", "debt", "tier", "segment", "next_expiry"} {
			nullField(e, name)
		}
		return
	}
	p := s.program(seq)
	intField(e, "balance", int64(out.Balance))
	intField(e, "pending", int64(out.Pending))
	intField(e, "held", int64(out.Held))
	intField(e, "debt", int64(out.Debt))
	strField(e, "tier", p.Tiers[out.Tier].ID)
	strField(e, "segment", p.RFM.Segments.Names[out.Segment].ID)
	s.expiryField(e, out.NextExpiry)
}

// expiryField writes the points that run out next, and the last instant at which
// they can be spent.
func (s *Server) expiryField(e *jx.Encoder, l kopilka.Lot) {
	e.FieldStart("next_expiry")
	if l.Points == 0 {
		e.Null()
		return
	}
	e.ObjStart()
	intField(e, "points", int64(l.Points))
	s.dayEndField(e, "at", l.Expires)
	e.ObjEnd()
}

// dayEndField writes the last instant of a business day, or null for the day
// that does not come.
func (s *Server) dayEndField(e *jx.Encoder, name string, d kopilka.Day) {
	if d == kopilka.DayNever {
		nullField(e, name)
		return
	}
	s.timeField(e, name, s.queue.Calendar().End(d))
}

// program is the rules that were in force at a position of the log: tiers and
// segments in an outcome count by them.
func (s *Server) program(seq kopilka.Seq) *program.Program {
	var versions []engine.Version // only ever appended to, so good without the lock
	s.queue.View(func(b *engine.State) { versions = b.Versions() })
	for i := len(versions) - 1; i > 0; i-- {
		if versions[i].Seq <= seq {
			return versions[i].Program
		}
	}
	return versions[0].Program
}
