package client_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
)

// The tests speak to the real server, built from this checkout.

var key = "kpk_test_" + base64.RawURLEncoding.EncodeToString(make([]byte, 32))

// binary is the server, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kopilka-client-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "kopilka")
	if out, err := exec.Command("go", "build", "-o", file, "../cmd/kopilka").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if file, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(status)
}

// serve starts a server whose clock stands at noon of 1 June 2026.
func serve(t *testing.T) *client.Client {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(file, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
		"--program", "testdata/shop.yaml", "--test-clock", "2026-06-01T12:00:00+03:00")
	cmd.Env = append(os.Environ(), "KOPILKA_ADMIN_KEY="+key)
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(said.Name())
			t.Errorf("the server ended with %v\n%s", err, text)
		}
		said.Close()
	})
	for range 1000 {
		text, err := os.ReadFile(said.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`(?m)^listen +(http://\S+)$`).FindSubmatch(text); m != nil {
			c := &client.Client{URL: string(m[1]), Key: key}
			if c.Ready() == nil {
				return c
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	text, _ := os.ReadFile(said.Name())
	t.Fatalf("the server is not ready:\n%s", text)
	return nil
}

// code expects a problem of a code.
func code(t *testing.T, err error, want string) *client.Problem {
	t.Helper()
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != want {
		t.Fatalf("got %v; want %s", err, want)
	}
	return p
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestDayAtTheTill walks a member through everything the client can say.
func TestDayAtTheTill(t *testing.T) {
	c := serve(t)
	answer, result := must[*client.Answer](t), must[*client.Member](t)

	const card = "2900000000018"
	m := client.PutMember{ID: "m1", Card: card, Phone: "+79001234567", Name: "Anna Petrova", BirthDate: "1990-02-28",
		Sex: "f", Store: "S01", Attributes: map[string]any{"shoe": 38}}
	if a := answer(c.PutMember(m)); !a.Enrolled || a.Replayed {
		t.Fatalf("enrolled: %+v", a)
	}
	if a := answer(c.PutMember(m)); !a.Enrolled || !a.Replayed {
		t.Fatalf("the same again: %+v", a)
	}

	deed := client.Deed{Store: "S01", Till: "T1", Cashier: "C1", ReceiptNo: "1"}
	r := client.Receipt{ID: "r1", Buyer: client.ByCard(card), Deed: deed, Amount: 100_000,
		Lines: []client.Line{{SKU: "A1", Category: "bakery", Qty: "0.350", Amount: 60_000}, {SKU: "A2", Amount: 40_000, Flags: []string{"no_redeem"}}}}
	quote := r
	quote.ID = ""
	if a := answer(c.Quote(quote)); a.Earned != 1000 || a.MaxRedeem != 0 {
		t.Fatalf("quote: %+v", a)
	}
	first := answer(c.Receipt(r))
	if first.Earned != 1000 || first.Balance != 1000 || first.CashDue != 100_000 || first.Seq == 0 || first.Replayed {
		t.Fatalf("receipt: %+v", first)
	}
	again := answer(c.Receipt(r))
	if again.Replayed = false; *again.NextExpiry != *first.NextExpiry {
		t.Fatalf("next expiry %+v; first %+v", again.NextExpiry, first.NextExpiry)
	}
	if again.NextExpiry = first.NextExpiry; !reflect.DeepEqual(again, first) {
		t.Fatalf("the same receipt again: %+v; first %+v", again, first)
	}
	other := r
	other.Amount, other.Lines = 1, nil
	_, err := c.Receipt(other)
	code(t, err, "idempotency-mismatch")
	other.ID = "r1b"
	_, err = c.Receipt(other)
	code(t, err, "duplicate-receipt")

	if a := answer(c.Hold(client.Hold{ID: "h1", Buyer: client.ByCard(card), Points: 600})); a.Held != 600 || a.Balance != 400 || a.Points != 600 {
		t.Fatalf("hold: %+v", a)
	}
	if h, err := c.FindHold("h1"); err != nil || h.State != "open" || h.End != nil {
		t.Fatalf("hold: %+v, %v", h, err)
	}
	if a := answer(c.Capture(client.Capture{ID: "k1", Hold: "h1", Points: 200})); a.Redeemed != 200 || a.Freed != 400 || a.Balance != 800 {
		t.Fatalf("capture: %+v", a)
	}
	if h, err := c.FindHold("h1"); err != nil || h.State != "captured" || h.End.ID != "k1" {
		t.Fatalf("captured hold: %+v, %v", h, err)
	}
	_, err = c.Void(client.Void{ID: "v1", Hold: "h1"})
	code(t, err, "hold-expired")
	if a := answer(c.Return(client.Return{ID: "b0", Receipt: "k1"})); a.PointsRestored != 200 || a.Balance != 1000 {
		t.Fatalf("return of a capture: %+v", a)
	}
	if _, err := c.Rate("r1", client.Rating{Stars: 5, Text: "quick"}); err != nil {
		t.Fatal(err)
	}
	if r, err := c.FindReceipt("r1"); err != nil || r.Rating == nil || r.Rating.Text != "quick" {
		t.Fatalf("rated: %+v, %v", r, err)
	}
	if x, err := c.Explain("r1"); err != nil || !bytes.Contains(x, []byte(`"exact":"1000"`)) {
		t.Fatalf("explained: %s, %v", x, err)
	}

	if a := answer(c.Accrual(client.Accrual{ID: "a1", Buyer: client.ByPhone("+79001234567"), Amount: 50_000})); a.Earned != 500 {
		t.Fatalf("accrual: %+v", a)
	}
	if a := answer(c.Accrual(client.Accrual{ID: "g1", Buyer: client.ByCard(card), Points: 777, Reason: "sorry"})); a.Earned != 777 || a.Balance != 2277 {
		t.Fatalf("grant: %+v", a)
	}
	if a := answer(c.Redemption(client.Redemption{ID: "s1", Buyer: client.ByCard(card), Points: 77})); a.Redeemed != 77 || a.Balance != 2200 {
		t.Fatalf("redemption: %+v", a)
	}
	_, err = c.Redemption(client.Redemption{ID: "s2", Buyer: client.ByCard(card), Points: 99_999})
	if p := code(t, err, "insufficient-points"); p.Available != 2200 || p.Requested != 99_999 {
		t.Fatalf("problem: %+v", p)
	}
	if a := answer(c.Receipt(client.Receipt{ID: "r2", Buyer: client.ByMemberID(first.MemberID), Amount: 10_000, Redeem: client.Max})); a.Redeemed != 1000 || a.CashDue != 9000 {
		t.Fatalf("receipt with max: %+v", a)
	}
	if a := answer(c.Return(client.Return{ID: "b1", Receipt: "r1", Lines: []client.ReturnLine{{Line: 1}}})); a.Goods != 60_000 || a.PointsTaken != 600 {
		t.Fatalf("return of a line: %+v", a)
	}
	if a := answer(c.Return(client.Return{ID: "b2", Receipt: "r1"})); a.Goods != 40_000 || a.PointsTaken != 400 {
		t.Fatalf("return of the rest: %+v", a)
	}
	_, err = c.Return(client.Return{ID: "b3", Receipt: "r1"})
	code(t, err, "already-returned")
	last := answer(c.Adjustment(client.Adjustment{ID: "j1", Buyer: client.ByCard(card), Points: -90, Reason: "counted twice", Actor: "olga"}))

	stored := must[*client.StoredReceipt](t)(c.FindReceipt("r1"))
	if stored.Amount != 100_000 || stored.Left != 0 || len(stored.Lines) != 2 || len(stored.Returns) != 2 || stored.Lines[0].Qty != "0.350" {
		t.Fatalf("stored: %+v", stored)
	}
	if byNo := must[*client.StoredReceipt](t)(c.FindReceiptNo("S01", "T1", "1", "2026-06-01")); byNo.ID != "r1" {
		t.Fatalf("by number: %+v", byNo)
	}

	if told, err := c.Events(last.Seq-1, 1, time.Second, "balance"); err != nil || len(told.Data) != 1 || told.NextAfter != last.Seq || told.Data[0].Seq != last.Seq ||
		told.Data[0].MemberID != last.MemberID || told.Data[0].Balance != last.Balance || told.Data[0].Cause != "adjustment" {
		t.Fatalf("events: %+v, %v", told, err)
	}
	bought := must[*client.Categories](t)(c.Categories(card, "2026-06-01", "2026-06-30"))
	if len(bought.Data) != 1 || bought.Seq != last.Seq || bought.Data[0] != (client.BoughtCategory{Receipts: bought.Data[0].Receipts, Amount: 60_000, LastBought: "2026-06-01"}) {
		t.Fatalf("bought: %+v", bought)
	}
	row := result(c.Member(card, last.Seq))
	if row.Balance != last.Balance || row.Name != "Anna Petrova" || row.RFM.Frequency != 2 || row.RFM.Monetary != 60_000 || row.Segment != "new" {
		t.Fatalf("member: %+v", row)
	}
	var sum kopilka.Points
	entries := 0
	for e, err := range c.Ledger(card) {
		if err != nil {
			t.Fatal(err)
		}
		sum, entries = sum+e.Points, entries+1
	}
	if sum != row.Balance || entries < 9 {
		t.Fatalf("%d entries add up to %d; balance %d", entries, sum, row.Balance)
	}
	found := 0
	for m, err := range c.FindMembers("anna") {
		if err != nil || m.Card != card {
			t.Fatal(m, err)
		}
		found++
	}
	if found != 1 {
		t.Fatalf("%d members found by name", found)
	}
	_, err = c.Member("nobody", 0)
	code(t, err, "member-not-found")

	books := must[*client.Books](t)(c.Books(true))
	if books.Points != row.Balance || books.Members != 1 || len(books.Hash) != 64 {
		t.Fatalf("books: %+v", books)
	}
}

func TestBatch(t *testing.T) {
	c := serve(t)
	ops := []client.Op{
		client.PutMember{ID: "m1", Card: "C1"},
		client.Receipt{ID: "r1", Buyer: client.ByCard("C1"), Amount: 50_000},
		client.Receipt{ID: "r1", Buyer: client.ByCard("C1"), Amount: 50_000},
		client.Receipt{ID: "r2", Buyer: client.ByCard("nobody"), Amount: 50_000},
		client.Accrual{ID: "a1", Buyer: client.ByCard("C1"), Amount: 10_000},
		client.Redemption{ID: "s1", Buyer: client.ByCard("C1"), Points: client.Max},
		client.Return{ID: "b1", Receipt: "a1"},
		client.Adjustment{ID: "j1", Buyer: client.ByCard("C1"), Points: 5, Reason: "x", Actor: "y"},
	}
	results, err := c.Batch(ops...)
	if err != nil {
		t.Fatal(err)
	}
	f := func(i, status int, replayed bool) *client.Answer {
		t.Helper()
		r := &results[i]
		if r.Status != status || r.Replayed != replayed {
			t.Fatalf("line %d: %+v; want status %d, replayed %t", i, r, status, replayed)
		}
		a, err := r.Answer()
		if status < 400 && err != nil || status >= 400 && err == nil {
			t.Fatalf("line %d: %v", i, err)
		}
		return a
	}
	f(0, 201, false)
	if a := f(1, 201, false); a.Earned != 500 {
		t.Fatalf("%+v", a)
	}
	if a := f(2, 200, true); a.Earned != 500 || !a.Replayed {
		t.Fatalf("%+v", a)
	}
	f(3, 404, false)
	code(t, results[3].Err(), "member-not-found")
	f(4, 201, false)
	if a := f(5, 201, false); a.Redeemed != 600 {
		t.Fatalf("%+v", a)
	}
	if a := f(6, 201, false); a.Goods != 10_000 {
		t.Fatalf("%+v", a)
	}
	f(7, 201, false)
}

func TestAnalystAndOperator(t *testing.T) {
	c := serve(t)
	for i := range 5 {
		card := fmt.Sprintf("C%d", i)
		if _, err := c.PutMember(client.PutMember{ID: "m" + card, Card: card}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Receipt(client.Receipt{ID: "r" + card, Buyer: client.ByCard(card), Amount: kopilka.Money(i) * 2_000_000}); err != nil {
			t.Fatal(err)
		}
	}
	segments := must[*client.Segments](t)(c.Segments(""))
	sum := int64(0)
	for _, s := range segments.Data {
		sum += s.Members
	}
	if sum != 5 || segments.Members != 5 || segments.AsOf != "2026-06-01" {
		t.Fatalf("segments: %+v", segments)
	}
	rfm := must[*client.RFM](t)(c.RFM("2026-06-01"))
	if len(rfm.Cells) != 125 || rfm.None.Members != 1 || *rfm.Boundaries.F[0] != 2 {
		t.Fatalf("rfm: %+v", rfm)
	}
	f := func(get func(w *bytes.Buffer) error, lines int) {
		t.Helper()
		var b bytes.Buffer
		if err := get(&b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != lines {
			t.Fatalf("%d lines:\n%s", got, b.String())
		}
	}
	f(func(w *bytes.Buffer) error { return c.RFMCSV(w, "") }, 1+5)
	f(func(w *bytes.Buffer) error { return c.SegmentCSV(w, "whales", "") }, 1+2)
	code(t, c.SegmentCSV(&bytes.Buffer{}, "no-such", ""), "not-found")

	k := must[*client.Key](t)(c.CreateKey(client.NewKey{ID: "k1", KeyID: "till9", Role: "till", Store: "S09", Note: "till 9"}))
	if !strings.HasPrefix(k.Key, "kpk_till9_") {
		t.Fatalf("key: %+v", k)
	}
	tillClient := &client.Client{URL: c.URL, Key: k.Key}
	_, err := tillClient.Segments("")
	code(t, err, "forbidden")
	if err := c.RevokeKey("till9"); err != nil {
		t.Fatal(err)
	}
	_, err = tillClient.Segments("")
	code(t, err, "unauthorized")
	revoked := 0
	for _, k := range must[[]client.Key](t)(c.Keys()) {
		if k.Revoked {
			revoked++
		}
	}
	if revoked != 1 {
		t.Fatalf("%d keys revoked", revoked)
	}

	p := must[*client.Program](t)(c.Program())
	if p.Version != 1 {
		t.Fatalf("program: %+v", p)
	}
	if err := c.CheckProgram([]byte("program: x\ncurrencey: RUB\n")); err != nil {
		if p := code(t, err, "program-invalid"); len(p.Errors) == 0 {
			t.Fatalf("%+v", p)
		}
	} else {
		t.Fatal("a misspelt program was accepted")
	}
	doc := bytes.Replace(p.Program, []byte(`"pending_days":0`), []byte(`"pending_days":1`), 1)
	if err := c.PutProgram("p2", doc); err != nil {
		t.Fatal(err)
	}
	if p := must[*client.Program](t)(c.Program()); p.Version != 2 {
		t.Fatalf("program: %+v", p)
	}

	next := time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC)
	if now := must[time.Time](t)(c.SetClock(next)); !now.Equal(next) {
		t.Fatalf("clock at %s", now)
	}
	if now := must[time.Time](t)(c.Clock()); !now.Equal(next) {
		t.Fatalf("clock at %s", now)
	}
}

// TestRetries: nobody listens at first, then somebody does; the request comes
// through. Somebody who hangs up leaves the outcome unknown.
func TestRetries(t *testing.T) {
	real := serve(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()

	c := &client.Client{URL: "http://" + addr, Key: key, Attempts: 8}
	go func() {
		time.Sleep(300 * time.Millisecond)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return
		}
		defer l.Close()
		forward(l, strings.TrimPrefix(real.URL, "http://"))
	}()
	if _, err := c.PutMember(client.PutMember{ID: "m1", Card: "C1"}); err != nil {
		t.Fatalf("the server came while we waited: %v", err)
	}

	// A proxy before the server is overloaded twice, and then lets through.
	to, err := url.Parse(real.URL)
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	c = &client.Client{URL: proxy.URL, Key: key}
	if a, err := c.PutMember(client.PutMember{ID: "m2", Card: "C2"}); err != nil || a.Replayed || tries != 3 {
		t.Fatalf("after %d tries: %+v, %v", tries, a, err)
	}
	c = &client.Client{URL: proxy.URL, Key: key, Attempts: 2}
	tries = 0
	_, err = c.PutMember(client.PutMember{ID: "m3", Card: "C3"})
	if p := (*client.Problem)(nil); !errors.As(err, &p) || p.Status != 503 || tries != 2 {
		t.Fatalf("after %d tries: %v", tries, err)
	}

	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rude.Close()
	calls := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := rude.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096))
			calls <- struct{}{}
			conn.Close()
		}
	}()
	c = &client.Client{URL: "http://" + rude.Addr().String(), Key: key}
	if _, err := c.Receipt(client.Receipt{ID: "r1", Amount: 1}); !errors.Is(err, client.ErrUnknown) {
		t.Fatalf("hung up on: got %v; want ErrUnknown", err)
	}
	if n := len(calls); n != 1 {
		t.Fatalf("sent %d times; a command of unknown outcome is its sender's to repeat", n)
	}

	c = &client.Client{URL: "ftp://x"}
	if _, err := c.Member("C1", 0); err == nil || !strings.Contains(err.Error(), "http://host:port") {
		t.Fatalf("got %v", err)
	}
}

// forward passes one connection through to the real server.
func forward(l net.Listener, to string) {
	a, err := l.Accept()
	if err != nil {
		return
	}
	b, err := net.Dial("tcp", to)
	if err != nil {
		a.Close()
		return
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := b.Read(buf)
			if err != nil {
				a.Close()
				return
			}
			a.Write(buf[:n])
		}
	}()
	buf := make([]byte, 4096)
	for {
		n, err := a.Read(buf)
		if err != nil {
			b.Close()
			return
		}
		b.Write(buf[:n])
	}
}
