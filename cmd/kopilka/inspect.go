package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/wal"
	"github.com/spf13/cobra"
)

func inspectCommand() *cobra.Command {
	var dir string
	var from, to uint64
	var id string
	c := &cobra.Command{
		Use: "inspect", Short: "Show the log with own eyes, one command a line", Args: cobra.NoArgs,
		Long: `Show the log with own eyes: position, time, kind and fields of every command, one
a line, and behind => what it led to: "refused" with the reason, or the member and the
points that moved. Members go by the ids that the API shows; personal data is sealed in
the log and shows as its length.

What a command led to is found by doing the log again from its beginning, which takes
about a microsecond a command and the memory of the books. The folder must not be in use.

The log begins with genesis, which opens the books, and then the program. shift[…] is
what a command changed of a member: labels=version/segment/tier before..after, by their
numbers in the program of that version, and the balance where points moved.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return inspect(cmd.OutOrStdout(), dir, kopilka.Seq(from), kopilka.Seq(to), id)
		},
	}
	c.Flags().StringVar(&dir, "data", defaultData, "`folder` of the books")
	c.Flags().Uint64Var(&from, "from", 1, "first `position`")
	c.Flags().Uint64Var(&to, "to", 0, "last `position` (default: the last)")
	c.Flags().StringVar(&id, "id", "", "only commands of this `id`, refused ones included")
	return c
}

var errEnough = errors.New("enough was shown")

func inspect(out io.Writer, dir string, from, to kopilka.Seq, id string) error {
	var d kopilka.Decoder
	shown := 0
	var f fields
	var led []string // what the commands of a frame led to
	replay := commit.NewReplay()
	replay.Told = func(seq kopilka.Seq, out *kopilka.Outcome) {
		told := ""
		if seq >= from {
			f.ids = replay.State().IDs()
			told = f.outcome(out)
		}
		led = append(led, told)
	}
	err := wal.Each(dir, func(e *kopilka.Entry) error {
		if to != 0 && e.First > to {
			return errEnough
		}
		led = led[:0]
		if err := replay.Apply(e); err != nil {
			return err
		}
		if id == "" && from <= e.First {
			fmt.Fprintf(out, "frame %d epoch %d %s commands %d digest %x\n", e.Pos.Index, e.Pos.Epoch, e.Time, e.Count, e.Digest[:8])
		}
		body := e.Body
		for seq := e.First; seq < e.First+kopilka.Seq(e.Count); seq++ {
			c, rest, err := d.Next(body)
			if err != nil {
				return fmt.Errorf("position %d: %w", seq, err)
			}
			body = rest
			if seq < from || to != 0 && seq > to || id != "" && kopilka.HeadOf(c).ID != id {
				continue
			}
			fmt.Fprintf(out, "%d %s %s%s%s\n", seq, e.Time, c.Kind(), f.command(c), led[seq-e.First])
			shown++
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if shown == 0 && id != "" {
		return fmt.Errorf("no command has the id %s", id)
	}
	return nil
}

// fields are the words and values of a command; what is empty is left out.
type fields struct {
	strings.Builder
	ids kopilka.MemberIDs
}

func (f *fields) text(name, value string) {
	if value != "" {
		fmt.Fprintf(f, " %s=%s", name, quoted(value))
	}
}

// quoted puts in quotes what would not stand alone.
func quoted(s string) string {
	if strings.ContainsAny(s, " \t\n\"=") {
		return strconv.Quote(s)
	}
	return s
}

func (f *fields) number(name string, value int64) {
	if value != 0 {
		fmt.Fprintf(f, " %s=%d", name, value)
	}
}

func (f *fields) member(name string, m kopilka.MemberNo) {
	if m != kopilka.NoMember {
		f.text(name, f.ids.ID(m))
	}
}

func (f *fields) mark(name string, yes bool) {
	if yes {
		f.WriteString(" " + name)
	}
}

func (f *fields) points(name string, p kopilka.Points) {
	if p == kopilka.RedeemMax {
		f.text(name, "max")
		return
	}
	f.number(name, int64(p))
}

func (f *fields) deed(d *kopilka.Deed) {
	f.member("member", d.Member)
	if d.NamedBy != kopilka.ByNobody {
		f.text("named_by", d.NamedBy.String())
	}
	f.text("occurred_at", d.At.String())
	f.text("day", d.Day.String())
	f.text("store", d.Store)
	f.text("till", d.Till)
	f.text("cashier", d.Cashier)
	f.text("receipt_no", d.ReceiptNo)
	f.text("source", d.Source)
}
