package wal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
)

// toy is a machine that knows of everything it was given and of nothing else.
type toy struct {
	mu     sync.Mutex
	pos    kopilka.Pos
	digest kopilka.Digest
	seq    kopilka.Seq
	sum    [32]byte // of every entry, in order
	bytes  uint64
}

func (m *toy) Apply(e *kopilka.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.First != m.seq+1 || e.Pos.Index != m.pos.Index+1 {
		panic(fmt.Sprintf("toy: entry %d begins at %d; at entry %d, position %d", e.Pos.Index, e.First, m.pos.Index, m.seq))
	}
	h := sha256.New()
	h.Write(m.sum[:])
	fmt.Fprintf(h, "%d %d %d %d %d ", e.Time, e.First, e.Count, len(e.Body), len(e.Kept))
	h.Write(e.Body)
	h.Write(e.Kept)
	h.Sum(m.sum[:0])
	m.pos, m.digest, m.seq = e.Pos, e.Digest, e.First+kopilka.Seq(e.Count)-1
	m.bytes += uint64(len(e.Body) + len(e.Kept))
}

func (m *toy) Applied() (kopilka.Pos, kopilka.Digest, kopilka.Seq) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pos, m.digest, m.seq
}

const toyBytes = markSize + 32 + 8

func (m *toy) Snapshot() (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := mark{m.pos, m.seq, m.digest}
	b := append(at.append(nil), m.sum[:]...)
	b = binary.LittleEndian.AppendUint64(b, m.bytes)
	return toyPicture{bytes.NewReader(b)}, nil
}

type toyPicture struct{ *bytes.Reader }

func (toyPicture) Close() {}

func (m *toy) Restore(r io.Reader) error {
	b := make([]byte, toyBytes)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	at := readMark(b)
	m.pos, m.seq, m.digest = at.Pos, at.Seq, at.Digest
	copy(m.sum[:], b[markSize:])
	m.bytes = binary.LittleEndian.Uint64(b[markSize+32:])
	return nil
}

func (m *toy) same(t testing.TB, want *toy) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seq != want.seq || m.pos.Index != want.pos.Index || m.digest != want.digest || m.sum != want.sum || m.bytes != want.bytes {
		t.Fatalf("machine at frame %d position %d sum %x; want frame %d position %d sum %x", m.pos.Index, m.seq, m.sum[:4], want.pos.Index, want.seq, want.sum[:4])
	}
}

// day makes proposals that look like a shop's, always the same for a seed.
type day struct {
	r    *rand.Rand
	n    int
	bits uint64
}

func newDay(seed uint64) *day { return &day{r: rand.New(rand.NewPCG(seed, 7))} }

func (d *day) proposal(count, each int) Proposal {
	d.n++
	p := Proposal{Time: kopilka.Time(1_700_000_000_000 + d.n), Count: count}
	for range count {
		line := fmt.Sprintf("accrue card-%07d receipt-%06d amount=%d store=S%02d ", d.r.IntN(1e7), d.r.IntN(1e6), d.r.IntN(1e6), d.r.IntN(40))
		for len(line) < each {
			line += string(rune('a' + d.r.IntN(26)))
		}
		p.Body = append(p.Body, line[:each]...)
	}
	if d.n%3 == 0 {
		p.Kept = fmt.Appendf(nil, "outcome of %d", d.n)
	}
	return p
}

// noise makes a proposal that does not compress.
func (d *day) noise(bytes int) Proposal {
	d.n++
	p := Proposal{Time: kopilka.Time(1_700_000_000_000 + d.n), Count: 1, Body: make([]byte, bytes)}
	for i := range p.Body {
		if i%8 == 0 {
			d.bits = d.r.Uint64()
		}
		p.Body[i] = byte(d.bits >> (i % 8 * 8))
	}
	return p
}

// mixed is a proposal of any size, empty ones too.
func (d *day) mixed() Proposal {
	switch d.r.IntN(10) {
	case 0:
		return Proposal{Time: kopilka.Time(1_700_000_000_000 + d.n)}
	case 1:
		return d.proposal(200+d.r.IntN(800), 60)
	case 2:
		return d.noise(1 + d.r.IntN(60_000))
	}
	return d.proposal(1+d.r.IntN(5), 60)
}

func in(dir string) Options {
	return Options{Dir: dir, FreeSoft: 2, FreeFloor: 1, Logger: slog.New(slog.DiscardHandler)}
}

// begin opens a log with a new machine and starts it.
func begin(t testing.TB, o Options) (*Disk, *toy) {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	m := new(toy)
	if err := d.Start(m); err != nil {
		d.Close()
		t.Fatal(err)
	}
	return d, m
}

// try is begin for logs that may be refused.
func try(o Options) (*Disk, *toy, error) {
	d, err := Open(o)
	if err != nil {
		return nil, nil, err
	}
	m := new(toy)
	if err := d.Start(m); err != nil {
		d.Close()
		return nil, nil, err
	}
	return d, m, nil
}

func propose(t testing.TB, d *Disk, p Proposal) {
	t.Helper()
	if err := d.Propose(p); err != nil {
		t.Fatal(err)
	}
}

func fence(t testing.TB, d *Disk) {
	t.Helper()
	if err := d.Fence(); err != nil {
		t.Fatal(err)
	}
}

func end(t testing.TB, d *Disk) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// abandon lets go of a log the way a crash does: nothing is flushed, and no
// marker is written. Goroutines of Badger stay, and write no more.
func abandon(t testing.TB, d *Disk) {
	t.Helper()
	fence(t, d)
	d.life.Lock()
	d.state = closed
	d.life.Unlock()
	close(d.quit)
	<-d.kept
	close(d.queue)
	<-d.applied
	d.head.f.Close()
	d.lock.release()
}
