package api

import (
	"fmt"
	"testing"
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
	s.as("analyst", "GET", "/v1/reports/effect", "").is(404)
}
