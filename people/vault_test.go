package people

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// house is a data folder and, beside it, a master key file.
type house struct{ dir, master string }

func newHouse(t testing.TB) house {
	t.Helper()
	root := t.TempDir()
	h := house{filepath.Join(root, "data"), filepath.Join(root, "keys", "master.key")}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h house) keys() string { return filepath.Join(h.dir, keyFileName) }

func (h house) open(t testing.TB) *Vault {
	t.Helper()
	v, err := Open(h.dir, h.master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// refused opens the house and wants an error that holds all of the words.
func (h house) refused(t *testing.T, is error, words ...string) {
	t.Helper()
	v, err := Open(h.dir, h.master)
	if err == nil {
		v.Close()
		t.Fatalf("opened; want %v", words)
	}
	if is != nil && !errors.Is(err, is) {
		t.Fatalf("got %v; want %v", err, is)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("got %v; want it to say %q", err, w)
		}
	}
}

func sealOne(t testing.TB, v *Vault, slot uint32, p *Profile) (uint32, []byte) {
	t.Helper()
	slot, sealed, err := v.Seal(slot, p)
	if err != nil {
		t.Fatal(err)
	}
	return slot, sealed
}

func wantProfile(t testing.TB, v *Vault, slot uint32, sealed []byte, want *Profile) {
	t.Helper()
	got, err := v.Open(slot, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("slot %d: got %+v; want %+v", slot, got, want)
	}
}

func wantError(t testing.TB, err, is error) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Fatalf("got %v; want %v", err, is)
	}
}

func full() *Profile {
	return &Profile{
		Phone: "+79001234567", Name: "Ёлкина Анна", BirthDate: "1985-04-30", Sex: "f", Store: "S12",
		RegisteredAt: 1_700_000_000_000, Source: "flyer",
		Consent:    &Consent{TextVersion: "3", At: 1_700_000_000_001, Source: "till"},
		Attributes: map[string]any{"shoe": json.Number("38.5"), "vip": true, "note": "<b>\"x\"</b>"},
	}
}

func TestSealAndOpen(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	slot, sealed := sealOne(t, v, 0, full())
	if slot != 1 {
		t.Fatalf("first slot: got %d; want 1", slot)
	}
	wantProfile(t, v, slot, sealed, full())
	if bytes.Contains(sealed, []byte("79001234567")) || bytes.Contains(sealed, []byte("flyer")) {
		t.Fatal("the sealed profile shows what is in it")
	}

	other := &Profile{Name: "Пётр"}
	slot2, sealed2 := sealOne(t, v, 0, other)
	if slot2 != 2 {
		t.Fatalf("second slot: got %d; want 2", slot2)
	}
	same, sealed3 := sealOne(t, v, slot, other) // a change keeps the key
	if same != slot || bytes.Equal(sealed2, sealed3) {
		t.Fatalf("sealed again in slot %d", same)
	}

	v.Close()
	v = h.open(t)
	wantProfile(t, v, slot, sealed, full())
	wantProfile(t, v, slot, sealed3, other)
	wantProfile(t, v, slot2, sealed2, other)
	if slot, _ := sealOne(t, v, 0, other); slot != 3 {
		t.Fatalf("slot after reopening: got %d; want 3", slot)
	}
}

func TestSealAll(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	sealOne(t, v, 0, full())
	var ps []*Profile
	for i := range 3*stepSize/slotSize + 7 { // over several steps of the file
		ps = append(ps, &Profile{Name: fmt.Sprint(i)})
	}
	first, sealed, err := v.SealAll(ps)
	if err != nil || first != 2 || len(sealed) != len(ps) {
		t.Fatalf("got first %d, %d sealed, %v", first, len(sealed), err)
	}
	v.Close()
	v = h.open(t)
	for i := 0; i < len(ps); i += 997 {
		wantProfile(t, v, first+uint32(i), sealed[i], ps[i])
	}
	if slot, _ := sealOne(t, v, 0, full()); slot != first+uint32(len(ps)) {
		t.Fatalf("next slot: got %d; want %d", slot, first+uint32(len(ps)))
	}
	if first, sealed, err := v.SealAll(nil); err != nil || len(sealed) != 0 {
		t.Fatalf("nobody: got %d, %v, %v", first, sealed, err)
	}
}

