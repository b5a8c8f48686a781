package wire

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWireSpeaksHTTP lets net/http be the judge: it reads what the wire
// writes, and the wire reads what it writes, whole or in chunks, of any length.
func TestWireSpeaksHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Echo", r.Method+r.URL.Path+r.Header.Get("Authorization")+r.Header.Get("Content-Type"))
		if r.URL.Query().Get("again") != "" {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		if r.URL.Query().Get("close") != "" {
			w.Header().Set("Connection", "close")
		}
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		if n, _ := strconv.Atoi(r.URL.Query().Get("chunks")); n > 0 {
			w.WriteHeader(status)
			for len(body) > 0 {
				k := min(n, len(body))
				w.Write(body[:k])
				w.(http.Flusher).Flush()
				body = body[k:]
			}
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		w.Write(body)
	}))
	defer server.Close()
	w := New(strings.TrimPrefix(server.URL, "http://"), "kpk_a_b", 5*time.Second)
	defer w.Close()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		body := bytes.Repeat([]byte(strconv.Itoa(rnd.IntN(1000))), rnd.IntN(20_000)>>rnd.IntN(12))
		status := []int{200, 201, 409, 503}[rnd.IntN(4)]
		path := fmt.Sprintf("/v1/x?status=%d", status)
		again := rnd.IntN(2) == 0
		if again {
			path += "&again=1"
		}
		if rnd.IntN(4) == 0 {
			path += "&close=1"
		}
		if rnd.IntN(2) == 0 {
			path += fmt.Sprintf("&chunks=%d", 1+rnd.IntN(5000))
			body = body[:min(len(body), 20_000)]
		}
		r, err := w.Send("POST", path, "application/json", body)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, path, err)
		}
		if r.Status != status || r.Replayed != again || !bytes.Equal(r.Body, body) {
			t.Fatalf("seed %d: %s: status %d, replayed %t, %d bytes; sent %d", seed, path, r.Status, r.Replayed, len(r.Body), len(body))
		}
	}
}

// TestWireReadsCrumbs gets answers a byte at a time.
func TestWireReadsCrumbs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := func(say, body string) {
		t.Helper()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			c.Read(make([]byte, 4096))
			for i := range len(say) {
				c.Write([]byte{say[i]})
				time.Sleep(100 * time.Microsecond)
			}
		}()
		w := New(l.Addr().String(), "", 5*time.Second)
		defer w.Close()
		r, err := w.Send("GET", "/", "", nil)
		if err != nil || string(r.Body) != body || r.Status != 201 {
			t.Fatalf("%q: got %d %q, %v", say, r.Status, r.Body, err)
		}
	}
	f("HTTP/1.1 201 Created\r\nX: y\r\nContent-Length: 5\r\n\r\nhello", "hello")
	f("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello")
}

// TestWireTellsWhatItKnows sends to servers that are not there, fall silent, or
// hang up in the middle.
func TestWireTellsWhatItKnows(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := func(say string, hangUp bool, want string) {
		t.Helper()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 4096))
			c.Write([]byte(say))
			if hangUp {
				c.Close()
				return
			}
			time.Sleep(time.Second)
			c.Close()
		}()
		w := New(l.Addr().String(), "", 200*time.Millisecond)
		_, err := w.Send("GET", "/", "", nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%q: got error %v; want %s", say, err, want)
		}
		if w.nc != nil {
			t.Fatalf("%q: the connection is kept after %v", say, err)
		}
	}
	f("", true, "read: unexpected EOF")
	f("HTTP/1.1 200 OK\r\nContent-Le", true, "read: unexpected EOF")
	f("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", true, "read: unexpected EOF")
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", true, "read: unexpected EOF")
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n", true, "not HTTP")
	f("HTTP/1.1 200 OK\r\n\r\n", true, "neither")
	f("SSH-2.0-OpenSSH_9.2\r\n\r\n", true, "not HTTP")
	f("", false, "timeout")
	l.Close()
	w := New(l.Addr().String(), "", 200*time.Millisecond)
	if _, err := w.Send("GET", "/", "", nil); err == nil || !strings.Contains(err.Error(), "not sent") {
		t.Fatalf("nobody listens: got %v", err)
	}
}
