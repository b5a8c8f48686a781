package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestShippedProgram: a server takes a shipped program by its name.
func TestShippedProgram(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, dir, "--program", "workabox")
	defer p.end(t)
	if !strings.Contains(p.out.String(), "program  workabox, version 1\n") {
		t.Fatal(p.out.String())
	}
}
