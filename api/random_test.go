package api

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const randomProgram = `
program: corner-shop
currency: EUR
time_zone: Europe/Berlin
earn_base: paid
tiers:
  - {id: base, name: {en: Base}, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
  - {id: gold, name: {en: Gold}, earn_bp: 1000, max_redeem_bp: 5000, threshold: 100000}
tier_policy: {metric: spend, window_days: 30, downgrade: full}
expiry: {policy: lots, months: 1}
redeem_allowed_by: [card, member_id]
welcome: {points: 500, trigger: first_purchase}
referral: {once: {referrer: 300, referee: 100}, levels_bp: [150, 100, 50]}
returns: {spent_points: unlimited, welcome: take, once: take, tier: take}
rfm: {window_days: 20}
certificates: [{id: gift, points: 700, valid_days: 5}]
instruments: [{id: spring, kind: coupon, percent_bp: 1000, code: SPRING, per_member: 2, uses: 9}]
`

// TestRandomDays drives what only the api does: it looks up receipts, holds and
// merges, and tells the books what it found. The engine's own random till has these
// facts at first hand. After every request the books are proved, and at the end
// every ledger adds up to its member's balance.
func TestRandomDays(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := &randomDays{shop: openWith(t, randomProgram, Options{}), Rand: rand.New(rand.NewPCG(uint64(seed), 9)), now: testStart}
			d.enrol()
			for step := range 300 {
				r := d.step(step)
				if r != nil && r.status >= 500 {
					t.Fatalf("step %d: %s", step, r.text)
				}
				if err := d.queue.Check(); err != nil {
					t.Fatalf("step %d: %v", step, err)
				}
			}
			d.ledgers()
		})
	}
}

type randomDays struct {
	*shop
	*rand.Rand
	now                  time.Time
	n                    int
	cards, ids           []string
	sales, holds, merges []string
}

func (d *randomDays) enrol() {
	for i := range 8 {
		body := `{}`
		if i > 0 && d.IntN(3) > 0 {
			body = fmt.Sprintf(`{"referrer":"c%d"}`, d.IntN(i))
		}
		card := fmt.Sprintf("c%d", i)
		d.as("till", "PUT", "/v1/members/"+card, body).is(201)
		d.cards = append(d.cards, card)
		d.ids = append(d.ids, d.get("/v1/members/"+card).at("member_id").(string))
	}
}

func (d *randomDays) id() string { d.n++; return fmt.Sprintf("x%d", d.n) }

func (d *randomDays) card() string { return d.cards[d.IntN(len(d.cards))] }

// who names somebody by card, or by the id that he had when he was enrolled.
func (d *randomDays) who() string {
	if d.IntN(2) == 0 {
		return fmt.Sprintf(`"card":%q`, d.card())
	}
	return fmt.Sprintf(`"member_id":%q`, d.ids[d.IntN(len(d.ids))])
}

// did posts a command and keeps its id in a list when it was done.
func (d *randomDays) did(list *[]string, role, path, fields string) *reply {
	id := d.id()
	r := d.as(role, "POST", path, fmt.Sprintf(`{"id":%q%s}`, id, fields))
	if r.status == 201 && list != nil {
		*list = append(*list, id)
	}
	return r
}

const byOlga = `,"reason":"r","actor":"olga"`

func (d *randomDays) step(step int) *reply {
	one := func(list []string) string { return list[d.IntN(len(list))] }
	switch k := d.IntN(100); {
	case k < 30:
		var more strings.Builder
		if d.IntN(3) == 0 {
			more.WriteString(`,"redeem":"max"`)
		}
		if d.IntN(3) == 0 {
			more.WriteString(`,"certificate":"max"`)
		}
		if d.IntN(4) == 0 {
			more.WriteString(`,"coupons":["SPRING"]`)
		}
		return d.did(&d.sales, "till", "/v1/receipts", fmt.Sprintf(`,%s,"amount":%d%s`, d.who(), 1+d.IntN(20_000), &more))
	case k < 50 && len(d.sales) > 0:
		part := ""
		if d.IntN(2) == 0 {
			part = fmt.Sprintf(`,"amount":%d`, 1+d.IntN(10_000))
		}
		return d.did(nil, "till", "/v1/receipts/"+one(d.sales)+"/returns", part)
	case k < 58:
		return d.did(&d.holds, "till", "/v1/holds", fmt.Sprintf(`,%s,"points":%d`, d.who(), 1+d.IntN(600)))
	case k < 66 && len(d.holds) > 0:
		h := one(d.holds)
		switch d.IntN(3) {
		case 0:
			return d.did(&d.sales, "till", "/v1/holds/"+h+"/capture", "")
		case 1:
			return d.did(nil, "till", "/v1/holds/"+h+"/void", "")
		}
		return d.did(&d.sales, "till", "/v1/receipts", fmt.Sprintf(`,"hold":%q,"amount":%d`, h, 1+d.IntN(3000)))
	case k < 78:
		return d.did(&d.merges, "admin", "/v1/members/"+d.card()+"/merge", fmt.Sprintf(`,"from":%q%s`, d.card(), byOlga))
	case k < 90 && len(d.merges) > 0:
		return d.did(nil, "admin", "/v1/merges/"+one(d.merges)+"/undo", byOlga)
	case k < 91 && step > 150:
		return d.did(nil, "admin", "/v1/members/"+d.card()+"/erase", byOlga)
	case k < 94:
		return d.did(nil, "admin", "/v1/members/"+d.card()+"/certificates", `,"certificate":"gift"`+byOlga)
	}
	d.now = d.now.AddDate(0, 0, 1+d.IntN(4))
	d.as("admin", "POST", "/v1/clock", fmt.Sprintf(`{"now":%q}`, d.now.Format(time.RFC3339))).is(200)
	return nil
}

func (d *randomDays) ledgers() {
	d.t.Helper()
	for _, card := range d.cards {
		m := d.get("/v1/members/" + card)
		if m.status != 200 || m.at("card") != card {
			continue // forgotten, or part of another
		}
		sum, cursor := 0, ""
		for {
			l := d.get("/v1/members/" + card + "/ledger?limit=500" + cursor)
			for i := range l.at("data").([]any) {
				sum += l.int(fmt.Sprintf("data.%d.points", i))
			}
			next, more := l.at("next_cursor").(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		if want := m.int("balance") + m.int("pending") + m.int("held") - m.int("debt"); sum != want {
			d.t.Errorf("%s: the ledger adds up to %d, not to %d: %s", card, sum, want, m.text)
		}
	}
}
