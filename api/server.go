package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/audit"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/valyala/fasthttp"
)

// Options of a server. The zero value of a field asks for its default.
type Options struct {
	// LateDays is how many business days an operation may be behind the server,
	// default 31: a till that was offline over the holidays.
	LateDays int
	// ReadTimeout bounds the time in which a request arrives as a whole, so that
	// a slow sender cannot hold a connection for ever. Default 30 s.
	ReadTimeout time.Duration
	// WriteTimeout bounds the time in which an answer leaves. Exports stream
	// under it too. Default 5 min.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection is kept that says nothing. Default 2 min.
	IdleTimeout time.Duration
	// Concurrency bounds the connections that are served at once; more are
	// refused. Default 16 384.
	Concurrency int
	// MaxConnsPerIP bounds the connections from one address; a chain behind one
	// gateway shares it, so fewer than 256 is refused. Default 4 096.
	MaxConnsPerIP int
	// Version is that of the program, as backups have it.
	Version string
	// Limits are how often somebody may ask. Default: as often as he likes.
	Limits Limits
	// Audit is the folder of the audit records; empty = none are kept.
	Audit string
	Log   *slog.Logger

	now func() time.Time // what limits are reckoned by; tests set it
}

func (o Options) withDefaults() (Options, error) {
	or := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	or(&o.ReadTimeout, 30*time.Second)
	or(&o.WriteTimeout, 5*time.Minute)
	or(&o.IdleTimeout, 2*time.Minute)
	if o.LateDays == 0 {
		o.LateDays = 31
	}
	if o.Concurrency == 0 {
		o.Concurrency = 16 << 10
	}
	if o.MaxConnsPerIP == 0 {
		o.MaxConnsPerIP = 4096
	}
	if o.MaxConnsPerIP < connsPerIPMin {
		return o, fmt.Errorf("api: %d connections an address: at least %d, the tills of a chain may share one", o.MaxConnsPerIP, connsPerIPMin)
	}
	if o.LateDays < 0 || o.LateDays > 3650 {
		return o, fmt.Errorf("api: late days of %d: from 1 to 3650", o.LateDays)
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

const connsPerIPMin = 256

// Server answers requests from one queue.
type Server struct {
	opts   Options
	queue  *commit.Queue
	vault  *people.Vault
	names  *people.Names
	dates  *people.Dates
	facets *people.Facets
	ids    kopilka.MemberIDs
	codes  kopilka.Codes
	turns  turns
	// learning is held while names, dates and facets are told of a member, and
	// forget one.
	learning sync.Mutex
	issuer   issuer
	teller   teller
	waiting  chan struct{} // a place for each request that waits for events
	large    chan struct{} // a place for each large body that is worked on
	passes   passes
	// simulating is held by the one simulation that is reckoned.
	simulating sync.Mutex
	backingUp  sync.Mutex // held while a backup is written
	freezing   sync.Mutex // held while an audience is gathered
	granting   sync.Mutex // held while an audience is given points

	limits  limits
	book    *audit.Book // nil: no audit records are kept
	paths   paths
	http    fasthttp.Server
	serving atomic.Bool
	closing sync.Once
	stop    context.CancelFunc // ends what runs beside the requests
	stopped context.Context
	// ending is held while something is begun beside the requests, and while stop is
	// called: what was begun before is waited for, and nothing is begun after.
	ending   sync.Mutex
	beside   sync.WaitGroup
	caughtUp chan struct{} // closed when tend has done once what it does

	born     string // sets the request ids of this process apart
	requests atomic.Uint64
}

// New makes a server. The queue is open, and is closed by the caller after
// Shutdown has returned.
func New(opts Options, queue *commit.Queue, vault *people.Vault) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, queue: queue, vault: vault, names: people.NewNames(), dates: people.NewDates(), facets: people.NewFacets(), large: make(chan struct{}, largeAtOnce), passes: newPasses(), limits: newLimits(opts.Limits)}
	s.issuer.learned = make(chan struct{})
	s.teller.wake = make(chan struct{}, 1)
	s.waiting = make(chan struct{}, eventsWaiting)
	s.caughtUp = make(chan struct{})
	s.stopped, s.stop = context.WithCancel(context.Background())
	queue.View(func(b *engine.State) { s.ids, s.codes = b.IDs(), b.Codes() })
	var few [4]byte
	if _, err := rand.Read(few[:]); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	s.born = hex.EncodeToString(few[:])

	if opts.Audit != "" {
		if s.book, err = audit.Open(opts.Audit, audit.Options{}); err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
	}

	table := s.table()
	for i := range table {
		table[i].meter = newMeter(&table[i])
	}
	s.paths = newPaths(table)
	s.http = fasthttp.Server{
		Handler:                      s.handle,
		ErrorHandler:                 s.unread,
		HeaderReceived:               s.bounds,
		Name:                         "kopilka",
		ReadTimeout:                  opts.ReadTimeout,
		WriteTimeout:                 opts.WriteTimeout,
		IdleTimeout:                  opts.IdleTimeout,
		Concurrency:                  opts.Concurrency,
		MaxConnsPerIP:                opts.MaxConnsPerIP,
		MaxRequestBodySize:           bodyMax,
		ReadBufferSize:               16 << 10,
		TCPKeepalive:                 true,
		LazyRequestTime:              true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		Logger:                       quiet{opts.Log},
	}
	return s, nil
}

