package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// shop is a server that answers as docs/reference says, and fails when told to.
type shop struct {
	t     *testing.T
	lines []string // taken, in order, after the path
	seen  map[string]string
	fails []func(w http.ResponseWriter) bool // one for each POST; true = it has answered
	busy  map[string]int                     // id → how often its line is put off
	off   string                             // the answer to such a line
	hung  bool
}

// Answers to lines that say nothing about their rows.
const (
	lineBusy       = `{"status":503,"code":"overloaded","retryable":true}`
	lineUnknown    = `{"status":503,"code":"outcome-unknown","retryable":true}`
	lineFull       = `{"status":507,"code":"storage-full","retryable":true}`
	lineUnenrolled = `{"status":404,"code":"member-not-found","retryable":false}`
)

func newShop(t *testing.T) (*shop, *HTTP) {
	x := &shop{t: t, seen: map[string]string{}, busy: map[string]int{}, off: lineBusy}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	sink := NewHTTP(server.URL+"/", "kpk_admin_secret", false)
	sink.pause = time.Microsecond
	return x, sink
}

func (x *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer kpk_admin_secret" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":"unauthorized","detail":"no valid key"}`)
		return
	}
	switch {
	case r.URL.Path == "/v1/program":
		fmt.Fprint(w, `{"version":1,"program":{"program":"p","time_zone":"Europe/Moscow"}}`)
	case strings.HasPrefix(r.URL.Path, "/v1/receipts/"):
		if _, ok := x.seen[strings.TrimPrefix(r.URL.Path, "/v1/receipts/")]; !ok {
			w.WriteHeader(http.StatusNotFound)
		}
	case r.Method == "POST":
		x.post(w, r)
	default:
		x.t.Errorf("%s %s", r.Method, r.URL)
	}
}

func (x *shop) post(w http.ResponseWriter, r *http.Request) {
	if len(x.fails) > 0 {
		fail := x.fails[0]
		x.fails = x.fails[1:]
		if fail(w) {
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		x.t.Error(err)
	}
	var out bytes.Buffer
	for _, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
		var in struct{ ID, Op, Receipt, Referrer string }
		if err := json.Unmarshal([]byte(line), &in); err != nil {
			x.t.Errorf("%q: %v", line, err)
		}
		was, known := x.seen[in.ID]
		_, there := x.seen[in.Receipt]
		switch {
		case x.busy[in.ID] > 0:
			x.busy[in.ID]--
			fmt.Fprintln(&out, x.off)
		case known && was == line:
			fmt.Fprintln(&out, `{"status":200,"replayed":true}`)
		case known:
			fmt.Fprintln(&out, `{"status":422,"code":"idempotency-mismatch","detail":"an earlier command"}`)
		case in.Receipt != "" && !there:
			fmt.Fprintln(&out, `{"status":404,"code":"not-found","detail":"no receipt"}`)
		default:
			x.seen[in.ID] = line
			x.lines = append(x.lines, r.URL.RequestURI()+" "+line)
			fmt.Fprintf(&out, `{"status":201,"replayed":false,"enrolled":%t}`+"\n", in.Op == "member")
		}
	}
	if x.hung {
		x.hung = false
		w.Header().Set("Content-Length", fmt.Sprint(out.Len()))
		w.Write(out.Bytes()[:out.Len()/2])
		return
	}
	w.Write(out.Bytes())
}

func status(code int, body string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		return true
	}
}

func TestHTTPLines(t *testing.T) {
	x, sink := newShop(t)
	sink.earn = true
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount,store,till,cashier,receipt_no,points_redeemed,return_of\n"+
		"b,m 1,2026-05-06 10:00:00,-300,,,,,,a\na,m 1,2026-05-05 10:00:00,500,S,T,C,7,20,\nc,,2026-05-05,0,,,,,,\n")
	s := mustRun(t, Options{Kind: Receipts, File: path}, sink)
	want := []string{
		`/v1/import?earn=true {"op":"receipt","id":"a","card":"m_1","store":"S","till":"T","cashier":"C","receipt_no":"7","occurred_at":"2026-05-05T07:00:00.000Z","amount":500,"redeem":20}`,
		`/v1/import?earn=true {"op":"receipt","id":"c","occurred_at":"2026-05-04T21:00:00.000Z","amount":0}`,
		`/v1/import?earn=true {"op":"return","receipt":"a","id":"b","card":"m_1","occurred_at":"2026-05-06T07:00:00.000Z","amount":300}`,
	}
	if !slices.Equal(x.lines, want) || s.Receipts != 2 || s.Returns != 1 || s.Anonymous != 1 || s.SetAside != 0 {
		t.Fatalf("%+v\n%s", s, strings.Join(x.lines, "\n"))
	}
	if s = mustRun(t, Options{Kind: Receipts, File: path}, sink); s.Replayed != 3 || len(x.lines) != 3 {
		t.Fatalf("again: %+v", s)
	}

	x, sink = newShop(t)
	path = write(t, "m.csv", "card,phone,name,birth_date,sex,store,registered_at,referrer,source,balance\n"+
		"a,+7 900 1234567,Ann,1985-06-30,F,S,2020-01-02,z,flyer,150\nb,,,,,,,,,\n")
	s = mustRun(t, Options{Kind: Members, File: path}, sink)
	want = []string{
		`{"op":"member","id":"ID","card":"a","phone":"+79001234567","name":"Ann","birth_date":"1985-06-30","sex":"f","store":"S","registered_at":"2020-01-01T21:00:00.000Z","referrer":"z","source":"flyer"}`,
		`{"op":"member","id":"ID","card":"b"}`,
		`{"op":"accrual","id":"opening-balance-a","card":"a","points":150,"reason":"opening balance"}`,
	}
	for i, line := range x.lines {
		_, line, _ = strings.Cut(line, " ")
		if before, id, ok := strings.Cut(line, `"id":"member-`); ok {
			line = before + `"id":"ID` + id[32:]
		}
		if line != want[i] {
			t.Fatalf("line %d is %s; want %s", i, line, want[i])
		}
	}
	if len(x.lines) != 3 || !strings.HasPrefix(x.lines[2], "/v1/batch ") || s.Members != 2 || s.Enrolled != 2 {
		t.Fatalf("%+v\n%s", s, strings.Join(x.lines, "\n"))
	}
}

