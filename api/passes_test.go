package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
)

// TestPassesAtOnce takes all places of passes: who needs one is put off, and who
// needs none is not.
func TestPassesAtOnce(t *testing.T) {
	f := func(program string, pass, free []string) {
		t.Helper()
		s := openWith(t, program, Options{})
		s.enrol("c1")
		s.clock(testStart.Add(24 * time.Hour))
		for _, path := range append(pass, free...) {
			s.get(path).is(200) // and gives its place back
		}
		s.server.passes.wait = time.Millisecond
		for range passesAtOnce {
			if p := s.server.passes.begin(); p != nil {
				t.Fatal("a pass has kept its place")
			}
		}
		for _, path := range pass {
			s.get(path).refused(codeOverloaded, "")
		}
		for _, path := range free {
			s.get(path).is(200)
		}
		s.server.passes.end()
		s.get(pass[0]).is(200)
	}
	past := []string{"/v1/segments?as_of=2026-03-02", "/v1/rfm?as_of=2026-03-02",
		"/v1/segments/none/members?as_of=2026-03-02", "/v1/rfm/members"}
	now := []string{"/v1/segments", "/v1/rfm", "/v1/segments/none/members"}
	f(testProgram, past, append(now, "/v1/segments?as_of=2026-03-03"))
	f(testProgram+"rfm: {r: {quintiles: true}, f: {quintiles: true}, m: {quintiles: true}}\n", append(past, now...), nil)
}

// TestStandingsKept turns pages of earlier days: a table is made once, until
// the log goes on, and two are kept.
func TestStandingsKept(t *testing.T) {
	s := street(t)
	s.clock(testStart.Add(72 * time.Hour))
	w := &s.server.passes
	f := func(day string, fresh bool, days ...string) {
		t.Helper()
		before := map[any]bool{}
		for _, v := range w.made {
			before[v.table] = true
		}
		s.get("/v1/segments/none/members?limit=2&as_of="+day).is(200, "as_of", day)
		var got []string
		for _, v := range w.made {
			got = append(got, v.Day.String())
		}
		if fmt.Sprint(got) != fmt.Sprint(days) || before[w.made[len(w.made)-1].table] == fresh {
			t.Fatalf("%s: kept are %v; want %v, fresh %t", day, got, days, fresh)
		}
	}
	f("2026-03-02", true, "2026-03-02")
	f("2026-03-02", false, "2026-03-02")
	f("2026-03-03", true, "2026-03-02", "2026-03-03")
	f("2026-03-02", false, "2026-03-03", "2026-03-02")
	f("2026-03-04", true, "2026-03-02", "2026-03-04")
	s.sell("c9", 1000, `,"occurred_at":"2026-03-02T12:00:00+01:00"`)
	f("2026-03-02", true, "2026-03-04", "2026-03-02")
	s.get("/v1/segments?as_of=2026-03-02").is(200, "data.6.members", 5)
}

// TestSearchOpensFew has an index that knows a beginning of very many members
// none of whom is the one.
func TestSearchOpensFew(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/first", `{"name":"Annabel"}`).is(201)
	var all []kopilka.Command
	for i := range openedMax {
		all = append(all, &kopilka.PutMember{Card: fmt.Sprintf("c%d", i), State: kopilka.StateRegistered, Referrer: kopilka.NoMember})
	}
	for len(all) > 0 {
		n := min(len(all), 1000)
		if _, err := s.queue.SubmitAll(all[:n]); err != nil {
			t.Fatal(err)
		}
		all = all[n:]
	}
	for no := range kopilka.MemberNo(openedMax) {
		if no > 0 {
			s.server.names.Put(no, "Anna")
		}
	}
	s.get("/v1/members?q=anna").is(200, "data.0.card", "first")
	s.server.names.Put(openedMax, "Anna")
	if r := s.get("/v1/members?q=anna").refused(codeMalformed, ""); !strings.Contains(r.text, "type more of the name") {
		t.Fatal(r.text)
	}
	s.get("/v1/members?q=annab").is(200, "data.0.card", "first")
	s.get("/v1/members?q=c17").is(200, "data.0.card", "c17")
}

// TestLearnPastUnreadable breaks the seal of one profile: the others are learnt.
func TestLearnPastUnreadable(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c0", `{"name":"Boris"}`).is(201)
	slot, sealed, err := s.server.vault.Seal(0, &people.Profile{Name: "Cyril"})
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := s.queue.Submit(&kopilka.PutMember{Card: "broken", State: kopilka.StateRegistered, Referrer: kopilka.NoMember,
		KeySlot: slot, Profile: sealed}); err != nil {
		t.Fatal(err)
	}
	s.as("till", "PUT", "/v1/members/c2", `{"name":"Dora"}`).is(201)
	s.server.names = people.NewNames()
	s.server.learnNames(t.Context())
	s.get("/v1/members?q=boris").is(200, "data.0.card", "c0")
	s.get("/v1/members?q=dora").is(200, "data.0.card", "c2")
	if n := s.server.names.Len(); n != 2 {
		t.Fatalf("%d words are known; want 2", n)
	}
}
