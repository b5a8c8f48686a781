package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/backup"
	"github.com/kopilka/kopilka/people"
	"github.com/spf13/cobra"
)

// restoring is the flags of restore.
type restoring struct {
	dir        string
	masterKey  string
	peopleKeys string
	until      uint64
	quick      bool
}

func restoreCommand() *cobra.Command {
	var o restoring
	c := &cobra.Command{
		Use: "restore FILE", Short: "Make a data folder of a backup, as it was then or at an earlier position", Args: cobra.ExactArgs(1),
		Long: `Make a data folder of a backup. Everything is proved before the folder gets its name, as
kopilka verify does: the log from its first frame, the books, the snapshot, the keys. A
backup that is cut, altered or made of two is refused, and nothing is left behind.

With --until the books are those that stood after that position: the log ends there, and
what came later is not in it.

Whoever was erased after the backup was made is known again by its keys. Give the newest
copy of people.keys with --people-keys: what is destroyed there is destroyed in what is
restored. Of members whose keys are destroyed and whom the restored books still know, the
cards are printed: erase them again.

The master key is not in a backup: bring it back, too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("until") && o.until < firstBooks {
				return fmt.Errorf("--until %d: books begin with position %d, which puts the first program in force", o.until, firstBooks)
			}
			return o.run(cmd.OutOrStdout(), args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "data", defaultData, "`folder` to be made; an empty one is replaced")
	f.StringVar(&o.masterKey, "master-key", "", "`file` of the key that seals personal data (default: the data folder's name with .key)")
	f.StringVar(&o.peopleKeys, "people-keys", "", "`file`, the newest copy of people.keys")
	f.Uint64Var(&o.until, "until", 0, "last `position` to be restored (default: all)")
	f.BoolVar(&o.quick, "quick", false, "do not do the commands again: checksums and the chain of the log are proved, books and keys are not")
	return c
}

// firstBooks is the first position after which there are books that can be served:
// what makes a log and the first program lie in one frame.
const firstBooks = 2

func (o *restoring) run(out io.Writer, file string) error {
	in, err := openBackup(file)
	if err != nil {
		return err
	}
	defer in.Close()
	if o.masterKey == "" {
		o.masterKey = filepath.Clean(o.dir) + ".key"
	}
	err = backup.Restore(in, o.dir, backup.Options{Until: kopilka.Seq(o.until), PeopleKeys: o.peopleKeys,
		Proved: func(p *backup.Proof) error { return o.proved(out, p) }})
	if err != nil {
		return fmt.Errorf("backup %s: %w", file, err)
	}
	fmt.Fprintf(out, "ok       %s, from %s\n", o.dir, file)
	return nil
}

// proved proves what was restored before it gets its name.
func (o *restoring) proved(out io.Writer, p *backup.Proof) error {
	fmt.Fprintf(out, "backup   made %s of position %d\n", p.Made.Format("2006-01-02 15:04:05 MST"), p.Seq)
	switch {
	case o.peopleKeys == "":
		fmt.Fprintf(out, "note     the keys are those of then: whoever was erased since is known again; --people-keys with a newer copy mends that\n")
	case p.Destroyed > 0:
		fmt.Fprintf(out, "note     %d keys were destroyed after the backup was made, and are destroyed here\n", p.Destroyed)
	}
	if o.quick {
		fmt.Fprintf(out, "note     books and keys were not proved: kopilka verify does that\n")
		fmt.Fprintf(out, "position %d\n", p.Last)
		fmt.Fprintf(out, "head     %x\n", p.Digest)
		return nil
	}
	return verify(out, p.Dir, o.masterKey, "")
}

// openBackup opens a backup for reading; - is standard input.
func openBackup(file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(file)
}

// verifyBackup reads a backup as a restore would, books and all, and keeps nothing.
func verifyBackup(out io.Writer, file, masterKey, head string) error {
	in, err := openBackup(file)
	if err != nil {
		return err
	}
	defer in.Close()
	p := newProof()
	if err := p.cameBy(head); err != nil {
		return err
	}
	err = backup.Prove(in, backup.Options{
		Visit:    p.apply,
		Snapshot: func(file string, at kopilka.Digest) { p.pictures[at] = file },
		Proved: func(b *backup.Proof) error {
			fmt.Fprintf(out, "backup   made %s by version %s\n", b.Made.Format("2006-01-02 15:04:05 MST"), b.Version)
			if err := p.books(out, file); err != nil {
				return err
			}
			if !b.HasKeys {
				fmt.Fprintf(out, "note     the members' keys lie apart\n")
			} else if masterKey != "" {
				if err := verifyKeys(out, b.Dir, masterKey, p); err != nil {
					return err
				}
			} else if keys, err := people.Verify(b.Dir, filepath.Join(b.Dir, "none"), p.replay.State().KeySlots()); !errors.Is(err, people.ErrNoMaster) {
				return err
			} else {
				fmt.Fprintf(out, "note     %d keys, none of them opened: there is no --master-key\n", keys)
			}
			p.head(out, b.Digest)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("backup %s: %w", file, err)
	}
	return nil
}