// readMax is how much of any body is read of whoever has a key: one that is too
// large for its route but not for this is read to its end, so that its sender
// hears 413 and not a broken connection.
const readMax = 1 << 20

// bounds lets fasthttp read larger bodies where a route takes them and the key
// may use it. Memory for a body is taken when its headers have come, so whoever
// has no key gets no more than bodyMax of it.
func (s *Server) bounds(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	r := s.routeOf(h)
	if r != nil && r.path == backupPath {
		if key, ok := s.keyOf(h); ok && r.lets(key.Role) {
			return fasthttp.RequestConfig{WriteTimeout: backupTime}
		}
	}
	if r == nil || h.ContentLength() <= bodyMax {
		return fasthttp.RequestConfig{} // as it is
	}
	if key, ok := s.keyOf(h); ok && r.lets(key.Role) {
		if key.Role != kopilka.RoleAdmin && s.limits.keys.Wait(key.ID, s.opts.now()) > 0 {
			return fasthttp.RequestConfig{MaxRequestBodySize: readMax} // it will hear that it has to wait
		}
		return fasthttp.RequestConfig{MaxRequestBodySize: max(readMax, r.bytes)}
	}
	return fasthttp.RequestConfig{}
}

// routeOf finds the route of a request of which only the headers are read.
func (s *Server) routeOf(h *fasthttp.RequestHeader) *route {
	path, _, _ := bytes.Cut(h.RequestURI(), []byte{'?'})
	return s.paths.find(h.Method(), path).route
}

// Serve answers what ln brings until Shutdown, after which it answers nothing. A
// listener that has run out of file descriptors waits for some instead of ending.
// With the test clock the first request is answered when what the time before the
// start has brought is done and told: see tend.
func (s *Server) Serve(ln net.Listener) error {
	if !s.run(s.tend) {
		ln.Close()
		return nil
	}
	if s.queue.TestClock() {
		select {
		case <-s.caughtUp:
		case <-s.stopped.Done():
			ln.Close()
			return nil
		}
	}
	s.serving.Store(true)
	defer s.serving.Store(false)
	return s.http.Serve(patient{ln, s.opts.Log})
}

// run has f run beside the requests until Shutdown, which waits for it; false where
// that has come already.
func (s *Server) run(f func(context.Context)) bool {
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.stopped.Err() != nil {
		return false
	}
	s.beside.Go(func() { f(s.stopped) })
	return true
}

