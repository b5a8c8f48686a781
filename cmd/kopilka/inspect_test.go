package main

import (
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/kopilka/kopilka/client"
)

// TestInspect: every command is shown with what it led to, in words of the API.
func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, dir)
	c := &client.Client{URL: p.url, Key: testKey, Timeout: time.Minute}
	done := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done(c.PutMember(client.PutMember{Card: "c1", Name: "Ann"}))
	sold, err := c.Receipt(client.Receipt{ID: "r1", Buyer: client.ByCard("c1"), Amount: 100_000})
	done(sold, err)
	done(c.Hold(client.Hold{ID: "h1", Buyer: client.ByCard("c1"), Points: 700}))
	done(c.Capture(client.Capture{ID: "k1", Hold: "h1", Points: client.Spend(500)}))
	if _, err := c.Hold(client.Hold{ID: "h2", Buyer: client.ByCard("c1"), Points: 1_000_000}); err == nil {
		t.Fatal("more is held than there is")
	}
	p.end(t)
	out, err := runProgram("inspect", "--data", dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	who := regexp.QuoteMeta(sold.MemberID)
	for _, line := range []string{
		`.* card=c1 .* => member=` + who + ` enrolled leg\[welcome member=` + who + ` points=50000\] balance=50000`,
		` id=r1 .*member=` + who + ` .*amount=100000 => member=` + who + ` earned=1000 balance=51000 shift\[member=` + who + ` labels=1/0/0\.\.1/4/0\]`,
		` id=h1 .*member=` + who + ` .*points=700 until=.* => member=` + who + ` held_back=700 balance=50300`,
		` id=k1 .*hold=h1 points=500 => member=` + who + ` redeemed=500 held_back=200 balance=50500`,
		` id=h2 .*points=1000000 until=.* => refused=insufficient-points`,
	} {
		if !regexp.MustCompile(`(?m)^\d+ \S+ \S+` + line + `$`).MatchString(out) {
			t.Errorf("no line is %s in\n%s", line, out)
		}
	}
}
