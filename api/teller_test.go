package api

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/valyala/fasthttp/fasthttputil"
)

// soon is an instant of the shop's first day, as text.
func soon(d time.Duration) string { return testStart.Add(d).Format(time.RFC3339) }

// TestUnmergeReminds: a hold that was learnt at a start as another's, whom its member
// was part of then, is told at its instant once he stands for himself again.
func TestUnmergeReminds(t *testing.T) {
	s := open(t)
	s.enrol("all")
	s.enrol("part")
	s.sell("part", 10_000)
	part := s.get("/v1/members/part").at("member_id")
	s.post("/v1/holds", fmt.Sprintf(`{"id":"h","card":"part","points":200,"expires_at":%q}`, soon(time.Hour))).is(201)
	s.as("admin", "POST", "/v1/members/all/merge", `{"id":"m","from":"part","reason":"r","actor":"olga"}`).is(201)
	s.restart(testProgram, Options{}, kopilka.TimeOf(testStart))
	s.as("admin", "POST", "/v1/merges/m/undo", `{"id":"u","reason":"r","actor":"olga"}`).is(201)
	after := s.queue.Seq()
	s.clock(testStart.Add(time.Hour))
	r := s.as("analyst", "GET", fmt.Sprintf("/v1/events?after=%d", after), "").
		is(200, "data.0.type", "balance", "data.0.cause", "drift", "data.0.member_id", part, "data.0.balance", 500, "data.0.held", 0)
	if n := len(r.at("data").([]any)); n != 1 {
		t.Fatalf("%d events: %s", n, r.text)
	}
}

// TestLapseInPass: a hold that lapses while a pass over all members goes on is told with
// the pass's next step, not when it comes to its member.
func TestLapseInPass(t *testing.T) {
	s := open(t)
	var all []kopilka.Command
	for i := range 3 * kopilka.DriftMax {
		all = append(all, &kopilka.PutMember{Card: fmt.Sprintf("m%d", i)})
	}
	if _, err := s.queue.SubmitAll(all); err != nil {
		t.Fatal(err)
	}
	last := fmt.Sprintf("m%d", len(all)-1)
	s.sell(last, 10_000)
	s.post("/v1/holds", fmt.Sprintf(`{"id":"h","card":%q,"points":200,"expires_at":%q}`, last, soon(time.Hour))).is(201)

	x := &s.server.teller
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stale.Store(true)
	step := func(first kopilka.MemberNo, more bool) {
		t.Helper()
		before := s.queue.Seq()
		if got, err := s.server.tellStep(context.Background()); err != nil || got != more {
			t.Fatalf("goes on: %t, %v", got, err)
		}
		if first == kopilka.NoMember {
			if now := s.queue.Seq(); now != before {
				t.Fatalf("%d commands; want none", now-before)
			}
			return
		}
		r, err := s.queue.Record(s.queue.Seq())
		if err != nil {
			t.Fatal(err)
		}
		d, ok := r.Command.(*kopilka.Drift)
		if !ok || d.First != first || d.Count != 1 || len(r.Outcome.Shifts) != 1 || s.queue.Seq() != before+1 {
			t.Fatalf("%+v led to %+v", r.Command, r.Outcome)
		}
	}
	step(kopilka.NoMember, true)
	if err := s.queue.SetClock(kopilka.TimeOf(testStart.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	step(s.no(last), true)
	step(kopilka.NoMember, false)
	step(kopilka.NoMember, false)
}

// TestShutdownWaits: a shutdown does not return while something runs beside the
// requests, unless its time is over; a second one waits for the rest.
func TestShutdownWaits(t *testing.T) {
	s := openAt(t, testProgram, Options{}, 0)
	s.as("", "GET", "/readyz", "").is(200)
	release, wrote := make(chan struct{}), make(chan error, 1)
	s.server.run(func(ctx context.Context) {
		<-ctx.Done()
		<-release
		_, err := s.queue.Submit(&kopilka.Drift{Count: 1}) // the queue is open still
		wrote <- err
	})
	s.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := s.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a shutdown beside work gave %v", err)
	}
	close(release)
	s.stop() // shuts down again, and closes the queue
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	s.start(testProgram, Options{}, 0) // for the cleanup
}

// TestNothingRunsOn ends servers while there is much to tell and to issue. Nothing of
// them runs on when the queue is closed, and nothing has failed for it.
func TestNothingRunsOn(t *testing.T) {
	s := openAt(t, birthdayProgram, Options{}, 0)
	for i := range 4 {
		card := fmt.Sprintf("m%d", i)
		s.as("till", "PUT", "/v1/members/"+card, `{"name":"Anna Berg","birth_date":"1990-01-01"}`).is(201)
		s.sell(card, 10_000)
	}
	for round := range 3 {
		var tills sync.WaitGroup
		for i := range 4 {
			tills.Go(func() {
				s.as("till", "POST", "/v1/holds", fmt.Sprintf(`{"id":"h%d-%d","card":"m%d","points":1,"expires_at":%q}`,
					round, i, i, time.Now().Add(time.Duration(5*i+1)*time.Millisecond).Format(time.RFC3339Nano)))
				s.as("admin", "PUT", "/v1/program", strings.Replace(birthdayProgram, "corner-shop", fmt.Sprintf("corner-shop-%d-%d", round, i), 1), "Content-Type", "application/yaml").is(200)
			})
		}
		tills.Wait()
		s.stop()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, f := range []string{"api.(*Server).tend", "api.(*Server).tell", "api.(*Server).issue"} {
			if strings.Contains(string(stacks), f) {
				t.Fatalf("round %d: %s runs on\n%s", round, f, stacks)
			}
		}
		s.start(birthdayProgram, Options{}, 0)
	}
}

// TestServeAfterShutdown: a server that was shut down before it served does not begin.
func TestServeAfterShutdown(t *testing.T) {
	s := open(t)
	server, err := New(Options{}, s.queue, s.server.vault)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	ln := fasthttputil.NewInmemoryListener()
	if err := server.Serve(ln); err != nil {
		t.Fatal(err)
	}
	if _, err := ln.Dial(); err == nil || server.run(func(context.Context) { t.Error("runs") }) {
		t.Fatal("something was begun after the end")
	}
}

// TestStartTellsFirst: with the test clock the first request after a start finds in the
// feed all that the time before it has brought.
func TestStartTellsFirst(t *testing.T) {
	s := open(t)
	const members = 40
	for i := range members {
		card := fmt.Sprintf("m%d", i)
		s.enrol(card)
		s.sell(card, 10_000)
	}
	now := testStart
	for round := range 3 {
		after := s.queue.Seq()
		now = now.AddDate(1, 1, 0) // points run out, who came is gone
		s.restart(testProgram, Options{}, kopilka.TimeOf(now))
		r := s.as("analyst", "GET", fmt.Sprintf("/v1/events?after=%d&limit=5000", after), "").is(200)
		told := s.queue.Seq()
		if n := len(r.at("data").([]any)); round == 0 && n < members || r.int("next_after") != int(told) {
			t.Fatalf("round %d: %d events\n%s", round, n, r.text)
		}
		if err := s.server.tellDrift(context.Background()); err != nil || s.queue.Seq() != told {
			t.Fatalf("round %d: %v; told up to %d after %d was read", round, err, s.queue.Seq(), told)
		}
	}
}
