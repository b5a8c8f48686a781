package commit

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/seed"
	"github.com/kopilka/kopilka/wal"
)

// command is one of a log, with its time.
type command struct {
	at   kopilka.Time
	body []byte
}

// goldenLog is the log that engine.TestGolden folds: 3000 commands of all kinds.
func goldenLog(t *testing.T) (log []command) {
	t.Helper()
	f, err := os.Open("../engine/golden/log.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(z); ; {
		at, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return log
		}
		n, err2 := binary.ReadUvarint(r)
		c := command{kopilka.Time(at), make([]byte, n)}
		_, err3 := io.ReadFull(r, c.body)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		log = append(log, c)
	}
}

// TestFramesOnDisk puts a log of all kinds of commands into a real folder, in frames of
// random sizes and with outcomes riding along as they are at hand. The folder is closed and
// opened again at random places, with a snapshot of some position before, or
// without: the books end as those of the same commands applied one by one.
func TestFramesOnDisk(t *testing.T) {
	log := goldenLog(t)
	plain := engine.New()
	var d kopilka.Decoder
	var out kopilka.Outcome
	for _, c := range log {
		cmd, _, err := d.Next(c.body)
		if err != nil {
			t.Fatal(err)
		}
		plain.Apply(c.at, cmd, &out)
	}
	rnd := rand.New(rand.NewPCG(seed.Of(t), 0))
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		dir := t.TempDir()
		disk, m := startMachine(t, dir)
		starts, snapshots := 1, 0
		for from := 0; from < len(log); {
			p := wal.Proposal{Time: log[from].at}
			for n := 1 + rnd.IntN(1<<rnd.IntN(11)); n > 0 && from < len(log) && log[from].at == p.Time; n-- {
				p.Count, p.Body = p.Count+1, append(p.Body, log[from].body...)
				from++
			}
			m.mu.Lock()
			p.Kept = m.kept.take(rnd.IntN(frameBytes - len(p.Body)))
			m.mu.Unlock()
			if err := disk.Propose(p); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(40) == 0 {
				if err := disk.Checkpoint(); err != nil {
					t.Fatal(err)
				}
				snapshots++
			}
			for rnd.IntN(30) == 0 { // and sometimes again at once
				stopMachine(t, disk, m)
				disk, m = startMachine(t, dir)
				starts++
				if got := m.state.Seq(); got != kopilka.Seq(from) {
					t.Fatalf("start %d is at position %d; %d commands were logged", starts, got, from)
				}
			}
		}
		stopMachine(t, disk, m)
		if err := m.state.Check(); err != nil {
			t.Fatal(err)
		}
		if m.state.Hash() != plain.Hash() {
			t.Fatalf("after %d starts with %d snapshots: hash %x; want %x", starts, snapshots, m.state.Hash(), plain.Hash())
		}
	}
}

func startMachine(t *testing.T, dir string) (*wal.Disk, *machine) {
	t.Helper()
	disk, err := wal.Open(wal.Options{Dir: dir, EpochMax: 64 << 10, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := outcomes.Open(filepath.Join(dir, "ids"), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(runs)
	if err := errors.Join(disk.Start(m), m.caughtUp(disk)); err != nil {
		t.Fatal(err)
	}
	return disk, m
}

func stopMachine(t *testing.T, disk *wal.Disk, m *machine) {
	t.Helper()
	if err := errors.Join(disk.Close(), m.close()); err != nil {
		t.Fatal(err)
	}
}
