package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/programs"
	"github.com/kopilka/kopilka/whatif"
)

// TestSimulateSame asks a shop of a year what its own program would have cost: both
// worlds are one, read through the log as it lies on disk.
func TestSimulateSame(t *testing.T) {
	s := street(t)
	s.clock(testStart.Add(72 * time.Hour))
	var document string
	s.queue.View(func(b *engine.State) { document = string(b.Program().Document()) })
	s.as("analyst", "POST", "/v1/simulations/program", document).refused(codeForbidden, "")
	for _, from := range []string{"", "?from=2026-03-03", "?from=2026-03-05"} {
		r := s.as("admin", "POST", "/v1/simulations/program"+from, document).is(200)
		for name, n := range r.json["difference"].(map[string]any) {
			if name != "tiers" && n != nil && fmt.Sprint(n) != "0" {
				t.Errorf("%s: %s differs by %v", from, name, n)
			}
		}
	}
	s.simulatesSame()
}

// simulatesSame folds the shop's log again under its own program: from the first day,
// or else from the day behind the last change. The books are the same to the last byte.
// Under the programs that are shipped its books hold. Every play ends with it.
func (s *shop) simulatesSame() {
	s.t.Helper()
	ask := whatif.Question{}
	due := kopilka.Time(0)
	s.queue.View(func(b *engine.State) {
		versions := b.Versions()
		last := versions[len(versions)-1]
		if len(versions) > 1 {
			ask.From = last.Day + 1
		}
		ask.Program, ask.Start, due = last.Program, s.queue.Calendar().Start(ask.From), b.Due()
		ask.Actual = whatif.Stand(b)
	})
	if due != 0 {
		return // a program waits, which this one would stand in place of
	}
	always := func() error { return nil }
	each := func(kinds kopilka.Kinds, f func(*whatif.Record) error) {
		s.t.Helper()
		if err := eachRecord(s.queue, 1, s.queue.Seq(), kinds, always, f); err != nil {
			s.t.Fatal(err)
		}
	}
	each(whatif.LaterKinds, func(r *whatif.Record) error { ask.Later.Add(r); return nil })
	fold := whatif.New(ask)
	each(kopilka.AllKinds, fold.Apply)
	if hash, _, err := s.queue.Hash(); err != nil || hash != fold.Books().Hash() {
		s.t.Errorf("under their own program the books are others: %x and %x, %v", hash, fold.Books().Hash(), err)
	}
	r := fold.Result()
	for f, n := range r.Difference.Sums {
		if n != 0 && n != whatif.None {
			s.t.Errorf("under its own program %s differs by %d", whatif.Figure(f), n)
		}
	}

	// Under the others' programs the books are others, but hold.
	files, err := fs.Glob(programs.Files, "*.yaml")
	if err != nil || len(files) < 4 {
		s.t.Fatalf("%d programs, %v", len(files), err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(programs.Files, file)
		if err != nil {
			s.t.Fatal(err)
		}
		if ask.Program, err = program.Parse(text); err != nil {
			s.t.Fatal(err)
		}
		ask.From = 0
		fold := whatif.New(ask)
		each(kopilka.AllKinds, fold.Apply)
		if err := fold.Books().Check(); err != nil {
			s.t.Errorf("under %s: %v", file, err)
		}
		if r := fold.Result(); r.Difference.Sums[whatif.Receipts] != 0 || r.Difference.Sums[whatif.Turnover] != 0 {
			s.t.Errorf("under %s %d receipts and %d of turnover differ", file, r.Difference.Sums[whatif.Receipts], r.Difference.Sums[whatif.Turnover])
		}
	}
}

// TestSimulateAlone: one simulation is reckoned at a time, and it needs a place
// among the passes.
func TestSimulateAlone(t *testing.T) {
	s := open(t)
	ask := func() *reply { return s.as("admin", "POST", "/v1/simulations/program", testProgram) }
	s.server.passes.wait = time.Millisecond
	s.server.simulating.Lock()
	ask().refused(codeOverloaded, "")
	s.server.simulating.Unlock()
	for range passesAtOnce {
		if p := s.server.passes.begin(); p != nil {
			t.Fatal("a pass has kept its place")
		}
	}
	ask().refused(codeOverloaded, "")
	s.server.passes.end()
	ask().is(200)
}

// TestSimulateEnds: whoever asked for it ends it, wherever the log is being read.
func TestSimulateEnds(t *testing.T) {
	s := open(t)
	cs := make([]kopilka.Command, 0, stopLook)
	for range cap(cs) {
		cs = append(cs, &kopilka.Receipt{Deed: kopilka.Deed{Member: kopilka.NoMember, Day: kopilka.DayOfDate(2026, 3, 2)}, Amount: 1})
	}
	if _, err := s.queue.SubmitAll(cs); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	if _, err := Simulate(s.queue, rules, 0, func() error { return enough }); !errors.Is(err, enough) {
		t.Fatalf("%v", err)
	}
	s.server.stop()
	s.as("admin", "POST", "/v1/simulations/program", testProgram).refused(codeOverloaded, "")
}

// TestCompany: a client that waits is there; one that has hung up is not; one that
// goes on with its next request is, and loses the connection behind the answer.
func TestCompany(t *testing.T) {
	s := open(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dial := func() (client net.Conn, w *company) {
		t.Helper()
		client, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); conn.Close() })
		return client, &company{s: s.server, conn: conn, close: func() {}}
	}
	client, w := dial()
	for range 3 {
		w.looked = time.Time{}
		if err := w.waits(); err != nil {
			t.Fatalf("who waits is gone: %v", err)
		}
	}
	client.Close()
	w.looked = time.Time{}
	for deadline := time.Now().Add(10 * time.Second); w.waits() == nil; {
		w.looked = time.Time{}
		if time.Now().After(deadline) {
			t.Fatal("who has hung up is still waited for")
		}
	}
	client, w = dial()
	closed := false
	w.close = func() { closed = true }
	if _, err := client.Write([]byte("G")); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !closed; {
		w.looked = time.Time{}
		if err := w.waits(); err != nil || time.Now().After(deadline) {
			t.Fatalf("who talks is gone: %v", err)
		}
	}
	client.Close()
	if err := w.waits(); err != nil {
		t.Fatalf("who has talked is not asked again: %v", err)
	}
}
