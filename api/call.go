package api

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// call is one request while it is answered. Calls are used again, and with them
// the memory of their orders, so that a till's request allocates little.
//
// Strings of a call may alias the request's body, which fasthttp uses again for
// the next request. Nothing that outlives the answer may keep one; the queue
// does not, it has written a command down before it lets the call wait.
type call struct {
	s         *Server
	ctx       *fasthttp.RequestCtx
	route     *route
	param     string // what stands in place of the braces of the route's path
	second    string // and of the second braces of those that have two
	key       engine.Key
	requestID string
	secret    string // of a key that this call makes
	// did is what the audit record says of the command, and turned how many lines of a
	// batch were turned away.
	did struct {
		id  string
		seq kopilka.Seq
	}
	turned int

	in    reader
	order order
	out   jx.Encoder
}

var calls = sync.Pool{New: func() any { return new(call) }}

func (c *call) body() []byte { return c.ctx.Request.Body() }

// reply sends what out holds.
func (c *call) reply(status int) *problem {
	c.send(status, "application/json")
	return nil
}

func (c *call) send(status int, contentType string) {
	h := &c.ctx.Response
	h.SetStatusCode(status)
	h.Header.SetContentType(contentType)
	h.SetBody(c.out.Bytes())
}

// refuse sends a problem.
func (c *call) refuse(p *problem) {
	c.out.Reset()
	c.out.ObjStart()
	p.fields(&c.out, c.requestID)
	c.out.ObjEnd()
	h := &c.ctx.Response.Header
	switch p.code {
	case codeOverloaded, codeOutcomeUnknown:
		h.Set("Retry-After", "1")
	case codeStorageFull:
		h.Set("Retry-After", "60")
	case codeRateLimited:
		h.Set("Retry-After", strconv.FormatInt(p.retryAfter, 10))
	case codeUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case codeMethodNotAllowed:
		h.Set("Allow", p.allow)
	}
	c.send(p.status(), problemType)
}

// command decodes the body, carries it through the queue, and answers.
func (c *call) command(decode func(*reader)) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	c.in.start(c.body())
	decode(&c.in)
	if p := c.in.end(); p != nil {
		return p
	}
	return c.carry(created)
}

// created and changed are the statuses of a command that was done just now.
const (
	created = fasthttp.StatusCreated
	changed = fasthttp.StatusOK
)

// carry brings the call's order through the queue and answers with status, or
// as a replay.
func (c *call) carry(status int) *problem {
	r, p := c.decided()
	if p != nil {
		return p
	}
	return c.done(&r, status)
}

// decided brings the call's order through the queue.
func (c *call) decided() (result, *problem) {
	if p := c.takeID(); p != nil {
		return result{}, p
	}
	if p := c.admit(&c.order); p != nil {
		return result{}, p
	}
	r, p := c.s.carry(&c.order)
	c.did.seq = r.seq
	return r, p
}

// done answers what was decided.
func (c *call) done(r *result, status int) *problem {
	if k := r.cmd.Kind(); (k == kopilka.KindMember || k == kopilka.KindCard) && !r.outcome.Enrolled {
		status = changed
	}
	r.secret = c.secret
	if r.replayed {
		r.secret = ""
		status = changed
		c.ctx.Response.Header.Set("Idempotent-Replayed", "true")
	}
	c.out.ObjStart()
	r.watched = c.watches()
	c.s.answer(&c.out, r)
	c.out.ObjEnd()
	return c.reply(status)
}

// takeID brings the header Idempotency-Key and the id of the body together.
func (c *call) takeID() *problem {
	h := c.order.head
	alias := string(c.ctx.Request.Header.Peek("Idempotency-Key"))
	switch {
	case alias == "":
	case !kopilka.ValidID(alias):
		return malformed("", "the header Idempotency-Key must be 1 to 64 visible ASCII characters")
	case h.ID != "" && h.ID != alias:
		return malformed("/id", "differs from the header Idempotency-Key")
	default:
		h.ID = alias
	}
	c.did.id = strings.Clone(h.ID)
	if h.ID == "" && needsID(c.order.cmd) {
		return malformed("", "id is missing: every command carries one, so that it can be repeated safely")
	}
	return nil
}

// needsID tells whether a command without an id is refused. Putting a member, a card,
// a program, a rating or the end of a key twice does no harm.
func needsID(c kopilka.Command) bool {
	switch c.Kind() {
	case kopilka.KindMember, kopilka.KindCard, kopilka.KindProgram, kopilka.KindRevoke, kopilka.KindRefresh, kopilka.KindRating:
		return false
	}
	return true
}

// query is a parameter of the request's address, empty when it is absent.
func (c *call) query(name string) string { return string(c.ctx.QueryArgs().Peek(name)) }

// wellAsked refuses parameters that cannot be read in one way only.
func (c *call) wellAsked() *problem {
	raw := c.ctx.URI().QueryString()
	if len(raw) == 0 {
		return nil
	}
	if text, ok := unescape(raw); !ok || !utf8.ValidString(text) {
		return malformed("", "the parameters are not UTF-8, with %XX for what has a meaning in addresses")
	}
	seen := map[string]bool{}
	for key := range c.ctx.QueryArgs().All() {
		if seen[string(key)] {
			return malformed("", "the parameter "+strconv.Quote(cut(string(key)))+" comes twice")
		}
		seen[string(key)] = true
	}
	return nil
}

// onlyQuery refuses parameters that the route does not know.
func (c *call) onlyQuery(known ...string) *problem {
	for key := range c.ctx.QueryArgs().All() {
		if name := string(key); !slices.Contains(known, name) {
			return malformed("", strconv.Quote(cut(name))+" is not a parameter that this version knows here")
		}
	}
	return nil
}

// waitMax bounds how long a read waits for the books to reach min_seq.
const waitMax = 2 * time.Second

// reads checks the parameters of a read and waits for min_seq.
func (c *call) reads(known ...string) *problem {
	if p := c.onlyQuery(append(known, "min_seq")...); p != nil {
		return p
	}
	text := c.query("min_seq")
	if text == "" {
		return nil
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return malformed("", "min_seq must be a position of the log, such as an answer's seq")
	}
	if !c.s.queue.Wait(kopilka.Seq(seq), waitMax) {
		return problemOf(codeOverloaded, "the books have not reached min_seq")
	}
	return nil
}

// limit reads the length of a page.
func (c *call) limit(usual, max int) (int, *problem) {
	text := c.query("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > max {
		return 0, malformed("", "limit must be from 1 to "+strconv.Itoa(max))
	}
	return n, nil
}

// flag reads a parameter that is true or false.
func (c *call) flag(name string) (bool, *problem) {
	switch c.query(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, malformed("", name+" must be true or false")
}
