package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// A key is kpk_<id>_<secret>: the id finds its row in the books, which hold the
// SHA-256 of the whole.
const (
	keyPrefix    = "kpk_"
	keyIDMax     = 16
	secretLength = 43 // 32 bytes in base64url
)

// parseKey gives the id of a key that has the right form.
func parseKey(key string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(key, keyPrefix)
	if !ok {
		return "", false
	}
	// The secret may hold an underscore, the id cannot.
	id, secret, ok := strings.Cut(rest, "_")
	if !ok || !validKeyID(id) || len(secret) != secretLength {
		return "", false
	}
	for _, c := range []byte(secret) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_') {
			return "", false
		}
	}
	return id, true
}

func validKeyID(id string) bool {
	if len(id) == 0 || len(id) > keyIDMax {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return true
}

// ParseKey gives the id of an API key and the hash that the books keep of it;
// false when the key does not have the form kpk_<id>_<secret>.
func ParseKey(key string) (id string, hash [32]byte, ok bool) {
	id, ok = parseKey(key)
	return id, sha256.Sum256([]byte(key)), ok
}

var bearer = []byte("Bearer ")

// authorize finds the key of a request, and whether it may ask so often and its role
// may use the route.
// A key that is missing, malformed, unknown, wrong or revoked gets one answer.
func (c *call) authorize() *problem {
	if c.route.roles == anybody {
		return nil
	}
	key, ok := c.s.keyOf(&c.ctx.Request.Header)
	if !ok {
		return c.strange()
	}
	c.key = key
	if p := c.often(); p != nil {
		return p
	}
	if !c.route.lets(key.Role) {
		return problemOf(codeForbidden, "a key of the role "+key.Role.String()+" may not do this")
	}
	return nil
}

// bearerOf is what a request carries for a key; empty when it carries none.
func bearerOf(h *fasthttp.RequestHeader) string {
	given := h.Peek("Authorization")
	if len(given) <= len(bearer) || !bytes.EqualFold(given[:len(bearer)], bearer) {
		return ""
	}
	return string(bytes.TrimSpace(given[len(bearer):]))
}

// keyOf finds the key that a request carries; false when it carries none that
// is known and not revoked.
func (s *Server) keyOf(h *fasthttp.RequestHeader) (engine.Key, bool) {
	id, hash, ok := ParseKey(bearerOf(h))
	if !ok {
		return engine.Key{}, false
	}
	var key engine.Key
	known := false
	s.queue.View(func(b *engine.State) { key, known = b.Key(id) })
	// An unknown id is compared too, against nothing, and takes as long.
	same := subtle.ConstantTimeCompare(hash[:], key.Hash[:]) == 1
	if !known || !same || key.Revoked {
		return engine.Key{}, false
	}
	return key, true
}

func unauthorized() *problem {
	return problemOf(codeUnauthorized, "send Authorization: Bearer with a valid key")
}

// admit holds an order against the key that sent it: what only an admin may do,
// and whether a till that is bound to a store speaks for that store. A
// store that is not given is filled in. By is the key's id.
func (c *call) admit(o *order) *problem {
	o.head.By = c.key.ID
	o.limited = c.key.Role != kopilka.RoleAdmin
	switch o.cmd.Kind() {
	case kopilka.KindGrant:
		if c.key.Role != kopilka.RoleAdmin {
			return problemOf(codeForbidden, "points without a purchase need a key of the role admin")
		}
	case kopilka.KindAdjustment:
		if c.key.Role != kopilka.RoleAdmin {
			return problemOf(codeForbidden, "adjustments need a key of the role admin")
		}
	case kopilka.KindMember:
		if o.member.blocked.Set && c.key.Role != kopilka.RoleAdmin {
			return &problem{code: codeForbidden, detail: "blocking needs a key of the role admin",
				faults: []fault{{"/blocked", "needs a key of the role admin"}}}
		}
		if o.member.tier.Set && c.key.Role != kopilka.RoleAdmin {
			return &problem{code: codeForbidden, detail: "a tier by hand needs a key of the role admin",
				faults: []fault{{"/tier", "needs a key of the role admin"}}}
		}
		o.member.admin = c.key.Role == kopilka.RoleAdmin
		return c.ownStore(o.member.store, &o.member.store)
	}
	if o.deed == nil {
		return nil
	}
	return c.ownStore(o.deed.Store, &o.deed.Store)
}

func (c *call) ownStore(store string, fill *string) *problem {
	own := c.key.Store
	if own == "" || store == own {
		return nil
	}
	if store != "" {
		return &problem{code: codeForbidden, detail: "the key is bound to another store",
			faults: []fault{{"/store", "is not the store of the key"}}}
	}
	*fill = own
	return nil
}
