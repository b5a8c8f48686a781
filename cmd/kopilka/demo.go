package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/api"
	"github.com/kopilka/kopilka/bench/workload"
	"github.com/kopilka/kopilka/client"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/spf13/cobra"
)

// demo is a made-up chain that has traded for a year by the time it is shown.
type demo struct {
	serving
	seed    uint64
	members int
	days    int
}

func demoCommand() *cobra.Command {
	o := demo{}
	c := &cobra.Command{
		Use: "demo", Short: "Serve a made-up chain with a year of trade behind it, gone at exit", Args: cobra.NoArgs,
		Long: `Serve a made-up chain with a year of trade behind it, gone at exit.

Its members, receipts, returns and retries are drawn from a seed and sent through
the same routes that tills use, on a test clock that walks through the year. Then
the server starts on the world's clock and prints what to try.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.OutOrStdout()) },
	}
	o.serving.flags(c.Flags())
	c.Flags().StringVar(&o.folder.program, "program", "", "`file` of the program, or the name of a shipped one (default: the built-in one)")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "what the chain is drawn from")
	c.Flags().IntVar(&o.members, "members", 1500, "members on the first day")
	c.Flags().IntVar(&o.days, "days", 365, "days of trade")
	c.Flags().Lookup("log-level").DefValue = "warn"
	o.logLevel = "warn"
	return c
}

func (o *demo) run(out io.Writer) (err error) {
	if o.members < 1 || o.members > 10_000_000 || o.days < 1 || o.days > 3650 {
		return errors.New("a demo has 1 to 10000000 members and 1 to 3650 days")
	}
	if err := o.prepare(); err != nil {
		return err
	}
	listener, err := o.bind()
	if err != nil {
		return err
	}
	defer listener.Close()
	dir, err := os.MkdirTemp("", "kopilka-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o.folder.dir = filepath.Join(dir, "data")
	end := endSignal(syscall.SIGHUP)

	now := kopilka.TimeOf(time.Now())
	today := kopilka.Calendar{Zone: workload.Zone}.DayOf(now)
	shop := workload.Typical(o.seed, today-kopilka.Day(o.days))
	shop.To = today - 1
	shop.Members, shop.NewPerDay, shop.Stores, shop.ReceiptsPerDay = o.members, 1+o.members/500, 4, 1+o.members/40

	fmt.Fprintf(out, "kopilka %s: a made-up chain of %d stores trades from %s to %s …\n", version, shop.Stores, shop.From, shop.To)
	key, err := api.NewKey("demo")
	if err != nil {
		return err
	}
	start := time.Now()
	if err := o.trade(shop, key, now, end); err != nil {
		if errors.Is(err, errEnded) {
			return nil
		}
		return fmt.Errorf("the demo's trade: %w", err)
	}
	took := time.Since(start)

	o.folder.testClock = 0
	s, err := o.folder.open()
	if err != nil {
		return err
	}
	s.tell(out, o.folder.dir, took)
	return o.serve(s, out, listener, key, end)
}

// trade opens the folder on a test clock, sends the shop's events through the
// batch route a day at a time, and closes it.
func (o *demo) trade(shop *workload.Shop, key string, until kopilka.Time, end <-chan os.Signal) (err error) {
	midnight := kopilka.Calendar{Zone: workload.Zone}.Start(shop.From)
	o.folder.testClock = midnight
	s, err := o.folder.open()
	if err != nil {
		return err
	}
	if _, err := s.firstKey(key); err != nil {
		return errors.Join(err, s.close())
	}
	o.api.Audit = filepath.Join(o.folder.dir, "audit")
	server, err := api.New(o.api, s.queue, s.vault)
	if err != nil {
		return errors.Join(err, s.close())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, s.close())
	}
	stop := make(chan os.Signal)
	served := make(chan error, 1)
	go func() { served <- o.until(s, server, listener, stop) }()
	err = send(shop, &client.Client{URL: "http://" + listener.Addr().String(), Key: key, Timeout: time.Minute}, s.queue, until, end)
	stop <- os.Interrupt
	return errors.Join(err, <-served)
}

// errEnded says that somebody ended the demo before it was ready.
var errEnded = errors.New("ended")

// send plays the events of a shop in batches, with the clock at the last event
// of each.
func send(shop *workload.Shop, to *client.Client, queue *commit.Queue, until kopilka.Time, end <-chan os.Signal) error {
	const batchMax = 5000
	const hours = 6 * 60 * 60 * 1000
	var lines []byte
	var first, last kopilka.Time
	n := 0
	flush := func() error {
		select {
		case <-end:
			return errEnded
		default:
		}
		if n == 0 {
			return nil
		}
		if err := queue.SetClock(max(last, queue.Now())); err != nil {
			return err
		}
		results, err := to.BatchLines(lines, n)
		if err != nil {
			return err
		}
		for i := range results {
			// A shop's tills ask for more than there is now and then; that is
			// theirs to hear. What the server cannot do is ours.
			if results[i].Status >= 500 || results[i].Status == 400 {
				return results[i].Err()
			}
		}
		lines, n = lines[:0], 0
		return nil
	}
	for e := range shop.Events() {
		if e.Time > until {
			break
		}
		if n == batchMax || n > 0 && e.Time-first > hours {
			if err := flush(); err != nil {
				return err
			}
		}
		if n == 0 {
			first = e.Time
		}
		lines = append(e.AppendLine(lines), '\n')
		last = e.Time
		n++
	}
	return flush()
}

// serve answers and says what to try.
func (o *demo) serve(s *shop, out io.Writer, listener net.Listener, key string, end <-chan os.Signal) error {
	server, err := api.New(o.api, s.queue, s.vault)
	if err != nil {
		return errors.Join(err, s.close())
	}
	url := "http://" + listener.Addr().String()
	var card string
	s.queue.View(func(b *engine.State) { card = b.Card(kopilka.MemberNo(min(7, b.Members()-1))) })
	fmt.Fprintf(out, `listen   %[1]s
key      %[2]s  (admin)

Try, in another terminal:

  export KEY=%[2]s
  # a member: balance, lots, tier, segment
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/members/%[3]s
  # what would this receipt earn, and how many points may be spent on it?
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/quotes -d '{"card":"%[3]s","amount":129900,"redeem":"max"}'
  # sell it; send it twice: the second answer is the first one again
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/receipts -d '{"id":"try-1","card":"%[3]s","store":"S01","till":"T1","receipt_no":"1","amount":129900,"redeem":"max"}'
  # bring half of it back
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/receipts/try-1/returns -d '{"id":"try-2","amount":64950}'
  # every entry of the member's ledger, newest first
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/members/%[3]s/ledger
  # who is in which segment, now and at the end of last month
  curl -s -H "Authorization: Bearer $KEY" %[1]s/v1/segments
  curl -s -H "Authorization: Bearer $KEY" "%[1]s/v1/rfm?as_of=%[4]s"

Ctrl-C ends it, and its books are gone.
`, url, key, card, lastMonthEnd())
	return o.until(s, server, listener, end)
}

func lastMonthEnd() string {
	y, m, _ := time.Now().Date()
	return time.Date(y, m, 0, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
}