// Shutdown stops taking requests and returns when those in flight are answered and
// what runs beside them has ended, or when ctx ends. From its first moment on /readyz
// says no.
func (s *Server) Shutdown(ctx context.Context) error {
	s.serving.Store(false)
	s.ending.Lock()
	s.stop()
	s.ending.Unlock()
	err := s.http.ShutdownWithContext(ctx)
	ended := make(chan struct{})
	go func() {
		s.beside.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		if err == nil {
			err = ctx.Err()
		}
	}
	if s.book != nil {
		s.closing.Do(func() { err = errors.Join(err, s.book.Close()) })
	}
	return err
}

// handle answers one request. A panic in it is a bug that costs this one
// request; one in the books, which would cost the truth, ends the process on
// the goroutine of the log.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	start := time.Now()
	c := calls.Get().(*call)
	c.s, c.ctx, c.route, c.param, c.second, c.key = s, ctx, nil, "", "", engine.Key{}
	c.did.id, c.did.seq, c.turned = "", 0, 0
	c.order.print.SetSecret(s.vault.ContentSecret())
	c.out.Reset()
	c.name()
	meter := &unrouted
	defer func() {
		if bug := recover(); bug != nil {
			p := c.bug(bug)
			ctx.Response.Reset()
			ctx.Response.Header.Set("X-Request-Id", c.requestID)
			problems[p.code].Inc()
			c.refuse(p)
			c.keep(p)
			meter.observe(ctx.Response.StatusCode(), start)
			return // the call may be in any state: it is not used again
		}
		meter.observe(ctx.Response.StatusCode(), start)
		c.ctx, c.route = nil, nil
		calls.Put(c)
	}()

	inFlight.Inc()
	defer inFlight.Dec()
	p := s.admitted(c)
	if c.route != nil {
		meter = &c.route.meter
	}
	if p == nil {
		p = c.route.serve(c)
		c.missed(p)
	}
	if p != nil {
		problems[p.code].Inc()
		c.refuse(p)
	}
	c.keep(p)
}

// bug logs what a panic said, with where it came from, and is answered with 500.
func (c *call) bug(what any) *problem {
	c.s.opts.Log.Error("api: a bug", "panic", what, "request_id", c.requestID, "stack", string(debug.Stack()))
	return problemOf(codeInternal, "")
}

// admitted finds the route of a request and checks what holds for all of them.
func (s *Server) admitted(c *call) *problem {
	req := &c.ctx.Request
	if p := wellFramed(req); p != nil {
		c.ctx.SetConnectionClose() // what comes next may be what another took for the body
		return p
	}
	f := s.paths.find(req.Header.Method(), c.ctx.URI().PathOriginal())
	if f.route == nil {
		if f.allow != "" {
			return &problem{code: codeMethodNotAllowed, detail: "this path takes " + f.allow, allow: f.allow}
		}
		return problemOf(codeNotFound, "no route has this path in this version")
	}
	c.route, c.param, c.second = f.route, f.params[0], f.params[1]
	if p := c.authorize(); p != nil {
		return p
	}
	if n := len(req.Body()); n > c.route.bytes {
		if c.route.bytes == 0 {
			return malformed("", "the route takes no body")
		}
		return problemOf(codeTooLarge, fmt.Sprintf("%d bytes; the route takes %d", n, c.route.bytes))
	}
	if p := c.wellAsked(); p != nil {
		return p
	}
	return c.ofCard()
}

