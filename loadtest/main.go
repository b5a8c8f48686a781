// Command kopilka-loadtest plays a shop's tills against a server and tells how
// long they waited, and then whether the books have what the tills were told.
//
//	kopilka-loadtest --serve ./kopilka --rate 20000 --duration 30s
//	kopilka-loadtest --url http://127.0.0.1:8080 --key kpk_… --mix shop --rate 500
//	kopilka-loadtest --serve ./kopilka --closed --connections 64 --echo --rounds 5
//
// With --rate the load is an open loop: buyers come when they come, on a fixed
// schedule or by chance (--poisson), and wait from the instant at which they
// came, not from that at which a connection was free. A server that stalls for a
// second is charged with everybody who came in that second; a closed loop would
// charge it with one buyer a connection (coordinated omission). With --closed
// every connection sends as soon as it was answered: that measures throughput,
// and only that.
//
// What was answered with 2xx counts, and nothing else: refusals are counted apart,
// since saying no is quick. A request that timed out is among the waits with
// the time that was waited for it. A run in which nothing was answered fails.
//
// With --echo the same closed loop runs by turns against the server and against
// a bare fasthttp server in a process of its own, which answers the same
// requests with the same bytes: their ratio says what Kopilka costs beside what
// HTTP on this machine costs. The two change places from round to round, so that
// what is warm or throttled falls on both. The server's answers are parsed and
// added up by the tills, on the same processors, and the echo's are not, so the
// ratio errs against the server. An answer of either that is not 2xx fails the run.
//
// Afterwards every command whose outcome is unknown is sent again with the same
// id until it is known, and then the sums of the acknowledged answers must be
// equal to what /v1/books says, and to the balances and ledgers of a sample of
// members. If not, the exit status is 1.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka/bench/server"
)

// options are the flags.
type options struct {
	url, key  string
	serve     string
	data      string
	mix       string
	rate      int
	poisson   bool
	closed    bool
	conns     int
	batch     int
	duration  time.Duration
	warmup    time.Duration
	timeout   time.Duration
	members   int
	sample    int
	seed      uint64
	prefix    string
	echo      bool
	rounds    int
	json      string
	echoServe bool
}

func main() {
	var o options
	o.define(flag.CommandLine)
	flag.Parse()

	if err := o.check(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "kopilka-loadtest:", err)
		os.Exit(2)
	}
	run := load
	if o.echoServe {
		run = func(*options) error { return echoServer(os.Stdin, os.Stdout) }
	}
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "kopilka-loadtest:", err)
		os.Exit(1)
	}
}

func (o *options) define(f *flag.FlagSet) {
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "the server")
	f.StringVar(&o.key, "key", "", "an admin's key (default: $KOPILKA_ADMIN_KEY)")
	f.StringVar(&o.serve, "serve", "", "start a server of this `binary` on a folder that is removed afterwards")
	f.StringVar(&o.data, "data", "", "with --serve: the `folder` to make that folder in (default: that of temporary files)")
	f.StringVar(&o.mix, "mix", "accrual", "what is sent: accrual, receipt (three lines, one in ten spends), shop (everything)")
	f.IntVar(&o.rate, "rate", 1000, "open loop: commands a second")
	f.BoolVar(&o.poisson, "poisson", false, "open loop: buyers come by chance, not by the clock")
	f.BoolVar(&o.closed, "closed", false, "closed loop: every connection sends as soon as it was answered")
	f.IntVar(&o.conns, "connections", 64, "connections")
	f.IntVar(&o.batch, "batch", 1, "commands a request; above 1 by the batch route")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "time that counts")
	f.DurationVar(&o.warmup, "warmup", 2*time.Second, "time before it that does not")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "of one request; after it the outcome is unknown")
	f.IntVar(&o.members, "members", 10_000, "members to enrol before")
	f.IntVar(&o.sample, "sample", 100, "members whose balance and ledger are checked afterwards")
	f.Uint64Var(&o.seed, "seed", 1, "of everything that is drawn")
	f.StringVar(&o.prefix, "prefix", "", "before every id (default: made of the time, so that no two runs share ids)")
	f.BoolVar(&o.echo, "echo", false, "closed loop by turns against the server and a bare echo, and their ratio")
	f.IntVar(&o.rounds, "rounds", 5, "with --echo: how many turns")
	f.StringVar(&o.json, "json", "", "write the report to this `file`, too")
	f.BoolVar(&o.echoServe, "echo-server", false, "be the echo: answer everything with what stands on the standard input")
}

// check completes the options and tells which do not go together.
func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("%q is no flag", rest[0])
	}
	// Here, and not as the flag's default: -h prints defaults, and this is a secret.
	if o.key == "" {
		o.key = os.Getenv("KOPILKA_ADMIN_KEY")
	}
	if o.prefix == "" {
		o.prefix = strconv.FormatInt(time.Now().UnixMilli(), 36) + "-"
	}
	o.closed = o.closed || o.echo
	o.url = strings.TrimSuffix(o.url, "/")
	f := func(name string, v, min int) error {
		if v < min {
			return fmt.Errorf("--%s %d: must be at least %d", name, v, min)
		}
		return nil
	}
	for _, err := range []error{f("rate", o.rate, 1), f("connections", o.conns, 1), f("batch", o.batch, 1),
		f("members", o.members, 1), f("rounds", o.rounds, 1), f("sample", o.sample, 0)} {
		if err != nil {
			return err
		}
	}
	if o.mix != "accrual" && o.mix != "receipt" && o.mix != "shop" {
		return fmt.Errorf("--mix %s: must be accrual, receipt or shop", o.mix)
	}
	if !strings.HasPrefix(o.url, "http://") {
		return fmt.Errorf("--url %s: must begin with http://", o.url)
	}
	return nil
}

// load is the whole of a run.
func load(o *options) (err error) {
	if o.serve != "" {
		if server.InMemory(o.data) {
			fmt.Fprintln(os.Stderr, "kopilka-loadtest: the server's folder lies in memory, where a sync costs nothing: use --data with a folder on a disk")
		}
		s, err := server.Start(o.serve, o.data)
		if err != nil {
			return err
		}
		defer s.Kill()
		o.url, o.key = s.URL, s.Key
		if err := loadURL(o); err != nil {
			return err
		}
		if err := s.StopAndVerify(); err != nil {
			return err
		}
		fmt.Println("kopilka verify: the folder is whole")
		return nil
	}
	return loadURL(o)
}

// loadURL enrols the members, sends the load, and checks the books.
func loadURL(o *options) error {
	b, err := openBooks(o)
	if err != nil {
		return err
	}
	var rep *report
	if o.echo {
		rep, err = b.ratio()
	} else {
		rep, err = b.measure(o.warmup, o.duration)
	}
	if err != nil {
		return err
	}
	found := errors.Join(b.check(rep), rep.answered(), b.close())
	rep.print(os.Stdout)
	if o.json != "" {
		if err := rep.writeJSON(o.json); err != nil {
			return err
		}
	}
	return found
}
