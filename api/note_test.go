package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestNotes(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.enrol("c2")
	note := func(card string, n int) *reply {
		t.Helper()
		return s.as("admin", "POST", "/v1/members/"+card+"/notes", fmt.Sprintf(`{"id":"%s-%d","text":"Запись %d","actor":"olga"}`, card, n, n))
	}
	for n := range 7 {
		note("c1", n).is(201, "notes", n+1)
	}
	note("c2", 0).is(201, "notes", 1)
	note("c1", 3).is(200, "notes", 4) // the first answer again
	s.as("admin", "POST", "/v1/members/c1/notes", `{"id":"c1-3","text":"other","actor":"olga"}`).refused(codeIdempotencyMismatch, "")
	s.as("admin", "POST", "/v1/members/c9/notes", `{"id":"x","text":"x","actor":"olga"}`).refused(codeMemberNotFound, "")
	s.as("admin", "POST", "/v1/members/c1/notes", `{"id":"x","text":"","actor":"olga"}`).refused(codeMalformed, "")
	s.as("admin", "POST", "/v1/members/c1/notes", `{"id":"x","text":"x"}`).refused(codeMalformed, "")
	s.as("admin", "POST", "/v1/members/c1/notes", `{"text":"x","actor":"y"}`).refused(codeMalformed, "")
	s.as("till", "POST", "/v1/members/c1/notes", `{"id":"x","text":"x","actor":"olga"}`).refused(codeForbidden, "")

	var all []string
	cursor := ""
	for {
		r := s.get("/v1/members/c1/notes?limit=3" + cursor).is(200)
		for i := range r.at("data").([]any) {
			all = append(all, r.at(fmt.Sprintf("data.%d.text", i)).(string))
		}
		next := r.at("next_cursor")
		if next == nil {
			break
		}
		cursor = "&cursor=" + next.(string)
	}
	if got := strings.Join(all, ","); got != "Запись 6,Запись 5,Запись 4,Запись 3,Запись 2,Запись 1,Запись 0" {
		t.Fatal(got)
	}
	// A profile that comes after a note is sealed under the note's key.
	s.as("till", "PUT", "/v1/members/c1", `{"name":"Anna"}`).is(200)
	s.get("/v1/members/c1").is(200, "name", "Anna")
	note("c1", 7).is(201, "notes", 8)
	s.get("/v1/members/c1/notes?limit=1").is(200, "data.0.text", "Запись 7", "data.0.actor", "olga")
}

// TestManyNotesAtOnce writes notes and a profile from many desks at once: all are
// one chain, under one key.
func TestManyNotesAtOnce(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			r := s.as("admin", "POST", "/v1/members/c1/notes", fmt.Sprintf(`{"id":"n%d","text":"t","actor":"a"}`, i))
			if r.status != 201 {
				t.Errorf("status %d: %s", r.status, r.text)
			}
		})
		if i%5 == 0 {
			wg.Go(func() {
				if r := s.as("till", "PUT", "/v1/members/c1", fmt.Sprintf(`{"attributes":{"a%d":1}}`, i)); r.status != 200 {
					t.Errorf("status %d: %s", r.status, r.text)
				}
			})
		}
	}
	wg.Wait()
	if n := len(s.get("/v1/members/c1/notes").at("data").([]any)); n != 20 {
		t.Fatalf("%d notes; want 20", n)
	}
	if n := len(s.get("/v1/members/c1").at("attributes").(map[string]any)); n != 4 {
		t.Fatalf("%d attributes; want 4", n)
	}
}

func TestConsents(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.get("/v1/members/c1/consents").is(200, "next_cursor", nil)
	put := func(body string) {
		t.Helper()
		s.as("till", "PUT", "/v1/members/c1", body).is(200)
	}
	put(`{"consent":{"text_version":"v1","at":"2026-03-01T10:00:00+01:00","source":"app"}}`)
	put(`{"name":"Anna"}`) // no consent changes
	put(`{"consent":{"text_version":"v1","at":"2026-03-01T10:00:00+01:00","source":"app"}}`)
	put(`{"consent":{"text_version":"v2","at":"2026-03-02T10:00:00+01:00"}}`)
	put(`{"consent":null}`)
	put(`{"consent":null}`)
	put(`{"consent":{"text_version":"v2","at":"2026-03-02T12:00:00+01:00"}}`)
	var all []string
	cursor := ""
	for {
		r := s.get("/v1/members/c1/consents?limit=1" + cursor).is(200)
		for i := range r.at("data").([]any) {
			all = append(all, fmt.Sprintf("%v %v", r.at(fmt.Sprintf("data.%d.given", i)), r.at(fmt.Sprintf("data.%d.text_version", i))))
		}
		next := r.at("next_cursor")
		if next == nil {
			break
		}
		cursor = "&cursor=" + next.(string)
	}
	if got := strings.Join(all, ", "); got != "true v2, false <nil>, true v2, true v1" {
		t.Fatal(got)
	}
	s.get("/v1/members/c9/consents").refused(codeMemberNotFound, "")
}
