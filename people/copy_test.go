package people

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestUnite: what either of two copies knows is known after it, whichever is the older.
func TestUnite(t *testing.T) {
	dir := t.TempDir()
	data, master := filepath.Join(dir, "data"), filepath.Join(dir, "key")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := Open(data, master)
	if err != nil {
		t.Fatal(err)
	}
	var sealed [][]byte
	add := func(n int) {
		for range n {
			slot, b, err := v.Seal(0, &Profile{Name: fmt.Sprintf("member %d", len(sealed)+1)})
			if err != nil || int(slot) != len(sealed)+1 {
				t.Fatal(slot, err)
			}
			sealed = append(sealed, b)
		}
	}
	copied := func(name string) string {
		t.Helper()
		var b bytes.Buffer
		if err := v.CopyTo(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name, KeysFile)
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	add(10)
	older := copied("older")
	if err := v.EraseAll([]uint32{3, 7}); err != nil {
		t.Fatal(err)
	}
	add(5)
	newer := copied("newer")
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]string{{older, newer}, {newer, older}, {newer, newer}} {
		to := filepath.Dir(copiedFile(t, way[0]))
		destroyed, err := Unite(to, way[1])
		if want := map[bool]int{true: 2, false: 0}[way[0] == older]; err != nil || destroyed != want {
			t.Fatalf("%v: %d destroyed, %v", way, destroyed, err)
		}
		if _, err := Verify(to, master, 15); err != nil {
			t.Fatal(err)
		}
		u, err := Look(to, master)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range sealed {
			slot := uint32(i + 1)
			_, err := u.Open(slot, b)
			if gone := slot == 3 || slot == 7; gone != errors.Is(err, ErrErased) || !gone && err != nil || u.Erased(slot) != gone {
				t.Fatalf("%v: slot %d: %v", way, slot, err)
			}
		}
		u.Close()
	}

	// Another shop's keys under the same master key, and those under another one.
	for name, key := range map[string]string{"other": master, "foreign": filepath.Join(dir, "key2")} {
		d := filepath.Join(dir, name)
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		w, err := Open(d, key)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := w.Seal(0, &Profile{Name: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		to := copiedFile(t, newer)
		before, _ := os.ReadFile(to)
		if _, err := Unite(filepath.Dir(to), filepath.Join(d, KeysFile)); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongMaster) {
			t.Fatalf("keys of %s: %v", name, err)
		}
		if after, _ := os.ReadFile(to); !bytes.Equal(before, after) {
			t.Fatalf("keys of %s: refused, and the file was changed", name)
		}
	}
}

func copiedFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), KeysFile)
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestCopyWhileSealing: a copy that is made while keys are added has every key that was
// there before it began.
func TestCopyWhileSealing(t *testing.T) {
	dir := t.TempDir()
	data, master := filepath.Join(dir, "data"), filepath.Join(dir, "key")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := Open(data, master)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var mu sync.Mutex
	greatest := uint32(0)
	stop := make(chan struct{})
	var sealers sync.WaitGroup
	for range 3 {
		sealers.Go(func() {
			few := make([]*Profile, 1000)
			for i := range few {
				few[i] = &Profile{Name: "x"}
			}
			for {
				select {
				case <-stop:
					return
				default:
				}
				first, _, err := v.SealAll(few)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				greatest = max(greatest, first) // all before it may not be durable yet, but its own are
				mu.Unlock()
			}
		})
	}
	for n := range 5 {
		mu.Lock()
		known := greatest
		mu.Unlock()
		to := filepath.Join(dir, fmt.Sprint(n))
		var b bytes.Buffer
		if err := errors.Join(v.CopyTo(&b), os.Mkdir(to, 0o755), os.WriteFile(filepath.Join(to, KeysFile), b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(to, master, known); err != nil && known > 0 {
			t.Fatalf("copy %d: %v", n, err)
		}
	}
	close(stop)
	sealers.Wait()
}
