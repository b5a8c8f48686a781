package importer

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestRejectedApart refuses to write rows set aside over the file or over the
// progress, by whatever path, before anything is opened.
func TestRejectedApart(t *testing.T) {
	const text = "member,timestamp,amount\nm,2026-01-01,bad\n"
	dir := t.TempDir()
	file := filepath.Join(dir, "r.csv")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, link := range []struct {
		make     func(from, to string) error
		from, to string
	}{{os.Symlink, file, "soft.csv"}, {os.Link, file, "hard.csv"}, {os.Symlink, dir, "folder"}} {
		if err := link.make(link.from, filepath.Join(dir, link.to)); err != nil {
			t.Fatal(err)
		}
	}
	f := func(rejected string) {
		t.Helper()
		_, err := Run(t.Context(), Options{Kind: Receipts, File: file, RejectedFile: rejected}, nil) // a sink that is opened panics
		if err == nil || !strings.Contains(err.Error(), "--rejected") {
			t.Fatalf("%s: %v", rejected, err)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != text {
			t.Fatalf("%s: the file is %q, %v", rejected, now, err)
		}
	}
	f(file)
	f(dir + "/folder/../" + filepath.Base(dir) + "/r.csv")
	f(filepath.Join(dir, "soft.csv"))
	f(filepath.Join(dir, "hard.csv"))
	f(filepath.Join(dir, "folder", "r.csv"))
	f(file + ".progress")
	f(file + ".progress.tmp")
	f(filepath.Join(dir, "folder", "r.csv.progress"))
	t.Chdir(dir)
	f("r.csv")
	f("./r.csv.progress")
	mustRun(t, Options{Kind: Receipts, File: file, RejectedFile: filepath.Join(dir, "folder", "other.csv")}, newRecorder())
}

func TestParseColumns(t *testing.T) {
	got, err := ParseColumns("member=member_id, amount = Total sum")
	if err != nil || !reflect.DeepEqual(got, map[string]string{"member": "member_id", "amount": "Total sum"}) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, s := range []string{"member", "=x", "member=", "member=a,member=b", ","} {
		if _, err := ParseColumns(s); err == nil {
			t.Fatalf("%q was taken", s)
		}
	}
}
