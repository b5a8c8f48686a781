package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kopilka/kopilka/bench/server"
	"github.com/kopilka/kopilka/bench/wire"
)

// TestMain is the echo when it is called as one: it is started as a process.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "--echo-server" {
		if err := echoServer(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestWhatCounts sends one request after another to a server that says what it
// is told to: 2xx counts and its wait, a timeout's wait, and nothing else.
func TestWhatCounts(t *testing.T) {
	const timeout = 60 * time.Millisecond
	type say struct {
		status int // 0: hang up; -1: say nothing
		body   string
	}
	var next atomic.Pointer[say]
	quit := make(chan struct{})
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch say := next.Load(); say.status {
		case -1:
			<-quit
		case 0:
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(say.status)
			io.WriteString(w, say.body)
		}
	}))
	defer far.Close()
	defer close(quit)

	o := &options{mix: "accrual", members: 10, seed: 1, prefix: "t-"}
	type want struct{ waits, requests, commands, acked, refused, failed, unknown int64 }
	f := func(what string, batch int, echo, counts bool, answer say, want want, refusals, failures map[string]int64) {
		t.Helper()
		next.Store(&answer)
		c := &connection{tally: newTally(o), wire: wire.New(strings.TrimPrefix(far.URL, "http://"), "", timeout),
			source: newTill(o, shopOf(o), 0, 0), batch: batch, echo: echo, shown: new(shown)}
		defer c.wire.Close()
		c.once(time.Now().Add(-time.Second), counts) // who came a second ago has waited for a second
		got := want
		got.waits, got.requests, got.commands = c.waits.TotalCount(), c.requests, c.commands
		got.acked, got.refused, got.failed, got.unknown = c.shown.acked.Load(), c.shown.refused.Load(), c.shown.failed.Load(), int64(len(c.unknown))
		if got != want {
			t.Fatalf("%s: got %+v; want %+v", what, got, want)
		}
		if !maps.Equal(c.refusals, refusals) || !maps.Equal(c.failures, failures) {
			t.Fatalf("%s: refusals %v, failures %v", what, c.refusals, c.failures)
		}
		least := time.Second
		if answer.status < 0 {
			least += timeout
		}
		if got.waits > 0 && c.waits.Max() < least.Microseconds()*999/1000 {
			t.Fatalf("%s: a wait of %d us; want at least %s", what, c.waits.Max(), least)
		}
	}
	one := func(code string) map[string]int64 { return map[string]int64{code: 1} }
	f("done", 1, false, true, say{201, `{"earned":1}`}, want{1, 1, 1, 1, 0, 0, 0}, nil, nil)
	f("done before", 1, false, true, say{200, `{"earned":1}`}, want{1, 1, 1, 1, 0, 0, 0}, nil, nil)
	f("done in the warm-up", 1, false, false, say{201, `{"earned":1}`}, want{0, 0, 0, 1, 0, 0, 0}, nil, nil)
	f("refused", 1, false, true, say{409, `{"code":"insufficient-points"}`}, want{0, 0, 0, 0, 1, 0, 0}, one("insufficient-points"), nil)
	f("overloaded", 1, false, true, say{503, `{"code":"overloaded"}`}, want{0, 0, 0, 0, 1, 0, 0}, one("overloaded"), nil)
	f("broken", 1, false, true, say{500, `{"code":"internal"}`}, want{0, 0, 0, 0, 0, 1, 1}, nil, one("internal"))
	f("elsewhere", 1, false, true, say{302, ``}, want{0, 0, 0, 0, 0, 1, 1}, nil, one("status 302"))
	f("silent", 1, false, true, say{-1, ``}, want{1, 0, 0, 0, 0, 1, 1}, nil, one("timed out"))
	f("silent in the warm-up", 1, false, false, say{-1, ``}, want{0, 0, 0, 0, 0, 1, 1}, nil, one("timed out"))
	f("hung up", 1, false, true, say{0, ``}, want{0, 0, 0, 0, 0, 1, 1}, nil, one("no answer"))
	f("batch", 3, false, true, say{200, "{\"status\":201}\n{\"status\":409,\"code\":\"insufficient-points\"}\n{\"status\":500,\"code\":\"internal\"}\n"},
		want{1, 1, 1, 1, 1, 1, 1}, one("insufficient-points"), one("internal"))
	f("batch cut off", 3, false, true, say{200, "{\"status\":201}\n"}, want{1, 1, 1, 1, 0, 2, 2}, nil, map[string]int64{"line not answered": 2})
	f("batch of refusals", 2, false, true, say{200, "{\"status\":409,\"code\":\"a\"}\n{\"status\":422,\"code\":\"b\"}\n"},
		want{0, 0, 0, 0, 2, 0, 0}, map[string]int64{"a": 1, "b": 1}, nil)
	f("batch refused", 2, false, true, say{503, `{"code":"overloaded"}`}, want{0, 0, 0, 0, 2, 0, 0}, map[string]int64{"overloaded": 2}, nil)
	f("batch silent", 2, false, true, say{-1, ``}, want{1, 0, 0, 0, 0, 2, 2}, nil, map[string]int64{"timed out": 2})
	f("echo", 1, true, true, say{201, `whatever`}, want{1, 1, 1, 1, 0, 0, 0}, nil, nil)
	f("echo of a batch", 2, true, true, say{201, `whatever`}, want{1, 1, 2, 2, 0, 0, 0}, nil, nil)
	f("echo that refuses", 1, true, true, say{429, ``}, want{0, 0, 0, 0, 1, 0, 0}, one("status 429"), nil)
}

