package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeys runs every verb of kopilka key against a server.
func TestKeys(t *testing.T) {
	p := startServer(t, filepath.Join(t.TempDir(), "data"))
	defer p.end(t)
	t.Setenv("KOPILKA_ADMIN_KEY", testKey)
	run := func(args ...string) string {
		t.Helper()
		out, err := runProgram(append(args, "--url", p.url)...)
		if err != nil {
			t.Fatalf("kopilka %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(out)
	}
	key := run("key", "create", "--role", "till", "--store", "S1", "--id", "s1t1", "--note", "left till")
	if !strings.HasPrefix(key, "kpk_s1t1_") {
		t.Fatalf("the key is %q", key)
	}
	if list := run("key", "list"); !strings.Contains(list, "s1t1") || !strings.Contains(list, "left till") || strings.Contains(list, key) {
		t.Fatalf("the list is\n%s", list)
	}
	run("key", "revoke", "s1t1")
	if out, err := runProgram("key", "list", "--url", p.url, "--key", key); err == nil || !strings.Contains(out, "unauthorized") {
		t.Fatalf("a revoked key: %v\n%s", err, out)
	}
	for _, help := range [][]string{{"key", "--help"}, {"import", "--help"}, {"serve", "--help"}} {
		if out, _ := runProgram(help...); strings.Contains(out, testKey) {
			t.Errorf("kopilka %v prints the admin's key", help)
		}
	}
}

// TestBusyAddress: a first start that fails on its address has made nothing.
func TestBusyAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "data")
	out, err := runProgram("serve", "--data", dir, "--listen", l.Addr().String())
	if err == nil || !strings.Contains(out, "address already in use: another process listens there; --listen ADDRESS takes another") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := runProgram("verify", "--data", dir); err == nil {
		t.Fatalf("the folder was made:\n%s", out)
	}
}
