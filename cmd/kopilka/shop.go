package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/wal"
)

// folder says where a shop's books lie and how they are opened.
type folder struct {
	dir       string
	masterKey string // file; empty = beside the folder, under its name with .key
	program   string // file, or name of a shipped one; empty = the built-in program, or what the log has
	testClock kopilka.Time
	still     bool // only read: see commit.Options
	frameMax  int
	epochMax  int64 // of the log, for tests; 0 = its own
	logger    *slog.Logger
	onPoison  func(error)
}

// mergeFloor is the free disk space in bytes below which runs of ids are not
// merged: the mark at which the log warns.
const mergeFloor = 1 << 30

// shop is an open folder.
type shop struct {
	queue *commit.Queue
	vault *people.Vault
}

// open opens the folder, or makes it. The log is first: it is what keeps a
// second process out. What is refused is refused before anything is written.
func (f *folder) open() (_ *shop, err error) {
	document, err := f.document()
	if err != nil {
		return nil, err
	}
	if err := f.whole(); err != nil {
		return nil, err
	}
	log, err := wal.Open(wal.Options{Dir: f.dir, FrameMax: f.frameMax, EpochMax: f.epochMax, Logger: f.logger, OnPoison: f.onPoison})
	if err != nil {
		return nil, err
	}
	key := f.masterKey
	if key == "" {
		key = filepath.Clean(f.dir) + ".key"
	}
	vault, err := people.Open(f.dir, key)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	runs, err := outcomes.Open(filepath.Join(f.dir, "ids"), f.logger, outcomes.FreeFloor(mergeFloor), outcomes.Waiting())
	if err != nil {
		return nil, errors.Join(err, vault.Close(), log.Close())
	}
	allow := func(b *engine.State, look func(kopilka.Seq) (commit.Record, error)) error {
		if err := keysOpen(vault, b, look); err != nil {
			return fmt.Errorf("%s does not belong to this log: %w", filepath.Join(f.dir, people.KeysFile), err)
		}
		// An old copy of the keys' file would give a key that is in use to the
		// next member; the books know how many there must be.
		return errors.Join(vault.Known(b.KeySlots()), f.programIs(document, b.Program()))
	}
	queue, err := commit.Open(log, runs, commit.Options{Program: document, TestClock: f.testClock, Still: f.still,
		FrameMax: f.frameMax, Allow: allow, Logger: f.logger})
	if err != nil {
		return nil, errors.Join(err, vault.Close())
	}
	return &shop{queue: queue, vault: vault}, nil
}

// keysOpen tells whether the keys are those of the books, by the profile of the newest
// member who has one: those of another shop under the same master key are whole, too, and
// open nothing.
func keysOpen(vault *people.Vault, b *engine.State, look func(kopilka.Seq) (commit.Record, error)) error {
	for m := b.Members() - 1; m >= 0; m-- {
		at, sealed := b.Profile(kopilka.MemberNo(m))
		if !sealed || at == 0 {
			continue
		}
		r, err := look(at)
		if err != nil {
			return err
		}
		c, is := r.Command.(*kopilka.PutMember)
		if !is || c.KeySlot == 0 {
			continue
		}
		_, err = vault.Open(c.KeySlot, c.Profile)
		if errors.Is(err, people.ErrErased) {
			continue
		}
		if errors.Is(err, people.ErrDamaged) {
			return err
		}
		return nil
	}
	return nil
}

// whole tells whether a folder that was used before still has the file of its
// members' keys, which would otherwise be made anew.
func (f *folder) whole() error {
	keys := filepath.Join(f.dir, people.KeysFile)
	if _, err := os.Stat(keys); !errors.Is(err, os.ErrNotExist) || !wal.Begun(f.dir) {
		return nil
	}
	return fmt.Errorf("%s is missing: the keys that seal the members' data; bring it back from its backup", keys)
}

// document is the program for an empty log.
func (f *folder) document() ([]byte, error) {
	if f.program == "" {
		return program.Builtin(), nil
	}
	if text, ok := program.Shipped(f.program); ok {
		return text, nil // a file of such a name is ./NAME
	}
	text, err := os.ReadFile(f.program)
	if err != nil {
		return nil, fmt.Errorf("read the program: %w; the shipped ones go by the names %s", err, strings.Join(program.ShippedNames(), ", "))
	}
	if _, err := program.Parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w", f.program, err)
	}
	return text, nil
}

// programIs refuses a file that says something else than the log: what is in
// force is changed by a command, not by a restart.
func (f *folder) programIs(document []byte, inForce *program.Program) error {
	if f.program == "" {
		return nil
	}
	given, err := program.Parse(document)
	if err != nil {
		return err
	}
	if !bytes.Equal(given.Document(), inForce.Document()) {
		return fmt.Errorf("%s differs from the program in force in this folder; put it in force with PUT /v1/program, or leave --program out", f.program)
	}
	return nil
}

func (s *shop) close() error { return errors.Join(s.queue.Close(), s.vault.Close()) }
