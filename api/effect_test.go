package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// The two groups of a report are counted receipt by receipt, and somebody who was drawn
// on both sides is on neither.
func TestEffect(t *testing.T) {
	s := open(t)
	for i := range 60 {
		s.enrol(fmt.Sprintf("card-%02d", i))
	}
	s.as("admin", "POST", "/v1/audiences", `{"id":"half","expr":"!blocked","control_bp":5000}`).is(201)
	sides := [2][]string{s.everyone("half", "addressed", 1000), s.everyone("half", "held_out", 1000)}
	var buyers, net [2]int
	for side, cards := range sides {
		for i, card := range cards {
			if i > 0 && i%(2+side) == 0 {
				s.sell(card, 1000*(i+side))
				buyers[side]++
				net[side] += 1000 * (i + side)
			}
		}
	}
	// The first of each side are one person, who has bought nothing.
	s.as("admin", "POST", "/v1/members/"+sides[0][0]+"/merge", `{"id":"m","from":"`+sides[1][0]+`","reason":"r","actor":"a"}`).is(201)
	r := s.as("analyst", "GET", "/v1/reports/effect?audience=half", "").is(200)
	for side, cards := range sides {
		at := fmt.Sprintf("groups.%d.", side)
		if r.int(at+"members") != len(cards)-1 || r.int(at+"buyers") != buyers[side] || r.int(at+"turnover") != net[side] {
			t.Fatalf("side %d has %d members, %d buyers and %d: %s", side, len(cards)-1, buyers[side], net[side], r.text)
		}
	}
	none := s.as("analyst", "GET", "/v1/reports/effect?audience=half&segment=core", "").is(200)
	if none.int("groups.0.members") != 0 {
		t.Fatal(none.text)
	}
	s.as("analyst", "GET", "/v1/reports/effect?audience=half&segment=nobody", "").is(404)
	s.as("analyst", "GET", "/v1/reports/effect?audience=half&to=2026-03-01", "").is(400)
	s.as("analyst", "GET", "/v1/reports/effect", "").is(400)
}

// Who was informed is read out of the log, over two channels, also before the period.
func TestEffectOfMailing(t *testing.T) {
	s := open(t)
	for i := range 40 {
		s.enrol(fmt.Sprintf("card-%02d", i))
	}
	s.as("admin", "POST", "/v1/audiences", `{"id":"half","expr":"!blocked","control_bp":5000}`).is(201)
	cards, held := s.everyone("half", "addressed", 1000), s.everyone("half", "held_out", 1000)
	m := mailTo(s, "spring", "half", kopilka.Channel{Name: "push", Timeout: 60, Cost: 2}, kopilka.Channel{Name: "sms", Timeout: 60, Cost: 300})
	m.handOut(0, cards[:6]...)
	m.hear(0, true, cards[:2]...)
	m.hear(0, false, cards[2:5]...)
	m.handOut(1, cards[2:4]...)
	m.hear(1, true, cards[2])
	s.clock(testStart.Add(30 * time.Hour))
	for i, card := range []string{cards[0], cards[2], cards[7], held[0]} {
		s.sell(card, 1000*(i+1))
	}
	r := s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&from=2026-03-03", "").is(200)
	row := func(at string, fields string, want ...int) {
		t.Helper()
		for i, name := range strings.Fields(fields) {
			if got := r.int(at + "." + name); got != want[i] {
				t.Errorf("%s.%s is %d; want %d", at, name, got, want[i])
			}
		}
	}
	figures := "members buyers purchases turnover"
	row("groups.0", figures, len(cards), 3, 3, 6000)
	row("groups.1", figures, len(held), 1, 1, 4000)
	row("groups.2", figures, 3, 2, 2, 3000)
	row("groups.3", figures, len(cards)-3, 1, 1, 3000)
	messages := "dispatched delivered failed timed_out cost buyers conversion_bp turnover cost_per_buyer"
	row("channels.0", messages, 6, 2, 3, 1, 12, 1, 5000, 1000, 12)
	row("channels.1", messages, 2, 1, 0, 1, 600, 1, 10000, 2000, 600)
	r.is(200, "differences.2.groups", "informed-not_informed", "channels.1.channel", "sms", "from", "2026-03-03")

	// Without from, the period begins with the mailing.
	s.as("analyst", "GET", "/v1/reports/effect?mailing=spring", "").is(200, "from", "2026-03-02", "groups.0.buyers", 3)
	csv := s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&table=channels", "", "Accept", "text/csv").is(200)
	if !strings.HasPrefix(csv.text, "channel,dispatched,") || !strings.Contains(csv.text, "\nsms,2,1,0,1,600,1,10000,2000,600\n") {
		t.Error(csv.text)
	}
	// Everybody who was addressed stood in the segment of those who had not bought.
	s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&from=2026-03-03&segment=none", "").is(200, "channels.0.dispatched", 6)
	s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&from=2026-03-03&segment=core", "").is(200, "channels.0.dispatched", 0, "groups.2.members", 0)
	// The number of one who was forgotten is still a message that was paid for.
	s.as("admin", "POST", "/v1/members/"+cards[0]+"/erase", `{"id":"gone","reason":"r","actor":"a"}`).is(201)
	gone := s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&from=2026-03-03", "").is(200)
	gone.is(200, "groups.0.members", len(cards)-1, "groups.2.members", 2, "channels.0.dispatched", 6, "channels.0.buyers", 0, "channels.0.cost_per_buyer", nil)

	s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&to=2026-03-01", "").is(400)
	s.as("analyst", "GET", "/v1/reports/effect?mailing=half", "").is(404)
	s.as("analyst", "GET", "/v1/reports/effect?audience=spring", "").is(404)
	s.as("analyst", "GET", "/v1/reports/effect?mailing=none", "").is(404)
	s.as("analyst", "GET", "/v1/reports/effect?mailing=", "").is(404)
	s.as("analyst", "GET", "/v1/reports/effect?mailing=spring&audience=half", "").is(400)
}
