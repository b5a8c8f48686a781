package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
	"github.com/valyala/fasthttp/fasthttputil"
)

// testProgram is small enough to reckon with in one's head: 5 % back, up to half
// of a receipt in points, which live for 12 months.
const testProgram = `
program: corner-shop
currency: EUR
time_zone: Europe/Berlin
earn_base: paid
tiers:
  - {id: base, name: {en: Base}, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
  - {id: gold, name: {en: Gold}, earn_bp: 1000, max_redeem_bp: 5000, threshold: 1000000}
tier_policy: {metric: spend, window_days: 365, downgrade: full}
expiry: {policy: lots, months: 12}
redeem_allowed_by: [card, member_id]
`

// testStart is noon in Berlin on the day on which all tests begin.
var testStart = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)

// shop is a server on a folder of its own, reached by real HTTP over a
// connection in memory, on a clock that stands.
type shop struct {
	t      testing.TB
	dir    string
	stop   func()
	server *Server
	queue  *commit.Queue
	ln     *fasthttputil.InmemoryListener
	client *http.Client
	keys   map[string]string // by role
	id     int
}

func open(t testing.TB) *shop { return openWith(t, testProgram, Options{}) }

func openWith(t testing.TB, program string, opts Options) *shop {
	t.Helper()
	return openAt(t, program, opts, kopilka.TimeOf(testStart))
}

// openAt opens a shop on a clock that stands at an instant.
func openAt(t testing.TB, program string, opts Options, now kopilka.Time) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir(), keys: map[string]string{}}
	s.start(program, opts, now)
	t.Cleanup(func() { s.stop() })
	return s
}

// restart ends the server in good order, and begins anew on its folder.
func (s *shop) restart(program string, opts Options, now kopilka.Time) {
	s.t.Helper()
	s.stop()
	s.start(program, opts, now)
}

// start begins a server on the shop's folder.
func (s *shop) start(program string, opts Options, now kopilka.Time) {
	t := s.t
	t.Helper()
	log, err := wal.Open(wal.Options{Dir: filepath.Join(s.dir, "data"), Logger: discard})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := outcomes.Open(filepath.Join(s.dir, "data", "ids"), nil)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := commit.Open(log, runs, commit.Options{Program: []byte(program), TestClock: now})
	if err != nil {
		t.Fatal(err)
	}
	vault, err := people.Open(filepath.Join(s.dir, "data"), filepath.Join(s.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	if opts.Audit == "" {
		opts.Audit = filepath.Join(s.dir, "data", "audit")
	}
	server, err := New(opts, queue, vault)
	if err != nil {
		t.Fatal(err)
	}
	ln := fasthttputil.NewInmemoryListener()
	s.server, s.queue, s.ln = server, queue, ln
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return ln.Dial() },
	}}
	for _, k := range []struct {
		name, store string
		role        kopilka.Role
	}{{"till", "", kopilka.RoleTill}, {"s1", "S1", kopilka.RoleTill}, {"analyst", "", kopilka.RoleAnalyst}, {"admin", "", kopilka.RoleAdmin}} {
		if s.keys[k.name] == "" {
			s.keys[k.name] = s.newKey(k.name, k.role, k.store)
		}
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	client := s.client
	s.stop = func() {
		client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := queue.Check(); err != nil {
			t.Errorf("the books do not add up: %v", err)
		}
		if err := queue.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// testLog shows what the server logs, which is nothing when all is well.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

func (s *shop) newKey(id string, role kopilka.Role, store string) string {
	s.t.Helper()
	key, err := NewKey(id)
	if err != nil {
		s.t.Fatal(err)
	}
	_, hash, _ := ParseKey(key)
	a, err := s.queue.Submit(&kopilka.CreateKey{KeyID: id, Hash: hash, Role: role, Store: store})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		s.t.Fatalf("make a key: %v, %v", a, err)
	}
	return key
}

// reply is an answer with its JSON taken apart.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	text   string
	json   map[string]any
}

