package api

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/query"
	"github.com/valyala/fasthttp"
)

var audienceFields = []string{"id", "expr", "control_bp", "name"}

// controlMax is the greatest share of an audience that can be held out.
const controlMax = 9000

// postAudience freezes the members whom an expression means, and holds some out.
// They go into the log in chunks before the command that closes them; audiences are
// gathered one after the other.
func (s *Server) postAudience(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Audience{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	text := ""
	r := &c.in
	r.start(c.body())
	for f := r.object(audienceFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "expr":
			text = r.string()
		case "control_bp":
			cmd.Control = kopilka.BP(r.integer(0, controlMax))
		case "name":
			cmd.Name = r.short()
		}
	}
	if text == "" {
		r.failAt("/expr", "expr is missing: whom do you mean?")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Audience(cmd.Name, text, cmd.Control)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem { return s.gather(cmd, text) }
	s.freezing.Lock()
	defer s.freezing.Unlock()
	return c.carry(created)
}

// gather puts into the log whom an expression means, and completes the command that
// is to close them.
func (s *Server) gather(cmd *kopilka.Audience, text string) *problem {
	full := false
	s.queue.View(func(b *engine.State) { full = len(b.Audiences()) >= engine.AudiencesMax })
	if full {
		return nil // the books say no, and nothing need be gathered for that
	}
	all, expr, p := s.population(text, false)
	if p != nil {
		return p
	}
	words := expr.Select(all)
	s.passes.end()
	cmd.Expr, cmd.AsOf, cmd.Members, cmd.HeldOut = expr.String(), all.Day, 0, 0
	var draw kopilka.Draw
	s.queue.View(func(b *engine.State) { draw = b.Draw(cmd.ID, cmd.Control) })
	start := true
	for block := 0; block*query.BlockLen < max(1, len(words)*64); block++ {
		var set kopilka.Block
		copy(set[:], words[min(block*len(set), len(words)):])
		n := 0
		for i, w := range set {
			n += bits.OnesCount64(w)
			for ; w != 0; w &= w - 1 {
				if draw.HeldOut(kopilka.MemberNo(block*kopilka.BlockLen + i*64 + bits.TrailingZeros64(w))) {
					cmd.HeldOut++
				}
			}
		}
		if n == 0 && !start {
			continue
		}
		cmd.Members += n
		g := &kopilka.Gather{Audience: cmd.ID, Control: cmd.Control, Start: start, Block: uint32(block), Members: kopilka.AppendBlock(nil, &set)}
		g.By = cmd.By
		a, err := s.queue.Submit(g)
		if err != nil {
			return s.failed(err)
		}
		if refusal := a.Outcome.Refusal; refusal != kopilka.Accepted {
			return s.failed(fmt.Errorf("the books refuse a part of an audience: %s", refusal))
		}
		start = false
	}
	return nil
}

// audienceAnswer writes what was frozen.
func audienceAnswer(e *jx.Encoder, c *kopilka.Audience) {
	optField(e, "name", c.Name)
	strField(e, "expr", c.Expr)
	strField(e, "as_of", c.AsOf.String())
	intField(e, "control_bp", int64(c.Control))
	intField(e, "members", int64(c.Members))
	intField(e, "addressed", int64(c.Members-c.HeldOut))
	intField(e, "held_out", int64(c.HeldOut))
}

// audienceShown writes an audience as the books keep it, into an object that is open.
func (s *Server) audienceShown(e *jx.Encoder, x *engine.Audience) {
	strField(e, "id", x.ID)
	intField(e, "seq", int64(x.Seq))
	audienceAnswer(e, &kopilka.Audience{Name: x.Name, Expr: x.Expr, AsOf: x.AsOf, Control: x.Control, Members: x.Members, HeldOut: x.HeldOut})
	s.timeField(e, "recorded_at", x.Time)
}

// audiences lists all audiences, the newest first.
func (s *Server) audiences(c *call) *problem {
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
	var all []engine.Audience
	s.queue.View(func(b *engine.State) { all = b.Audiences() })
	slices.Reverse(all)
	if given {
		all = slices.DeleteFunc(all, func(x engine.Audience) bool { return uint64(x.Seq) > from.at })
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range all[:min(limit, len(all))] {
		e.ObjStart()
		s.audienceShown(e, &all[i])
		e.ObjEnd()
	}
	e.ArrEnd()
	next := cursor{}
	if len(all) > limit {
		next.at = uint64(all[limit].Seq)
	}
	c.nextCursor(len(all) > limit, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

var noAudience = problem{code: codeNotFound, detail: "no audience has this id"}

// audience finds an audience by its id.
func (s *Server) audience(id string) (x engine.Drawn, p *problem) {
	seq, p := s.madeBy(id)
	if p != nil {
		return x, p
	}
	ok := false
	s.queue.View(func(b *engine.State) { x, ok = b.Drawn(seq) })
	if !ok || x.ID != id {
		return x, &noAudience
	}
	return x, nil
}

// madeBy is the position of the command that spent an id; 0 = none did.
func (s *Server) madeBy(id string) (kopilka.Seq, *problem) {
	if !kopilka.ValidID(id) {
		return 0, nil
	}
	found, err := s.queue.FindID(id)
	if err != nil {
		return 0, s.failed(err)
	}
	return found.Seq, nil
}

// getAudience shows an audience with what was granted to it.
func (s *Server) getAudience(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	x, p := s.audience(c.param)
	if p != nil {
		return p
	}
	var grants []engine.AudienceGrant
	s.queue.View(func(b *engine.State) { grants = b.AudienceGrants() })
	e := &c.out
	e.ObjStart()
	s.audienceShown(e, &x.Audience)
	e.FieldStart("grants")
	e.ArrStart()
	for i := range grants {
		g := &grants[i]
		if g.Audience != x.Seq {
			continue
		}
		e.ObjStart()
		strField(e, "id", g.ID)
		intField(e, "seq", int64(g.Seq))
		grantFields(e, g)
		e.FieldStart("done")
		e.Bool(g.Done)
		e.ObjEnd()
	}
	e.ArrEnd()
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// eachOf calls f for the numbers of an audience from a place on, a few thousand under
// one hold of the lock, until it says false.
func (s *Server) eachOf(x *engine.Audience, from int, f func(b *engine.State, place int, no kopilka.MemberNo) bool) {
	for more := true; more && from < x.Members; {
		s.queue.View(func(b *engine.State) {
			n := 0
			for place, no := range b.Of(x, from) {
				if n == factsMax {
					return
				}
				n++
				from = place + 1
				if more = f(b, place, no); !more {
					return
				}
			}
		})
	}
}

// groups are the two of an audience, with who stands in each.
var groups = map[string]func(*engine.State, *engine.Drawn, kopilka.MemberNo) (kopilka.MemberNo, bool){
	"addressed": (*engine.State).Stands,
	"held_out":  (*engine.State).Withheld,
}

// audienceMembers lists the members of one group of an audience, in the form that
// Accept asks for and with where they stand today.
func (s *Server) audienceMembers(c *call) *problem {
	if p := c.reads("group", "limit", "cursor"); p != nil {
		return p
	}
	form, p := c.form("application/json", "text/csv")
	if p != nil {
		return p
	}
	stands := groups[c.query("group")]
	if stands == nil {
		return malformed("", "group must be addressed or held_out")
	}
	limit, p := c.limit(100, pageMax)
	if p != nil {
		return p
	}
	from, _, p := c.cursor()
	if p != nil {
		return p
	}
	x, p := s.audience(c.param)
	if p != nil {
		return p
	}
	if form == "text/csv" {
		return s.audienceCSV(c, &x, stands)
	}
	v, p := s.stand(c, false)
	if p != nil {
		return p
	}
	var page []ranked
	next, more := cursor{}, false
	s.eachOf(&x.Audience, int(from.at), func(b *engine.State, place int, no kopilka.MemberNo) bool {
		m, ok := stands(b, &x, no)
		if !ok {
			return true
		}
		if more = len(page) == limit; more {
			next.at = uint64(place)
			return false
		}
		page = append(page, ranked{m, b.Index().Standing(m)})
		return true
	})
	cards := s.cards(page)
	e := &c.out
	e.ObjStart()
	intField(e, "seq", int64(v.seq))
	e.FieldStart("data")
	e.ArrStart()
	for i, m := range page {
		e.ObjStart()
		strField(e, "member_id", s.ids.ID(m.no))
		strField(e, "card", cards[i])
		standingFields(e, &m.at)
		strField(e, "segment", v.segmentID(m.at.Segment))
		e.ObjEnd()
	}
	e.ArrEnd()
	c.nextCursor(more, next)
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

func (s *Server) audienceCSV(c *call, x *engine.Drawn, stands func(*engine.State, *engine.Drawn, kopilka.MemberNo) (kopilka.MemberNo, bool)) *problem {
	v, p := s.stand(c, true)
	if p != nil {
		return p
	}
	var words []uint64
	s.queue.View(func(b *engine.State) { words = make([]uint64, (b.Members()+63)/64) })
	s.eachOf(&x.Audience, 0, func(b *engine.State, _ int, no kopilka.MemberNo) bool {
		if m, ok := stands(b, x, no); ok {
			words[m/64] |= 1 << (m % 64)
		}
		return true
	})
	s.streamMembers(c, &v, func(m kopilka.MemberNo, _ *index.Standing) bool {
		return int(m/64) < len(words) && words[m/64]>>(m%64)&1 != 0
	})
	return nil
}

var audienceGrantFields = []string{"id", "points", "reason", "actor"}

// postAudienceGrant gives points to all who were addressed, and answers when everybody
// has had his turn. One grant goes after another.
func (s *Server) postAudienceGrant(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.AudienceGrant{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	r := &c.in
	r.start(c.body())
	for f := r.object(audienceGrantFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "points":
			cmd.Points = kopilka.Points(r.amount(1))
		default:
			hand.field(r, f.name)
		}
	}
	if cmd.Points == 0 {
		r.failAt("", "points is missing")
	}
	hand.given(r)
	if p := r.end(); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.AudienceGrant(c.param, cmd.Points, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.complete = func() *problem {
		x, p := s.audience(c.param)
		cmd.Audience = x.Seq
		return p
	}
	done, p := c.decided()
	if p != nil {
		return p
	}
	if err := s.finishGrants(s.stopped); err != nil {
		return s.failed(err)
	}
	if s.stopped.Err() != nil {
		return problemOf(codeOutcomeUnknown, "the server is stopping; the grant goes on when it starts again")
	}
	return c.done(&done, created)
}

// finishGrants goes on with the grants to audiences in which somebody has not had his
// turn, until there is none or ctx ends.
func (s *Server) finishGrants(ctx context.Context) error {
	s.granting.Lock()
	defer s.granting.Unlock()
	for ctx.Err() == nil {
		var g engine.AudienceGrant
		open := false
		s.queue.View(func(b *engine.State) { g, open = b.UnfinishedGrant() })
		if !open {
			return nil
		}
		first, err := s.queue.Command(g.Seq)
		if err != nil {
			return err
		}
		c, ok := first.Command.(*kopilka.AudienceGrant)
		if !ok {
			return fmt.Errorf("the grant at %d is a %s", g.Seq, first.Command.Kind())
		}
		step := &kopilka.AudienceGrant{Audience: g.Audience, Begun: g.Seq, From: g.Next, Points: g.Points, Reason: c.Reason, Actor: c.Actor}
		step.By = c.By
		a, err := s.queue.Submit(step)
		if err != nil {
			return err
		}
		if r := a.Outcome.Refusal; r != kopilka.Accepted {
			return fmt.Errorf("the books refuse a step of the grant at %d: %s", g.Seq, r)
		}
	}
	return nil
}

// audienceGrantAnswer writes what came of a grant.
func (s *Server) audienceGrantAnswer(e *jx.Encoder, seq kopilka.Seq, c *kopilka.AudienceGrant) {
	var g engine.AudienceGrant
	var x engine.Audience
	s.queue.View(func(b *engine.State) {
		g, _ = b.AudienceGrant(seq)
		x, _ = b.Audience(c.Audience)
	})
	strField(e, "audience", x.ID)
	grantFields(e, &g)
}

func grantFields(e *jx.Encoder, g *engine.AudienceGrant) {
	intField(e, "points", int64(g.Points))
	intField(e, "members", int64(g.Given))
	intField(e, "total", int64(g.Total))
}
