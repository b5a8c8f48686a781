package importer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestResume breaks an import at every call of the sink and goes on: the books,
// the rejected rows and the counts are those of one run.
func TestResume(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := random(rnd, 300)
	whole := newRecorder()
	path := write(t, "r.csv", text)
	want := mustRun(t, Options{Kind: Receipts, File: path, BatchRows: 20}, whole)
	wantRejected := readRejected(t, path)
	again := mustRun(t, Options{Kind: Receipts, File: path, BatchRows: 20}, whole)
	if again.Replayed != want.Receipts+want.Returns || again.SetAside != want.SetAside || again.Receipts != 0 || readRejected(t, path) != wantRejected {
		t.Fatalf("again: %+v; first: %+v", again, want)
	}

	for failAt := 1; failAt <= 15; failAt++ {
		path := write(t, "r.csv", text)
		x := newRecorder()
		x.failAt = failAt
		opts := Options{Kind: Receipts, File: path, BatchRows: 20}
		saveAlways(t)
		if _, err := Run(t.Context(), opts, x); !errors.Is(err, errBroken) {
			t.Fatalf("fail at %d: %v", failAt, err)
		}
		s := mustRun(t, opts, x)
		if s.Resumed != int64(failAt-1)*20 {
			t.Fatalf("fail at %d: resumed after row %d", failAt, s.Resumed)
		}
		s.Resumed, s.Took, s.RejectedFile = 0, want.Took, want.RejectedFile
		if s != want || !reflect.DeepEqual(x.rows, whole.rows) || readRejected(t, path) != wantRejected {
			t.Fatalf("fail at %d: %+v; want %+v", failAt, s, want)
		}
		if _, err := os.Stat(path + ".progress"); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the progress file is left: %v", err)
		}
	}
}

// TestResumeBesideLater breaks an import while a row waits for the end of the
// file: going on does not forget it.
func TestResumeBesideLater(t *testing.T) {
	saveAlways(t)
	var text strings.Builder
	text.WriteString("receipt_id,member,timestamp,amount,return_of\n")
	for i := range 9 {
		if i == 3 {
			text.WriteString("back,m,2026-06-09,-1,r8\n")
		}
		fmt.Fprintf(&text, "r%d,m,2026-06-0%d,5,\n", i, i+1)
	}
	for failAt := 1; failAt <= 11; failAt++ {
		x := newRecorder()
		x.failAt = failAt
		opts := Options{Kind: Receipts, File: write(t, "r.csv", text.String()), BatchRows: 1}
		if _, err := Run(t.Context(), opts, x); !errors.Is(err, errBroken) {
			t.Fatalf("fail at %d: %v", failAt, err)
		}
		s := mustRun(t, opts, x)
		if len(x.rows) != 10 || s.SetAside != 0 || s.Rows != 10 || s.Resumed > 3 {
			t.Fatalf("fail at %d: %d rows in the books; %+v", failAt, len(x.rows), s)
		}
	}
}

func saveAlways(t *testing.T) {
	t.Helper()
	was := saveEvery
	saveEvery = 0
	t.Cleanup(func() { saveEvery = was })
}

// TestWrongProgress changes what a progress file was made for: the import
// begins at the first row, and nothing is lost.
func TestWrongProgress(t *testing.T) {
	saveAlways(t)
	text := random(rand.New(rand.NewPCG(3, 4)), 200)
	whole := newRecorder()
	want := mustRun(t, Options{Kind: Receipts, File: write(t, "r.csv", text)}, whole)
	f := func(what string, resumes bool, change func(opts *Options, x *recorder)) {
		t.Helper()
		x := newRecorder()
		x.failAt = 6
		opts := Options{Kind: Receipts, File: write(t, "r.csv", text), BatchRows: 20}
		if _, err := Run(t.Context(), opts, x); !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		change(&opts, x)
		s := mustRun(t, opts, x)
		if (s.Resumed > 0) != resumes {
			t.Fatalf("%s: resumed after %d", what, s.Resumed)
		}
		if !reflect.DeepEqual(x.rows, whole.rows) || s.SetAside != want.SetAside || s.Rows != want.Rows {
			t.Fatalf("%s: %d rows, %+v; want %d, %+v", what, len(x.rows), s, len(whole.rows), want)
		}
	}
	progress := func(opts *Options, from, to string) {
		path := opts.placePath()
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(b, []byte(from)) {
			t.Fatalf("%v: %s", err, b)
		}
		if err := os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f("nothing", true, func(*Options, *recorder) {})
	f("other books of the same name", false, func(_ *Options, x *recorder) { *x = *newRecorder() })
	f("books of another name", false, func(_ *Options, x *recorder) { x.name = "other" })
	f("garbage", false, func(o *Options, _ *recorder) { progress(o, "{", "[") })
	f("another file", false, func(o *Options, _ *recorder) { progress(o, `"size": `, `"size": 1`) })
	f("an id that is not there", false, func(o *Options, _ *recorder) { progress(o, `"id": "r`, `"id": "s`) })
	f("the rejected rows are gone", false, func(o *Options, _ *recorder) {
		if err := os.Remove(o.File + ".rejected.csv"); err != nil {
			t.Fatal(err)
		}
	})
	f("the file was touched", false, func(o *Options, _ *recorder) {
		if err := os.Chtimes(o.File, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	})
	f("rows that earn after rows that did not", false, func(_ *Options, x *recorder) { x.earn = true })
	f("other columns", false, func(o *Options, _ *recorder) { o.Columns = map[string]string{"member": "member"} })
}
