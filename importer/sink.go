package importer

import (
	"context"
	"time"
)

// Sink is the books that rows go into.
type Sink interface {
	// Open reaches the books and tells what an import needs to know of them.
	Open(ctx context.Context) (Books, error)
	// Has tells whether a sale or a member with this id is in the books. A sink
	// that cannot tell says no.
	Has(ctx context.Context, id string) (bool, error)
	// Submit puts rows into the books, in order, makes members of cards that
	// are not known, and fills in a result for each. What it says is durable. After
	// an error some of the rows may be in the books; submitted again they are
	// replays.
	Submit(ctx context.Context, rows []*Row, results []Result) error
}

// Books is what an import needs to know of the books behind a sink.
type Books struct {
	Name string // the same at every call, and other books have another one
	Zone *time.Location
	Earn bool // sales earn, as the sink was asked to let them
}

// Result is what became of a row.
type Result struct {
	Fate     Fate
	Reason   string // of Refused and Later
	Enrolled bool   // the row's member was made
}

// Fate is what became of a row.
type Fate uint8

const (
	Done     Fate = iota + 1
	Replayed      // it was in the books already
	Refused       // and is set aside
	// Later says that the row names another one, a receipt or a referrer, that is
	// not in the books yet. It is tried again after the last row of the file.
	Later
)
