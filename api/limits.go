package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/limit"
)

// Limits are how often somebody may ask. The zero value of each is no limit, and no
// key of an admin is held to any.
type Limits struct {
	// Key is of the requests of one key. A batch is one request.
	Key limit.Rate
	// Card is of the requests, and lines of batches, that name one member, by whatever
	// card, phone, code or id.
	Card limit.Rate
	// Misses is of what one key asks for and nobody has: with every card, phone,
	// code, number or id that is not known it has one less. With none left everything that
	// tills may ask waits, found or not, for an answer would tell which it is.
	Misses limit.Rate
	// WrongKeys is of the requests of one address without a valid key. Those
	// with one pass: the tills of a chain may share the address.
	WrongKeys limit.Rate
}

// How many of each are remembered, at about 200 bytes each: a key, card or address that
// was not heard of for as many others begins anew.
const (
	limitedKeys      = 16 << 10
	limitedCards     = 128 << 10
	limitedAddresses = 64 << 10
)

// limits are the tables of a server; nil ones where there is no limit.
type limits struct {
	keys      *limit.Table[string]
	cards     *limit.Table[kopilka.MemberNo]
	misses    *limit.Table[string]
	wrongKeys *limit.Table[netip.Prefix]
}

func newLimits(o Limits) limits {
	return limits{
		keys:      limit.New[string](o.Key, limitedKeys),
		cards:     limit.New[kopilka.MemberNo](o.Card, limitedCards),
		misses:    limit.New[string](o.Misses, limitedKeys),
		wrongKeys: limit.New[netip.Prefix](o.WrongKeys, limitedAddresses),
	}
}

// limited counts requests that were turned away, by limit.
var limited = func() map[string]*metrics.Counter {
	counters := map[string]*metrics.Counter{}
	for _, of := range []string{"key", "card", "misses", "wrong-keys"} {
		counters[of] = metrics.GetOrCreateCounter(fmt.Sprintf(`kopilka_http_limited_total{limit=%q}`, of))
	}
	return counters
}()

// tooOften is the problem of whoever has to wait; nil when there is nothing to wait for.
func tooOften(wait time.Duration, of, detail string) *problem {
	if wait == 0 {
		return nil
	}
	limited[of].Inc()
	seconds := int64((wait + time.Second - 1) / time.Second)
	p := problemOf(codeRateLimited, fmt.Sprintf("%s; the next is taken in %d s", detail, seconds))
	p.retryAfter = seconds
	return p
}

// strange is what somebody without a valid key hears.
func (c *call) strange() *problem {
	l := c.s.limits.wrongKeys
	if l == nil {
		return unauthorized()
	}
	if p := tooOften(l.Take(neighbourhood(c.address()), c.s.opts.now()), "wrong-keys", "too many requests without a valid key came from this address"); p != nil {
		return p
	}
	return unauthorized()
}

// neighbourhood is what of an address tells one sender from another: of IPv6
// everybody has a /64 to choose from.
func neighbourhood(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // of an address it cannot fail; what is none has one prefix for all
	return p
}

// address is who is at the other end of the connection.
func (c *call) address() netip.Addr {
	a, _ := netip.AddrFromSlice(c.ctx.RemoteIP())
	return a.Unmap()
}

// often holds the call's key against its limits.
func (c *call) often() *problem {
	if c.key.Role == kopilka.RoleAdmin {
		return nil
	}
	l := &c.s.limits
	if l.keys == nil && l.misses == nil {
		return nil
	}
	now := c.s.opts.now()
	if p := tooOften(l.keys.Take(c.key.ID, now), "key", "the key asks too often"); p != nil {
		return p
	}
	if c.route.roles&till == 0 {
		return nil // nobody is named here: what analysts are shown, they are shown all of
	}
	return c.guesses()
}

// guesses tells whether the key has asked too often for what nobody has.
func (c *call) guesses() *problem {
	l := c.s.limits.misses
	if l == nil || c.key.Role == kopilka.RoleAdmin {
		return nil
	}
	return tooOften(l.Wait(c.key.ID, c.s.opts.now()), "misses", "the key has asked for too much that is not there")
}

// missed counts an answer that tells a guess from a hit: that something is not there,
// or that what was to be made is there already.
func (c *call) missed(p *problem) {
	l := c.s.limits.misses
	if l == nil || p == nil || c.key.Role == 0 || c.key.Role == kopilka.RoleAdmin || c.route.roles&till == 0 || !slices.Contains(telling, p.code) {
		return
	}
	l.Charge(c.key.ID, c.s.opts.now())
}

var telling = []code{codeMemberNotFound, codeNotFound, codePhoneTaken, codeCardTaken}

// ofCard holds the member to whom a path belongs against the limit of a card. Orders
// are held against it when it is known whom they name.
func (c *call) ofCard() *problem {
	if c.s.limits.cards == nil || c.key.Role == kopilka.RoleAdmin || !strings.HasPrefix(c.route.path, "/v1/members/{card}") {
		return nil
	}
	return c.s.cardOften(c.param)
}

// cardOften holds the member of a card against the limit; an unknown card has none.
func (s *Server) cardOften(card string) *problem {
	var no kopilka.MemberNo
	known := false
	s.queue.View(func(b *engine.State) { no, known = b.ByCard(card) })
	if !known {
		return nil
	}
	return s.memberOften(no)
}

func (s *Server) memberOften(no kopilka.MemberNo) *problem {
	if s.limits.cards == nil {
		return nil
	}
	s.queue.View(func(b *engine.State) { no = b.Resolve(no) })
	return tooOften(s.limits.cards.Take(no, s.opts.now()), "card", "the member is asked about too often")
}
