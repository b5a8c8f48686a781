package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// everyone reads all pages of a group of an audience and gives the cards.
func (s *shop) everyone(audience, group string, limit int) (cards []string) {
	s.t.Helper()
	for cursor := ""; ; {
		r := s.get(fmt.Sprintf("/v1/audiences/%s/members?group=%s&limit=%d%s", audience, group, limit, cursor)).is(200)
		for _, x := range r.json["data"].([]any) {
			cards = append(cards, x.(map[string]any)["card"].(string))
		}
		next, more := r.json["next_cursor"].(string)
		if !more {
			return cards
		}
		cursor = "&cursor=" + next
	}
}

// The two groups of an audience are everybody that the expression meant, and stay as
// they were frozen; points go to those addressed alone.
func TestAudienceGroups(t *testing.T) {
	s := open(t)
	for i := range 60 {
		s.enrol(fmt.Sprintf("card-%02d", i))
	}
	made := s.as("admin", "POST", "/v1/audiences", `{"id":"half","expr":"!blocked","control_bp":5000,"name":"all of them"}`).is(201)
	s.enrol("late")
	addressed, held := s.everyone("half", "addressed", 7), s.everyone("half", "held_out", 1000)
	if made.int("addressed") != len(addressed) || made.int("held_out") != len(held) || len(held) < 10 || len(addressed) < 10 {
		t.Fatalf("%s, and %d and %d are listed", made.text, len(addressed), len(held))
	}
	all := slices.Sorted(slices.Values(slices.Concat(addressed, held)))
	if len(slices.Compact(all)) != 60 || all[0] != "card-00" || all[59] != "card-59" {
		t.Fatalf("in the groups are %q", all)
	}
	csv := s.as("analyst", "GET", "/v1/audiences/half/members?group=held_out", "", "Accept", "text/csv").is(200)
	lines := strings.Split(strings.TrimSpace(csv.text), "\n")
	for i, line := range lines[1:] {
		if card, _, _ := strings.Cut(line, ","); card != held[i] {
			t.Fatalf("row %d of the CSV is %s and not %s", i, line, held[i])
		}
	}
	s.as("admin", "POST", "/v1/audiences/half/grants", `{"id":"g","points":100,"reason":"r","actor":"a"}`).is(201)
	for i := range 60 {
		card := fmt.Sprintf("card-%02d", i)
		want := 0
		if slices.Contains(addressed, card) {
			want = 100
		}
		if got := s.get("/v1/members/" + card).is(200).int("balance"); got != want {
			t.Fatalf("%s has %d; want %d", card, got, want)
		}
	}
	again := s.as("admin", "POST", "/v1/audiences", `{"id":"half","expr":"!blocked","control_bp":5000,"name":"all of them"}`).is(200)
	if again.text != made.text {
		t.Fatalf("first %s, then %s", made.text, again.text)
	}
	// Who becomes one with somebody held out is held out, and one who is forgotten is gone.
	s.as("admin", "POST", "/v1/members/"+addressed[0]+"/merge", `{"id":"m","from":"`+held[0]+`","reason":"r","actor":"a"}`).is(201)
	s.as("admin", "POST", "/v1/members/"+addressed[1]+"/erase", `{"id":"e","reason":"r","actor":"a"}`).is(201)
	if got := s.everyone("half", "addressed", 1000); len(got) != len(addressed)-2 {
		t.Fatalf("%d are addressed of %d", len(got), len(addressed))
	}
	if got := s.everyone("half", "held_out", 1000); len(got) != len(held) || !slices.Contains(got, addressed[0]) {
		t.Fatalf("held out are %q", got)
	}
	if r := s.as("admin", "POST", "/v1/audiences/half/grants", `{"id":"g2","points":1,"reason":"r","actor":"a"}`).is(201); r.int("members") != len(addressed)-2 {
		t.Fatalf("%s", r.text)
	}
}

// What cannot be read is named, and changes nothing.
func TestAudienceBad(t *testing.T) {
	s := open(t)
	s.enrol("anna")
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	seq := s.queue.Seq()
	for _, bad := range []struct{ path, body, at string }{
		{"/v1/audiences", `{"id":"a"}`, "/expr"},
		{"/v1/audiences", `{"id":"a","expr":"no_such_word"}`, "/expr"},
		{"/v1/audiences", `{"id":"a","expr":"!blocked","control_bp":9001}`, "/control_bp"},
		{"/v1/audiences", `{"id":"a","expr":"!blocked","control_bp":-1}`, "/control_bp"},
		{"/v1/audiences", `{"expr":"!blocked","id":""}`, "/id"},
		{"/v1/audiences/all/grants", `{"id":"a","points":0,"reason":"r","actor":"a"}`, "/points"},
		{"/v1/audiences/all/grants", `{"id":"a","points":1,"actor":"a"}`, ""},
	} {
		r := s.as("admin", "POST", bad.path, bad.body).is(400)
		if at := r.json["errors"].([]any)[0].(map[string]any)["pointer"]; at != bad.at {
			t.Errorf("%s: the fault is at %s; want %s", bad.body, at, bad.at)
		}
	}
	for _, path := range []string{"/v1/audiences/all/members", "/v1/audiences/all/members?group=all"} {
		s.as("analyst", "GET", path, "").is(400)
	}
	s.as("analyst", "GET", "/v1/audiences/none", "").is(404)
	s.as("analyst", "POST", "/v1/audiences", `{"id":"a","expr":"!blocked"}`).is(403)
	if s.queue.Seq() != seq {
		t.Fatalf("the log went on from %d to %d", seq, s.queue.Seq())
	}
}

// A grant that was cut goes on by itself.
func TestGrantGoesOn(t *testing.T) {
	s := open(t)
	for i := range kopilka.GrantStep + 5 {
		if _, err := s.queue.Submit(&kopilka.PutMember{Card: fmt.Sprint("c", i), Referrer: kopilka.NoMember}); err != nil {
			t.Fatal(err)
		}
	}
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	var x engine.Audience
	s.queue.View(func(b *engine.State) { x = b.Audiences()[0] })
	// A process that ended behind the first step has left this.
	s.server.granting.Lock()
	a, err := s.queue.Submit(&kopilka.AudienceGrant{Head: kopilka.Head{ID: "g", Looked: s.queue.Seq()}, Audience: x.Seq, Points: 3, Reason: "r", Actor: "a"})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted || len(a.Outcome.Legs) != kopilka.GrantStep {
		t.Fatal(err, a)
	}
	s.server.granting.Unlock()
	if err := s.server.finishGrants(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := s.get("/v1/audiences/all").is(200)
	g := r.json["grants"].([]any)[0].(map[string]any)
	if fmt.Sprintf("%v %v %v", g["members"], g["total"], g["done"]) != fmt.Sprintf("%v %[1]v true", kopilka.GrantStep+5) {
		t.Fatal(r.text)
	}
}
