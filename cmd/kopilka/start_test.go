package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
