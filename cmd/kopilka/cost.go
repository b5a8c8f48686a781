package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/api"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/wal"
	"github.com/kopilka/kopilka/whatif"
	"github.com/spf13/cobra"
)

// costing is the flags of program cost.
type costing struct {
	folder folder
	remote remote
	from   string
}

func costCommand() *cobra.Command {
	o := costing{remote: remote{timeout: 24 * time.Hour}}
	c := &cobra.Command{
		Use: "cost FILE", Short: "Tell what a program document would have cost, from the log", Args: cobra.ExactArgs(1),
		Long: `Tell what a program document would have cost: the log is folded again under it, from
the beginning of a business day on, and both worlds are shown beside each other. Points
and amounts are in minor units, shares in basis points. docs/reference/simulations.md
has the formula of every figure and what is assumed.

From a running server with --url, or from a data folder that no server has open.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.OutOrStdout(), args[0], o.remote.url != "")
		},
	}
	f := c.Flags()
	f.StringVar(&o.folder.dir, "data", defaultData, "`folder` of the books")
	f.StringVar(&o.folder.masterKey, "master-key", "", "`file` of the key that seals personal data (default: the data folder's name with .key)")
	f.StringVar(&o.from, "from", "", "business `day`, such as 2026-11-22, from which the program is in force (default: the first of the books)")
	o.remote.orFolder(c)
	return c
}

func (o *costing) run(out io.Writer, file string, ofServer bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	p, err := program.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var from kopilka.Day
	if o.from != "" {
		if from, err = kopilka.ParseDay(o.from); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	switch {
	case !ofServer:
		return o.inFolder(out, p, from)
	case o.folder.dir != defaultData:
		return errors.New("--data and --url: from a folder, or from a running server")
	}
	path := "/v1/simulations/program"
	if o.from != "" {
		path += "?from=" + o.from
	}
	var answer simulation
	if err := o.remote.call("POST", path, json.RawMessage(p.Document()), &answer); err != nil {
		return err
	}
	return answer.print(out)
}

// inFolder asks the books of a folder.
func (o *costing) inFolder(out io.Writer, p *program.Program, from kopilka.Day) (err error) {
	if !wal.Begun(o.folder.dir) {
		return fmt.Errorf("there are no books in %s", o.folder.dir)
	}
	if o.folder.logger, err = newLogger("warn"); err != nil {
		return err
	}
	o.folder.still = true
	s, err := o.folder.open()
	if err != nil {
		return orAsk(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := api.Simulate(s.queue, p, from, ctx.Err)
	if err = errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("what %s would have cost: %w", p.Name, err)
	}
	answer := simulation{From: r.From.String(), To: r.To.String(), Seq: r.Seq, Warnings: r.Warnings,
		Actual: world{r.Actual}, Simulated: world{r.Simulated}, Difference: world{r.Difference}}
	return answer.print(out)
}

// simulation is the answer, of a server or of a folder.
type simulation struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	Seq        kopilka.Seq `json:"seq"`
	Warnings   []string    `json:"warnings"`
	Actual     world       `json:"actual"`
	Simulated  world       `json:"simulated"`
	Difference world       `json:"difference"`
}

// world is one side of the answer.
type world struct{ whatif.Side }

// UnmarshalJSON reads a side as a server writes it.
func (w *world) UnmarshalJSON(b []byte) error {
	var figures map[string]json.RawMessage
	if err := json.Unmarshal(b, &figures); err != nil {
		return err
	}
	for f := range w.Sums {
		var n *int64
		if err := json.Unmarshal(figures[whatif.Figure(f).String()], &n); err != nil {
			return fmt.Errorf("%s: %w", whatif.Figure(f), err)
		}
		w.Sums[f] = orNone(n)
	}
	var tiers []struct {
		Tier                                          string
		Members, Receipts, Turnover, Earned, Redeemed int64
		GivenBP                                       *int64 `json:"given_share_bp"`
	}
	if err := json.Unmarshal(figures["tiers"], &tiers); err != nil {
		return fmt.Errorf("tiers: %w", err)
	}
	for _, t := range tiers {
		w.Tiers = append(w.Tiers, whatif.Tier{ID: t.Tier, Members: t.Members, Receipts: t.Receipts, Turnover: t.Turnover,
			Earned: t.Earned, Redeemed: t.Redeemed, GivenBP: orNone(t.GivenBP)})
	}
	return nil
}

func orNone(n *int64) int64 {
	if n == nil {
		return whatif.None
	}
	return *n
}

// print writes the figures that are not the same naught in both worlds, and then
// the tiers.
func (s *simulation) print(out io.Writer) error {
	fmt.Fprintf(out, "from %s to %s, position %d\n", s.From, s.To, s.Seq)
	for _, w := range s.Warnings {
		fmt.Fprintf(out, "warning: %s\n", w)
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, actual, simulated, difference int64) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", name, shown(actual), shown(simulated), shown(difference))
	}
	fmt.Fprint(w, "\tactual\tsimulated\tdifference\t\n")
	for f := range s.Actual.Sums {
		if a, b := s.Actual.Sums[f], s.Simulated.Sums[f]; a != 0 || b != 0 {
			row(whatif.Figure(f).String(), a, b, s.Difference.Sums[f])
		}
	}
	for _, d := range s.Difference.Tiers {
		a, b := tierOf(s.Actual.Tiers, d.ID), tierOf(s.Simulated.Tiers, d.ID)
		row(d.ID+": members", a.Members, b.Members, d.Members)
		row(d.ID+": turnover", a.Turnover, b.Turnover, d.Turnover)
		row(d.ID+": earned", a.Earned, b.Earned, d.Earned)
		row(d.ID+": redeemed", a.Redeemed, b.Redeemed, d.Redeemed)
		row(d.ID+": given_share_bp", a.GivenBP, b.GivenBP, d.GivenBP)
	}
	return w.Flush()
}

func tierOf(tiers []whatif.Tier, id string) whatif.Tier {
	for _, t := range tiers {
		if t.ID == id {
			return t
		}
	}
	return whatif.Tier{GivenBP: whatif.None}
}

func shown(n int64) string {
	if n == whatif.None {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}
