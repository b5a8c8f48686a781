package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Client is a server and a key to it. Its fields are set before the first call;
// then it may be used by many goroutines at once.
type Client struct {
	URL string // such as http://127.0.0.1:8080
	Key string // kpk_<id>_<secret>

	Attempts    int           // how often a request is tried at most; 0 = 4
	Timeout     time.Duration // of one attempt; 0 = 10 s
	Connections int           // open at a time at most; 0 = 64

	// TLS is how an https server is known, and what it is shown; nil = as the system
	// has it.
	TLS *tls.Config

	once sync.Once
	host fasthttp.HostClient
	base string // path of URL, without / at its end
	bad  error  // what is wrong with URL
}

// ErrUnknown wraps the failure of a command that may have been recorded, or
// not: send it once more, with the same id, to learn which.
var ErrUnknown = errors.New("it is not known whether the command was recorded")

// first prepares the client at its first call.
func (c *Client) first() {
	u, err := url.Parse(c.URL)
	if err == nil && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		err = errors.New("it must look like http://host:port")
	}
	if err != nil {
		c.bad = fmt.Errorf("client: URL %q: %w", c.URL, err)
		return
	}
	for c.base = u.Path; c.base != "" && c.base[len(c.base)-1] == '/'; {
		c.base = c.base[:len(c.base)-1]
	}
	if c.Attempts == 0 {
		c.Attempts = 4
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Connections == 0 {
		c.Connections = 64
	}
	c.host = fasthttp.HostClient{
		Addr:                u.Host,
		IsTLS:               u.Scheme == "https",
		TLSConfig:           c.TLS,
		MaxConns:            c.Connections,
		MaxConnWaitTimeout:  c.Timeout,
		MaxIdleConnDuration: 30 * time.Second,
		// What may be repeated is decided in do, where ids are known about.
		MaxIdemponentCallAttempts: 1,
		Dial: func(addr string) (net.Conn, error) {
			conn, err := fasthttp.DialDualStackTimeout(addr, c.Timeout)
			if err != nil {
				return nil, &unreached{err}
			}
			return conn, nil
		},
	}
}

// unreached is a failure before anything was sent.
type unreached struct{ cause error }

func (e *unreached) Error() string { return e.cause.Error() }
func (e *unreached) Unwrap() error { return e.cause }

// request is one call of a route.
type request struct {
	method, path string
	body         []byte
	contentType  string // of body; empty = JSON
	accept       string // empty = JSON
	command      bool   // changes something
	id           string // of the command, where the body cannot carry it
	stream       func(*fasthttp.Response) error
}

// answer is what do makes of a response.
type answer struct {
	status   int
	replayed bool
	body     []byte
}

// do sends the request until it is answered, by the rule in the package's
// comment. A status of 400 and more is a *Problem.
func (c *Client) do(r request) (answer, error) {
	c.once.Do(c.first)
	if c.bad != nil {
		return answer{}, c.bad
	}
	for attempt := 1; ; attempt++ {
		a, wait, err := c.try(&r)
		if err == nil || wait < 0 || attempt == c.Attempts {
			if err != nil {
				err = fmt.Errorf("client: %s %s: %w", r.method, r.path, err)
			}
			return a, err
		}
		time.Sleep(max(wait, 50*time.Millisecond<<(attempt-1)))
	}
}

// waitMax bounds how long a server's Retry-After is obeyed.
const waitMax = 30 * time.Second

// try sends the request once. With an error comes how long to wait before the
// next attempt at least; below zero there is to be none.
func (c *Client) try(r *request) (answer, time.Duration, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(r.method)
	req.SetRequestURI(c.base + r.path)
	req.Header.SetHost(c.host.Addr)
	if c.host.IsTLS {
		req.URI().SetScheme("https") // of an address without one it would be http, which the host does not take
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if r.id != "" {
		req.Header.Set("Idempotency-Key", r.id)
	}
	if r.body != nil {
		req.Header.SetContentType("application/json")
		if r.contentType != "" {
			req.Header.SetContentType(r.contentType)
		}
		req.SetBodyRaw(r.body)
	}
	resp.StreamBody = r.stream != nil

	if err := c.host.DoTimeout(req, resp, c.Timeout); err != nil {
		if before := (*unreached)(nil); errors.As(err, &before) || errors.Is(err, fasthttp.ErrNoFreeConns) {
			return answer{}, 0, err
		}
		if r.command {
			err = fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		return answer{}, -1, err
	}
	status := resp.StatusCode()
	if status >= 400 {
		p := readProblem(status, resp.Body())
		if status != 503 && status != 429 {
			return answer{status: status}, -1, p
		}
		seconds, _ := strconv.Atoi(string(resp.Header.Peek("Retry-After")))
		return answer{status: status}, min(time.Duration(seconds)*time.Second, waitMax), p
	}
	if r.stream != nil {
		return answer{status: status}, -1, r.stream(resp)
	}
	return answer{
		status:   status,
		replayed: string(resp.Header.Peek("Idempotent-Replayed")) == "true",
		body:     append([]byte(nil), resp.Body()...),
	}, -1, nil
}

// call sends in as JSON, when it is not nil, and reads the answer into out.
func (c *Client) call(method, path string, in, out any) (answer, error) {
	r := request{method: method, path: path, command: in != nil && path != "/v1/quotes" && path != queryPath}
	if in != nil {
		var err error
		if r.body, err = json.Marshal(in); err != nil {
			return answer{}, fmt.Errorf("client: %s %s: %w", method, path, err)
		}
	}
	a, err := c.do(r)
	if err != nil {
		return a, err
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			return a, fmt.Errorf("client: %s %s: the answer: %w", method, path, err)
		}
	}
	return a, nil
}

// query is the path with those parameters that are not empty: name, value, …
func query(path string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		if params[i+1] != "" {
			v.Set(params[i], params[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}
