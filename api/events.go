package api

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// The feed of changes is the log, read in its order and told in words for whoever
// keeps a copy of what members have and are. Nothing is stored for it. A page has
// whole commands, so whoever has taken one in and remembers its next_after misses
// nothing and hears nothing twice.

const (
	eventsUsual = 500
	eventsPage  = 5000
	// eventsRead bounds the commands that one request reads, also one that waits for
	// types of which there is nothing: most commands may have nothing for the feed.
	eventsRead = 50_000
	// eventsWait bounds how long a request waits for an event, in seconds, and
	// eventsWaiting how many do.
	eventsWait    = 30
	eventsWaiting = 64
	// eventsBeat is how often one that waits looks whether the server ends.
	eventsBeat = 500 * time.Millisecond
	// eventsPause is the least time between two reads of the log for one request.
	eventsPause = 50 * time.Millisecond
)

// eventType is what kind of change an event tells.
type eventType uint8

const (
	eventEnrolled eventType = iota
	eventMerged
	eventUnmerged
	eventErased
	eventBalance
	eventTier
	eventSegment
)

var eventTypes = []string{"enrolled", "merged", "unmerged", "erased", "balance", "tier", "segment"}

// event is one change of one member.
type event struct {
	seq    kopilka.Seq
	time   kopilka.Time
	cause  kopilka.Kind
	kind   eventType
	member kopilka.MemberNo

	into                         kopilka.MemberNo // of merged
	before, after                kopilka.Labels   // of tier and segment
	balance, pending, held, debt kopilka.Points
}

// eventKinds are the kinds of commands that may have something for the feed: all but
// these, so that a kind that comes later is not forgotten.
var eventKinds = kopilka.AllKinds &^ kopilka.KindsOf(kopilka.KindGenesis, kopilka.KindTick, kopilka.KindProgram, kopilka.KindKey,
	kopilka.KindRevoke, kopilka.KindRefresh, kopilka.KindEmit, kopilka.KindRating, kopilka.KindNote, kopilka.KindGather)

// feed is a page while it is filled.
type feed struct {
	versions []engine.Version
	types    [7]bool // that are asked for
	list     []event
	limit    int
	after    kopilka.Seq // everything up to it is told
	upTo     kopilka.Seq // and nothing behind it is read
}

var errPageFull = errors.New("the page is full")

// events answers a page of the feed, and waits for one that has something to tell.
func (s *Server) events(c *call) *problem {
	if p := c.reads("after", "limit", "wait", "types"); p != nil {
		return p
	}
	f := feed{}
	wait, p := s.feedAsked(c, &f)
	if p != nil {
		return p
	}
	if wait > 0 {
		select {
		case s.waiting <- struct{}{}:
			defer func() { <-s.waiting }()
		default:
			return problemOf(codeOverloaded, fmt.Sprintf("%d requests wait for events already", eventsWaiting))
		}
	}
	f.upTo = f.after + eventsRead
	if err := s.await(&f, wait); err != nil {
		return s.failed(err)
	}
	return s.sendFeed(c, &f)
}

// await fills a page, and where nothing is to be told waits for something, until the
// page has it, enough was read, the time is over, or the server ends.
func (s *Server) await(f *feed, wait time.Duration) error {
	until := time.Now().Add(wait)
	for {
		newest, err := s.fill(f)
		left := time.Until(until)
		if err != nil || len(f.list) > 0 || f.after < newest || f.after == f.upTo || left <= 0 || s.stopped.Err() != nil {
			return err
		}
		if s.queue.Wait(f.after+1, min(left, eventsBeat)) {
			// Under load there is a frame every millisecond, and most have nothing of
			// what is asked for: they are read together.
			time.Sleep(min(left, eventsPause))
		}
	}
}

// feedAsked reads the parameters.
func (s *Server) feedAsked(c *call, f *feed) (wait time.Duration, p *problem) {
	if f.limit, p = c.limit(eventsUsual, eventsPage); p != nil {
		return 0, p
	}
	if text := c.query("after"); text != "" {
		after, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, malformed("", "after must be a position of the log, such as next_after of the page before; 0 is its beginning")
		}
		if newest := s.queue.Seq(); kopilka.Seq(after) > newest {
			return 0, malformed("", fmt.Sprintf("after is beyond the newest position, %d: of another log?", newest))
		}
		f.after = kopilka.Seq(after)
	}
	if text := c.query("wait"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > eventsWait {
			return 0, malformed("", fmt.Sprintf("wait must be from 0 to %d seconds", eventsWait))
		}
		wait = time.Duration(n) * time.Second
	}
	f.types = [7]bool{true, true, true, true, true, true, true}
	if c.ctx.QueryArgs().Has("types") {
		f.types = [7]bool{}
		for name := range strings.SplitSeq(c.query("types"), ",") {
			i := slices.Index(eventTypes, name)
			if i < 0 {
				return 0, malformed("", fmt.Sprintf("types has %q; it names some of %s, with commas", cut(name), strings.Join(eventTypes, ", ")))
			}
			f.types[i] = true
		}
	}
	return wait, nil
}

