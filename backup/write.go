package backup

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
)

// Source is what a backup is made of.
type Source struct {
	Version string                // of the program that makes it
	Log     *wal.Copy             // nil for KeysOnly
	Keys    func(io.Writer) error // writes people.keys; asked when the log has been written
}

// Write writes a backup. The keys come last: a key is on disk before the books know
// its member, so all that the log needs are there, and what was destroyed while the log
// was being written is destroyed.
func Write(w io.Writer, from Source, keys Keys) error {
	about := About{Format: formatNumber, Version: from.Version, Made: time.Now().UTC().Truncate(time.Second), Keys: keys}
	if keys != KeysOnly {
		pos, digest, seq := from.Log.End()
		about.Seq, about.Epoch, about.Frame, about.Head = seq, pos.Epoch, pos.Index, hex.EncodeToString(digest[:])
	}
	x, err := newWriter(w)
	if err == nil {
		err = x.section(aboutName, false, func(w io.Writer) error {
			_, err := w.Write(about.bytes())
			return err
		})
	}
	if err == nil && keys != KeysOnly {
		err = from.Log.Each(func(name string, part io.WriterTo) error {
			// Sealed epochs are packed as they lie.
			packs := !strings.HasSuffix(name, ".sealed")
			return x.section(name, packs, func(w io.Writer) error {
				_, err := part.WriteTo(w)
				return err
			})
		})
	}
	if err == nil && keys != KeysApart {
		err = x.section(people.KeysFile, true, from.Keys)
	}
	if err == nil {
		err = x.close()
	}
	if err != nil {
		return fmt.Errorf("write a backup: %w", err)
	}
	return nil
}
