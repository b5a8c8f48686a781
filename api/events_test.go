package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// copyOf is what a consumer knows of a member who reads nothing but the feed.
type copyOf struct {
	balance, pending, held, debt int
	tier, segment                any
	gone                         bool
}

// follow reads the feed on from a position, in pages of some limit, and holds every
// from against what was told before.
func (d *randomDays) follow(known map[string]*copyOf, after, limit int) int {
	d.t.Helper()
	for {
		r := d.get(fmt.Sprintf("/v1/events?after=%d&limit=%d", after, limit)).is(200)
		for _, x := range r.at("data").([]any) {
			e := x.(map[string]any)
			number := func(name string) int {
				n, err := e[name].(json.Number).Int64()
				if err != nil {
					d.t.Fatal(err)
				}
				return int(n)
			}
			if number("seq") <= after {
				d.t.Fatalf("after %d: %v", after, e)
			}
			m := known[e["member_id"].(string)]
			if m == nil {
				m = &copyOf{}
				known[e["member_id"].(string)] = m
			}
			switch e["type"] {
			case "balance":
				m.balance, m.pending, m.held, m.debt = number("balance"), number("pending"), number("held"), number("debt")
			case "tier":
				if m.tier != e["from"] {
					d.t.Fatalf("told as %v: %v", m.tier, e)
				}
				m.tier = e["to"]
			case "segment":
				if m.segment != e["from"] {
					d.t.Fatalf("told as %v: %v", m.segment, e)
				}
				m.segment = e["to"]
			case "merged", "erased":
				m.gone = true
			case "unmerged":
				m.gone = false
			}
		}
		next := r.int("next_after")
		if next == r.int("seq") {
			return next
		}
		after = next
	}
}

// TestFeedRebuildsMembers drives random days and holds what a consumer of the feed
// knows against what the books say of every member.
func TestFeedRebuildsMembers(t *testing.T) {
	for seed := range 4 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := &randomDays{shop: openWith(t, randomProgram, Options{}), Rand: rand.New(rand.NewPCG(uint64(seed), 11)), now: testStart}
			d.enrol()
			known, after := map[string]*copyOf{}, 0
			for step := range 200 {
				d.step(step)
				if step%20 != 19 {
					continue
				}
				d.now = d.now.AddDate(0, 0, 1)
				d.as("admin", "POST", "/v1/clock", fmt.Sprintf(`{"now":%q}`, d.now.Format(time.RFC3339))).is(200)
				after = d.follow(known, after, 1+d.IntN(9))
				for _, id := range d.ids {
					if known[id] == nil || known[id].gone {
						continue
					}
					for _, card := range d.cards {
						m := d.get("/v1/members/" + card)
						if m.status != 200 || m.at("member_id") != id {
							continue
						}
						want := copyOf{m.int("balance"), m.int("pending"), m.int("held"), m.int("debt"), m.at("tier"), m.at("segment"), false}
						if *known[id] != want {
							t.Fatalf("step %d: %s is told as %+v and is %+v", step, card, *known[id], want)
						}
					}
				}
			}
		})
	}
}

func TestEventsRefused(t *testing.T) {
	s := open(t)
	for _, query := range []string{"after=999", "after=-1", "limit=0", "limit=5001", "wait=31", "types=", "types=points", "from=1"} {
		s.as("analyst", "GET", "/v1/events?"+query, "").refused(codeMalformed, "")
	}
	s.as("till", "GET", "/v1/events", "").refused(codeForbidden, "")
}

// TestEventsWait: whoever waits is answered once a till has written.
func TestEventsWait(t *testing.T) {
	s := open(t)
	after := s.as("analyst", "GET", "/v1/events?limit=5000", "").is(200).int("next_after")
	got := make(chan *reply, 1)
	go func() { got <- s.as("analyst", "GET", fmt.Sprintf("/v1/events?after=%d&wait=20", after), "") }()
	time.Sleep(50 * time.Millisecond)
	s.enrol("2200000009")
	if r := <-got; r.at("data.0.type") != "enrolled" {
		t.Fatal(r.text)
	}
}
