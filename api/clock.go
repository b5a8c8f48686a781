package api

import (
	"errors"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/valyala/fasthttp"
)

var clockFields = []string{"now"}

// getClock tells what time it is for the server.
func (s *Server) getClock(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	return s.showClock(c)
}

// postClock moves the test clock, and answers when the ticks of the days between
// are applied and the certificates of all these days are given.
func (s *Server) postClock(c *call) *problem {
	if !s.queue.TestClock() {
		return noTestClock()
	}
	if p := c.onlyQuery(); p != nil {
		return p
	}
	var now kopilka.Time
	given := false
	r := &c.in
	r.start(c.body())
	for f := r.object(clockFields); f.next(); {
		now, given = r.time(), true
	}
	if !given {
		r.failAt("", "now is missing")
	}
	if p := r.end(); p != nil {
		return p
	}
	if now < s.queue.Now() {
		return malformed("/now", "the clock only moves forward; it stands at "+s.queue.Calendar().Text(s.queue.Now()))
	}
	if err := s.walkClock(s.stopped, now); errors.Is(err, commit.ErrNoTestClock) {
		return noTestClock()
	} else if err != nil {
		return s.failed(err)
	}
	return s.showClock(c)
}

func noTestClock() *problem {
	return problemOf(codeNotFound, "the server was not started with --test-clock")
}

func (s *Server) showClock(c *call) *problem {
	now := s.queue.Now()
	e := &c.out
	e.ObjStart()
	s.timeField(e, "now", now)
	strField(e, "day", s.queue.Calendar().DayOf(now).String())
	e.FieldStart("test_clock")
	e.Bool(s.queue.TestClock())
	intField(e, "seq", int64(s.queue.Seq()))
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
