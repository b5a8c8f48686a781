package wal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/seed"
)

// told is a proposal whose body is commands as the log has them: a kind, a length, and
// bytes.
func (d *day) told(count, each int) Proposal {
	p := d.proposal(count, each)
	text := p.Body
	p.Body = nil
	for range count {
		p.Body = binary.AppendUvarint(append(p.Body, 1), uint64(each))
		p.Body = append(p.Body, text[:each]...)
		text = text[each:]
	}
	return p
}

// count is a machine that knows every command it was given, and not by which frames.
type count struct {
	toy
	sums map[kopilka.Seq][32]byte
	sum  [32]byte
}

func (m *count) Apply(e *kopilka.Entry) {
	m.toy.Apply(e)
	body := e.Body
	for i := range e.Count {
		rest := kopilka.SkipCommand(body)
		m.sum = sha256.Sum256(append(m.sum[:], body[:len(body)-len(rest)]...))
		body = rest
		m.sums[e.First+kopilka.Seq(i)] = m.sum
	}
}

// TestRestoreUntil copies a log with sealed epochs, snapshots and a live epoch, running,
// stopped and killed, and restores it to random positions, in and between frames.
func TestRestoreUntil(t *testing.T) {
	t.Parallel()
	seed := seed.Of(t)
	r := rand.New(rand.NewPCG(seed, 5))
	o := in(t.TempDir())
	o.EpochMax = 400_000
	d, _ := begin(t, o)
	w := newDay(seed)
	for i := range 60 {
		propose(t, d, w.told(1+r.IntN(60), 400))
		if i == 20 || i == 50 {
			if err := d.Checkpoint(); err != nil {
				t.Fatal(err)
			}
		}
	}
	fence(t, d)
	want := &count{sums: map[kopilka.Seq][32]byte{}}
	if err := d.Scan(1, func(e *kopilka.Entry) error { want.Apply(e); return nil }); err != nil {
		t.Fatal(err)
	}
	check := func(c *Copy) {
		t.Helper()
		pos, digest, last := c.End()
		for n := range 6 {
			until := kopilka.Seq(0)
			if n > 0 {
				until = 1 + kopilka.Seq(r.Uint64N(uint64(last)))
			}
			if n == 1 {
				until = last
			}
			to := in(filepath.Join(t.TempDir(), "to"))
			have := &count{sums: map[kopilka.Seq][32]byte{}}
			x, err := Restore(to.Dir, until, func(e *kopilka.Entry) error { have.Apply(e); return nil })
			if err != nil {
				t.Fatal(err)
			}
			err = c.Each(func(name string, part io.WriterTo) error {
				var b bytes.Buffer
				if _, err := part.WriteTo(&b); err != nil {
					return err
				}
				return x.Take(name, &b)
			})
			if err == nil {
				err = x.Finish(pos, digest, last)
			}
			if err != nil {
				t.Fatalf("seed %d until %d: %v", seed, until, err)
			}
			at := until
			if until == 0 {
				at = last
			}
			if have.seq != at || have.sums[at] != want.sums[at] {
				t.Fatalf("seed %d until %d: shown up to %d, and not what was proposed", seed, until, have.seq)
			}
			s, err := Verify(to.Dir, nil)
			if err != nil || s.Seq != at || until == 0 && s.Digest != digest {
				t.Fatalf("seed %d until %d: %+v, %v", seed, until, s, err)
			}
			d, m := begin(t, to)
			if m.seq != at || m.digest != s.Digest {
				t.Fatalf("seed %d until %d: it starts at %d", seed, until, m.seq)
			}
			propose(t, d, w.told(3, 60))
			end(t, d)
			if s, err = Verify(to.Dir, nil); err != nil || s.Seq != at+3 {
				t.Fatalf("seed %d until %d: then %+v, %v", seed, until, s, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := d.Copy()
	if err != nil {
		t.Fatal(err)
	}
	propose(t, d, w.told(5, 60)) // is not in the copy
	check(c)
	end(t, d)
	before := files(t, o.Dir)
	if c, err = CopyOf(o.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, ErrInUse) {
		t.Fatalf("opened beside a copy: %v", err)
	}
	want = &count{sums: map[kopilka.Seq][32]byte{}}
	if err := Each(o.Dir, func(e *kopilka.Entry) error { want.Apply(e); return nil }); err != nil {
		t.Fatal(err)
	}
	check(c)
	for file, sum := range files(t, o.Dir) {
		if before[file] != sum {
			t.Fatalf("a copy changed %s", file)
		}
	}
	d, _ = begin(t, o)
	propose(t, d, w.told(5, 60))
	abandon(t, d)
	if c, err = CopyOf(o.Dir); err != nil {
		t.Fatal(err)
	}
	if _, _, last := c.End(); last != want.seq+5 {
		t.Fatalf("after a kill the copy ends at %d, not %d", last, want.seq+5)
	}
	if err := Each(o.Dir, func(e *kopilka.Entry) error {
		if e.First > want.seq {
			want.Apply(e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	check(c)
}
