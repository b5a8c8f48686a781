package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/importer"
	"github.com/spf13/cobra"
)

// importing is the flags of import.
type importing struct {
	folder    folder
	remote    remote
	opts      importer.Options
	columns   string
	delimiter string
	zone      string
	testClock string
	earn      bool
	logLevel  string
}

func importCommand() *cobra.Command {
	var o importing
	c := &cobra.Command{
		Use:       "import {members|receipts} FILE",
		Short:     "Read a shop's history from a CSV file, plain, gzip or zstd",
		ValidArgs: []string{"members", "receipts"},
		Args:      cobra.ExactArgs(2),
		Long: `Read a shop's history from a CSV file, plain, gzip or zstd: straight into a data
folder that no server has open, or with --url into a running server.

Columns of receipts: receipt_id,member,timestamp,amount and, when present,
store,till,cashier,receipt_no,points_redeemed,return_of. An empty member is an
anonymous buyer, a negative amount a return. Columns of members: card,phone,name,
birth_date,sex,store,registered_at,referrer,source,balance. Files with other names
are mapped: --columns member=member_id,timestamp=date.

Receipts of a history count for segments and tiers and earn nothing, unless --earn
is given; points_redeemed is history too and spends nothing: what a member has now
comes with the column balance of members. Rows that cannot be taken are set aside in FILE.rejected.csv with their
reasons. An import that was cut short goes on where it was; one that is repeated
changes nothing.

Status 0 when the file was read to its end and some row of it is in the books, or it
has none; 1 when every row was set aside, as by wrong columns or decimals, or when the
file or the books could not be read.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args[0], args[1], o.remote.url != "")
		},
	}
	f := c.Flags()
	folderFlags(f, &o.folder)
	o.remote.orFolder(c)
	f.StringVar(&o.columns, "columns", "", "our names for the file's columns: `ours=theirs,…`")
	f.StringVar(&o.delimiter, "delimiter", ",", "the `character` between fields")
	f.IntVar(&o.opts.Decimals, "decimals", 0, "`digits` after the point: with 2, 139.12 is 13912; with 0 amounts are in minor units")
	f.StringVar(&o.zone, "time-zone", "", "`zone` of times without an offset (default: the program's)")
	f.BoolVar(&o.earn, "earn", false, "let receipts earn points by the program in force")
	f.StringVar(&o.opts.RejectedFile, "rejected", "", "`file` for rows set aside (default: FILE.rejected.csv)")
	f.StringVar(&o.opts.ProgressDir, "progress-dir", "", "`folder` for the progress file (default: beside FILE)")
	f.StringVar(&o.testClock, "test-clock", "", "`time` (RFC 3339) at which a data folder's clock stands during the import")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	return c
}

func (o *importing) run(out io.Writer, kind, file string, toServer bool) (err error) {
	if o.opts.Kind, err = importer.ParseKind(kind); err != nil {
		return err
	}
	if o.opts.Columns, err = importer.ParseColumns(o.columns); err != nil {
		return err
	}
	if utf8.RuneCountInString(o.delimiter) != 1 {
		return fmt.Errorf("--delimiter %q: one character", o.delimiter)
	}
	o.opts.Delimiter, _ = utf8.DecodeRuneInString(o.delimiter)
	if o.zone != "" {
		if o.opts.Zone, err = time.LoadLocation(o.zone); err != nil {
			return fmt.Errorf("--time-zone: %w", err)
		}
	}
	o.opts.File = file
	if o.opts.Logger, err = newLogger(o.logLevel); err != nil {
		return err
	}
	if err := importer.Look(o.opts); err != nil {
		return err // before a folder is made for it
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if toServer && o.folder.dir != defaultData {
		return errors.New("--data and --url: into a folder, or into a running server")
	}
	if toServer {
		if err := o.remote.trust.use(); err != nil {
			return err
		}
		return o.into(ctx, out, importer.NewHTTP(o.remote.url, o.remote.secret(), o.earn))
	}
	if o.testClock != "" {
		t, err := time.Parse(time.RFC3339, o.testClock)
		if err != nil {
			return fmt.Errorf("--test-clock %q is not a time such as 2026-11-22T10:00:00+03:00", o.testClock)
		}
		o.folder.testClock = kopilka.TimeOf(t)
	}
	o.folder.logger = o.opts.Logger
	s, err := o.folder.open()
	if err != nil {
		return orAsk(err)
	}
	err = o.into(ctx, out, importer.NewDirect(s.queue, s.vault, o.earn))
	return errors.Join(err, s.close())
}

func (o *importing) into(ctx context.Context, out io.Writer, sink importer.Sink) error {
	sum, err := importer.Run(ctx, o.opts, sink)
	fmt.Fprint(out, sum)
	if err == nil && sum.SetAside > 0 && sum.SetAside == sum.Rows {
		return fmt.Errorf("import: no row was taken: %s has the reasons", sum.RejectedFile)
	}
	return err
}
