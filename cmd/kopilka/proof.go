package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/wal"
)

// proof folds a log from its first command and holds against it, on the way, what else
// is kept of the books: snapshots, the ids on disk, what is sealed under members' keys.
type proof struct {
	replay   *commit.Replay
	pictures map[kopilka.Digest]string // files of snapshots, by the entry after which they were taken
	runs     *outcomes.Runs            // nil when there are none
	ends     []end                     // of the runs, oldest first
	vault    *people.Vault             // nil without the master key

	published *kopilka.Digest // a head that the log is to have come by; nil = none
	passed    kopilka.Seq     // the position at which it did

	decoder  kopilka.Decoder
	accepted []bool // commands of the entry
	keys     []uint64
	pairs    uint64 // fingerprints that were found on disk
	opened   uint64 // sealed profiles and words that a key opened
}

// end is the last position of a run, and the entry that its log had there.
type end struct {
	file string
	last kopilka.Seq
	at   kopilka.Digest
}

func newProof() *proof {
	p := &proof{replay: commit.NewReplay(), pictures: map[kopilka.Digest]string{}}
	p.replay.Told = func(_ kopilka.Seq, out *kopilka.Outcome) {
		p.accepted = append(p.accepted, out.Refusal == kopilka.Accepted)
	}
	return p
}

func (p *proof) close() error {
	var errs []error
	if p.runs != nil {
		errs = append(errs, p.runs.Close())
	}
	if p.vault != nil {
		errs = append(errs, p.vault.Close())
	}
	return errors.Join(errs...)
}

// cameBy takes a head, in hexadecimal, that was published earlier.
func (p *proof) cameBy(head string) error {
	if head == "" {
		return nil
	}
	b, err := hex.DecodeString(head)
	if err != nil || len(b) != len(kopilka.Digest{}) {
		return fmt.Errorf("--head %q is no head: 64 hexadecimal digits", head)
	}
	d := kopilka.Digest(b)
	p.published = &d
	return nil
}

// with looks for ids and keys in a folder.
func (p *proof) with(dir, masterKey string) (err error) {
	ids := filepath.Join(dir, "ids")
	if _, err := os.Stat(ids); !errors.Is(err, os.ErrNotExist) {
		if p.runs, err = outcomes.Look(ids); err != nil {
			return fmt.Errorf("the ids of %s: %w", dir, err)
		}
		_ = p.runs.Ends(func(file string, last kopilka.Seq, at kopilka.Digest) error {
			p.ends = append(p.ends, end{file, last, at})
			return nil
		})
	}
	if p.vault, err = people.Look(dir, masterKey); err != nil && !errors.Is(err, people.ErrNoMaster) {
		return fmt.Errorf("the keys of %s: %w", dir, err)
	}
	return nil
}

// apply does the next entry.
func (p *proof) apply(e *kopilka.Entry) error {
	p.accepted = p.accepted[:0]
	if err := p.replay.Apply(e); err != nil {
		return err
	}
	if p.published != nil && e.Digest == *p.published {
		p.passed = e.First + kopilka.Seq(e.Count) - 1
	}
	if p.runs != nil || p.vault != nil {
		body := e.Body
		for i, accepted := range p.accepted {
			c, rest, err := p.decoder.Next(body)
			if err == nil && accepted {
				err = p.command(e.First+kopilka.Seq(i), c)
			}
			if err != nil {
				return fmt.Errorf("position %d: %w", e.First+kopilka.Seq(i), err)
			}
			body = rest
		}
	}
	for len(p.ends) > 0 && p.ends[0].last < e.First+kopilka.Seq(e.Count) {
		if x := p.ends[0]; x.at != e.Digest {
			return fmt.Errorf("%s is %w: at position %d its log had another entry; without it, it is made again from the log", x.file, outcomes.ErrDamaged, x.last)
		}
		p.ends = p.ends[1:]
	}
	file, is := p.pictures[e.Digest]
	if !is {
		return nil
	}
	if err := p.replay.Same(func() (io.ReadCloser, error) { return wal.OpenSnapshot(file) }); err != nil {
		return fmt.Errorf("%s is damaged: %w", file, err)
	}
	return nil
}

