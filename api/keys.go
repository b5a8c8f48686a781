package api

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

var keyFields = []string{"id", "key_id", "role", "store", "note"}

// NewKey makes the secret key of an id, which is 1 to 16 characters of a–z and 0–9.
func NewKey(id string) (key string, err error) {
	if !validKeyID(id) {
		return "", fmt.Errorf("the id of a key is 1 to %d characters of a-z and 0-9, not %q", keyIDMax, cut(id))
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return keyPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(secret[:]), nil
}

// newKeyID makes an id for a key that was not given one.
func newKeyID() string {
	const letters = "0123456789abcdefghijklmnopqrstuv"
	var b [8]byte
	// Read never fails: it ends the process instead.
	_, _ = rand.Read(b[:])
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return string(b[:])
}

// postKey makes a key and shows it, this one time.
func (s *Server) postKey(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.CreateKey{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	r := &c.in
	r.start(c.body())
	for f := r.object(keyFields); f.next(); {
		switch f.name {
		case "id":
			cmd.ID = r.id()
		case "key_id":
			cmd.KeyID = r.string()
			if !r.bad && !validKeyID(cmd.KeyID) {
				r.fail("must be 1 to 16 characters of a-z and 0-9")
			}
		case "role":
			role, ok := kopilka.ParseRole(r.string())
			if !ok {
				r.fail("must be till, analyst or admin")
			}
			cmd.Role = role
		case "store":
			cmd.Store = r.short()
		case "note":
			cmd.Note = r.text(reasonMax)
		}
	}
	switch {
	case cmd.Role == 0:
		r.failAt("", "role is missing")
	case cmd.Store != "" && cmd.Role != kopilka.RoleTill:
		r.failAt("/store", "only the key of a till is bound to a store")
	}
	if p := r.end(); p != nil {
		return p
	}
	o.print.Key(cmd)
	cmd.Content = o.print.Sum()

	if cmd.KeyID == "" {
		cmd.KeyID = newKeyID()
	}
	key, err := NewKey(cmd.KeyID)
	if err != nil {
		return s.failed(err)
	}
	_, cmd.Hash, _ = ParseKey(key)
	c.secret = key
	defer func() { c.secret = "" }()
	return c.carry(created)
}

// newKeyFields writes a new key. Its secret is known to the call that made it and
// to no other: a replay shows null.
func newKeyFields(e *jx.Encoder, c *kopilka.CreateKey, secret string) {
	strField(e, "key_id", c.KeyID)
	optField(e, "key", secret)
	strField(e, "role", c.Role.String())
	optField(e, "store", c.Store)
	optField(e, "note", c.Note)
}

// getKeys lists the keys, the oldest first, revoked ones included, without their
// secrets. A cursor is how many were shown.
func (s *Server) getKeys(c *call) *problem {
	if p := c.reads("limit", "cursor"); p != nil {
		return p
	}
	limit, p := c.limit(1000, 1000)
	if p != nil {
		return p
	}
	from, _, p := c.cursor()
	if p != nil {
		return p
	}
	var keys []engine.Key
	s.queue.View(func(b *engine.State) { keys = b.Keys() })
	if from.at > uint64(len(keys)) {
		return notOfThisList()
	}
	keys = keys[from.at:]
	more := len(keys) > limit
	keys = keys[:min(limit, len(keys))]
	e := &c.out
	e.ObjStart()
	e.FieldStart("data")
	e.ArrStart()
	for i := range keys {
		k := &keys[i]
		e.ObjStart()
		strField(e, "key_id", k.ID)
		strField(e, "role", k.Role.String())
		optField(e, "store", k.Store)
		optField(e, "note", k.Note)
		s.timeField(e, "created_at", k.Created)
		e.FieldStart("revoked")
		e.Bool(k.Revoked)
		e.ObjEnd()
	}
	e.ArrEnd()
	c.nextCursor(more, cursor{at: from.at + uint64(limit)})
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// deleteKey revokes a key. Its id stays taken and its row stays known.
func (s *Server) deleteKey(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	if !validKeyID(c.param) {
		return problemOf(codeNotFound, "no key has this id")
	}
	cmd := &kopilka.RevokeKey{KeyID: c.param}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	o.print.Revocation(cmd)
	cmd.Content = o.print.Sum()
	return c.carry(changed)
}