// as sends a request with the key of a role and gives the answer. Every
// answer is held against the contract.
func (s *shop) as(role, method, path, body string, headers ...string) *reply {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://shop"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if key := s.keys[role]; key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	r := &reply{t: s.t, status: resp.StatusCode, header: resp.Header, text: string(text)}
	form := resp.Header.Get("Content-Type")
	oneLine := bytes.Count(text, []byte{'\n'}) == 1 // of a batch: it reads as an answer by itself
	if method != "HEAD" && strings.Contains(form, "json") && (oneLine || !strings.Contains(form, "ndjson")) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&r.json); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	if method != "HEAD" {
		agree(s.t, method, path, body, r)
	}
	return r
}

func (s *shop) post(path, body string) *reply {
	s.t.Helper()
	return s.as("till", "POST", path, body)
}

func (s *shop) get(path string) *reply {
	s.t.Helper()
	return s.as("admin", "GET", path, "")
}

// enrol puts a member.
func (s *shop) enrol(card string) {
	s.t.Helper()
	s.as("till", "PUT", "/v1/members/"+card, `{}`).is(201)
}

// sell posts a receipt over an amount for a card and gives its id.
func (s *shop) sell(card string, amount int, more ...string) string {
	s.t.Helper()
	s.id++
	id := fmt.Sprintf("sale-%d", s.id)
	s.post("/v1/receipts", fmt.Sprintf(`{"id":%q,"card":%q,"amount":%d%s}`, id, card, amount, strings.Join(more, ""))).is(201)
	return id
}

// clock moves the test clock.
func (s *shop) clock(t time.Time) {
	s.t.Helper()
	s.as("admin", "POST", "/v1/clock", fmt.Sprintf(`{"now":%q}`, t.Format(time.RFC3339))).is(200)
}

// is checks the status, and then fields given as name and value: numbers by
// int, null by nil, others as they are printed. A dot goes into an object, a
// number into a list.
func (r *reply) is(status int, fields ...any) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d; want %d\n%s", r.status, status, r.text)
	}
	for i := 0; i < len(fields); i += 2 {
		name := fields[i].(string)
		got := r.at(name)
		want := fields[i+1]
		if want == nil && got == nil {
			continue
		}
		if got == nil || want == nil || fmt.Sprint(got) != fmt.Sprint(want) {
			r.t.Fatalf("%s is %v; want %v\n%s", name, got, want, r.text)
		}
	}
	return r
}

func (r *reply) at(path string) any {
	r.t.Helper()
	var v any = r.json
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[part]; !ok {
				r.t.Fatalf("there is no %s in %s", path, r.text)
			}
		case []any:
			n := 0
			if _, err := fmt.Sscan(part, &n); err != nil || n >= len(x) {
				r.t.Fatalf("there is no %s in %s", path, r.text)
			}
			v = x[n]
		default:
			r.t.Fatalf("there is no %s in %s", path, r.text)
		}
	}
	return v
}

// refused checks a problem by code and by the place at fault.
func (r *reply) refused(code code, pointer string) *reply {
	r.t.Helper()
	r.is(kinds[code].status, "code", code, "status", kinds[code].status, "retryable", kinds[code].retryable)
	if ct := r.header.Get("Content-Type"); ct != problemType {
		r.t.Fatalf("Content-Type %s", ct)
	}
	if pointer != "" {
		r.is(r.status, "errors.0.pointer", pointer)
	}
	if r.at("request_id") != r.header.Get("X-Request-Id") {
		r.t.Fatalf("request_id differs from the header: %s", r.text)
	}
	return r
}

func (r *reply) int(path string) int {
	r.t.Helper()
	n, err := r.at(path).(json.Number).Int64()
	if err != nil {
		r.t.Fatal(err)
	}
	return int(n)
}

var discard = slog.New(slog.DiscardHandler)
