package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
)

// Options of a restore.
type Options struct {
	Until kopilka.Seq // last position to be taken; 0 = all
	// PeopleKeys is a copy of people.keys beside the backup. A key that is destroyed in
	// it is destroyed in what is restored, and keys that only it has are there, too.
	PeopleKeys string
	// Visit is shown every entry that is taken, in order.
	Visit func(*kopilka.Entry) error
	// Snapshot is told, before the first entry, of a snapshot of the books: its file, and
	// the digest of the entry after which it was taken.
	Snapshot func(file string, at kopilka.Digest)
	// Proved is asked when all of it lies in the folder, before it gets its name, or,
	// of Prove, before it is let go. An error takes everything back.
	Proved func(*Proof) error
}

// Proof is a backup of which everything but books and keys was found right.
type Proof struct {
	About
	Dir       string         // where it lies for the moment
	Last      kopilka.Seq    // position at which its log ends
	Digest    kopilka.Digest // of its last frame
	HasKeys   bool           // people.keys lies there, too
	Destroyed int            // keys that PeopleKeys destroyed

	Snapshot string // file of a snapshot of the books; empty = there is none
}

// restoring is added to the name of a folder while it is being filled.
const restoring = ".restoring"

// Restore makes a data folder of a backup: in a new folder beside it, which is proved,
// synced and renamed at the end. Where there is a folder that holds anything, or where
// the backup is not as it was written, it fails and leaves nothing behind.
func Restore(r io.Reader, dir string, o Options) (err error) {
	dir = filepath.Clean(dir)
	names, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("restore into %s: %w", dir, err)
	case len(names) > 0:
		return fmt.Errorf("restore into %s: it is not empty: it has %s; a backup is restored into a new folder, or an empty one", dir, names[0].Name())
	}
	beside := dir + restoring
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("restore into %s: %w", dir, err)
	}
	if err := os.Mkdir(beside, 0o755); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("restore into %s: there is %s: another restore is at work, or was cut off; then remove it", dir, beside)
	} else if err != nil {
		return fmt.Errorf("restore into %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(beside))
		}
	}()
	log, err := wal.Restore(beside, o.Until, o.Visit)
	if err != nil {
		return err
	}
	if err := take(r, log, beside, &o, false); err != nil {
		return err
	}
	if err := syncDir(beside); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("restore into %s: the empty folder cannot be replaced; name a folder inside it: %w", dir, err)
	}
	if err := os.Rename(beside, dir); err != nil {
		return fmt.Errorf("restore into %s: %w", dir, err)
	}
	return syncDir(filepath.Dir(dir))
}

// Prove reads a backup as a restore would, and keeps nothing of it. Parts of it lie in
// the system's folder for such files for a while, an epoch at a time.
func Prove(r io.Reader, o Options) (err error) {
	dir, err := os.MkdirTemp("", "kopilka-backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log, err := wal.Prove(filepath.Join(dir, "log"), o.Visit)
	if err != nil {
		return err
	}
	return take(r, log, filepath.Join(dir, "log"), &o, true)
}

// take reads a backup into a folder, to its close.
func take(r io.Reader, log *wal.Restoring, dir string, o *Options, proving bool) error {
	x, about, err := begin(r)
	if err != nil {
		return err
	}
	// Said before anything is written.
	switch {
	case about.Keys == KeysOnly:
		return errors.New("it has the members' keys and nothing else: it goes beside a backup of the log")
	case o.Until > about.Seq:
		return fmt.Errorf("it ends at position %d, and so before %d", about.Seq, o.Until)
	case about.Keys == KeysApart && o.PeopleKeys == "" && !proving:
		return errors.New("the members' keys lie apart from it: the newest copy of " + people.KeysFile + " is to be given with it")
	}
	digest, err := hex.DecodeString(about.Head)
	if err != nil || len(digest) != len(kopilka.Digest{}) {
		return fmt.Errorf("its head %q is no digest: %w", about.Head, ErrDamaged)
	}
	end := kopilka.Pos{Epoch: about.Epoch, Index: about.Frame}
	keys := filepath.Join(dir, people.KeysFile)
	with := false // its keys were taken
	for {
		name, err := x.next()
		if err != nil {
			return err
		}
		switch {
		case name == "":
			if err := log.Finish(end, kopilka.Digest(digest), about.Seq); err != nil {
				return fromLog(err)
			}
			if with != (about.Keys == KeysWithin) {
				return fmt.Errorf("its keys were announced as %s, and are not so: %w", about.Keys, ErrDamaged)
			}
			return prove(log, &about, dir, keys, with, o)
		case with:
			return x.damaged("something follows the keys")
		case name == people.KeysFile:
			with = true
			err = writeFile(keys, x)
		default:
			err = o.part(log, name, x)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, x) // to the section's end, which is proved
		}
		if err != nil {
			return err
		}
	}
}

