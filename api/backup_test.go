package api

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kopilka/kopilka/backup"
	"github.com/kopilka/kopilka/people"
)

// TestBackup takes backups of a shop that is open and reads them as a restore does.
func TestBackup(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"name":"Ann"}`).is(201)
	s.sell("c1", 1000)
	for _, keys := range []string{"", "?people_keys=within", "?people_keys=apart"} {
		r := s.get("/v1/backup" + keys).is(200)
		err := backup.Prove(strings.NewReader(r.text), backup.Options{Proved: func(p *backup.Proof) error {
			if p.Last != s.queue.Seq() || p.HasKeys != (keys != "?people_keys=apart") {
				t.Errorf("%s: %+v", keys, p)
			}
			return nil
		}})
		if err != nil {
			t.Fatalf("%s: %v", keys, err)
		}
	}
	file := filepath.Join(t.TempDir(), people.KeysFile)
	if err := backup.TakeKeys(strings.NewReader(s.get("/v1/backup?people_keys=only").text), file); err != nil {
		t.Fatal(err)
	}
	v, err := people.Look(filepath.Dir(file), filepath.Join(s.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()

	s.get("/v1/backup?people_keys=all").refused(codeMalformed, "")
	s.get("/v1/backup?keys=only").refused(codeMalformed, "")
	s.as("analyst", "GET", "/v1/backup", "").refused(codeForbidden, "")
	if r := s.as("admin", "HEAD", "/v1/backup", ""); r.status != 200 || r.text != "" {
		t.Fatalf("HEAD: %d, %d bytes", r.status, len(r.text))
	}
	s.server.backingUp.Lock() // the answer to HEAD is over, too
	s.get("/v1/backup").refused(codeOverloaded, "")
	s.server.backingUp.Unlock()

	// A server that ends cuts its backups, and they say so.
	s.server.stop()
	r := s.get("/v1/backup")
	if err := backup.Prove(strings.NewReader(r.text), backup.Options{}); err == nil || !strings.Contains(err.Error(), "it was cut") {
		t.Fatalf("of a server that ends: %v", err)
	}
}
