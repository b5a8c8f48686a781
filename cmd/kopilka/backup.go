package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka/backup"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
	"github.com/spf13/cobra"
)

// backingUp is the flags of backup.
type backingUp struct {
	dir        string
	remote     remote
	peopleKeys string
}

func backupCommand() *cobra.Command {
	var o backingUp
	c := &cobra.Command{
		Use: "backup FILE", Short: "Make a backup: of a running server with --url, or of a folder that no server has open", Args: cobra.ExactArgs(1),
		Long: `Make a backup: of a running server with --url, or of a folder that no server has open.

The backup is the log up to one position, the newest snapshot before it, and the members'
keys as they lie, sealed under the master key. The master key itself is never in it: keep
that apart, for who has both can read everything. Tills go on while a backup is made.

With --people-keys the members' keys go into a file of their own, in place of the older
copy there, and the backup has none. An erasure then reaches every older backup as soon
as that one file was made again.

FILE is written beside its name and read back as a restore would, but for the books; then
it gets its name. It does not replace another file. With - it goes to standard output, and
is not read back: kopilka verify --backup does that, and proves the books, too.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args[0], cmd.Flags().Changed("url"))
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "data", defaultData, "`folder` of the books")
	f.StringVar(&o.peopleKeys, "people-keys", "", "`file` for the members' keys, which the backup then does not have")
	o.remote.flags(c)
	return c
}

func (o *backingUp) run(cmd *cobra.Command, file string, ofServer bool) (err error) {
	if ofServer && o.dir != defaultData {
		return errors.New("--data and --url: of a folder, or of a running server")
	}
	keys := backup.KeysWithin
	if o.peopleKeys != "" {
		keys = backup.KeysApart
	}
	write := func(w io.Writer, keys backup.Keys) error { return o.ofServer(w, keys) }
	if !ofServer {
		if !wal.Begun(o.dir) {
			return fmt.Errorf("there are no books in %s", o.dir)
		}
		log, err := wal.CopyOf(o.dir)
		if err != nil {
			return err
		}
		defer log.Close()
		write = func(w io.Writer, keys backup.Keys) error {
			return backup.Write(w, backup.Source{Version: version, Log: log, Keys: func(w io.Writer) error { return people.Copy(o.dir, w) }}, keys)
		}
	}
	if file == "-" {
		if err := write(cmd.OutOrStdout(), keys); err != nil {
			return err
		}
	} else if err := toFile(cmd.OutOrStdout(), file, func(w io.Writer) error { return write(w, keys) }); err != nil {
		return err
	}
	if o.peopleKeys == "" {
		return nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w, backup.KeysOnly)) }()
	defer r.Close()
	if err := backup.TakeKeys(r, o.peopleKeys); err != nil {
		return fmt.Errorf("the members' keys, for %s: %w", o.peopleKeys, err)
	}
	return nil
}

// ofServer takes a backup from a running server.
func (o *backingUp) ofServer(w io.Writer, keys backup.Keys) error {
	body, err := o.remote.stream("/v1/backup?people_keys=" + string(keys))
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

// toFile writes a backup beside its name, proves it, and gives it its name.
func toFile(out io.Writer, file string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already: a backup does not replace another file", file)
	}
	unfinished := file + ".unfinished"
	f, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("there is %s: another backup is being made, or was cut off; then remove it", unfinished)
	}
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(unfinished)
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	err = backup.Prove(f, backup.Options{Proved: func(p *backup.Proof) error {
		fmt.Fprintf(out, "ok       %s: %d bytes, the members' keys %s\n", file, size, p.Keys)
		fmt.Fprintf(out, "position %d\n", p.Seq)
		fmt.Fprintf(out, "head     %s\n", p.Head)
		return nil
	}})
	if err != nil {
		return fmt.Errorf("the backup that was just made: %w", err)
	}
	if err := os.Rename(unfinished, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
