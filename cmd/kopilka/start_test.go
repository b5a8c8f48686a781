package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka/client"
)

// TestShippedProgram: a server takes a shipped program by its name, and a first
// start has nothing to say beside what it prints.
func TestShippedProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, dir, "--program", "workabox")
	defer p.end(t)
	if !strings.Contains(p.out.String(), "program  workabox, version 1\n") {
		t.Fatal(p.out.String())
	}
	if said := p.errs.String(); said != "" {
		t.Fatalf("the first start says %s", said)
	}
}

// TestCopyByHand: a copy of a stopped folder and its key, taken as docs/operating.md
// says, is whole and serves as the original would.
func TestCopyByHand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, dir)
	to := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	if _, err := to.PutMember(client.PutMember{Card: "c1", Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	p.end(t)
	out, err := runProgram("verify", "--data", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	restored := filepath.Join(t.TempDir(), "restored")
	if err := os.CopyFS(restored, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(dir + ".key")
	if err == nil {
		err = os.WriteFile(restored+".key", key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := runProgram("verify", "--data", restored)
	if err != nil || lastField(again, "head") != lastField(out, "head") {
		t.Fatalf("%v\n%s\nof the original\n%s", err, again, out)
	}
	p = startServer(t, restored)
	defer p.end(t)
	if !strings.Contains(p.out.String(), ": 1 members, ") {
		t.Fatal(p.out.String())
	}
}

// TestMistypedKey: a key that is none is refused before there are books.
func TestMistypedKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	t.Setenv("KOPILKA_ADMIN_KEY", "foo")
	out, err := runProgram("serve", "--data", dir, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "KOPILKA_ADMIN_KEY is not of the form") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, path := range []string{dir, dir + ".key"} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s was made: %v", path, err)
		}
	}
}
