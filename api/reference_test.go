package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the answers of the examples in docs/reference")

// TestReference plays the examples of every page of the reference, in the order
// of the page, each page in a shop of its own, and compares the answers. With
// -rewrite it writes them: the difference is for a person to read.
func TestReference(t *testing.T) {
	pages, err := filepath.Glob("../docs/reference/*.md")
	if err != nil || len(pages) < 15 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "program.md" {
			continue // the document, which package program tests
		}
		t.Run(name, func(t *testing.T) { playPage(t, page) })
	}
}

var fence = regexp.MustCompile("(?ms)^```http\n(.*?)^```\n(?:\n^```http\nHTTP/1.1 (.*?)^```\n)?")

func playPage(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := fence.FindAllStringSubmatchIndex(string(text), -1)
	if len(examples) == 0 {
		return
	}
	s := open(t)
	s.enrol("2200000001")
	s.post("/v1/receipts", `{"id":"first","card":"2200000001","amount":200000}`).is(201)

	var out bytes.Buffer
	at := 0
	for _, x := range examples {
		request := string(text[x[2]:x[3]])
		got := s.example(request)
		want := ""
		if x[4] >= 0 {
			want = "HTTP/1.1 " + string(text[x[4]:x[5]])
		}
		if !*rewrite && constant(got) != constant(want) {
			t.Errorf("%s\nis answered with\n%s\nand not\n%s", request, got, want)
		}
		if *rewrite && constant(got) == constant(want) {
			got = want // what is made up anew each time does not make a difference
		}
		out.Write(text[at:x[0]])
		fmt.Fprintf(&out, "```http\n%s```\n\n```http\n%s```\n", request, got)
		at = x[1]
	}
	out.Write(text[at:])
	if *rewrite {
		if err := os.WriteFile(page, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// example sends a request as a page has it and gives the answer in that form.
func (s *shop) example(request string) string {
	s.t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	role := ""
	var headers []string
	for _, h := range lines[1:] {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Authorization" {
			role = value
			continue
		}
		headers = append(headers, name, value)
	}
	r := s.as(role, method, path, strings.TrimSpace(body), headers...)
	var out strings.Builder
	fmt.Fprintf(&out, "HTTP/1.1 %d\n", r.status)
	if r.header.Get("Idempotent-Replayed") != "" {
		out.WriteString("Idempotent-Replayed: true\n")
	}
	fmt.Fprintf(&out, "Content-Type: %s\n\n", r.header.Get("Content-Type"))
	if r.json == nil {
		return out.String() + r.text
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(r.text), "", "  "); err != nil {
		s.t.Fatal(err)
	}
	return out.String() + b.String() + "\n"
}

var madeUp = []struct {
	is   *regexp.Regexp
	word string
}{
	{regexp.MustCompile(`"m[0-9a-z]{13}"`), `"MEMBER"`},
	{regexp.MustCompile(`kpk_([a-z0-9]+)_[A-Za-z0-9_-]{43}`), `kpk_$1_SECRET`},
	{regexp.MustCompile(`("code": ?)"[0-9]{16}"`), `$1"CODE"`},
	{regexp.MustCompile(`"[0-9]{13}"`), `"NUMBER"`},
	{regexp.MustCompile(`(?m)^[0-9]{13},`), `NUMBER,`},
	{regexp.MustCompile(`("request_id": ?)"[^"]*"`), `$1"REQUEST"`},
	{regexp.MustCompile(`("next_cursor": ?)"[^"]*"`), `$1"CURSOR"`},
}

// constant replaces what is made up anew by every shop.
func constant(s string) string {
	for _, m := range madeUp {
		s = m.is.ReplaceAllString(s, m.word)
	}
	return s
}

// TestReferenceHasEveryCode holds the page of errors against the codes.
func TestReferenceHasEveryCode(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for c, k := range kinds {
		retryable := map[bool]string{true: "yes", false: "no"}[k.retryable]
		row := fmt.Sprintf("| [`%s`](#%s) | %d | %s |\n", c, c, k.status, retryable)
		section := fmt.Sprintf("\n## %s\n\n%d. %s.", c, k.status, k.title)
		if !strings.Contains(string(text), row) || !strings.Contains(string(text), section) {
			t.Errorf("errors.md has not\n%s%s", row, section)
		}
	}
}

// TestReferenceHasEveryRoute looks for every route, in code and as a whole: with its
// method, as in `GET /v1/members/{card}`, or by its path.
func TestReferenceHasEveryRoute(t *testing.T) {
	pages, err := filepath.Glob("../docs/reference/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, r := range (&Server{}).table() {
		named := regexp.MustCompile("`(" + r.method + " )?" + regexp.QuoteMeta(r.path) + "[`?]")
		if !named.MatchString(all.String()) {
			t.Errorf("%s %s is in no page", r.method, r.path)
		}
	}
}
