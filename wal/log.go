package wal

import (
	"errors"
	"io"

	"github.com/kopilka/kopilka"
)

// Log puts batches of commands in one order and makes them durable. It is the
// seam at which a replicated log can stand instead of the one on this disk.
type Log interface {
	// Start restores the machine from the newest snapshot, applies what the log
	// has after it, and begins to take proposals. It returns when all is applied.
	// It is called once: after an error the machine is half filled, and only Close
	// is left.
	Start(Machine) error

	// Propose appends one frame and returns when it is durable; the machine
	// applies it, in order, on the log's own goroutine, which may be after Propose
	// has returned. One goroutine proposes at a time.
	//
	// An error that is ErrNotLogged says that the frame is surely not in the
	// log; after any other error it may yet be, and the log takes no more.
	//
	// The two questions are apart: an ErrNotLogged may also be the end of the log,
	// as when the next epoch cannot be begun or Badger has complained between
	// two frames. Whether the log takes more is what Role says after an error: it
	// is Poisoned before Propose returns, and the error wraps what poisoned it.
	Propose(Proposal) error

	// Fence returns when everything proposed before it is applied.
	Fence() error

	// Role tells whether this log may take proposals. Poisoned is for good, and
	// the process should end.
	Role() Role

	// Checkpoint writes a snapshot of the machine as it stands, reads it
	// back, and lets go of what it covers. It does not stop the writer.
	Checkpoint() error

	// Frame reads back the frame that holds a position, from any epoch. The
	// entry is the caller's.
	Frame(kopilka.Seq) (kopilka.Entry, error)

	// Scan calls f for every frame from the one that holds position from, in
	// order, until f fails or the newest durable frame is reached. The entry is
	// good until f returns.
	Scan(from kopilka.Seq, f func(*kopilka.Entry) error) error

	// Copy gives the log up to its newest durable frame, to be read while it
	// goes on. Closing the log ends the reading.
	Copy() (*Copy, error)

	// Close applies what is durable, and closes. It writes no snapshot: call
	// Checkpoint before for a quick start. It may be called at any time and any
	// number of times, also when Start was not called or has failed.
	Close() error
}

// FrameLimit is how many bytes Body and Kept of a proposal may have together: a
// frame stays under 512 KiB, header and all, however well it packs. More is
// refused with ErrNotLogged. Options.FrameMax may bound Body further; Kept has
// what Body leaves.
const FrameLimit = frameBytesMax - headerSize

// Proposal is a batch of commands on its way into the log.
type Proposal struct {
	Time  kopilka.Time
	Count int    // commands in Body
	Body  []byte // see kopilka.AppendCommand
	Kept  []byte // see kopilka.AppendKept
}

// Machine is what the log's entries are applied to.
type Machine interface {
	// Apply takes the next entry. The entry is good until Apply returns. It
	// cannot fail: what the machine does not accept it refuses, and what it
	// does not understand is a bug, which must end the process.
	Apply(*kopilka.Entry)
	// Applied is the position and the digest of the last entry applied, and the
	// position of its last command. The zero Pos is before the first.
	Applied() (kopilka.Pos, kopilka.Digest, kopilka.Seq)
	// Snapshot takes a picture of the machine as it stands after the last
	// applied entry. It is called between two calls of Apply, is quick, and the
	// picture is then written while Apply goes on.
	Snapshot() (Snapshot, error)
	// Restore fills an empty machine from what a Snapshot wrote.
	Restore(io.Reader) error
}

// Judge is what a machine may be besides: it is asked when all of the log was found right
// and applied, and before anything on disk is changed. An error refuses the start.
type Judge interface {
	// Judge looks at entries by their positions; an entry is its own.
	Judge(look func(kopilka.Seq) (kopilka.Entry, error)) error
}

// Snapshot is a picture of a machine, to be written once and closed.
type Snapshot interface {
	io.WriterTo
	Close()
}

// Role is what this log is among its replicas.
type Role uint8

// A log on one machine is always the leader, until it is poisoned.
const (
	Leader Role = iota + 1
	Follower
	Poisoned
)

var (
	// ErrNotLogged wraps the errors of proposals that are surely not in the log.
	ErrNotLogged = errors.New("not logged")
	// ErrStorageFull wraps the refusal of proposals while the disk is too full.
	ErrStorageFull = errors.New("storage full")

	// ErrBusy is a machine's word that somebody else reads a picture of it at the
	// moment: its snapshot is to be asked for again.
	ErrBusy = errors.New("a picture of the books is being read already")
	// ErrDamaged wraps what is said of a log that lost or changed what it held.
	ErrDamaged = errors.New("damaged")
	// ErrNewer wraps the refusal of a folder that a newer version wrote.
	ErrNewer = errors.New("written by a newer version")
	// ErrInUse wraps the refusal of a folder that another process has open.
	ErrInUse = errors.New("in use by another process")
	// ErrNotFound says that the log has no such position.
	ErrNotFound = errors.New("no such position in the log")
)
