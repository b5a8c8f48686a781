package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
	"github.com/spf13/cobra"
)

func verifyCommand() *cobra.Command {
	var dir, masterKey string
	c := &cobra.Command{
		Use: "verify", Short: "Prove that a folder is whole: the log, its snapshots, the books, the indexes, the keys", Args: cobra.NoArgs,
		Long: `Prove that a folder is whole. It reads everything and writes nothing:

  the log        every frame from the first to the last, its checksum and its link to the frame before
  the snapshots  their checksums, and that they stand on the chain
  the ids        the checksums and the order of the runs
  the books      every command is applied again from the first; every outcome that the log
                 keeps must come out again; points, lots, entries and segments must agree
  the keys       every member's key opens under the master key, and none is missing

The folder must not be in use. The head that is printed names the whole history:
publish it elsewhere, and nobody can rewrite the log unseen. Status 0: whole; 1: not.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return verify(cmd.OutOrStdout(), dir, masterKey) },
	}
	c.Flags().StringVar(&dir, "data", "./data", "`folder` of the books")
	c.Flags().StringVar(&masterKey, "master-key", "", "`file` of the key that seals personal data (default: the data folder's name with .key)")
	return c
}

func verify(out io.Writer, dir, masterKey string) error {
	sum, err := wal.Verify(dir, func(r wal.Report) {
		switch {
		case r.Err != nil:
			fmt.Fprintf(out, "WRONG    %v\n", r.Err)
		case r.Note != "":
			fmt.Fprintf(out, "note     %s: %s\n", r.File, r.Note)
		case r.Frames > 0:
			fmt.Fprintf(out, "ok       %s: %d frames, %d bytes\n", r.File, r.Frames, r.Bytes)
		default:
			fmt.Fprintf(out, "ok       %s: %d bytes\n", r.File, r.Bytes)
		}
	})
	if err != nil {
		return fmt.Errorf("the log of %s: %w", dir, err)
	}
	ids := filepath.Join(dir, "ids")
	if _, err := os.Stat(ids); !errors.Is(err, os.ErrNotExist) {
		if err := outcomes.Verify(ids); err != nil {
			return fmt.Errorf("the ids of %s: %w", dir, err)
		}
		fmt.Fprintf(out, "ok       %s\n", ids)
	}
	replay := commit.NewReplay()
	if err := wal.Each(dir, replay.Apply); err != nil {
		return fmt.Errorf("the books of %s: %w", dir, err)
	}
	s := replay.State()
	if err := s.Check(); err != nil {
		return fmt.Errorf("the books of %s at position %d: %w", dir, s.Seq(), err)
	}
	b := s.Books()
	fmt.Fprintf(out, "ok       books: %d members, %d receipts, %d points in entries, lots and debts alike\n", s.Members(), b.Receipts+b.Anonymous, b.Points())
	if err := verifyKeys(out, dir, masterKey, s.KeySlots()); err != nil {
		return err
	}
	fmt.Fprintf(out, "position %d, business day %s\n", s.Seq(), s.Day())
	fmt.Fprintf(out, "state    %x\n", s.Hash())
	fmt.Fprintf(out, "head     %x\n", sum.Digest)
	return nil
}

// verifyKeys checks the members' keys, and opens them if the master key is at
// hand. The books know how many slots there must be.
func verifyKeys(out io.Writer, dir, masterKey string, slots uint32) error {
	if masterKey == "" {
		masterKey = filepath.Clean(dir) + ".key"
	}
	file := filepath.Join(dir, people.KeysFile)
	keys, err := people.Verify(dir, masterKey, slots)
	switch {
	case errors.Is(err, people.ErrNoMaster):
		fmt.Fprintf(out, "note     %s: %d keys, none of them opened: %v\n", file, keys, err)
	case err != nil:
		return fmt.Errorf("the keys of %s: %w", dir, err)
	default:
		fmt.Fprintf(out, "ok       %s: %d keys\n", file, keys)
	}
	return nil
}
