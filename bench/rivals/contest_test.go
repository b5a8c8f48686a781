package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test's own binary be the echo, as the command's is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "echo" {
		fmt.Fprintln(os.Stderr, serveEcho(os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func kopilkaBinary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs the servers")
	}
	file := filepath.Join(t.TempDir(), "kopilka")
	if out, err := exec.Command("go", "build", "-o", file, "github.com/kopilka/kopilka/cmd/kopilka").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	return file
}

// TestContest lets everybody who is installed do a few hundred commands of every
// kind, and everybody's sums are right at the end.
func TestContest(t *testing.T) {
	o := &options{kopilka: kopilkaBinary(t), members: 2000, rounds: 2, duration: 100 * time.Millisecond, warmup: 20 * time.Millisecond, limitTime: 20 * time.Millisecond}
	f, err := contest(o)
	if err != nil {
		t.Fatal(err)
	}
	table := f.table()
	for _, name := range []string{nameOurs, nameEcho} {
		if !strings.Contains(table, "| "+name+" |") {
			t.Errorf("%s is not in the table:\n%s", name, table)
		}
	}
	for _, name := range []string{namePostgres, nameAlways} {
		if !strings.Contains(table, "| "+name+" |") {
			t.Logf("SKIPPED: %s did not take part: not installed", name)
		}
	}
}

// liar is a contestant that forgets a purchase.
type liar struct{ contestant }

func (liar) name() string              { return "liar" }
func (liar) session() (session, error) { return deaf{}, nil }
func (liar) sums() (sums, error)       { return sums{}, nil }

type deaf struct{}

func (deaf) do([]command) error { return nil }
func (deaf) close()             {}

// TestLiarIsFoundOut: who acknowledges and does not keep is named.
func TestLiarIsFoundOut(t *testing.T) {
	c := liar{}
	d := &driver{members: 10, duration: 10 * time.Millisecond, told: map[contestant]*sums{c: {}}}
	if _, err := d.drive(c, trial{2, 3}); err != nil {
		t.Fatal(err)
	}
	if err := d.proved(c); err == nil || errors.Is(err, errKeepsNothing) || !strings.Contains(err.Error(), "acknowledged") {
		t.Fatalf("got %v", err)
	}
}
