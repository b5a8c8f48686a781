package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMetricsAreDocumented ties the table in docs/operating.md to /metrics, both ways.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	p := startServer(t, filepath.Join(t.TempDir(), "data"))
	defer p.end(t)
	get(t, p, "/v1/segments")
	shown := get(t, p, "/metrics")
	name := regexp.MustCompile(`kopilka_[a-z_]+`)
	for _, m := range regexp.MustCompile("`kopilka_[a-z_]+`").FindAllString(string(text), -1) {
		if m = strings.Trim(m, "`"); !strings.Contains(shown, m) {
			t.Errorf("docs/operating.md names %s, which is not on /metrics", m)
		}
	}
	for line := range strings.Lines(shown) {
		m := name.FindString(line)
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			m = strings.TrimSuffix(m, part)
		}
		if m != "" && !strings.Contains(string(text), "`"+m+"`") {
			t.Errorf("%s is on /metrics and not in docs/operating.md", m)
		}
	}
}
