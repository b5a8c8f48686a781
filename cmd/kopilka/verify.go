package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
	"github.com/spf13/cobra"
)

func verifyCommand() *cobra.Command {
	var dir, masterKey, file, head string
	c := &cobra.Command{
		Use: "verify", Short: "Prove that a folder, or a backup, is whole: the log, its snapshots, the books, the indexes, the keys", Args: cobra.NoArgs,
		Long: `Prove that a folder is whole. It reads everything and writes nothing:

  the log        every frame from the first to the last, its checksum and its link to the frame before
  the books      every command is applied again from the first; every outcome that the log
                 keeps must come out again; points, lots, entries and segments must agree
  the snapshots  their checksums, that they stand on the chain, and that their books are those
                 that the log has led to at that place
  the ids        the checksums and the order of the runs, and that every id of the log is found in them
  the keys       every member's key opens under the master key, none is missing, and each opens
                 what is sealed under it in the log

The folder must not be in use. The head that is printed names the whole history:
publish it elsewhere, and nobody can rewrite the log unseen: --head with one that was
published earlier fails unless the log has come by it. Status 0: whole; 1: not.

With --backup a backup is proved instead, as far as that goes without the master key.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" {
				if cmd.Flags().Changed("data") {
					return errors.New("--data and --backup: a folder, or a backup")
				}
				return verifyBackup(cmd.OutOrStdout(), file, masterKey, head)
			}
			return verify(cmd.OutOrStdout(), dir, masterKey, head)
		},
	}
	c.Flags().StringVar(&dir, "data", defaultData, "`folder` of the books")
	c.Flags().StringVar(&file, "backup", "", "`file` of a backup, or - for standard input")
	c.Flags().StringVar(&head, "head", "", "`digest` that was published earlier, which the log is to have come by")
	c.Flags().StringVar(&masterKey, "master-key", "", "`file` of the key that seals personal data (default: the data folder's name with .key)")
	return c
}

func verify(out io.Writer, dir, masterKey, head string) (err error) {
	if masterKey == "" {
		masterKey = filepath.Clean(dir) + ".key"
	}
	p := newProof()
	if err := p.cameBy(head); err != nil {
		return err
	}
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
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.with(dir, masterKey); err != nil {
		return err
	}
	p.pictures = sum.Pictures
	if err := wal.Each(dir, p.apply); err != nil {
		return fmt.Errorf("the books of %s: %w", dir, err)
	}
	if err := p.books(out, dir); err != nil {
		return err
	}
	if err := verifyKeys(out, dir, masterKey, p); err != nil {
		return err
	}
	p.forgotten(out)
	p.head(out, sum.Digest)
	return nil
}

// verifyKeys checks the members' keys, and opens them if the master key is at
// hand. The books know how many slots there must be.
func verifyKeys(out io.Writer, dir, masterKey string, p *proof) error {
	file := filepath.Join(dir, people.KeysFile)
	keys, err := people.Verify(dir, masterKey, p.replay.State().KeySlots())
	switch {
	case errors.Is(err, people.ErrNoMaster):
		fmt.Fprintf(out, "note     %s: %d keys, none of them opened: %v\n", file, keys, err)
	case err != nil:
		return fmt.Errorf("the keys of %s: %w", dir, err)
	default:
		fmt.Fprintf(out, "ok       %s: %d keys, which open %d sealed texts of the log\n", file, keys, p.opened)
	}
	return nil
}
