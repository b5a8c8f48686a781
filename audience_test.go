package kopilka

import (
	"math/rand/v2"
	"testing"
)

// A block is read as it was written, in the shorter form, and never longer than it says.
func TestBlockRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, percent := range []int{0, 1, 3, 12, 13, 50, 99, 100} {
		var set, got Block
		for n := range BlockLen {
			if rng.IntN(100) < percent {
				set[n/64] |= 1 << (n % 64)
			}
		}
		b := AppendBlock(nil, &set)
		if err := ReadBlock(b, &got); err != nil || got != set || len(b) > blockBytes {
			t.Fatalf("%d %%: %d bytes, %v", percent, len(b), err)
		}
		for n := range min(len(b), 40) { // gaps that are cut are fewer gaps
			if err := ReadBlock(b[:n], &got); err == nil && got == set && percent > 0 {
				t.Fatalf("%d %%: the first %d bytes read as all", percent, n)
			}
		}
	}
	var got Block
	for _, bad := range [][]byte{nil, {2}, {blockBits, 1}, {blockGaps, 0x80}, {blockGaps, 0xff, 0xff, 0x03, 0}, {blockGaps, 0x80, 0x80, 0x04}} {
		if err := ReadBlock(bad, &got); err == nil {
			t.Fatalf("%x was read", bad)
		}
	}
}

// A draw holds out the share it is told to, others for every audience, and the same
// every time.
func TestDraw(t *testing.T) {
	const members = 100_000
	a, b := NewDraw([16]byte{1}, "spring", 2000), NewDraw([16]byte{1}, "autumn", 2000)
	none, other := NewDraw([16]byte{1}, "spring", 0), NewDraw([16]byte{2}, "spring", 2000)
	var held, both, under int
	for m := range MemberNo(members) {
		if a.HeldOut(m) {
			held++
			if b.HeldOut(m) {
				both++
			}
			if other.HeldOut(m) {
				under++
			}
		}
		if none.HeldOut(m) {
			t.Fatalf("member %d is held out of nothing", m)
		}
	}
	for what, n := range map[string][2]int{"one": {held, 20_000}, "both": {both, 4000}, "another secret": {under, 4000}} {
		if n[0] < n[1]*95/100 || n[0] > n[1]*105/100 {
			t.Errorf("%s: %d held out; want about %d", what, n[0], n[1])
		}
	}
}
