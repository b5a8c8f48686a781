package api

import (
	"testing"
)

// TestBirthdayOfPart tells the date of a person with the profile of a part of him:
// he has one certificate a year, also when it turns out that they were two.
func TestBirthdayOfPart(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	s.enrol("anna")
	s.as("till", "PUT", "/v1/members/ania", `{"birth_date":"1990-05-20"}`).is(201)
	s.as("till", "PUT", "/v1/members/ann", `{"birth_date":"1990-05-21"}`).is(201)
	merge := func(id, from string) {
		t.Helper()
		s.as("admin", "POST", "/v1/members/anna/merge", `{"id":"`+id+`","from":"`+from+`","reason":"r","actor":"olga"}`).is(201)
	}
	merge("m1", "ania")
	merge("m2", "ann")
	s.has("anna", "")
	s.clock(noon("2026-05-13"))
	s.has("anna", "birthday 150000 2026-05-13..2026-06-03")
	s.clock(noon("2026-05-14"))
	s.has("anna", "birthday 150000 2026-05-13..2026-06-03")

	// The certificate was the one person's, and stays; who stands for himself again
	// has his own with the answer.
	s.as("admin", "POST", "/v1/merges/m1/undo", `{"id":"u1","reason":"r","actor":"olga"}`).is(201)
	s.has("ania", "birthday 150000 2026-05-13..2026-06-03")
	s.has("anna", "birthday 150000 2026-05-13..2026-06-03")
	merge("m3", "ania")
	if n := s.count("birthday"); n != 2 {
		t.Fatalf("%d birthdays were given; want 2", n)
	}
}