func TestErase(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	slot, sealed := sealOne(t, v, 0, full())
	slot2, sealed2 := sealOne(t, v, 0, full())
	before, err := os.ReadFile(h.keys())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.Erase(slot); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		_, err := v.Open(slot, sealed)
		wantError(t, err, ErrErased)
		_, _, err = v.Seal(slot, full())
		wantError(t, err, ErrErased)
		wantProfile(t, v, slot2, sealed2, full())
	}
	check()
	after, err := os.ReadFile(h.keys())
	if err != nil {
		t.Fatal(err)
	}
	key := before[slotOffset(slot)+4 : slotOffset(slot)+slotSize]
	if bytes.Contains(after, key) {
		t.Fatal("the key is still in the file")
	}
	v.Close()
	v = h.open(t)
	check()

	// The last slot, erased, is not given again.
	if err := v.Erase(slot2); err != nil {
		t.Fatal(err)
	}
	v.Close()
	v = h.open(t)
	if slot, _ := sealOne(t, v, 0, full()); slot != slot2+1 {
		t.Fatalf("next slot: got %d; want %d", slot, slot2+1)
	}
	wantError(t, v.Erase(0), ErrNoKey)
	wantError(t, v.Erase(99), ErrNoKey)
	wantError(t, v.Erase(1<<31), ErrNoKey)
}

func TestNoSuchSlot(t *testing.T) {
	v := newHouse(t).open(t)
	_, sealed := sealOne(t, v, 0, full())
	for _, slot := range []uint32{0, 2, 1 << 30} {
		_, err := v.Open(slot, sealed)
		wantError(t, err, ErrNoKey)
	}
	_, _, err := v.Seal(7, full())
	wantError(t, err, ErrNoKey)
	if err := v.Known(1); err != nil {
		t.Fatal(err)
	}
	wantError(t, v.Known(2), ErrDamaged)
}

// Whatever bit of a sealed profile or of its key flips, it does not open, nor
// does it open in the slot of another member.
func TestFlippedBits(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	slot, sealed := sealOne(t, v, 0, full())
	slot2, _ := sealOne(t, v, 0, full())
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1 << (i % 8)
		_, err := v.Open(slot, bad)
		wantError(t, err, ErrDamaged)
	}
	for n := range len(sealed) {
		_, err := v.Open(slot, sealed[:n])
		wantError(t, err, ErrDamaged)
	}
	_, err := v.Open(slot2, sealed)
	wantError(t, err, ErrDamaged)

	file, err := os.ReadFile(h.keys())
	if err != nil {
		t.Fatal(err)
	}
	for i := range slotSize {
		at := int(slotOffset(slot)) + i
		bad := bytes.Clone(file)
		bad[at] ^= 1 << (i % 8)
		if err := os.WriteFile(h.keys(), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Open(slot, sealed); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), fmt.Sprint(slotOffset(slot))) {
			t.Fatalf("byte %d of the slot: got %v", i, err)
		}
	}
	// The key of one slot copied to another.
	swapped := bytes.Clone(file)
	copy(swapped[slotOffset(slot2):slotOffset(slot2+1)], file[slotOffset(slot):])
	if err := os.WriteFile(h.keys(), swapped, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = v.keys.key(slot2)
	wantError(t, err, ErrDamaged)
	key, err := v.keys.key(slot)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unseal(slot, &key, sealed); err != nil {
		t.Fatal(err)
	}
	_, err = unseal(slot2, &key, sealed)
	wantError(t, err, ErrDamaged)
}

func TestMasterKey(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	slot, sealed := sealOne(t, v, 0, full())
	v.Close()
	stat, err := os.Stat(h.master)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatalf("master key: got mode %v, %v", stat.Mode(), err)
	}
	text, err := os.ReadFile(h.master)
	if err != nil || len(text) != 45 || text[44] != '\n' {
		t.Fatalf("master key: got %d bytes, %v", len(text), err)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(h.master), "*")); len(names) != 1 {
		t.Fatalf("beside the master key: %v", names)
	}
	put := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(h.master, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(h.master, mode); err != nil {
			t.Fatal(err)
		}
	}

	put(string(text), 0o644)
	h.refused(t, nil, "0644", h.master)
	put(string(text), 0o640) // a group is a decision
	h.open(t).Close()
	put(strings.TrimSpace(string(text))+"\r\n", 0o600)
	h.open(t).Close()
	for _, bad := range []string{"", "\n", string(text[:40]) + "\n", string(text) + "x", string(text) + string(text), string(text) + "\n\n\n" + string(text), "not base64 at all, but as long as a key is ..\n"} {
		put(bad, 0o600)
		h.refused(t, nil, "does not hold a key", h.master)
	}
	put("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0o600)
	h.refused(t, ErrWrongMaster, h.master, keyFileName)
	if err := os.Remove(h.master); err != nil {
		t.Fatal(err)
	}
	h.refused(t, ErrNoMaster, h.master)
	if _, err := os.Stat(h.master); err == nil {
		t.Fatal("a refusal made a master key")
	}
	put(string(text), 0o600)
	wantProfile(t, h.open(t), slot, sealed, full())

	h.master = filepath.Join(h.dir, "sub", "master.key")
	h.refused(t, nil, "lies in the data folder")
}

