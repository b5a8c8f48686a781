package api

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/audit"
	"github.com/valyala/fasthttp"
)

// keep keeps a record of a request that is answered: of those of an admin's key that
// change something or are for admins alone, and of all that were turned away.
func (c *call) keep(p *problem) {
	if c.s.book == nil {
		return
	}
	status := c.ctx.Response.StatusCode()
	list := audit.Actions
	switch {
	case c.turned > 0: // lines of a batch
		list = audit.Refusals
	case p != nil && turnedAway(p):
		list = audit.Refusals
	case c.route == nil || c.key.Role != kopilka.RoleAdmin:
		return
	case c.route.method == "GET" && c.route.roles != admin:
		return
	}
	r := audit.Record{
		At:          time.UnixMilli(int64(c.s.queue.Now())).UTC(),
		Key:         c.key.ID,
		Address:     c.address().String(),
		Certificate: c.certificate(),
		Route:       "none",
		ID:          c.did.id,
		Seq:         uint64(c.did.seq),
		Status:      status,
		Lines:       c.turned,
	}
	if c.route != nil {
		r.Route = c.route.method + " " + c.route.path
	}
	if c.key.ID != "" {
		r.Role = c.key.Role.String()
	} else {
		r.Key = claimed(&c.ctx.Request.Header)
	}
	if p != nil {
		r.Code = string(p.code)
	}
	if err := c.s.book.Add(list, r); err != nil {
		c.s.opts.Log.Error("api: a request is missing from the audit records", "err", err, "request_id", c.requestID)
	}
}

// turnedAway tells whether a problem is about who asks, how often, or whom for.
func turnedAway(p *problem) bool {
	switch p.status() {
	case fasthttp.StatusUnauthorized, fasthttp.StatusForbidden, fasthttp.StatusTooManyRequests:
		return true
	}
	return false
}

// claimed is the id of a key that did not turn out to be valid; empty when what was
// sent has not the form of a key, and may be anything.
func claimed(h *fasthttp.RequestHeader) string {
	id, _ := parseKey(bearerOf(h))
	return id
}

// certificate is the fingerprint of the certificate that a client has shown.
func (c *call) certificate() string {
	state := c.ctx.TLSConnectionState()
	if state == nil || len(state.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// audits shows one of the two lists, the newest first.
func (s *Server) audits(c *call) *problem {
	if p := c.reads("list", "limit", "cursor"); p != nil {
		return p
	}
	list, ok := audit.Actions, true
	if text := c.query("list"); text != "" {
		if list, ok = audit.ParseList(text); !ok {
			return malformed("", "list must be actions or refusals")
		}
	}
	limit, p := c.limit(50, 1000)
	if p != nil {
		return p
	}
	from, given, p := c.cursor()
	if p != nil {
		return p
	}
	if !given {
		from.at = math.MaxUint64
	} else if from.skip != uint64(list) {
		return notOfThisList()
	}
	if s.book == nil {
		return problemOf(codeNotFound, "this server keeps no audit records")
	}
	page, more, err := s.book.Before(list, from.at, limit)
	if err != nil {
		return s.failed(err)
	}
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range page {
		r := &page[i]
		e.ObjStart()
		intField(e, "no", int64(r.No))
		s.timeField(e, "at", kopilka.TimeOf(r.At))
		optField(e, "key_id", r.Key)
		optField(e, "role", r.Role)
		strField(e, "address", r.Address)
		optField(e, "certificate", r.Certificate)
		strField(e, "route", r.Route)
		optField(e, "id", r.ID)
		if r.Seq == 0 {
			nullField(e, "seq")
		} else {
			intField(e, "seq", int64(r.Seq))
		}
		intField(e, "status", int64(r.Status))
		optField(e, "code", r.Code)
		intField(e, "lines", int64(r.Lines))
		e.ObjEnd()
		from.at = r.No
	}
	e.ArrEnd()
	c.nextCursor(more, cursor{at: from.at, skip: uint64(list)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}
