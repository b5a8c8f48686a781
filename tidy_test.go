package kopilka_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayKnow is the picture of the rooms: whom each may import of this project.
// Data flows one way, and this is the way.
var mayKnow = map[string][]string{
	"":               {},
	"slab":           {},
	"seed":           {},
	"program":        {"", "programs"},
	"programs":       {},
	"index":          {"", "program", "slab"},
	"limit":          {},
	"audit":          {},
	"engine":         {"", "program", "index", "slab"},
	"wal":            {""},
	"outcomes":       {""},
	"people":         {""},
	"query":          {""},
	"report":         {"", "program"},
	"whatif":         {"", "program", "engine"},
	"commit":         {"", "program", "engine", "outcomes", "wal"},
	"backup":         {"", "people", "wal"},
	"api":            {"", "audit", "backup", "program", "index", "engine", "commit", "limit", "people", "query", "report", "wal", "whatif"},
	"importer":       {"", "program", "engine", "commit", "people", "client"},
	"client":         {""},
	"bench/workload": {""},
	"bench/wire":     {},
	"bench/server":   {},
	"bench":          {"", "program", "index", "engine", "commit", "wal", "outcomes", "people", "api", "bench/workload"},
	"bench/cmd/shop": {"", "bench/workload"},
	"cmd/kopilka":    {"", "program", "engine", "commit", "limit", "wal", "outcomes", "people", "backup", "api", "importer", "client", "bench/workload", "whatif"},
}

// onlyHere are libraries that one room stands for: what they do to the unwary
// is that room's affair.
var onlyHere = map[string][]string{
	"github.com/dgraph-io/badger":      {"wal"},
	"github.com/valyala/fasthttp":      {"api", "client"},
	"github.com/RoaringBitmap/roaring": {"index", "report", "api"},
	"github.com/spf13/cobra":           {"cmd/kopilka"},
	"go.yaml.in/yaml":                  {"program"},
	"time/tzdata":                      {"program"},
}

// noClock are the rooms that are a function of the log: what would tell two
// replays apart stays outside.
var noClock = []string{"engine", "index", "query", "slab"}

const module = "github.com/kopilka/kopilka"

func TestRoomsKnowOnlyWhomTheyMay(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (file == "loadtest" || file == filepath.Join("bench", "rivals") || strings.HasPrefix(d.Name(), ".") && file != "." || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		if room == "." {
			room = ""
		}
		may, known := mayKnow[room]
		if !known {
			t.Errorf("%s: the room %q is not in the picture", file, room)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name := strings.Trim(i.Path.Value, `"`)
			if own, ok := strings.CutPrefix(name, module); ok {
				own = strings.TrimPrefix(own, "/")
				if !slices.Contains(may, own) {
					t.Errorf("%s: %q may not know %q: data flows the other way", file, room, own)
				}
			}
			for library, rooms := range onlyHere {
				if (name == library || strings.HasPrefix(name, library+"/")) && !slices.Contains(rooms, room) {
					t.Errorf("%s: %s is the affair of %v", file, library, rooms)
				}
			}
			if slices.Contains(noClock, room) && slices.Contains([]string{"math/rand", "math/rand/v2", "os", "net", "log/slog"}, name) {
				t.Errorf("%s: %s in a room that is a function of the log", file, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
