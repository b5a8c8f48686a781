package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/seed"
	"github.com/kopilka/kopilka/wal"
)

// mustRun runs a command of the program that is to succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := runProgram(args...)
	if err != nil {
		t.Fatalf("kopilka %v: %v\n%s", args, err, out)
	}
	return out
}

// mustRefuse runs one that is to fail with these words.
func mustRefuse(t *testing.T, words string, args ...string) {
	t.Helper()
	out, err := runProgram(args...)
	if err == nil || !strings.Contains(out, words) {
		t.Fatalf("kopilka %v: %v, and does not say %q\n%s", args, err, words, out)
	}
}

// giveKey copies the master key of a folder to where another one looks for it.
func giveKey(t *testing.T, from, to string) {
	t.Helper()
	key, err := os.ReadFile(from + ".key")
	if err == nil {
		err = os.WriteFile(to+".key", key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// statesOf folds the log of a folder, and gives the state after some positions, which
// may lie inside of frames.
func statesOf(t *testing.T, dir string, at map[kopilka.Seq]string) {
	t.Helper()
	replay := commit.NewReplay()
	replay.Told = func(seq kopilka.Seq, _ *kopilka.Outcome) {
		if _, is := at[seq]; is {
			at[seq] = fmt.Sprintf("%x", replay.State().Hash())
		}
	}
	if err := wal.Each(dir, replay.Apply); err != nil {
		t.Fatal(err)
	}
}

// TestBackupWhileRunning takes backups while tills go on. Each holds everything that was
// answered before it was asked for, is proved, and is restored to what a fold of the
// log leads to: at its end, and at any position before it; and a server goes on from there.
func TestBackupWhileRunning(t *testing.T) {
	t.Parallel()
	seed := seed.Of(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	home := t.TempDir()
	dir := filepath.Join(home, "data")
	p := startServer(t, dir)
	to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	const cards = 5
	card := func(n int) string { return fmt.Sprintf("card-%d", n) }
	for n := range cards {
		if _, err := to.PutMember(client.PutMember{Card: card(n), Name: fmt.Sprintf("Member %d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var answered kopilka.Seq
	stop := make(chan struct{})
	var tills sync.WaitGroup
	for till := range 6 {
		tills.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				a, err := to.Receipt(client.Receipt{ID: fmt.Sprintf("%d-%d", till, n), Buyer: client.ByCard(card((till + n) % cards)), Amount: kopilka.Money(1000 + n)})
				if err != nil {
					t.Errorf("a till: %v", err)
					return
				}
				mu.Lock()
				answered = max(answered, a.Seq)
				mu.Unlock()
			}
		})
	}
	type made struct {
		file   string
		before kopilka.Seq
	}
	var backups []made
	for n := range 3 {
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		m := made{filepath.Join(home, fmt.Sprintf("b%d", n)), answered}
		mu.Unlock()
		mustRun(t, "backup", m.file, "--url", p.url, "--key", testKey)
		backups = append(backups, m)
	}
	close(stop)
	tills.Wait()
	p.end(t)
	mustRun(t, "verify", "--data", dir)

	for i, b := range backups {
		out := mustRun(t, "verify", "--backup", b.file, "--master-key", dir+".key")
		var last kopilka.Seq
		if _, err := fmt.Sscanf(lastLine(out, "position"), "position %d,", &last); err != nil || last < b.before {
			t.Fatalf("seed %d: %d was answered before the backup, which ends at %d, %v\n%s", seed, b.before, last, err, out)
		}
		until := kopilka.Seq(firstBooks + rnd.Uint64N(uint64(last-1)))
		want := map[kopilka.Seq]string{last: "", until: ""}
		statesOf(t, dir, want)
		if got := lastField(out, "state"); got != want[last] {
			t.Fatalf("seed %d: the backup's state is %s; the log's after %d is %s", seed, got, last, want[last])
		}
		restored := filepath.Join(home, fmt.Sprintf("r%d", i))
		giveKey(t, dir, restored)
		out = mustRun(t, "restore", b.file, "--data", restored)
		if got := lastField(out, "state"); got != want[last] {
			t.Fatalf("seed %d: restored to the state %s, not %s\n%s", seed, got, want[last], out)
		}
		past := restored + "-past"
		giveKey(t, dir, past)
		out = mustRun(t, "restore", b.file, "--data", past, "--until", fmt.Sprint(until))
		if got := lastField(out, "state"); got != want[until] {
			t.Fatalf("seed %d: restored until %d to the state %s, not %s\n%s", seed, until, got, want[until], out)
		}
		if names, _ := filepath.Glob(filepath.Join(home, "*.restoring*")); len(names) != 0 {
			t.Fatalf("left behind: %v", names)
		}
		if i > 0 {
			continue
		}
		p := startServer(t, past)
		to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
		a, err := to.PutMember(client.PutMember{Card: "new", Name: "New"})
		if err != nil || a.Seq <= until {
			t.Fatalf("seed %d: a server on the books until %d: %+v, %v", seed, until, a, err)
		}
		p.end(t)
		mustRun(t, "verify", "--data", past)
	}
}

func lastLine(out, name string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, name+" ") {
			return line
		}
	}
	return ""
}

// TestBackupOfFolder takes a backup of a stopped folder, after a clean stop and after a
// kill, and refuses what is not one.
func TestBackupOfFolder(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "data")
	p := startServer(t, dir)
	to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	if _, err := to.PutMember(client.PutMember{Card: "c1", Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, "in use by another process", "backup", filepath.Join(home, "b"), "--data", dir)
	p.kill()
	killed, clean := filepath.Join(home, "killed"), filepath.Join(home, "clean")
	head := lastField(mustRun(t, "verify", "--data", dir), "head")
	if out := mustRun(t, "backup", killed, "--data", dir); lastField(out, "head") != head {
		t.Fatalf("%s\nand not the head %s", out, head)
	}
	mustRefuse(t, "there already", "backup", killed, "--data", dir)
	p = startServer(t, dir)
	to = &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	if _, err := to.PutMember(client.PutMember{Card: "c2", Name: "Bob"}); err != nil {
		t.Fatal(err)
	}
	p.end(t)
	mustRun(t, "backup", clean, "--data", dir)
	mustRun(t, "verify", "--data", dir, "--head", head)
	mustRun(t, "verify", "--backup", clean, "--head", head)
	later := lastField(mustRun(t, "verify", "--data", dir), "head")
	mustRefuse(t, "another history", "verify", "--backup", killed, "--head", later)
	mustRefuse(t, "is no head", "verify", "--data", dir, "--head", "12")

	whole, err := os.ReadFile(clean)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(killed)
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(home, "into")
	giveKey(t, dir, into)
	refused := func(what string, b []byte) {
		t.Helper()
		file := filepath.Join(home, "spoilt")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, "backup "+file, "restore", file, "--data", into)
		if names, _ := filepath.Glob(into + "*"); len(names) != 1 { // the key
			t.Fatalf("%s: left behind: %v", what, names)
		}
	}
	refused("cut", whole[:len(whole)-1])
	refused("in half", whole[:len(whole)/2])
	refused("with more", append(bytes.Clone(whole), 0))
	refused("of two", append(bytes.Clone(other[:len(other)/2]), whole[len(other)/2:]...))
	// Through pipes, and without doing the commands again.
	piped := filepath.Join(home, "piped")
	send := exec.Command(os.Args[0], "backup", "-", "--data", dir)
	take := exec.Command(os.Args[0], "restore", "-", "--data", piped, "--quick")
	var said bytes.Buffer
	send.Env = append(os.Environ(), asKopilka+"=1")
	take.Env, take.Stdout, take.Stderr = send.Env, &said, &said
	if take.Stdin, err = send.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(send.Start(), take.Run(), send.Wait()); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	giveKey(t, dir, piped)
	if out := mustRun(t, "verify", "--data", piped); lastField(out, "head") != lastField(said.String(), "head") {
		t.Fatalf("%s\nis not\n%s", out, &said)
	}
	for _, until := range []string{"0", "1"} {
		mustRefuse(t, "books begin with position 2", "restore", clean, "--data", into, "--until", until)
	}
	mustRefuse(t, "before 9999", "restore", clean, "--data", into, "--until", "9999")
	mustRefuse(t, "not empty", "restore", clean, "--data", dir)
	if err := os.Mkdir(into, 0o755); err != nil { // an empty folder will do
		t.Fatal(err)
	}
	mustRun(t, "restore", clean, "--data", into)
	if a, b := mustRun(t, "verify", "--data", into), mustRun(t, "verify", "--data", dir); lastField(a, "state") != lastField(b, "state") || lastField(a, "head") != lastField(b, "head") {
		t.Fatalf("%s\nis not\n%s", a, b)
	}
}

// TestErasedStaysErased restores a backup from before an erasure, with the newest keys.
func TestErasedStaysErased(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	dir := filepath.Join(home, "data")
	p := startServer(t, dir)
	to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	for _, m := range []client.PutMember{{Card: "c1", Name: "Ann"}, {Card: "c2", Name: "Bob"}} {
		if _, err := to.PutMember(m); err != nil {
			t.Fatal(err)
		}
	}
	within, apart, keys := filepath.Join(home, "within"), filepath.Join(home, "apart"), filepath.Join(home, "people.keys")
	mustRun(t, "backup", within, "--url", p.url, "--key", testKey)
	mustRun(t, "backup", apart, "--url", p.url, "--key", testKey, "--people-keys", keys)
	if err := to.Erase("c1", client.ByHand{ID: "x", Reason: "asked", Actor: "olga"}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "backup", filepath.Join(home, "later"), "--url", p.url, "--key", testKey, "--people-keys", keys)
	p.end(t)

	shown := func(dir string) (names [2]string) {
		p := startServer(t, dir)
		defer p.end(t)
		to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
		for i, card := range []string{"c1", "c2"} {
			m, err := to.Member(card, 0)
			if err != nil {
				t.Fatal(err)
			}
			names[i] = m.Name
		}
		return names
	}
	restore := func(name, from string, flags ...string) (dir2, out string) {
		dir2 = filepath.Join(home, name)
		giveKey(t, dir, dir2)
		return dir2, mustRun(t, append([]string{"restore", from, "--data", dir2}, flags...)...)
	}
	into, out := restore("r1", within)
	if !strings.Contains(out, "erased since is known again") {
		t.Fatal(out)
	}
	if got := shown(into); got != [2]string{"Ann", "Bob"} {
		t.Fatalf("%q", got)
	}
	mustRefuse(t, "lie apart", "restore", apart, "--data", filepath.Join(home, "r4"))
	for i, from := range []string{within, apart} {
		into, out := restore(fmt.Sprintf("r%d", i+2), from, "--people-keys", keys)
		if !strings.Contains(out, "erase    c1:") || strings.Contains(out, "c2:") {
			t.Fatal(out)
		}
		if got := shown(into); got != [2]string{"", "Bob"} {
			t.Fatalf("%q", got)
		}
	}
}
