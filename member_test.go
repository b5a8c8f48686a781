package kopilka

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMemberIDs(t *testing.T) {
	a, b := NewMemberIDs([16]byte{1}), NewMemberIDs([16]byte{2})
	seen := map[string]MemberNo{}
	rng := rand.New(rand.NewPCG(1, 1))
	check := func(m MemberNo) {
		t.Helper()
		id := a.ID(m)
		if len(id) != 14 || !ValidID(id) {
			t.Fatalf("member %d is %q", m, id)
		}
		if other, ok := seen[id]; ok && other != m {
			t.Fatalf("members %d and %d are %s", m, other, id)
		}
		seen[id] = m
		if no, ok := a.No(id); !ok || no != m {
			t.Fatalf("%s of member %d is member %d, %t", id, m, no, ok)
		}
		if no, ok := b.No(id); ok {
			t.Fatalf("%s is member %d in other books too", id, no)
		}
		// One character changed is nobody's.
		at := 1 + rng.IntN(13)
		typo := id[:at] + string("0123456789abcdefghjkmnpqrstvwxyz"[rng.IntN(32)]) + id[at+1:]
		if no, ok := a.No(typo); ok && typo != id {
			t.Fatalf("%s, a typo of %s, is member %d", typo, id, no)
		}
	}
	for m := range MemberNo(2000) {
		check(m)
	}
	for range 2000 {
		check(MemberNo(rng.Uint32()))
	}
	check(NoMember - 1)
	id := a.ID(1)
	for _, s := range []string{"", "m", id[1:], id + "0", "x" + id[1:], strings.ToUpper(id), id[:13] + "!", id[:13] + "l"} {
		if no, ok := a.No(s); ok {
			t.Fatalf("%q is member %d", s, no)
		}
	}
}

func TestValidID(t *testing.T) {
	f := func(s string, id, card bool) {
		t.Helper()
		if ValidID(s) != id || ValidCard(s) != card {
			t.Fatalf("%q: id %t, card %t; want %t, %t", s, ValidID(s), ValidCard(s), id, card)
		}
	}
	f("", false, false)
	f("a", true, true)
	f("!", true, true)
	f("~", true, true)
	f("4000-1234 5678", false, false)
	f("a/b", true, false)
	f("a\tb", false, false)
	f("a\x7f", false, false)
	f("карта", false, false)
	f("a\xff", false, false)
	f(strings.Repeat("x", 32), true, true)
	f(strings.Repeat("x", 33), true, false)
	f(strings.Repeat("x", 64), true, false)
	f(strings.Repeat("x", 65), false, false)
}

func TestWords(t *testing.T) {
	for r := RoleTill; r <= RoleAdmin; r++ {
		if got, ok := ParseRole(r.String()); !ok || got != r {
			t.Fatalf("role %d is %s is %d", r, r, got)
		}
	}
	for s := StateCreated; s <= StateInstalled; s++ {
		if got, ok := ParseMemberState(s.String()); !ok || got != s {
			t.Fatalf("state %d is %s is %d", s, s, got)
		}
	}
	if _, ok := ParseRole(""); ok {
		t.Fatal("no role is a role")
	}
	if _, ok := ParseMemberState("dead"); ok {
		t.Fatal("dead is a state")
	}
	seen := map[string]bool{}
	for r := Accepted; r <= Stale; r++ {
		if s := r.String(); s == "" || s == "unknown-refusal" || seen[s] {
			t.Fatalf("refusal %d is called %q", r, s)
		}
		seen[r.String()] = true
	}
	if (Stale + 1).String() != "unknown-refusal" {
		t.Fatal("a refusal too many")
	}
	for n := ByNobody; n <= ByMemberID; n++ {
		if n.String() == "" {
			t.Fatalf("naming %d has no name", n)
		}
	}
}

// Fingerprints of different kinds and fields do not run into each other.
func TestFingerprints(t *testing.T) {
	d := Deed{Store: "s", Till: "t", ReceiptNo: "1", Day: 5}
	seen := map[uint64]string{}
	f := func(name string, key uint64) {
		t.Helper()
		if other, ok := seen[key]; ok {
			t.Fatalf("%s and %s have one fingerprint", name, other)
		}
		seen[key] = name
	}
	no := func(kind Kind, store, till, no string, day Day) uint64 {
		return FingerprintReceiptNo(kind, store, till, no, day)
	}
	f("id", FingerprintID("s"))
	f("returns", FingerprintReturns("s"))
	f("receipt", no(KindReceipt, "s", "t", "1", 5))
	f("redemption", no(KindRedemption, "s", "t", "1", 5))
	f("store", no(KindReceipt, "st", "", "1", 5))
	f("till", no(KindReceipt, "s", "t1", "", 5))
	f("day", no(KindReceipt, "s", "t", "1", 6))
	f("later day", no(KindReceipt, "s", "t", "1", 5+256))

	count := func(c Command, want int) {
		t.Helper()
		if keys := AppendFingerprints(nil, c); len(keys) != want {
			t.Fatalf("%s has %d fingerprints; want %d", c.Kind(), len(keys), want)
		}
	}
	id := Head{ID: "x"}
	count(&Tick{}, 0)
	count(&Grant{Head: id, Deed: d}, 1)
	count(&Receipt{Head: id, Deed: d}, 2)
	count(&Redemption{Head: id, Deed: d}, 2)
	count(&Redemption{Head: id}, 1)
	count(&Return{Head: id, Deed: d, Receipt: "r"}, 2)
	count(&Return{Head: id, Deed: d}, 1)
	d.Till = ""
	count(&Receipt{Head: id, Deed: d}, 1)
}
