package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// copyOf is what a consumer knows of a member who reads nothing but the feed.
type copyOf struct {
	balance, pending, held, debt int
	tier, segment                any
	gone                         bool
}

// follow reads the feed on from a position, in pages of some limit, and holds every
// from against what was told before.
func (d *randomDays) follow(known map[string]*copyOf, after, limit int, types string) int {
	d.t.Helper()
	for {
		r := d.get(fmt.Sprintf("/v1/events?after=%d&limit=%d%s", after, limit, types)).is(200)
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
			if e["from"] != nil && e["from"] == e["to"] {
				d.t.Fatalf("nothing has moved: %v", e)
			}
			was := *m
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
			if e["cause"] == "drift" && *m == was {
				d.t.Fatalf("told again: %v", e)
			}
		}
		next := r.int("next_after")
		if next == r.int("seq") {
			return next
		}
		after = next
	}
}

// feedRules are the parts from which the programs of the feed's days are made.
var (
	feedTiers = []string{`tiers:
  - {id: base, name: {en: Base}, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
  - {id: gold, name: {en: Gold}, earn_bp: 1000, max_redeem_bp: 5000, threshold: 40000}
tier_policy: {metric: spend, window_days: 30, downgrade: full}
`, `tiers:
  - {id: gold, name: {en: Gold}, earn_bp: 300, max_redeem_bp: 5000, threshold: 0}
  - {id: base, name: {en: Base}, earn_bp: 500, max_redeem_bp: 5000, threshold: 2}
  - {id: top, name: {en: Top}, earn_bp: 900, max_redeem_bp: 5000, threshold: 5}
tier_policy: {metric: count, window_days: 14, downgrade: one}
`, `tiers:
  - {id: base, earn_bp: 500, max_redeem_bp: 5000}
  - {id: gold, earn_bp: 1000, max_redeem_bp: 5000, segments: [loyal]}
tier_policy: {metric: segment}
`, `tiers:
  - {id: hand, earn_bp: 500, max_redeem_bp: 5000}
tier_policy: {metric: manual}
`}
	feedTables = []string{"six", `
    - {id: loyal, r: [3, 5], f: [3, 5]}
    - {id: lost, r: [1, 2]}
    - {id: others}
`}
	feedScores = []string{`
  r: {thresholds: [2, 5, 9, 20]}
  m: {thresholds: [5000, 15000, 30000, 60000]}
`, `
  boundaries: live
  r: {quintiles: true}
  f: {quintiles: true}
  m: {quintiles: true}
`, `
  boundaries: frozen
  r: {quintiles: true}
  f: {quintiles: true}
`}
	feedExpiry = []string{"{policy: none}", "{policy: lots, months: 1}", "{policy: inactivity, months: 1}"}
)

// rules makes up a program.
func (d *randomDays) rules() string {
	one := func(list []string) string { return list[d.IntN(len(list))] }
	head, _, _ := strings.Cut(randomProgram, "tiers:")
	_, tail, _ := strings.Cut(randomProgram, "expiry: {policy: lots, months: 1}\n")
	tail = strings.Replace(tail, "rfm: {window_days: 20}\n", "", 1)
	return head + one(feedTiers) + "expiry: " + one(feedExpiry) + fmt.Sprintf("\npending_days: %d\n", d.IntN(2)*(1+d.IntN(10))) + tail +
		"rfm:\n  window_days: 20" + one(feedScores) + "  segments: " + one(feedTables) + "\n"
}

