package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string, o Options) *Book {
	t.Helper()
	b, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Book) put(t *testing.T, l List, n int) {
	t.Helper()
	for i := range n {
		if err := b.Add(l, Record{At: time.Unix(int64(i), 0).UTC(), Route: "POST /v1/keys", Key: "admin", Status: 201, ID: fmt.Sprint("x", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// all reads a list in pages, and checks that the numbers have no holes.
func (b *Book) all(t *testing.T, l List, limit int) (newest, oldest, n uint64) {
	t.Helper()
	before := ^uint64(0)
	for {
		page, more, err := b.Before(l, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			if n++; n == 1 {
				newest = r.No
			} else if r.No != before-1 {
				t.Fatalf("record %d comes behind %d", r.No, before)
			}
			before, oldest = r.No, r.No
		}
		if !more {
			return newest, oldest, n
		}
		if len(page) != limit {
			t.Fatalf("a page of %d with more behind it; the limit is %d", len(page), limit)
		}
	}
}

// TestBook: what was added is read back, the newest first, in pages of any size and
// after a start, and the lists have nothing to do with each other.
func TestBook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	b := open(t, dir, Options{FileMax: 500})
	if newest, _, n := b.all(t, Actions, 10); n != 0 {
		t.Fatalf("a new book has %d records up to %d", n, newest)
	}
	b.put(t, Actions, 100)
	b.put(t, Refusals, 7)
	for range 2 {
		for _, limit := range []int{1, 3, 99, 100, 101} {
			if newest, oldest, n := b.all(t, Actions, limit); newest != 100 || oldest != 1 || n != 100 {
				t.Fatalf("in pages of %d: %d records from %d to %d", limit, n, newest, oldest)
			}
		}
		if newest, _, n := b.all(t, Refusals, 5); newest != 7 || n != 7 {
			t.Fatalf("%d refusals up to %d", n, newest)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = open(t, dir, Options{FileMax: 500})
	}
	b.put(t, Actions, 1)
	if newest, oldest, n := b.all(t, Actions, 10); newest != 101 || oldest != 1 || n != 101 {
		t.Fatalf("after a start: %d records from %d to %d", n, newest, oldest)
	}
	page, _, err := b.Before(Actions, 51, 1)
	if err != nil || page[0] != (Record{No: 50, At: time.Unix(49, 0).UTC(), Route: "POST /v1/keys", Key: "admin", Status: 201, ID: "x49"}) {
		t.Fatalf("%v, %v", page, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBound: files are let go, the oldest first, and a flood of refusals takes no action.
func TestBound(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, Options{FileMax: 1000, Files: 3})
	b.put(t, Actions, 5)
	b.put(t, Refusals, 5000)
	newest, oldest, n := b.all(t, Refusals, 7)
	if newest != 5000 || n != newest-oldest+1 || n < 15 || n > 45 {
		t.Fatalf("%d records from %d to %d", n, newest, oldest)
	}
	if newest, _, n := b.all(t, Actions, 7); newest != 5 || n != 5 {
		t.Fatalf("%d actions up to %d", n, newest)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "refusals-*")); err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTorn: a record that a crash has cut anywhere is taken off, and the next stands
// in its place.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, Options{})
	b.put(t, Actions, 3)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "actions-000000000001.ndjson")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	whole := len(lines[0]) + len(lines[1])
	for end := whole; end < len(text); end++ {
		if err := os.WriteFile(file, text[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		b := open(t, dir, Options{})
		b.put(t, Actions, 1)
		if newest, _, n := b.all(t, Actions, 10); newest != 3 || n != 3 {
			t.Fatalf("cut at %d: %d records up to %d", end, n, newest)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAtOnce: many add while others read.
func TestAtOnce(t *testing.T) {
	b := open(t, t.TempDir(), Options{FileMax: 2000})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { b.put(t, Actions, 200) })
		all.Go(func() {
			for range 20 {
				if _, _, err := b.Before(Actions, ^uint64(0), 50); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if newest, oldest, n := b.all(t, Actions, 33); newest != 800 || oldest != 1 || n != 800 {
		t.Fatalf("%d records from %d to %d", n, newest, oldest)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
