package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/api"
	"github.com/kopilka/kopilka/engine"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// serving is the flags of serve and of demo.
type serving struct {
	folder    folder
	listen    string
	insecure  bool
	tls       sealing
	testClock string
	debug     string
	logLevel  string
	api       api.Options
	drain     time.Duration
}

func (o *serving) flags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 picks a free one")
	f.BoolVar(&o.insecure, "listen-insecure", false, "allow plain HTTP on an address off loopback, where keys and points travel unsealed")
	f.IntVar(&o.folder.frameMax, "frame-max", 0, "`bytes` of commands that share one disk sync (default 196608)")
	f.IntVar(&o.api.LateDays, "late-days", 31, "business `days` that an operation may be behind")
	f.IntVar(&o.api.MaxConnsPerIP, "max-conns-per-ip", 4096, "connections from one address")
	f.Var(&o.api.Limits.Key, "rate-per-key", "requests of one key, such as 50/s or 600/m; of no admin's (default: no limit)")
	f.Var(&o.api.Limits.Card, "rate-per-card", "requests that name one member, such as 10/m; of no admin's (default: no limit)")
	f.Var(&o.api.Limits.Misses, "misses-per-key", "requests of one key for what is not there, such as 30/m; of no admin's (default: no limit)")
	f.Var(&o.api.Limits.WrongKeys, "wrong-keys-per-ip", "requests without a valid key from one address, such as 20/m (default: no limit)")
	f.StringVar(&o.debug, "debug-listen", "", "`address` for Go's profiles under /debug/pprof/; keep it on loopback")
	f.DurationVar(&o.drain, "drain", 10*time.Second, "how long requests in flight are waited for at the end")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
}

const defaultData = "./data"

func folderFlags(f *pflag.FlagSet, o *folder) {
	f.StringVar(&o.dir, "data", defaultData, "`folder` of the books; made when it is missing")
	f.StringVar(&o.masterKey, "master-key", "", "`file` of the key that seals personal data; keep it apart from backups (default: the data folder's name with .key)")
	f.StringVar(&o.program, "program", "", "`file` of the program for a new folder, or the name of a shipped one (default: the built-in one)")
}