// TestFeedRebuildsMembers drives random days and holds what a consumer of the feed
// knows against what the books say of every member. A second begins now and then
// with what the first knows, and two hear of a part of it only.
func TestFeedRebuildsMembers(t *testing.T) {
	for _, seed := range []int{0, 1, 2, 27} { // 27: points that ran out while they were pending
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 11))
			d := &randomDays{Rand: r, now: testStart}
			program := d.rules()
			d.shop = openWith(t, program, Options{})
			d.enrol()
			known, after := map[string]*copyOf{}, 0
			second, secondAfter := map[string]*copyOf{}, 0
			points, pointsAfter := map[string]*copyOf{}, 0
			labels, labelsAfter := map[string]*copyOf{}, 0
			for step := range 240 {
				if r := d.step(step); r != nil && r.status == 201 && r.json["member_id"] != nil && r.json["segment"] != nil && d.IntN(3) == 0 {
					after = d.follow(known, after, 50, "") // what the answer to a command says of its member is told with it
					if i := slices.Index(d.ids, r.at("member_id").(string)); known[d.ids[i]] != nil && !known[d.ids[i]].gone {
						d.is(step, d.get("/v1/members/"+d.cards[i]), known)
					}
				}
				switch d.IntN(40) {
				case 0:
					d.as("admin", "PUT", "/v1/program", d.rules(), "Content-Type", "application/yaml").is(200)
				case 1:
					at := d.now.Add(time.Duration(1+d.IntN(72)) * time.Hour)
					d.as("admin", "PUT", "/v1/program?at="+at.Format("2006-01-02T15:04:05Z"), d.rules(), "Content-Type", "application/yaml")
				case 2, 3:
					d.as("admin", "POST", "/v1/rfm/refresh", fmt.Sprintf(`{"id":%q}`, d.id()))
				case 4:
					d.restart(program, Options{}, kopilka.TimeOf(d.now))
				case 5, 6:
					after = d.follow(known, after, 1+d.IntN(3), "")
					second, secondAfter = map[string]*copyOf{}, after
					for id, m := range known {
						its := *m
						second[id] = &its
					}
				}
				if step%20 != 19 {
					continue
				}
				d.now = d.now.AddDate(0, 0, 1+d.IntN(2)*d.IntN(20))
				d.clock(d.now)
				after = d.follow(known, after, 1+d.IntN(9), "")
				secondAfter = d.follow(second, secondAfter, 1, "")
				pointsAfter = d.follow(points, pointsAfter, 1+d.IntN(5), "&types=balance")
				labelsAfter = d.follow(labels, labelsAfter, 1+d.IntN(5), "&types=segment,tier")
				d.same(step, known, second, points, labels)
			}
		})
	}
}

// same holds what the consumers know against each other and against the books.
func (d *randomDays) same(step int, known, second, points, labels map[string]*copyOf) {
	d.t.Helper()
	seen := map[string]bool{}
	for _, card := range d.cards {
		m := d.get("/v1/members/" + card)
		if m.status != 200 {
			continue
		}
		seen[m.at("member_id").(string)] = true
		d.is(step, m, known)
	}
	for _, id := range d.ids {
		m := known[id]
		if m.gone == seen[id] || m.gone && *m != (copyOf{gone: true}) {
			d.t.Fatalf("step %d: of %s, whom the books show: %t, was told %+v", step, id, seen[id], *m)
		}
		if second[id] == nil || *second[id] != *m {
			d.t.Fatalf("step %d: one knows %s as %+v, another as %+v", step, id, *m, second[id])
		}
		part := copyOf{}
		if p := points[id]; p != nil {
			part = *p
		}
		if l := labels[id]; l != nil {
			part.tier, part.segment = l.tier, l.segment
		}
		if part.gone = m.gone; part != *m {
			d.t.Fatalf("step %d: %s is %+v to one, and %+v to those who hear of a part", step, id, *m, part)
		}
	}
}

// is holds what a consumer knows of a member against how the books show him.
func (d *randomDays) is(step int, m *reply, known map[string]*copyOf) {
	d.t.Helper()
	id := m.is(200).at("member_id").(string)
	want := copyOf{m.int("balance"), m.int("pending"), m.int("held"), m.int("debt"), m.at("tier"), m.at("segment"), false}
	if *known[id] != want {
		d.t.Fatalf("step %d: %s is told as %+v and is %+v", step, id, *known[id], want)
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

// TestEventsWaitEnds: a wait that nothing happens in ends with an empty page.
func TestEventsWaitEnds(t *testing.T) {
	s := open(t)
	begun := time.Now()
	r := s.as("analyst", "GET", fmt.Sprintf("/v1/events?after=%d&wait=1", s.queue.Seq()), "").is(200, "next_after", int(s.queue.Seq()))
	if took := time.Since(begun); len(r.at("data").([]any)) > 0 || took < time.Second {
		t.Fatalf("after %s: %s", took, r.text)
	}
}

// TestEventsWaiters: so many wait and no more, and the end of the server ends them.
func TestEventsWaiters(t *testing.T) {
	s := open(t)
	path := fmt.Sprintf("/v1/events?after=%d", s.queue.Seq())
	got := make(chan *reply, eventsWaiting)
	for range eventsWaiting {
		go func() { got <- s.as("analyst", "GET", path+"&wait=30", "") }()
	}
	for begun := time.Now(); len(s.server.waiting) < eventsWaiting; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("%d of %d wait", len(s.server.waiting), eventsWaiting)
		}
	}
	s.as("analyst", "GET", path+"&wait=30", "").refused(codeOverloaded, "")
	s.as("analyst", "GET", path, "").is(200)
	begun := time.Now()
	s.server.stop() // the first thing that a shutdown does
	for range eventsWaiting {
		if r := (<-got).is(200); len(r.at("data").([]any)) > 0 {
			t.Fatal(r.text)
		}
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Fatalf("a shutdown waits %s for those who wait", took)
	}
}