// command holds what is kept of a command against it.
func (p *proof) command(seq kopilka.Seq, c kopilka.Command) error {
	if p.runs != nil && seq <= p.runs.Covered() {
		p.keys = kopilka.AppendFingerprints(p.keys[:0], c)
		for _, key := range p.keys {
			// Of commands under one fingerprint the newest of a generation is enough.
			there := false
			err := p.runs.Find(key, func(at kopilka.Seq) bool { there = there || at >= seq; return !there })
			if err != nil {
				return err
			}
			if !there {
				return fmt.Errorf("the ids on disk do not have a %s of the log: the folder ids is damaged; without it, it is made again from the log", c.Kind())
			}
			p.pairs++
		}
	}
	if p.vault == nil {
		return nil
	}
	var err error
	switch c := c.(type) {
	case *kopilka.PutMember:
		if c.KeySlot != 0 {
			_, err = p.vault.Open(c.KeySlot, c.Profile)
		}
	case *kopilka.Note:
		if c.KeySlot != 0 {
			_, err = p.vault.OpenWords(c.KeySlot, c.Words)
		}
	case *kopilka.Rating:
		if c.KeySlot != 0 && len(c.Words) > 0 {
			_, err = p.vault.OpenWords(c.KeySlot, c.Words)
		}
	default:
		return nil
	}
	switch {
	case errors.Is(err, people.ErrErased):
		return nil
	case err != nil:
		return fmt.Errorf("what is sealed in a %s does not open with %s: %w", c.Kind(), people.KeysFile, err)
	}
	p.opened++
	return nil
}

// books says what the log has led to, when it all agrees.
func (p *proof) books(out io.Writer, dir string) error {
	s := p.replay.State()
	if err := s.Check(); err != nil {
		return fmt.Errorf("the books of %s at position %d: %w", dir, s.Seq(), err)
	}
	if len(p.ends) > 0 {
		return fmt.Errorf("%s is %w: it has ids up to position %d, and the log ends at %d", p.ends[0].file, outcomes.ErrDamaged, p.ends[0].last, s.Seq())
	}
	if p.published != nil && p.passed == 0 {
		return fmt.Errorf("the log of %s has never had the head %x: it is another history than the one that was published", dir, *p.published)
	}
	b := s.Books()
	fmt.Fprintf(out, "ok       books: %d members, %d receipts, %d points in entries, lots and debts alike\n", s.Members(), b.Receipts+b.Anonymous, b.Points())
	if p.published != nil {
		fmt.Fprintf(out, "ok       head %x was that of position %d\n", *p.published, p.passed)
	}
	if p.runs != nil && p.runs.Covered() > 0 {
		fmt.Fprintf(out, "ok       ids on disk: %d of positions 1 to %d, each where the log has it\n", p.pairs, p.runs.Covered())
	}
	return nil
}

// forgotten says of whom the books still know although his keys are destroyed: whoever
// was erased after a backup was made, and came back with it.
func (p *proof) forgotten(out io.Writer) {
	if p.vault == nil {
		return
	}
	s := p.replay.State()
	for no := range kopilka.MemberNo(s.Members()) {
		if slot, erased := s.ErasedKey(no); slot != 0 && !erased && p.vault.Erased(slot) {
			fmt.Fprintf(out, "erase    %s: the key of this card's member is destroyed, and the books still know him\n", s.Card(no))
		}
	}
}

// head says where the log stands.
func (p *proof) head(out io.Writer, digest kopilka.Digest) {
	s := p.replay.State()
	fmt.Fprintf(out, "position %d, business day %s\n", s.Seq(), s.Day())
	fmt.Fprintf(out, "state    %x\n", s.Hash())
	fmt.Fprintf(out, "head     %x\n", digest)
}
