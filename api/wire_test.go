package api

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAuthorization sends every kind of bad key: all of them hear one answer.
func TestAuthorization(t *testing.T) {
	s := open(t)
	good := s.keys["till"]
	s.keys["revoked"] = s.newKey("old", 1, "")
	s.as("admin", "DELETE", "/v1/keys/old", "").is(200, "revoked", true)
	var first string
	f := func(key string) {
		t.Helper()
		s.keys["bad"] = key
		r := s.as("bad", "GET", "/v1/members/c1", "", "X-Request-Id", "same").refused(codeUnauthorized, "")
		if first == "" {
			first = r.text
		}
		if r.text != first || r.header.Get("WWW-Authenticate") != "Bearer" {
			t.Fatalf("%s\ndiffers from\n%s", r.text, first)
		}
	}
	f("")
	f("x")
	f("kpk_till_")
	f(good[:len(good)-1])
	f(good + "A")
	f(good[:len(good)-1] + "!")
	other := byte('A')
	if good[len(good)-1] == other {
		other = 'B'
	}
	f(good[:len(good)-1] + string(other))
	f("kpk_nobody_" + strings.Repeat("A", 43))
	f("kpk__" + strings.Repeat("A", 43))
	f("kpk_TILL_" + strings.Repeat("A", 43))
	f(s.keys["revoked"])
	s.as("till", "GET", "/v1/members/c1", "").refused(codeMemberNotFound, "")
}