func serveCommand() *cobra.Command {
	var o serving
	c := &cobra.Command{
		Use: "serve", Short: "Serve tills, analysts and operators over HTTP", Args: cobra.NoArgs,
		Long: `Serve tills, analysts and operators over HTTP.

Without flags the books lie in ./data and the server listens on 127.0.0.1:8080.
The first start makes one admin key and prints it once; KOPILKA_ADMIN_KEY sets it
instead. SIGTERM and SIGINT answer what is in flight and end with status 0. With
--tls-cert it speaks TLS 1.3, and takes the certificate anew at SIGHUP or when its
file has changed.

Every flag is also an environment variable: --data is KOPILKA_DATA, --test-clock is
KOPILKA_TEST_CLOCK. What is given on the command line has the last word.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.OutOrStdout()) },
	}
	folderFlags(c.Flags(), &o.folder)
	o.flags(c.Flags())
	o.tls.flags(c.Flags())
	c.Flags().StringVar(&o.testClock, "test-clock", "", "`time` (RFC 3339) at which the clock stands until POST /v1/clock moves it")
	return c
}

func (o *serving) run(out io.Writer) error {
	if err := o.prepare(); err != nil {
		return err
	}
	given := os.Getenv("KOPILKA_ADMIN_KEY")
	if _, _, ok := api.ParseKey(given); given != "" && !ok {
		return errKeyForm // before there are books
	}
	// The address comes first: a start that fails on it has made no key that
	// nobody was shown.
	listener, err := o.bind()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "kopilka %s\n", version)
	roomForSyncs()
	start := time.Now()
	s, err := o.folder.open()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.tell(out, o.folder.dir, time.Since(start))
	key, err := s.firstKey(given)
	if err != nil {
		return errors.Join(err, listener.Close(), s.close())
	}
	if key != "" {
		fmt.Fprintf(out, "key      %s  (admin; shown this once)\n", key)
	} else {
		key = "$KOPILKA_ADMIN_KEY" // which may be the one that was given
	}
	o.api.Audit = filepath.Join(o.folder.dir, "audit")
	server, err := api.New(o.api, s.queue, s.vault)
	if err != nil {
		return errors.Join(err, listener.Close(), s.close())
	}
	// Whoever reads the address may send a signal at once.
	end := endSignal()
	url := o.tls.scheme() + "://" + listener.Addr().String()
	fmt.Fprintf(out, "listen   %s\n", url)
	fmt.Fprintf(out, "try      curl -H \"Authorization: Bearer %s\" %s/v1/segments\n", key, url)
	return o.until(s, server, listener, end)
}

// bind takes the address. Where somebody else has it, it says how to take another.
func (o *serving) bind() (net.Listener, error) {
	l, err := net.Listen("tcp", o.listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: another process listens there; --listen ADDRESS takes another address, --listen 127.0.0.1:0 a free port", err)
	case err != nil:
		return nil, fmt.Errorf("--listen %s: %w", o.listen, err)
	}
	return l, nil
}

// roomForSyncs lets two more threads run Go than there are processors. The thread
// that sits in a disk sync keeps its place among them until the runtime notices,
// and on two cores that is half of the tills' handlers standing still. GOMAXPROCS
// in the environment has the last word.
func roomForSyncs() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
}

// prepare checks the flags before anything is touched.
func (o *serving) prepare() error {
	if o.testClock != "" {
		t, err := time.Parse(time.RFC3339, o.testClock)
		if err != nil {
			return fmt.Errorf("--test-clock %q is not a time such as 2026-11-22T10:00:00+03:00", o.testClock)
		}
		o.folder.testClock = kopilka.TimeOf(t)
	}
	logger, err := newLogger(o.logLevel)
	if err != nil {
		return err
	}
	o.folder.logger, o.api.Log, o.api.Version = logger, logger, version
	if o.debug != "" {
		if err := debugListen(o.debug); err != nil {
			return err
		}
	}
	o.folder.onPoison = func(err error) {
		// Those who wait are told that their outcome is unknown; then the process
		// ends, for what the disk holds can only be learnt by reading it again.
		logger.Error("the log has failed; ending", "err", err)
		time.AfterFunc(500*time.Millisecond, func() { os.Exit(1) })
	}
	if err := o.tls.prepare(logger); err != nil {
		return err
	}
	return o.checkListen()
}

// checkListen refuses to send keys in the clear over a network by accident.
func (o *serving) checkListen() error {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return fmt.Errorf("--listen %q: %w", o.listen, err)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() || o.insecure || o.tls.on() {
		return nil
	}
	return fmt.Errorf("--listen %s is off loopback and this listener speaks plain HTTP: give it --tls-cert and --tls-key, put a TLS proxy before it, or ask for it with --listen-insecure", o.listen)
}

// tell says what the folder holds.
func (s *shop) tell(out io.Writer, dir string, took time.Duration) {
	s.queue.View(func(b *engine.State) {
		fmt.Fprintf(out, "data     %s: %d members, position %d, %s, opened in %s\n", dir, b.Members(), b.Seq(), b.Day(), took.Round(time.Millisecond))
		fmt.Fprintf(out, "program  %s, version %d\n", b.Program().Name, b.Version())
	})
}

// endSignal is sent to when the process is to end.
func endSignal(also ...os.Signal) <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, append(also, syscall.SIGTERM, syscall.SIGINT)...)
	return c
}

// until serves until end, answers what is in flight, and closes the books.
func (o *serving) until(s *shop, server *api.Server, listener net.Listener, end <-chan os.Signal) error {
	served := make(chan error, 1)
	watching, stop := context.WithCancel(context.Background())
	defer stop()
	if o.tls.on() {
		go o.tls.watch(watching)
	}
	go func() { served <- server.Serve(o.tls.over(listener)) }()
	var err error
	select {
	case err = <-served:
	case sig := <-end:
		o.folder.logger.Info("serve: ending", "signal", sig.String())
	}
	o.shutdown(server) // also where it ended by itself: what runs beside the requests is waited for
	listener.Close()   // a signal may come before the server has it
	return errors.Join(err, s.close())
}

func (o *serving) shutdown(server *api.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), o.drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		slog.Warn("serve: requests were still in flight at the end", "err", err)
	}
}
