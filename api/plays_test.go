package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/programs"
)

// TestPlays plays days at the till, one file each, by the programs that are
// shipped, over HTTP and on the test clock:
//
//	# What the rule is, in the words of its owner.
//	program uds-rustore
//	clock 2026-03-02T12:00:00+03:00
//
//	PUT /v1/members/anna {"name": "Anna"}
//	= 201 balance=50000 tier=silver
//
//	admin GET /v1/members/anna
//	= 200 certificates.0.left=500000
//
// A file begins with the program, which lines under `with` may change, and the
// clock. A step is a request and below it the status and the fields that matter,
// by their path; a field that is not there is none. The key is a till's where
// no role stands before the method; a command without an id is given one. With
// -rewrite the values are written anew, for a person to read.
func TestPlays(t *testing.T) {
	var files []string
	err := filepath.WalkDir("testdata/plays", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d plays, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/plays/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

type playing struct {
	*shop
	steps int
	out   bytes.Buffer
	last  *reply
	// remembered are values of answers, by the name that a step gave them with
	// field=>name; {name} in a later request stands for the value.
	remembered map[string]string
}

func play(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &playing{remembered: map[string]string{}}
	var document []byte
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	for n := 0; n < len(lines); n++ {
		line := lines[n]
		at := fmt.Sprintf("%s:%d", file, n+1)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || word == "#":
		case word == "program":
			if document, err = fs.ReadFile(programs.Files, rest+".yaml"); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
		case word == "with":
			document = withKey(t, at, document, rest)
		case word == "clock":
			now, err := time.Parse(time.RFC3339, rest)
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if p.shop == nil {
				p.shop = openAt(t, string(document), Options{}, kopilka.TimeOf(now))
			} else {
				p.as("admin", "POST", "/v1/clock", fmt.Sprintf(`{"now":%q}`, rest)).is(200)
			}
		case word == "=":
			line = p.check(at, rest)
		default:
			p.request(at, line)
		}
		p.out.WriteString(line + "\n")
	}
	if p.last != nil {
		t.Fatalf("%s: the last request has no answer below it", file)
	}
	p.simulatesSame()
	if *rewrite {
		if err := os.WriteFile(file, p.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// withKey sets one key of the program's top level: key: value on one line.
func withKey(t *testing.T, at string, document []byte, line string) []byte {
	t.Helper()
	key, _, ok := strings.Cut(line, ":")
	if !ok {
		t.Fatalf("%s: with KEY: VALUE", at)
	}
	// A key's block ends where the next line begins without a space.
	block := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(key) + `:.*\n(?:[ #-].*\n|\n)*`)
	return append(bytes.TrimRight(block.ReplaceAll(document, nil), "\n"), "\n"+line+"\n"...)
}

var (
	requestLine = regexp.MustCompile(`^(?:(admin|analyst|till|s1|nobody) )?(GET|PUT|POST|DELETE) (\S+)(?: (.*))?$`)
	recalled    = regexp.MustCompile(`\{(\w+)\}`)
)

func (p *playing) request(at, line string) {
	p.t.Helper()
	if p.last != nil {
		p.t.Fatalf("%s: the request before has no answer below it", at)
	}
	if p.shop == nil {
		p.t.Fatalf("%s: the clock is not set", at)
	}
	line = recalled.ReplaceAllStringFunc(line, func(name string) string {
		if v, ok := p.remembered[name[1:len(name)-1]]; ok {
			return v
		}
		return name
	})
	m := requestLine.FindStringSubmatch(line)
	if m == nil {
		p.t.Fatalf("%s: %q is no request", at, line)
	}
	role, method, path, body := m[1], m[2], m[3], m[4]
	if role == "" {
		role = "till"
	}
	p.steps++
	headers := []string{}
	if strings.HasPrefix(body, "accept ") {
		headers, body = append(headers, "Accept", strings.TrimPrefix(body, "accept ")), ""
	}
	if takesID(method, path) && !strings.Contains(body, `"id":`) {
		body = strings.Replace(body, "{", fmt.Sprintf(`{"id":"step-%d",`, p.steps), 1)
		body = strings.Replace(body, ",}", "}", 1)
	}
	p.last = p.as(role, method, path, body, headers...)
}

// takesID tells whether a request is a command that needs an id.
func takesID(method, path string) bool {
	if method != "POST" {
		return false
	}
	for _, not := range []string{"/v1/quotes", "/v1/clock", "/codes", "/v1/segments/query", "/v1/batch", "/v1/import", "/v1/simulations"} {
		if strings.Contains(path, not) {
			return false
		}
	}
	return true
}

// check holds the last answer against a line, and gives the line as it should be.
func (p *playing) check(at, want string) string {
	p.t.Helper()
	if p.last == nil {
		p.t.Fatalf("%s: an answer without a request", at)
	}
	r := p.last
	p.last = nil
	fields := strings.Fields(want)
	got := []string{strconv.Itoa(r.status)}
	var expected []string
	if len(fields) > 0 {
		expected = append(expected, fields[0])
	}
	for _, f := range fields[min(1, len(fields)):] {
		if path, name, ok := strings.Cut(f, "=>"); ok {
			p.remembered[name] = valueAt(r.json, path)
			got, expected = append(got, f), append(expected, f)
			continue
		}
		path, _, _ := strings.Cut(f, "=")
		got = append(got, path+"="+valueAt(r.json, path))
		expected = append(expected, f)
	}
	is := strings.Join(got, " ")
	if should := strings.Join(expected, " "); is != should && !*rewrite {
		p.t.Errorf("%s:\n got %s\nwant %s\nof %s", at, is, should, r.text)
	}
	return "= " + is
}

// valueAt is the value behind a path such as legs.0.points, as JSON without
// spaces; strings without their quotes. An array's length is behind its length.
func valueAt(v any, path string) string {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
			if _, ok := x[step]; !ok {
				return "none"
			}
		case []any:
			i, err := strconv.Atoi(step)
			switch {
			case step == "length":
				v = json.Number(strconv.Itoa(len(x)))
			case err != nil || i >= len(x):
				return "none"
			default:
				v = x[i]
			}
		default:
			return "none"
		}
	}
	if s, ok := v.(string); ok && !strings.ContainsAny(s, " \t") {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), " ", "_")
}