// part gives the log the next part.
func (o *Options) part(log *wal.Restoring, name string, x *reader) error {
	before, _ := log.Snapshot()
	if err := log.Take(name, x); err != nil {
		return fromLog(err)
	}
	if file, at := log.Snapshot(); file != before && o.Snapshot != nil {
		o.Snapshot(file, at)
	}
	return nil
}

// prove looks at what lies in the folder now.
func prove(log *wal.Restoring, about *About, dir, keys string, with bool, o *Options) (err error) {
	p := Proof{About: *about, Dir: dir, HasKeys: with}
	_, p.Digest, p.Last = log.End()
	p.Snapshot, _ = log.Snapshot()
	switch {
	case o.PeopleKeys == "":
	case with:
		if p.Destroyed, err = people.Unite(dir, o.PeopleKeys); err != nil {
			return err
		}
	default:
		p.HasKeys = true
		if err := copyFile(keys, o.PeopleKeys); err != nil {
			return err
		}
	}
	if o.Proved != nil {
		return o.Proved(&p)
	}
	return nil
}

// begin reads a backup up to the end of what it is about.
func begin(r io.Reader) (*reader, About, error) {
	x, err := newReader(r)
	if err != nil {
		return nil, About{}, err
	}
	name, err := x.next()
	if err != nil {
		return nil, About{}, err
	}
	if name != aboutName {
		return nil, About{}, x.damaged("the first section is not %q", aboutName)
	}
	b, err := io.ReadAll(io.LimitReader(x, chunkMax+1))
	if err != nil {
		return nil, About{}, err
	}
	if len(b) > chunkMax {
		return nil, About{}, x.damaged("it says too much")
	}
	about, err := readAbout(b)
	return x, about, err
}

// fromLog makes the log's word for damage the backup's, too.
func fromLog(err error) error {
	if errors.Is(err, wal.ErrDamaged) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// TakeKeys writes the members' keys of a backup that has nothing else into a file, in
// the place of an older copy of them; whole, or not at all.
func TakeKeys(r io.Reader, file string) error {
	x, about, err := begin(r)
	if err != nil {
		return err
	}
	if about.Keys != KeysOnly {
		return errors.New("it has more than the members' keys")
	}
	unfinished := file + restoring
	defer os.Remove(unfinished)
	if name, err := x.next(); err != nil || name != people.KeysFile {
		return errors.Join(err, x.damaged("it has no keys"))
	}
	if err := writeFile(unfinished, x); err != nil {
		return err
	}
	if name, err := x.next(); err != nil || name != "" {
		return errors.Join(err, x.damaged("something follows the keys"))
	}
	if err := people.Check(unfinished); err != nil {
		return err
	}
	if err := os.Rename(unfinished, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

func copyFile(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeFile(to, f)
}

// writeFile writes a new file, durably but for its name. The keys are for their owner
// alone.
func writeFile(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
