package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka/client"
)

// TestLimitFlags: limits are set by flags and by the environment, named where they are
// no rates, and hold no admin.
func TestLimitFlags(t *testing.T) {
	out, err := runProgram("serve", "--data", filepath.Join(t.TempDir(), "data"), "--misses-per-key", "thirty")
	if err == nil || !strings.Contains(out, "--misses-per-key") || !strings.Contains(out, "is not a rate such as 50/s") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("KOPILKA_RATE_PER_KEY", "3/h")
	p := startServer(t, filepath.Join(t.TempDir(), "data"))
	defer p.end(t)
	admin := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	made, err := runProgram("key", "create", "--url", p.url, "--key", testKey)
	if err != nil {
		t.Fatal(err)
	}
	till := &client.Client{URL: p.url, Key: strings.TrimSpace(made), Timeout: time.Minute, Attempts: 1}
	for i := range 10 {
		if _, err := admin.Instruments(); err != nil {
			t.Fatal(err)
		}
		_, err := till.Instruments()
		var problem *client.Problem
		if i < 3 && err != nil || i >= 3 && (!errors.As(err, &problem) || problem.Code != "rate-limited") {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}