func TestRoutes(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.get("/v1/held").refused(codeNotFound, "")
	s.get("/").refused(codeNotFound, "")
	s.get("/v1/members/").refused(codeNotFound, "")
	s.get("/v1/members/c1/").refused(codeNotFound, "")
	if allow := s.as("admin", "DELETE", "/v1/members/c1", "").refused(codeMethodNotAllowed, "").header.Get("Allow"); allow != "PUT, GET" {
		t.Fatalf("Allow %q", allow)
	}
	s.get("/v1/members/c%31").is(200, "card", "c1")
	s.get("/v1/members/c1?min_sequence=1").refused(codeMalformed, "")
	s.as("admin", "GET", "/v1/members/c1", `{}`).refused(codeMalformed, "")

	// A receipt's id may have any visible character.
	s.post("/v1/receipts", `{"id":"a/b?c%","amount":5}`).is(201)
	s.get("/v1/receipts/a%2Fb%3Fc%25").is(200, "id", "a/b?c%")
	s.post("/v1/receipts/a%2Fb%3Fc%25/returns", `{"id":"ret"}`).is(201, "cash_refund", 5)

	r := s.as("admin", "GET", "/v1/members/c1", "", "X-Request-Id", "abc", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if r.header.Get("X-Request-Id") != "abc" || !strings.HasPrefix(r.header.Get("Traceparent"), "00-0af") {
		t.Fatalf("headers %v", r.header)
	}
	s.as("", "GET", "/healthz", "").is(200)
	s.as("", "GET", "/readyz", "").is(200)
	if r := s.as("", "GET", "/metrics", ""); !strings.Contains(r.text, `kopilka_http_request_duration_seconds_bucket{route="GET /v1/members/{card}"`) ||
		strings.Contains(r.text, "c1") {
		t.Fatalf("metrics:\n%s", r.text)
	}
	head := s.as("admin", "HEAD", "/v1/books", "")
	if head.status != 200 || head.text != "" {
		t.Fatalf("HEAD: %d %q", head.status, head.text)
	}
}

func TestMatch(t *testing.T) {
	f := func(path, want string, ok bool) {
		t.Helper()
		got, is := match([]string{"v1", "members", "{card}", "ledger"}, []byte(path))
		if is != ok || ok && got != (params{want}) {
			t.Fatalf("%s: %q, %t; want %q, %t", path, got, is, want, ok)
		}
	}
	f("/v1/members/c1/ledger", "c1", true)
	f("/v1/members/c+1/ledger", "c+1", true)
	f("/v1/members/a%2fb/ledger", "a/b", true)
	f("/v1/members/%2G/ledger", "", false)
	f("/v1/members/%2/ledger", "", false)
	f("/v1/members//ledger", "", false)
	f("/v1/members/c1/ledger/", "", false)
	f("/v1/members/c1", "", false)
	f("/v1/members/c1/ledgers", "", false)
	f("v1/members/c1/ledger", "", false)
}

func TestTooLarge(t *testing.T) {
	s := open(t)
	pad := func(n int) string { return `{"id":"a","amount":5` + strings.Repeat(" ", n-21) + `}` }
	s.post("/v1/receipts", pad(bodyMax)).is(201)
	s.post("/v1/receipts", pad(bodyMax+1)).refused(codeTooLarge, "")
	s.post("/v1/receipts", pad(readMax)).refused(codeTooLarge, "")
}

func TestMinSeq(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	seq := s.get("/v1/members/c1").int("seq")
	s.get(fmt.Sprintf("/v1/members/c1?min_seq=%d", seq)).is(200)
	r := s.get(fmt.Sprintf("/v1/members/c1?min_seq=%d", seq+1)).refused(codeOverloaded, "")
	if r.header.Get("Retry-After") == "" {
		t.Fatal("no Retry-After")
	}
	s.get("/v1/members/c1?min_seq=x").refused(codeMalformed, "")
}

// TestFraming sends what a proxy may understand otherwise than the server.
func TestFraming(t *testing.T) {
	s := open(t)
	const body = `{"id":"a","amount":5}`
	auth := "Authorization: Bearer " + s.keys["till"] + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	f := func(headers, body string, want int) {
		t.Helper()
		conn, err := s.ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.WriteString(conn, "POST /v1/receipts HTTP/1.1\r\nHost: shop\r\n"+headers+"\r\n"+body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want || resp.Header.Get("Content-Type") != problemType && want >= 400 {
			t.Fatalf("%q: %d %s; want %d", headers, resp.StatusCode, text, want)
		}
	}
	f(auth+length, body, 201)
	f(auth+"Transfer-Encoding: chunked\r\n", "15\r\n"+body+"\r\n0\r\n\r\n", 400)
	f(auth+length+"Transfer-Encoding: chunked\r\n", "15\r\n"+body+"\r\n0\r\n\r\n", 400)
	f(auth+length+length, body, 400)
	f(auth+length+"Content-Length: 3\r\n", body, 400)
	f(auth+auth+length, body, 400)
	f(auth+length+"Idempotency-Key: a\r\nIdempotency-Key: b\r\n", body, 400)
	f(auth+length+"Idempotency-Key: a\r\nidempotency-key: a\r\n", body, 400)
	f(auth+length+"X-Long: a\r\n b\r\n", body, 400)
	f("X-Bare: a\n"+auth+length, body, 400)
	f(auth+length+"X-Long: "+strings.Repeat("a", 20<<10)+"\r\n", body, 431)
}

// TestTransferEncoding sends it with requests of every kind: 400, and the
// connection is closed, so that nothing behind it is taken for a request.
func TestTransferEncoding(t *testing.T) {
	s := open(t)
	f := func(request string) {
		t.Helper()
		conn, err := s.ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request = strings.ReplaceAll(request, "KEY", s.keys["till"])
		go io.WriteString(conn, request+"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 400 || !strings.Contains(string(text), `"malformed"`) || !resp.Close {
			t.Fatalf("%q: %d %s, close %t", request, resp.StatusCode, text, resp.Close)
		}
		if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
			t.Fatalf("%q: the connection goes on: %q, %v", request, rest, err)
		}
	}
	const get, post, key = "GET /healthz HTTP/1.1\r\nHost: shop\r\n", "POST /v1/receipts HTTP/1.1\r\nHost: shop\r\n", "Authorization: Bearer KEY\r\n"
	f(get + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	f(get + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
	f(get + "transfer-encoding: identity\r\n\r\n")
	f(get + "TRANSFER-ENCODING:identity\r\nContent-Length: 0\r\n\r\n")
	f(get + "Transfer-Encoding: gzip\r\n\r\n")
	f("GET /nowhere HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: identity\r\n\r\n")
	f("DELETE /healthz HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: identity\r\n\r\n")
	f(post + key + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	f(post + key + "Transfer-Encoding: identity\r\nContent-Length: 21\r\n\r\n" + `{"id":"a","amount":5}`)
	f(post + key + "Transfer-Encoding: chunked\r\n\r\n15\r\n" + `{"id":"a","amount":5}` + "\r\n0\r\n\r\n")
}

// TestSlowSender begins a request and does not end it.
func TestSlowSender(t *testing.T) {
	s := openWith(t, testProgram, Options{ReadTimeout: 100 * time.Millisecond})
	for _, part := range []string{"POST /v1/receipts HTTP/1.1\r\nHost:", "POST /v1/receipts HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\n{"} {
		conn, err := s.ln.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.WriteString(conn, part)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 408 {
			t.Fatalf("%q: %d %s", part, resp.StatusCode, text)
		}
	}
}

// TestBugCostsOneRequest lets a route panic.
func TestBugCostsOneRequest(t *testing.T) {
	s := openWith(t, testProgram, Options{Log: discard})
	f := s.server.paths.find([]byte("GET"), []byte("/v1/books"))
	serve := f.route.serve
	f.route.serve = func(*call) *problem { panic("a bug of the test") }
	s.get("/v1/books").refused(codeInternal, "")
	f.route.serve = serve
	s.get("/v1/books").is(200)
}