// TestVerdicts: figures of nothing are no figures, and a ratio is of 2xx alone.
func TestVerdicts(t *testing.T) {
	f := func(r report, answered, only string) {
		t.Helper()
		r.Seconds = 2
		is := func(err error, want string) {
			t.Helper()
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Fatalf("%+v: got %v; want %q", r, err, want)
			}
		}
		is(r.answered(), answered)
		_, err := r.onlyTaken("server")
		is(err, only)
	}
	f(report{Requests: 1, Commands: 1}, "", "")
	f(report{}, "nothing was answered", "nothing was answered")
	f(report{Refusals: counts{"a": 2, "b": 1}, Failures: counts{"c": 4}, NotSent: 5}, "3 refused, 4 failed, 5 not sent", "nothing was answered")
	f(report{Requests: 9, Commands: 9, Refusals: counts{"overloaded": 1}}, "", "refused map[overloaded:1]")
	f(report{Requests: 9, Commands: 9, Failures: counts{"no answer": 1}}, "", "failed map[no answer:1]")

	r := report{Requests: 9, Commands: 9, Refusals: counts{"overloaded": 3}, Failures: counts{"timed out": 2}}
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{"refused", "overloaded: 3", "failed", "timed out: 2", "not compared"} {
		if !strings.Contains(out.String(), want) {
			t.Fatalf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

// TestKeyIsNotShown: a key in the environment is used, and neither -h nor a
// report tells it.
func TestKeyIsNotShown(t *testing.T) {
	const key = "kpk_admin_VerySecret"
	t.Setenv("KOPILKA_ADMIN_KEY", key)
	var o options
	var out bytes.Buffer
	flags := flag.NewFlagSet("kopilka-loadtest", flag.ContinueOnError)
	flags.SetOutput(&out)
	o.define(flags)
	if err := flags.Parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "VerySecret") || !strings.Contains(s, "KOPILKA_ADMIN_KEY") {
		t.Fatalf("-h says:\n%s", s)
	}
	if err := o.check(nil); err != nil || o.key != key {
		t.Fatalf("key %q, %v", o.key, err)
	}
	o.key = "kpk_other_x"
	if err := o.check(nil); err != nil || o.key != "kpk_other_x" {
		t.Fatalf("key %q, %v", o.key, err)
	}
	if got := commandLine([]string{"--key", key, "--closed"}, key); got != "kopilka-loadtest --key … --closed" {
		t.Fatal(got)
	}
}

// TestRatio runs two rounds by turns, and then with a gate before the server
// that refuses now and then, and one that refuses all.
func TestRatio(t *testing.T) {
	o := smallOptions(binaryOf(t))
	s, err := server.Start(o.serve, o.data)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	var sales, every atomic.Int64
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := every.Load(); n > 0 && r.URL.Path == "/v1/accruals" && sales.Add(1)%n == 0 {
			w.WriteHeader(503)
			io.WriteString(w, `{"code":"overloaded"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer gate.Close()
	o.url, o.key, o.closed, o.echo, o.rounds = gate.URL, s.Key, true, true, 3
	o.duration, o.warmup = 200*time.Millisecond, 50*time.Millisecond

	b, err := openBooks(o)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := b.ratio()
	if err != nil {
		t.Fatal(err)
	}
	var first []string
	for _, r := range rep.EchoRounds {
		first = append(first, r.First)
		if r.Server <= 0 || r.Echo <= 0 || r.Ratio != r.Server/r.Echo {
			t.Fatalf("%+v", r)
		}
	}
	if got := strings.Join(first, " "); got != "server echo server" {
		t.Fatalf("first were: %s", got)
	}
	if err := b.check(rep); err != nil {
		t.Fatal(err)
	}

	every.Store(50)
	if _, err := b.ratio(); err == nil || !strings.Contains(err.Error(), "round 1: server: not all answers were 2xx") {
		t.Fatalf("with refusals: %v", err)
	}

	// And the open loop, in which nobody is served.
	every.Store(1)
	o.echo, o.closed, o.prefix = false, false, "u-"
	if err := loadURL(o); err == nil || !strings.Contains(err.Error(), "nothing was answered") {
		t.Fatalf("nobody was served: %v", err)
	}
}
