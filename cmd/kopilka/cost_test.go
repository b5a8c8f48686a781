package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// verified is where the books of a folder are, and their hash.
func verified(t *testing.T, dir string) string {
	t.Helper()
	out, err := runProgram("verify", "--data", dir)
	at := strings.Index(out, "position ")
	if err != nil || at < 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	return out[at:]
}

// TestProgramCost asks a running server and then its folder what another program
// would have cost: both say the same.
func TestProgramCost(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const five = "program: corner-shop\ntiers: [{id: base, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}]\nredeem_allowed_by: [card]\n"
	now, data := file("now.yaml", five), filepath.Join(dir, "data")
	p := startServer(t, data, "--program", now, "--test-clock", "2026-03-02T12:00:00+03:00")
	r := remote{url: p.url, key: testKey}
	var answer map[string]any
	for _, call := range [][3]string{
		{"PUT", "/v1/members/anna", `{}`},
		{"POST", "/v1/receipts", `{"id":"r1","card":"anna","amount":100000}`},
		{"POST", "/v1/receipts", `{"id":"r2","card":"anna","amount":10000,"redeem":4000}`},
	} {
		if err := r.call(call[0], call[1], json.RawMessage(call[2]), &answer); err != nil {
			t.Fatal(err)
		}
	}
	other := file("other.yaml", strings.NewReplacer("500,", "1000,", "5000", "2000").Replace(five))
	ask := func(args ...string) string {
		t.Helper()
		out, err := runProgram(append([]string{"program", "cost"}, args...)...)
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return out
	}
	asked := ask(other, "--url", p.url, "--key", testKey)
	for _, row := range []string{`receipts +2 +2 +0`, `earned +5500 +11000 +5500`, `redeemed +4000 +2000 +-2000`, `refused_points +0 +2000 +2000`,
		`base: members +1 +1 +0`} {
		if !regexp.MustCompile(row).MatchString(asked) {
			t.Errorf("no row %q in\n%s", row, asked)
		}
	}
	late := file("late.yaml", five+"campaigns: [{id: summer, name: {en: Summer}, starts_at: 2140-06-01, multiplier_bp: 20000}, {id: long_ago, name: {en: Old}, ends_at: 1999-01-01, multiplier_bp: 20000}, {id: always, name: {en: Always}, multiplier_bp: 20000}]\n")
	told := ask(late, "--url", p.url, "--key", testKey)
	if !strings.Contains(told, "warning: campaign summer begins after") || !strings.Contains(told, "warning: campaign long_ago ends before") ||
		strings.Contains(told, "campaign always") || strings.Contains(asked, "warning") {
		t.Errorf("of campaigns outside the days is said\n%s", told)
	}
	p.end(t)
	before := verified(t, data)
	if got := ask(late, "--data", data); got != told {
		t.Errorf("the folder says\n%s\nand the server said\n%s", got, told)
	}
	if got := ask(other, "--data", data); got != asked {
		t.Errorf("the folder says\n%s\nand the server said\n%s", got, asked)
	}
	if after := verified(t, data); after != before {
		t.Errorf("who only asked has changed the books from\n%s\nto\n%s", before, after)
	}
	for _, wrong := range [][]string{
		{other, "--data", filepath.Join(dir, "nothing")},
		{other, "--data", data, "--from", "yesterday"},
		{other, "--data", data, "--from", "2140-01-01"},
		{file("wrong.yaml", "program: x\ntears: []\n"), "--data", data},
		{file("dollars.yaml", five+"currency: USD\n"), "--data", data},
	} {
		if out, err := runProgram(append([]string{"program", "cost"}, wrong...)...); err == nil {
			t.Errorf("%v is answered with\n%s", wrong, out)
		}
	}
}