// fill reads the log on from where the feed stands, until the page is full or
// enough is read, and tells how far the log went.
func (s *Server) fill(f *feed) (newest kopilka.Seq, err error) {
	s.queue.View(func(b *engine.State) { newest, f.versions = b.Seq(), b.Versions() })
	to := min(newest, f.upTo)
	if to == f.after {
		return newest, nil
	}
	err = s.queue.Records(f.after+1, to, eventKinds, func(r *commit.Record) error {
		if len(f.list) >= f.limit {
			return errPageFull
		}
		if r.Outcome.Time != 0 {
			f.command(r)
			f.after = r.Seq
		}
		return nil
	})
	switch {
	case err == nil:
		f.after = to
	case errors.Is(err, errPageFull):
		err = nil
	}
	return newest, err
}

// command adds what one command has changed.
func (f *feed) command(r *commit.Record) {
	o := &r.Outcome
	e := event{seq: r.Seq, time: o.Time, cause: r.Command.Kind(), member: o.Member}
	switch c := r.Command.(type) {
	case *kopilka.PutMember:
		if o.Enrolled {
			f.add(e, eventEnrolled)
		}
	case *kopilka.Merge:
		merged := e
		merged.member, merged.into = c.From, c.Into
		f.add(merged, eventMerged)
	case *kopilka.Unmerge:
		unmerged := e
		unmerged.member = c.From
		f.add(unmerged, eventUnmerged)
	case *kopilka.Erase:
		f.add(e, eventErased)
	}
	if o.Member != kopilka.NoMember && o.MovedPoints(o.Member) {
		e.balance, e.pending, e.held, e.debt = o.Balance, o.Pending, o.Held, o.Debt
		f.add(e, eventBalance)
	}
	for i := range o.Legs {
		l := &o.Legs[i]
		again := slices.ContainsFunc(o.Legs[:i], func(before kopilka.Leg) bool { return before.Member == l.Member })
		if l.Member == o.Member || again {
			continue
		}
		leg := e
		leg.member = l.Member
		leg.balance, leg.pending, leg.held, leg.debt = l.Balance, l.Pending, l.Held, l.Debt
		f.add(leg, eventBalance)
	}
	if e.cause == kopilka.KindMember && o.Enrolled {
		e.after = kopilka.Labels{Version: uint16(o.Program), Segment: o.Segment, Tier: o.Tier}
		f.add(e, eventTier)
		f.add(e, eventSegment)
	}
	for i := range o.Shifts {
		f.shift(e, &o.Shifts[i])
	}
}

func (f *feed) shift(e event, x *kopilka.Shift) {
	e.member, e.before, e.after = x.Member, x.Before, x.After
	if x.Points {
		e.balance, e.pending, e.held, e.debt = x.Balance, x.Pending, x.Held, x.Debt
		f.add(e, eventBalance)
	}
	if f.tier(x.Before) != f.tier(x.After) {
		f.add(e, eventTier)
	}
	if f.segment(x.Before) != f.segment(x.After) {
		f.add(e, eventSegment)
	}
}

func (f *feed) add(e event, kind eventType) {
	if e.kind = kind; f.types[kind] {
		f.list = append(f.list, e)
	}
}

// tier and segment are the ids in labels; empty of who is nobody.
func (f *feed) tier(l kopilka.Labels) string {
	if l.Version == 0 {
		return ""
	}
	return f.versions[l.Version-1].Program.Tiers[l.Tier].ID
}

func (f *feed) segment(l kopilka.Labels) string {
	if l.Version == 0 {
		return ""
	}
	return f.versions[l.Version-1].Program.RFM.Segments.Names[l.Segment].ID
}

// sendFeed writes the page. Cards are those of now: who was forgotten has none.
func (s *Server) sendFeed(c *call, f *feed) *problem {
	cards := make([]string, len(f.list))
	var newest kopilka.Seq
	s.queue.View(func(b *engine.State) {
		newest = b.Seq()
		for i := range f.list {
			cards[i] = b.Card(f.list[i].member)
		}
	})
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range f.list {
		s.eventShown(e, f, &f.list[i], cards[i])
	}
	e.ArrEnd()
	intField(e, "next_after", int64(f.after))
	intField(e, "seq", int64(newest))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

func (s *Server) eventShown(e *jx.Encoder, f *feed, v *event, card string) {
	e.ObjStart()
	defer e.ObjEnd()
	intField(e, "seq", int64(v.seq))
	strField(e, "type", eventTypes[v.kind])
	strField(e, "cause", v.cause.String())
	s.memberIDField(e, v.member)
	optField(e, "card", card)
	s.timeField(e, "recorded_at", v.time)
	switch v.kind {
	case eventBalance:
		intField(e, "balance", int64(v.balance))
		intField(e, "pending", int64(v.pending))
		intField(e, "held", int64(v.held))
		intField(e, "debt", int64(v.debt))
	case eventTier:
		optField(e, "from", f.tier(v.before))
		optField(e, "to", f.tier(v.after))
	case eventSegment:
		optField(e, "from", f.segment(v.before))
		optField(e, "to", f.segment(v.after))
	case eventMerged:
		strField(e, "into", s.ids.ID(v.into))
	}
}
