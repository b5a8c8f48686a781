package commit

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// Replay folds a log into books of its own, for whoever wants to prove or to
// explain it. It compares the outcomes that the log keeps with those that its
// commands have now.
type Replay struct {
	// Told, when it is set, hears what every command leads to. The outcome is good
	// until it returns.
	Told func(kopilka.Seq, *kopilka.Outcome)

	machine *machine
}

// NewReplay is books before the first entry.
func NewReplay() *Replay { return &Replay{machine: newMachine(nil)} }

// Apply takes the next entry. An error says that the log does not hold what
// its commands lead to.
func (r *Replay) Apply(e *kopilka.Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("entry %d, positions from %d: %v", e.Pos.Index, e.First, p)
		}
	}()
	r.machine.told = r.Told
	r.machine.Apply(e)
	return nil
}

// State is the books so far.
func (r *Replay) State() *engine.State { return r.machine.state }

// Same tells whether a snapshot has the books as they are so far; open begins to read
// it. The bytes are compared; where they differ, as those of an older version may, the
// snapshot is restored, which takes the memory of the books once more, and what it
// has come to is compared.
func (r *Replay) Same(open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	same, err := r.sameBytes(in)
	if err = errors.Join(err, in.Close()); err != nil || same {
		return err
	}
	if in, err = open(); err != nil {
		return err
	}
	other := newMachine(nil)
	if err := errors.Join(other.Restore(in), in.Close()); err != nil {
		return err
	}
	m := r.machine
	switch {
	case other.pos != m.pos || other.digest != m.digest || other.state.Seq() != m.state.Seq():
		return fmt.Errorf("it stands at entry %d, position %d; the log led to entry %d, position %d", other.pos.Index, other.state.Seq(), m.pos.Index, m.state.Seq())
	case other.state.Hash() != m.state.Hash():
		return fmt.Errorf("its books are not those that the log leads to: their state is %x, that of the log %x", other.state.Hash(), m.state.Hash())
	case !bytes.Equal(other.kept.bytes(), m.kept.bytes()):
		return errors.New("its outcomes are not those that the log leads to")
	}
	return nil
}

func (r *Replay) sameBytes(in io.Reader) (bool, error) {
	p, err := r.machine.Snapshot()
	if err != nil {
		return false, err
	}
	defer p.Close()
	w := comparing{in: in}
	_, err = p.WriteTo(&w)
	if errors.Is(err, errDiffers) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var more [1]byte
	n, err := io.ReadFull(in, more[:])
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n == 0, err
}

var errDiffers = errors.New("the bytes differ")

// comparing is a writer that wants to be written what in reads.
type comparing struct {
	in  io.Reader
	buf []byte
}

func (c *comparing) Write(b []byte) (int, error) {
	c.buf = append(c.buf[:0], b...)
	_, err := io.ReadFull(c.in, c.buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && !bytes.Equal(b, c.buf) {
		return 0, errDiffers
	}
	return len(b), err
}
