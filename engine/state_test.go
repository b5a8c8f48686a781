package engine

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// What the books say of themselves.
func TestState(t *testing.T) {
	s := newShop(t, plainProgram)
	anna := s.do(&kopilka.PutMember{Card: "anna", Registered: s.Day(), Referrer: kopilka.NoMember, KeySlot: 7, Profile: []byte("sealed")}).Member
	at := s.Seq()
	boris := s.do(&kopilka.PutMember{Card: "boris", Registered: s.Day(), Referrer: anna}).Member
	if m, ok := s.IDs().No(s.IDs().ID(boris)); !ok || m != boris || s.Members() != 2 {
		t.Fatalf("boris is member %d, %t, of %d", m, ok, s.Members())
	}
	if v := s.Member(boris, s.Now()); v.Referrer != anna || v.Card != "boris" || v.Registered != s.Day() {
		t.Fatalf("boris is %+v", v)
	}
	if v := s.Member(anna, s.Now()); v.ProfileAt != at || v.KeySlot != 7 || v.Referrer != kopilka.NoMember {
		t.Fatalf("anna is %+v", v)
	}
	if seq, sealed := s.Profile(anna); seq != at || !sealed || s.KeySlots() != 7 {
		t.Fatalf("anna's profile is at %d, sealed %t; %d slots", seq, sealed, s.KeySlots())
	}
	if _, sealed := s.Profile(boris); sealed {
		t.Fatal("boris, who gave nothing, has a sealed profile")
	}

	first := s.Versions()
	if s.Version() != 1 || first[0].Program != s.Program() || first[0].Seq != 2 {
		t.Fatalf("version %d of %+v", s.Version(), first)
	}
	s.tick(s.Day() + 1)
	s.do(&kopilka.SetProgram{Document: []byte(`{"program":"q"}`)})
	if v := s.Versions()[1]; s.Version() != 2 || v.Seq != s.Seq() || v.Day != s.Day() || v.Time != s.Now() || s.Program().Name != "q" || len(first) != 1 {
		t.Fatalf("version %d: %+v", s.Version(), v)
	}

	s.do(&kopilka.CreateKey{KeyID: "k1", Hash: [32]byte{1}, Role: kopilka.RoleAdmin})
	s.do(&kopilka.RevokeKey{KeyID: "k1"})
	if k, ok := s.Key("k1"); !ok || !k.Revoked || k.Role != kopilka.RoleAdmin || k.Created == 0 {
		t.Fatalf("key %+v, %t", k, ok)
	}
	if k, ok := s.Key("k2"); ok {
		t.Fatalf("key %+v", k)
	}
}

// The log's time does not go back.
func TestNow(t *testing.T) {
	s := newShop(t, plainProgram)
	now := s.Now()
	var out kopilka.Outcome
	s.Apply(now-1000, &kopilka.Refresh{}, &out)
	if s.Now() != now || out.Time != now {
		t.Fatalf("at %s after %s", s.Now(), now)
	}
}

// A tick brings the books to its day, over days that have none of their own; a
// day that has come already is no news.
func TestTickToADay(t *testing.T) {
	s := newShop(t, plainProgram)
	day := s.Day()
	s.try(&kopilka.Tick{Day: day + 40})
	s.try(&kopilka.Tick{Day: day + 3})
	if s.Day() != day+40 || s.Index().Day() != day+40 {
		t.Fatalf("the books are at %s, their index at %s; want %s", s.Day(), s.Index().Day(), day+40)
	}
}

// Our own bugs stop the process, with the numbers.
func TestPanics(t *testing.T) {
	f := func(what string, c kopilka.Command) {
		t.Helper()
		s := newShop(t, plainProgram)
		s.enrol("anna")
		defer func() {
			if recover() == nil {
				t.Fatalf("%s: no panic", what)
			}
		}()
		s.try(c)
	}
	f("a second genesis", &kopilka.Genesis{})
	f("a member who is not there", &kopilka.Grant{Deed: kopilka.Deed{Member: 1}, Points: 1})
	f("a program that is none", &kopilka.SetProgram{Document: []byte(`{"program":1}`)})
	f("a card too long", &kopilka.PutMember{Card: "123456789012345678901234567890123", Referrer: kopilka.NoMember})
}
