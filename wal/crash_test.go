package wal

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

const childDir = "KOPILKA_WAL_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

func crashOptions(dir string) Options {
	o := in(dir)
	o.EpochMax, o.SnapshotEvery = 200_000, 300_000
	return o
}

// child proposes until it is killed, and says of each frame that it is in.
func child(dir string) {
	d, err := Open(crashOptions(dir))
	if err == nil {
		err = d.Start(new(toy))
	}
	for err == nil {
		index := d.durable.Load() + 1
		if err = d.Propose(newDay(index).mixed()); err == nil {
			fmt.Println(index)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Everything that was acknowledged before a kill is there after it.
func TestKill(t *testing.T) {
	t.Parallel()
	const seed = 11
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(seed, 1))
	acknowledged := uint64(0)
	for round := range 6 {
		c := exec.Command(os.Args[0], "-test.run=^$")
		c.Env = append(os.Environ(), childDir+"="+dir)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var kill <-chan time.Time
		for n := 0; lines.Scan(); n++ {
			if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
				t.Fatalf("seed %d: %q: %v", seed, lines.Text(), err)
			}
			if n == 0 {
				kill = time.After(time.Duration(20+r.IntN(400)) * time.Millisecond)
				go func() { <-kill; c.Process.Kill() }()
			}
		}
		c.Wait()
		if kill == nil {
			t.Fatalf("seed %d round %d: the child did nothing: %s", seed, round, stderr.String())
		}
		if s, err := Verify(dir, nil); err != nil || s.Frames < acknowledged {
			t.Fatalf("seed %d round %d: %d frames acknowledged; verify found %d: %v", seed, round, acknowledged, s.Frames, err)
		}
	}
	d, m := begin(t, crashOptions(dir))
	if m.pos.Index < acknowledged {
		t.Fatalf("seed %d: %d frames acknowledged, %d there", seed, acknowledged, m.pos.Index)
	}
	whole := new(toy)
	err := d.Scan(1, func(e *kopilka.Entry) error {
		p := newDay(e.Pos.Index).mixed()
		if !bytes.Equal(e.Body, p.Body) || !bytes.Equal(e.Kept, p.Kept) || e.Count != p.Count || e.Time != p.Time {
			t.Fatalf("seed %d: frame %d is not what was proposed", seed, e.Pos.Index)
		}
		whole.Apply(e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	whole.pos, whole.digest = m.pos, m.digest // empty frames at the end have no position to scan to
	if whole.seq != m.seq {
		t.Fatalf("seed %d: scan ends at %d, machine at %d", seed, whole.seq, m.seq)
	}
	end(t, d)
}