// wellFramed refuses requests that a proxy before the server may have cut
// otherwise than the server does: what one takes for a body the other takes for
// the next request.
func wellFramed(req *fasthttp.Request) *problem {
	lengths, keys, ids := 0, 0, 0
	for key := range req.Header.All() {
		switch string(key) {
		case "Content-Length":
			lengths++
		case "Authorization":
			keys++
		case "Idempotency-Key":
			ids++
		}
	}
	if lengths > 1 || keys > 1 || ids > 1 {
		return unframed("Content-Length, Authorization and Idempotency-Key may come once")
	}
	raw := req.Header.RawHeaders()
	for i, c := range raw {
		switch {
		case c != '\n':
		case i == 0 || raw[i-1] != '\r':
			return unframed("a line of the headers ends without a carriage return")
		case i+1 < len(raw) && (raw[i+1] == ' ' || raw[i+1] == '\t'):
			return unframed("a header goes on in another line")
		}
	}
	// fasthttp has taken the header out where the body turned out to be empty.
	for line := range bytes.Lines(raw) {
		if name, _, _ := bytes.Cut(line, []byte{':'}); bytes.EqualFold(name, transferEncoding) {
			return unframed("Transfer-Encoding is not taken: send Content-Length")
		}
	}
	return nil
}

var transferEncoding = []byte("Transfer-Encoding")

func unframed(detail string) *problem { return problemOf(codeMalformed, detail) }

// name gives the request an id: the client's own, or one that is new, and sends
// it back, with the trace it belongs to.
func (c *call) name() {
	given := c.ctx.Request.Header.Peek("X-Request-Id")
	if kopilka.ValidID(string(given)) {
		c.requestID = string(given)
	} else {
		c.requestID = c.s.born + "-" + strconv.FormatUint(c.s.requests.Add(1), 36)
	}
	h := &c.ctx.Response.Header
	h.Set("X-Request-Id", c.requestID)
	if trace := c.ctx.Request.Header.Peek("Traceparent"); len(trace) > 0 && len(trace) <= 64 {
		h.SetBytesV("Traceparent", trace)
	}
}

// unread answers requests that could not be read.
func (s *Server) unread(ctx *fasthttp.RequestCtx, err error) {
	c := &call{s: s, ctx: ctx}
	c.name()
	p := problemOf(codeMalformed, "the request is not HTTP/1.1 as this server takes it")
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		p = problemOf(codeTooLarge, "the body is larger than the route takes")
		if c.route = s.routeOf(&ctx.Request.Header); c.route != nil {
			p = cmp.Or(c.authorize(), p) // who has no key hears that first, as with small bodies
		}
	case errors.As(err, &small):
		p = problemOf(codeHeadersTooLarge, "the headers are larger than 16 KiB")
	case strings.Contains(err.Error(), "timeout"): // it is not always wrapped, so its words have to do
		p = problemOf(codeTimeout, "")
	}
	problems[p.code].Inc()
	unrouted.observe(p.status(), time.Now())
	c.refuse(p)
	c.keep(p)
	ctx.SetConnectionClose()
}

// patient is a listener that waits when there are no file descriptors left,
// instead of ending the server.
type patient struct {
	net.Listener
	log *slog.Logger
}

func (p patient) Accept() (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		c, err := p.Listener.Accept()
		if err == nil || !outOfFiles(err) {
			return c, err
		}
		p.log.Warn("api: no more connections can be taken for the moment", "err", err)
		time.Sleep(wait)
	}
}

// quiet gives fasthttp's own words to the log of the server, as debugging: they
// are about connections, of which the world breaks some all the time. What it says of
// a request that it cannot read it quotes from that request, names and phones included,
// so of an error no more is kept than what kind it is.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = unquoted(err)
		}
	}
	q.log.Debug("api: " + fmt.Sprintf(format, args...))
}

// unquoted says what kind an error of a connection is, in words that nobody has sent.
func unquoted(err error) string {
	var broken *net.OpError
	var refused *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused): // its words have names out of the certificate
		return fmt.Sprintf("the client's certificate was refused: %T", refused.Err)
	case errors.As(err, &broken):
		return broken.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended in the middle of a request"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "a request did not arrive in time"
	}
	return "what was sent is not a request as this server takes it"
}
