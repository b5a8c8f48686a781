package program

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const referencePage = "../docs/reference/program.md"

func readReference(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// keyPaths are all keys of the schema as the page writes them: tiers[].earn_bp.
func keyPaths(part map[string]any, path string) []string {
	if ref, ok := part["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		return keyPaths(rules().plain["$defs"].(map[string]any)[name].(map[string]any), path)
	}
	var paths []string
	properties, _ := part["properties"].(map[string]any)
	for key, p := range properties {
		at := strings.TrimPrefix(path+"."+key, ".")
		paths = append(paths, at)
		paths = append(paths, keyPaths(p.(map[string]any), at)...)
	}
	if items, ok := part["items"].(map[string]any); ok {
		paths = append(paths, keyPaths(items, path+"[]")...)
	}
	if other, ok := part["else"].(map[string]any); ok {
		paths = append(paths, keyPaths(other, path)...)
	}
	slices.Sort(paths)
	return paths
}

// Every key of the schema is on the page, and the page has no others.
func TestReferenceHasEveryKey(t *testing.T) {
	page := readReference(t)
	// The axes are shown by what they hold.
	shown := func(path string) bool { return path != "rfm.r" && path != "rfm.f" && path != "rfm.m" }
	paths := slices.DeleteFunc(keyPaths(rules().plain, ""), func(p string) bool { return !shown(p) })
	if len(paths) < 30 {
		t.Fatalf("the schema has only %v", paths)
	}
	var described []string
	for _, m := range regexp.MustCompile("(?m)^## `([a-z_]+)`$").FindAllStringSubmatch(page, -1) {
		described = append(described, m[1])
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z_.\\[\\]]+`(?:, `[a-z_.\\[\\]]+`)*) \\|").FindAllStringSubmatch(page, -1) {
		for _, key := range strings.Split(row[1], ", ") {
			described = append(described, strings.Trim(key, "`"))
		}
	}
	slices.Sort(described)
	for _, p := range paths {
		if !slices.Contains(described, p) {
			t.Errorf("%s: lacks the key %s", referencePage, p)
		}
	}
	for i, p := range described {
		if !slices.Contains(paths, p) {
			t.Errorf("%s: the schema has no key %s", referencePage, p)
		}
		if i > 0 && described[i-1] == p {
			t.Errorf("%s: describes %s twice", referencePage, p)
		}
	}
}

// Every example on the page is a right document, once it has a name.
func TestReferenceExamples(t *testing.T) {
	page := readReference(t)
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(examples) < 13 {
		t.Fatalf("%s: found only %d examples", referencePage, len(examples))
	}
	for _, m := range examples {
		doc := m[1]
		if !strings.HasPrefix(doc, "program:") {
			doc = "program: example\n" + doc
		}
		roundTrip(t, parse(t, doc))
	}
}
