package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/wal"
	"github.com/valyala/fasthttp"
)

// TestBoundsNeedAKey looks how much memory a request may take before its body
// has come: more than a usual body only with a key that may use the route.
func TestBoundsNeedAKey(t *testing.T) {
	s := open(t)
	s.keys["revoked"] = s.newKey("old", kopilka.RoleAdmin, "")
	s.as("admin", "DELETE", "/v1/keys/old", "").is(200)
	s.keys["wrong"] = s.keys["admin"][:len(s.keys["admin"])-3] + "AAA"
	f := func(role, method, path string, want int) {
		t.Helper()
		var h fasthttp.RequestHeader
		h.SetMethod(method)
		h.SetRequestURI(path)
		h.SetContentLength(importMax)
		if key := s.keys[role]; key != "" {
			h.Set("Authorization", "Bearer "+key)
		}
		got := s.server.bounds(&h).MaxRequestBodySize
		if got == 0 {
			got = s.server.http.MaxRequestBodySize
		}
		if got != want {
			t.Fatalf("%s %s as %q: %d bytes; want %d", method, path, role, got, want)
		}
	}
	f("admin", "POST", "/v1/import", importMax)
	f("admin", "POST", "/v1/import?earn=true", importMax)
	f("admin", "POST", "/v1/batch", batchMax)
	f("till", "POST", "/v1/batch", batchMax)
	f("till", "POST", "/v1/receipts", readMax)
	f("till", "POST", "/v1/import", bodyMax)
	f("analyst", "POST", "/v1/batch", bodyMax)
	f("", "POST", "/v1/import", bodyMax)
	f("revoked", "POST", "/v1/import", bodyMax)
	f("wrong", "POST", "/v1/import", bodyMax)
	f("", "GET", "/healthz", bodyMax)
	f("admin", "POST", "/v1/nowhere", bodyMax)

	large := strings.Repeat(" ", bodyMax+1)
	s.as("", "POST", "/v1/import", large).refused(codeUnauthorized, "")
	s.as("till", "POST", "/v1/import", large).refused(codeForbidden, "")
	s.as("admin", "POST", "/v1/import", large).is(200)
}

// TestLargeBodiesAtOnce fills the places of large bodies: one more is put off,
// a small one is not.
func TestLargeBodiesAtOnce(t *testing.T) {
	s := open(t)
	large := strings.Repeat(" ", readMax+1)
	s.as("till", "POST", "/v1/batch", large).is(200) // and gives its place back
	for range largeAtOnce {
		s.server.large <- struct{}{}
	}
	for _, path := range []string{"/v1/batch", "/v1/import"} {
		if r := s.as("admin", "POST", path, large).refused(codeOverloaded, ""); r.header.Get("Retry-After") == "" {
			t.Fatal("no Retry-After")
		}
	}
	s.as("till", "POST", "/v1/batch", "\n").is(200)
	<-s.server.large
	s.as("admin", "POST", "/v1/import", large).is(200)
}

// TestNotLogged holds errors of the log against what a till hears.
func TestNotLogged(t *testing.T) {
	s := open(t)
	s.as("", "GET", "/healthz", "").is(200) // it serves, so it can be shut down
	f := func(err error, want code) {
		t.Helper()
		p := s.server.failed(err)
		if p.code != want || want != codeInternal && !strings.Contains(p.detail, "nothing was recorded") {
			t.Fatalf("%v: %s, %s; want %s", err, p.code, p.detail, want)
		}
	}
	f(fmt.Errorf("%w: no place in the queue", wal.ErrNotLogged), codeOverloaded)
	f(fmt.Errorf("%w: %w", wal.ErrNotLogged, wal.ErrStorageFull), codeStorageFull)
	f(errors.New("else"), codeInternal)
}

// TestUnknownParameters asks every route for what it does not know, and the
// commands for a position of the log, which reads alone wait for.
func TestUnknownParameters(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	for _, r := range (&Server{}).table() {
		if r.roles == anybody {
			continue
		}
		path := strings.NewReplacer("{id}", "none", "{card}", "c1", "{key_id}", "none", "{name}", "staff").Replace(r.path)
		body := ""
		if r.bytes > 0 {
			body = "{}"
		}
		f := func(name string) {
			t.Helper()
			got := s.as("admin", r.method, path+"?"+name+"=1", body).refused(codeMalformed, "")
			if !strings.Contains(got.text, name+`\" is not a parameter`) {
				t.Errorf("%s %s: %s", r.method, path, got.text)
			}
		}
		f("x")
		reads := r.method == "GET" || r.path == "/v1/segments/query" || strings.HasPrefix(r.path, "/v1/simulations/")
		if !reads {
			f("min_seq")
		}
	}
}
