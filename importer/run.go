package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Look opens the file and reads its header: what is wrong with the options or with
// the file as a whole is told before there are books to put it into.
func Look(opts Options) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	r, err := openReader(opts, opts.Zone)
	if err != nil {
		return err
	}
	return r.Close()
}

// Run imports a file into a sink. Rows that are set aside are no error: an
// error says that the file could not be read to its end, or the books not
// reached. The same call again goes on where this one ended.
func Run(ctx context.Context, opts Options, sink Sink) (Summary, error) {
	start := time.Now()
	opts, err := opts.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	books, err := sink.Open(ctx)
	if err != nil {
		return Summary{}, err
	}
	x := &run{opts: opts, sink: sink, zone: opts.Zone, saved: start}
	if x.zone == nil {
		x.zone = books.Zone
	}
	if x.place, err = placeOf(opts, books, x.zone); err != nil {
		return Summary{}, err
	}
	if x.place, err = resume(ctx, x.place, opts, sink); err != nil {
		return Summary{}, err
	}
	x.summary = x.place.Summary
	x.summary.Resumed = x.place.Row
	err = x.run(ctx)
	x.summary.Took = time.Since(start)
	if x.summary.SetAside > 0 {
		x.summary.RejectedFile = opts.RejectedFile
	}
	return x.summary, err
}

// run is one import under way.
type run struct {
	opts     Options
	sink     Sink
	zone     *time.Location
	rejected *rejected
	summary  Summary
	place    place
	saved    time.Time
	unsaved  bool // the place cannot be written, and that was said
	// later are the rows that name one which is not in the books yet. While
	// there are any, the place is not saved: it would skip them.
	later   []*Row
	results []Result
}

// saveEvery is how much work a crash makes an import repeat. Tests change it.
var saveEvery = time.Second

func (x *run) run(ctx context.Context) (err error) {
	r, err := openReader(x.opts, x.zone)
	if err != nil {
		return err
	}
	defer r.Close()
	if x.rejected, err = openRejected(x.opts.RejectedFile, x.opts.Delimiter, r.header, x.place.Rejected); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.rejected.close()) }()

	if err := x.pour(ctx, r); err != nil {
		return err
	}
	if err := x.pourLater(ctx); err != nil {
		return err
	}
	if err := os.Remove(x.opts.placePath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		x.opts.Logger.Warn("import: the progress file stays", "err", err)
	}
	return nil
}

// batch is rows on their way from the reader to the sink.
type batch struct {
	rows   []Row
	faults []string // why a row is set aside; empty = it is not
	keep   []string // the fields of all rows
	good   []*Row
	err    error // after the last row: io.EOF, or why the file cannot be read on
}