// TestHTTPTroubles fails in every way that passes: what comes out is what a
// quiet network brings.
func TestHTTPTroubles(t *testing.T) {
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount\na,m,2026-05-05,1\nb,m,2026-05-05,2\nb,m,2026-05-05,3\nc,m,2026-05-05,4\n")
	f := func(what string, trouble func(x *shop)) {
		t.Helper()
		x, sink := newShop(t)
		trouble(x)
		s := mustRun(t, Options{Kind: Receipts, File: path}, sink)
		if len(x.lines) != 3 || s.SetAside != 1 || s.Receipts+s.Replayed != 3 || !strings.Contains(readRejected(t, path), "3,idempotency-mismatch: an earlier command,b,m") {
			t.Fatalf("%s: %+v\n%s", what, s, strings.Join(x.lines, "\n"))
		}
	}
	f("nothing", func(x *shop) {})
	f("overloaded", func(x *shop) {
		x.fails = append(x.fails, status(503, `{"code":"overloaded"}`), status(429, ""), status(502, "<html>"))
	})
	f("a full disk", func(x *shop) { x.fails = append(x.fails, status(507, `{"code":"storage-full"}`), status(507, "")) })
	for _, off := range []string{lineBusy, lineUnknown, lineFull, lineUnenrolled} {
		f("a line put off with "+off, func(x *shop) { x.busy["c"], x.off = 3, off })
	}
	f("an answer cut short", func(x *shop) { x.hung = true })
	f("a connection lost", func(x *shop) {
		x.fails = append(x.fails, func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) })
	})
}

// TestHTTPGoesOnWhileItMoves: as long as some lines are taken, the others are tried.
func TestHTTPGoesOnWhileItMoves(t *testing.T) {
	x, sink := newShop(t)
	var text strings.Builder
	text.WriteString("receipt_id,member,timestamp,amount\n")
	const rows = triesMax + 4
	for i := range rows {
		id := fmt.Sprint("r", i)
		fmt.Fprintf(&text, "%s,m,2026-05-05,1\n", id)
		x.busy[id] = i
	}
	if s := mustRun(t, Options{Kind: Receipts, File: write(t, "r.csv", text.String())}, sink); s.Receipts != rows {
		t.Fatalf("%+v", s)
	}
}

// TestHTTPBalanceIsPutOff: the grant of an opening balance is tried again, too.
func TestHTTPBalanceIsPutOff(t *testing.T) {
	for _, off := range []string{lineBusy, lineFull} {
		x, sink := newShop(t)
		x.busy["opening-balance-a"], x.off = 3, off
		path := write(t, "m.csv", "card,balance\na,150\nb,\n")
		s := mustRun(t, Options{Kind: Members, File: path}, sink)
		if s.Members != 2 || s.SetAside != 0 || len(x.lines) != 3 {
			t.Fatalf("%s: %+v\n%s", off, s, strings.Join(x.lines, "\n"))
		}
	}
}

// TestHTTPReturnIsPutOff: who the buyer is may come with a receipt that was put
// off; the return waits for the end of the file.
func TestHTTPReturnIsPutOff(t *testing.T) {
	x, sink := newShop(t)
	x.busy["back"], x.off = 1, lineUnenrolled
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount,return_of\na,m,2026-05-05,2,\nback,m,2026-05-06,-1,a\nb,m,2026-05-07,2,\n")
	if s := mustRun(t, Options{Kind: Receipts, File: path}, sink); s.Receipts != 2 || s.Returns != 1 || s.SetAside != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestHTTPErrors are troubles that do not pass.
func TestHTTPErrors(t *testing.T) {
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount\na,m,2026-05-05,1\n")
	f := func(want string, trouble func(x *shop, sink *HTTP)) {
		t.Helper()
		x, sink := newShop(t)
		trouble(x, sink)
		s, err := Run(t.Context(), Options{Kind: Receipts, File: path}, sink)
		if err == nil || !strings.Contains(err.Error(), want) || s.SetAside != 0 || len(x.lines) != 0 {
			t.Fatalf("%v; want %q; %+v", err, want, s)
		}
	}
	f("401, unauthorized: no valid key", func(_ *shop, sink *HTTP) { sink.key = "wrong" })
	f("404, not-found", func(x *shop, _ *HTTP) { x.fails = append(x.fails, status(404, `{"code":"not-found"}`)) })
	f("is not an answer", func(x *shop, _ *HTTP) { x.fails = append(x.fails, status(200, "hello\n")) })
	f("after 8 tries", func(x *shop, _ *HTTP) {
		for range triesMax {
			x.fails = append(x.fails, status(503, ""))
		}
	})
	for _, off := range []string{lineBusy, lineFull, lineUnenrolled} {
		f("after 8 tries", func(x *shop, _ *HTTP) { x.busy["a"], x.off = triesMax, off })
	}
}
