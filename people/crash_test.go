package people

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/kopilka/kopilka/seed"
)

func TestDamagedKeyFile(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	if _, _, err := v.SealAll(make([]*Profile, stepSize/slotSize+100)); err != nil {
		t.Fatal(err)
	}
	v.Close()
	whole, err := os.ReadFile(h.keys())
	if err != nil || len(whole) != headerSize+2*stepSize {
		t.Fatalf("got %d bytes, %v", len(whole), err)
	}
	with := func(change func(file []byte) []byte) {
		t.Helper()
		if err := os.WriteFile(h.keys(), change(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	with(func(f []byte) []byte { f[8] = 2; return f })
	h.refused(t, nil, "format 2", "newer version")
	for _, n := range []int{0, 5, 36, headerSize - 1} {
		with(func(f []byte) []byte { return f[:n] })
		h.refused(t, ErrDamaged)
	}
	for _, n := range []int{headerSize + 64, headerSize + stepSize - 1, headerSize + stepSize + 64*99 + 7} {
		with(func(f []byte) []byte { return f[:n] })
		h.refused(t, ErrDamaged, "was cut at "+fmt.Sprint(n))
	}
	// Cut on the edge of a step: only the books can tell.
	with(func(f []byte) []byte { return f[:headerSize+stepSize] })
	v = h.open(t)
	wantError(t, v.Known(stepSize/slotSize+100), ErrDamaged)
	// A step that was not finished when the power went.
	with(func(f []byte) []byte { return append(f, make([]byte, 5000)...) })
	v = h.open(t)
	first, _, err := v.SealAll(make([]*Profile, stepSize/slotSize))
	if err != nil || first != stepSize/slotSize+101 {
		t.Fatalf("next slot: got %d, %v", first, err)
	}
	if stat, err := os.Stat(h.keys()); err != nil || stat.Size() != headerSize+3*stepSize {
		t.Fatalf("got %v bytes, %v", stat.Size(), err)
	}
}

// The file grows by zeros that are durable before a key lies in them: else keys
// in an unfinished step could not be told from a file that was cut.
func TestGrowth(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	sealOne(t, v, 0, full())
	var sizes []int
	var empty []bool
	v.keys.sync = func(*os.File) error {
		file, err := os.ReadFile(h.keys())
		sizes = append(sizes, len(file))
		empty = append(empty, zeros(file[len(file)-stepSize:]))
		return err
	}
	if _, _, err := v.SealAll(make([]*Profile, stepSize/slotSize)); err != nil {
		t.Fatal(err)
	}
	const grown = headerSize + 2*stepSize
	if fmt.Sprint(sizes, empty) != fmt.Sprint([]int{grown, grown}, []bool{true, false}) {
		t.Fatalf("at each sync: got sizes %v, last step empty %v", sizes, empty)
	}
}

func TestFailedSync(t *testing.T) {
	h := newHouse(t)
	v := h.open(t)
	slot, sealed := sealOne(t, v, 0, full())
	eio := errors.New("input/output error")
	v.keys.sync = func(*os.File) error { return eio }
	_, _, err := v.Seal(0, full())
	wantError(t, err, eio)
	v.keys.sync = syncData
	_, _, err = v.Seal(0, full()) // what the disk holds now is not known
	wantError(t, err, eio)
	wantError(t, v.Erase(slot), eio)
	wantProfile(t, v, slot, sealed, full())
}

// A power cut keeps what was synced and any of the sectors that were written
// since. After it every profile whose Seal had returned opens, and no slot that
// was returned is given again.
func TestPowerCut(t *testing.T) {
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	for round := range 12 {
		h := newHouse(t)
		v := h.open(t)
		durable, err := os.ReadFile(h.keys())
		if err != nil {
			t.Fatal(err)
		}
		cutAt := 1 + rng.IntN(40) // sync at which the power goes
		syncs := 0
		cut := errors.New("power cut")
		v.keys.sync = func(f *os.File) error {
			now, err := os.ReadFile(h.keys())
			if err != nil {
				return err
			}
			if syncs++; syncs >= cutAt {
				// Some sectors made it to the disk; perhaps the size did.
				if size := len(durable) + rng.IntN(len(now)-len(durable)+1); size > len(durable) {
					durable = append(durable, make([]byte, size-len(durable))...)
				}
				for at := 0; at+512 <= len(durable); at += 512 {
					if rng.IntN(2) == 0 {
						copy(durable[at:at+512], now[at:])
					}
				}
				return cut
			}
			durable = now
			return nil
		}
		type one struct {
			slot   uint32
			sealed []byte
			name   string
			erased bool
		}
		var answered []one
		last := uint32(0)
		for i := 0; ; i++ {
			if i > 0 && rng.IntN(4) == 0 {
				o := &answered[rng.IntN(len(answered))]
				if v.Erase(o.slot) != nil {
					// The power went meanwhile: erased or not, it must not be mistaken.
					*o = one{slot: o.slot}
					break
				}
				o.erased = true
				continue
			}
			n := 1 + rng.IntN(4)
			if rng.IntN(10) == 0 {
				n = stepSize / slotSize
			}
			ps := make([]*Profile, n)
			for j := range ps {
				ps[j] = &Profile{Name: fmt.Sprint(i, j)}
			}
			first, sealed, err := v.SealAll(ps)
			if err != nil {
				break
			}
			last = first + uint32(n) - 1
			for j := 0; j < n; j += 1 + n/3 {
				answered = append(answered, one{slot: first + uint32(j), sealed: sealed[j], name: ps[j].Name})
			}
		}
		v.Close()
		if err := os.WriteFile(h.keys(), durable, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err = Open(h.dir, h.master)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		greatest := uint32(0)
		for _, o := range answered {
			greatest = max(greatest, o.slot)
			p, err := v.Open(o.slot, o.sealed)
			switch {
			case o.name == "":
			case o.erased:
				if !errors.Is(err, ErrErased) {
					t.Fatalf("seed %d, round %d, slot %d: got %v; want erased", seed, round, o.slot, err)
				}
			case err != nil || p.Name != o.name:
				t.Fatalf("seed %d, round %d, slot %d: got %v, %v; want %s", seed, round, o.slot, p, err, o.name)
			}
		}
		if _, err := Verify(h.dir, h.master, greatest); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		if err := v.Known(greatest); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		slot, _ := sealOne(t, v, 0, full())
		if slot <= last {
			t.Fatalf("seed %d, round %d: slot %d was given again; %d were answered", seed, round, slot, last)
		}
		v.Close()
		// What the cut left empty below that slot is not taken for damage later.
		if err := h.open(t).Known(slot); err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
	}
}