// pour reads rows on one goroutine and submits them on another.
func (x *run) pour(ctx context.Context, r *reader) error {
	ctx, cancel := context.WithCancel(ctx)
	full, empty := make(chan *batch), make(chan *batch, 3)
	for range cap(empty) {
		empty <- &batch{rows: make([]Row, 0, x.opts.BatchRows)}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case b := <-empty:
				x.fill(b, r)
				select {
				case full <- b:
				case <-ctx.Done():
					return
				}
				if b.err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	// The reader is the caller's to close once the goroutine has left it.
	defer func() { cancel(); <-ended }()

	m := newMeter("importing", x.place.Size, x.opts.Logger)
	defer m.done()
	for {
		select {
		case b := <-full:
			if err := x.submit(ctx, b); err != nil {
				return err
			}
			m.at(r.source.read.Load(), x.summary.Rows)
			if b.err == io.EOF {
				return nil
			}
			if b.err != nil {
				return b.err
			}
			empty <- b
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fill reads the next rows, without those that an earlier run has done.
func (x *run) fill(b *batch, r *reader) {
	b.rows, b.faults, b.keep, b.good, b.err = b.rows[:0], b.faults[:0], b.keep[:0], b.good[:0], nil
	from := x.summary.Resumed
	for len(b.rows) < cap(b.rows) {
		var row Row
		keep, err := r.next(&row, b.keep)
		bad, set := err.(fault)
		if err != nil && !set {
			b.err = err
			return
		}
		if r.no <= from {
			continue
		}
		b.keep = keep
		b.rows = append(b.rows, row)
		b.faults = append(b.faults, bad.reason)
	}
}

// submit puts the rows of a batch into the books and notes what became of them.
func (x *run) submit(ctx context.Context, b *batch) error {
	for i := range b.rows {
		if b.faults[i] == "" {
			b.good = append(b.good, &b.rows[i])
		}
	}
	results, err := x.send(ctx, b.good)
	if err != nil {
		return err
	}
	lastID := x.place.ID
	for i := range b.rows {
		row := &b.rows[i]
		x.summary.Rows++
		if b.faults[i] != "" {
			if err := x.setAside(row, b.faults[i]); err != nil {
				return err
			}
			continue
		}
		result := &results[0]
		results = results[1:]
		x.summary.count(row, result)
		switch result.Fate {
		case Refused:
			if err := x.setAside(row, result.Reason); err != nil {
				return err
			}
		case Later:
			kept := *row
			kept.fields = slices.Clone(row.fields) // the batch is used again
			x.later = append(x.later, &kept)
		default:
			if row.Deed != GoodsBack {
				lastID = row.ID
			}
		}
	}
	return x.save(b, lastID)
}

func (x *run) send(ctx context.Context, rows []*Row) ([]Result, error) {
	x.results = slices.Grow(x.results[:0], len(rows))[:len(rows)]
	clear(x.results)
	if len(rows) == 0 {
		return x.results, nil
	}
	if err := x.sink.Submit(ctx, rows, x.results); err != nil {
		return nil, fmt.Errorf("import: rows %d to %d: %w", rows[0].No, rows[len(rows)-1].No, err)
	}
	return x.results, nil
}

func (x *run) setAside(row *Row, reason string) error {
	x.summary.SetAside++
	return x.rejected.add(row, reason)
}

// save writes the place from time to time. Where it cannot be written, as beside
// a file on a read-only disk, the import goes on without.
func (x *run) save(b *batch, lastID string) error {
	if len(x.later) > 0 || len(b.rows) == 0 {
		return nil
	}
	x.place.Row, x.place.ID = b.rows[len(b.rows)-1].No, lastID
	if time.Since(x.saved) < saveEvery || b.err != nil {
		return nil
	}
	n, err := x.rejected.flush()
	if err != nil {
		return err
	}
	x.saved = time.Now()
	x.place.Rejected, x.place.Summary = n, x.summary
	if err := x.place.save(x.opts.placePath()); err != nil && !x.unsaved {
		x.unsaved = true
		x.opts.Logger.Warn("import: goes on, but from the first row if it is cut short", "err", err)
	}
	return nil
}

// pourLater tries the rows that named another one which was not there yet,
// as long as that brings any of them in, and sets the rest aside.
func (x *run) pourLater(ctx context.Context) error {
	for len(x.later) > 0 {
		var still []*Row
		var reasons []string
		for chunk := range slices.Chunk(x.later, x.opts.BatchRows) {
			results, err := x.send(ctx, chunk)
			if err != nil {
				return err
			}
			for i, row := range chunk {
				x.summary.count(row, &results[i])
				switch results[i].Fate {
				case Later:
					still = append(still, row)
					reasons = append(reasons, results[i].Reason)
				case Refused:
					if err := x.setAside(row, results[i].Reason); err != nil {
						return err
					}
				}
			}
		}
		if len(still) == len(x.later) {
			for i, row := range still {
				if err := x.setAside(row, reasons[i]); err != nil {
					return err
				}
			}
			return nil
		}
		x.later = still
	}
	return nil
}
