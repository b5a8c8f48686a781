package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kopilka/kopilka"
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
a line. Members are shown by their number; personal data is sealed in the log and
shows as its length. The folder must not be in use.`,
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
	err := wal.Each(dir, func(e *kopilka.Entry) error {
		if to != 0 && e.First > to {
			return errEnough
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
			fmt.Fprintf(out, "%d %s %s%s\n", seq, e.Time, c.Kind(), describe(c))
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
type fields struct{ strings.Builder }

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
		fmt.Fprintf(f, " %s=%d", name, m)
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

// describe is the fields of a command in the words of the API.
func describe(c kopilka.Command) string {
	var f fields
	h := kopilka.HeadOf(c)
	f.text("id", h.ID)
	f.text("by", h.By)
	switch c := c.(type) {
	case *kopilka.Genesis:
		f.text("day", c.Day.String())
	case *kopilka.Tick:
		f.text("day", c.Day.String())
	case *kopilka.SetProgram:
		f.text("document", string(c.Document))
	case *kopilka.CreateKey:
		f.text("key_id", c.KeyID)
		f.text("role", c.Role.String())
		f.text("store", c.Store)
		f.text("note", c.Note)
	case *kopilka.RevokeKey:
		f.text("key_id", c.KeyID)
	case *kopilka.PutMember:
		f.text("card", c.Card)
		f.text("registered", c.Registered.String())
		f.text("state", c.State.String())
		f.mark("blocked", c.Blocked)
		f.member("referrer", c.Referrer)
		f.mark("imported", c.Imported)
		fmt.Fprintf(&f, " sealed=%dB", len(c.Profile))
	case *kopilka.Receipt:
		f.deed(&c.Deed)
		f.number("amount", int64(c.Amount))
		f.points("redeem", c.Redeem)
		f.number("no_earn_amount", int64(c.NoEarn))
		f.number("no_redeem_amount", int64(c.NoRedeem))
		for i := range c.Lines {
			l := &c.Lines[i]
			fmt.Fprintf(&f, " line[sku=%s category=%s qty=%s amount=%d no_earn=%t no_redeem=%t]",
				quoted(l.SKU), quoted(l.Category), l.Qty, l.Amount, l.NoEarn, l.NoRedeem)
		}
		f.mark("imported", c.Imported)
	case *kopilka.Redemption:
		f.deed(&c.Deed)
		f.points("points", c.Points)
		f.number("amount", int64(c.Amount))
	case *kopilka.Grant:
		f.deed(&c.Deed)
		f.points("points", c.Points)
		f.text("reason", c.Reason)
	case *kopilka.Adjustment:
		f.deed(&c.Deed)
		f.number("points", int64(c.Points))
		f.text("reason", c.Reason)
		f.text("actor", c.Actor)
	case *kopilka.Return:
		f.deed(&c.Deed)
		f.text("receipt", c.Receipt)
		f.number("amount", int64(c.Amount))
		for _, l := range c.Lines {
			fmt.Fprintf(&f, " line[%d amount=%d]", l.Line+1, l.Amount)
		}
		f.mark("imported", c.Imported)
	}
	return f.String()
}