// A master key that outlives a folder serves the next one.
func TestMasterKeyForNewFolder(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	tag := v.PhoneTag("+79001234567")
	v.Close()
	if err := os.Remove(h.keys()); err != nil {
		t.Fatal(err)
	}
	if v := h.open(t); v.PhoneTag("+79001234567") != tag {
		t.Fatal("another tag under the same master key")
	}
}

func TestPhoneTag(t *testing.T) {
	v, w := newHouse(t).open(t), newHouse(t).open(t)
	a, b := v.PhoneTag("+79001234567"), v.PhoneTag("+79001234568")
	if a == 0 || b == 0 || a == b || a != v.PhoneTag("+79001234567") || a == w.PhoneTag("+79001234567") {
		t.Fatalf("got tags %x, %x, and %x under another key", a, b, w.PhoneTag("+79001234567"))
	}
}

func TestConcurrent(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	const callers, each = 16, 60
	type one struct {
		slot   uint32
		sealed []byte
		name   string
	}
	all := make([][]one, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				name := fmt.Sprintf("%d-%d", c, i)
				slot, sealed, err := v.Seal(0, &Profile{Name: name})
				if err != nil {
					t.Error(err)
					return
				}
				all[c] = append(all[c], one{slot, sealed, name})
				mine := all[c][i/2]
				if p, err := v.Open(mine.slot, mine.sealed); mine.name != "" && (err != nil || p.Name != mine.name) {
					t.Errorf("slot %d: got %v, %v; want %s", mine.slot, p, err, mine.name)
				}
				if i%10 == 9 {
					last := &all[c][i]
					if err := v.Erase(last.slot); err != nil {
						t.Error(err)
					}
					last.name = ""
				}
			}
		})
	}
	wg.Wait()
	v.Close()
	v = h.open(t)
	seen := map[uint32]bool{}
	for _, list := range all {
		for _, o := range list {
			if seen[o.slot] {
				t.Fatalf("slot %d was given twice", o.slot)
			}
			seen[o.slot] = true
			p, err := v.Open(o.slot, o.sealed)
			if o.name == "" {
				wantError(t, err, ErrErased)
			} else if err != nil || p.Name != o.name {
				t.Fatalf("slot %d: got %v, %v; want %s", o.slot, p, err, o.name)
			}
		}
	}
}

func TestWords(t *testing.T) {
	v := newHouse(t).open(t)
	slot, sealed, err := v.SealWords(0, "called about her points")
	if err != nil || slot == 0 {
		t.Fatal(slot, err)
	}
	same, more, err := v.SealWords(slot, "")
	if err != nil || same != slot {
		t.Fatal(same, err)
	}
	f := func(slot uint32, sealed []byte, want string, wrong error) {
		t.Helper()
		got, err := v.OpenWords(slot, sealed)
		if got != want || !errors.Is(err, wrong) {
			t.Fatalf("%q, %v; want %q, %v", got, err, want, wrong)
		}
	}
	f(slot, sealed, "called about her points", nil)
	f(slot, more, "", nil)
	other, profile := sealOne(t, v, 0, &Profile{Name: "Anna"})
	f(other, sealed, "", ErrDamaged)
	f(other, profile, "", ErrDamaged) // a profile is no words
	f(slot, nil, "", ErrDamaged)
	f(slot, []byte{2}, "", ErrDamaged)
	nobodys := v.SealNobodys("nobody asked me")
	f(0, nobodys, "nobody asked me", nil)
	f(0, sealed, "", ErrDamaged)
	f(slot, nobodys, "", ErrDamaged)
	if err := v.Erase(slot); err != nil {
		t.Fatal(err)
	}
	f(slot, sealed, "", ErrErased)
}
