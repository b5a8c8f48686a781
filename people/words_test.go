package people

import (
	"errors"
	"testing"
)

func TestWords(t *testing.T) {
	v := newHouse(t).open(t)
	slot, sealed, err := v.SealWords(0, "Очень вежливо")
	if err != nil || slot == 0 {
		t.Fatalf("slot %d, %v", slot, err)
	}
	f := func(slot uint32, sealed []byte, want string, wantErr error) {
		t.Helper()
		got, err := v.OpenWords(slot, sealed)
		if got != want || !errors.Is(err, wantErr) {
			t.Fatalf("%q, %v; want %q, %v", got, err, want, wantErr)
		}
	}
	f(slot, sealed, "Очень вежливо", nil)

	// Under the key of a member, who is forgotten with his words.
	mine, profile, err := v.Seal(0, &Profile{Name: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	same, more, err := v.SealWords(mine, "slow")
	if err != nil || same != mine {
		t.Fatalf("slot %d, %v; want %d", same, err, mine)
	}
	f(mine, more, "slow", nil)
	f(mine, profile, "", ErrDamaged) // a profile is no words
	f(slot, more, "", ErrDamaged)
	f(mine, nil, "", ErrDamaged)
	if _, err := v.Open(mine, more); !errors.Is(err, ErrDamaged) {
		t.Fatalf("words open as a profile: %v", err)
	}
	if err := v.Erase(mine); err != nil {
		t.Fatal(err)
	}
	f(mine, more, "", ErrErased)
	f(slot, sealed, "Очень вежливо", nil)
}
