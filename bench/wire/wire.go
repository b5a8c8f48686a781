// Package wire is the client of load tests: HTTP/1.1 over one connection that is kept
// open, at as little cost to the client as can be, since it shares the machine with
// the server that is measured.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Conn is one keep-alive connection, written and read by hand: a request is one
// write, an answer usually one read, and neither allocates. A client that costs as
// much as the server measures itself; this one is the same for the server and for
// the echo. One goroutine uses it.
type Conn struct {
	addr    string
	auth    string // the header Authorization with its end of line, or nothing
	timeout time.Duration
	nc      net.Conn
	out     []byte
	in      []byte // what was read; the answer aliases it
}

// Reply is an answer. Its body is good until the next request.
type Reply struct {
	Status   int
	Replayed bool // Idempotent-Replayed: true
	Body     []byte
}

// ErrNotSent wraps failures before anything went out: the server has surely
// not heard of the request.
var ErrNotSent = errors.New("not sent")

// New is a connection to addr, opened at the first request. A key may be empty; the
// timeout is that of one request.
func New(addr, key string, timeout time.Duration) *Conn {
	w := &Conn{addr: addr, timeout: timeout}
	if key != "" {
		w.auth = "Authorization: Bearer " + key + "\r\n"
	}
	return w
}

// Send does one request. After an error the connection is closed; the next
// request opens another one.
func (w *Conn) Send(method, path, contentType string, body []byte) (Reply, error) {
	if w.nc == nil {
		nc, err := net.DialTimeout("tcp", w.addr, w.timeout)
		if err != nil {
			return Reply{}, fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		w.nc = nc
	}
	b := append(w.out[:0], method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, w.addr...)
	b = append(b, "\r\n"...)
	b = append(b, w.auth...)
	if body != nil {
		b = append(b, "Content-Type: "...)
		b = append(b, contentType...)
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, body...)
	w.out = b
	w.nc.SetDeadline(time.Now().Add(w.timeout))
	if _, err := w.nc.Write(b); err != nil {
		w.Close()
		return Reply{}, fmt.Errorf("write: %w", err)
	}
	r, keep, err := w.read()
	if err != nil {
		w.Close()
		return Reply{}, fmt.Errorf("read: %w", err)
	}
	if !keep {
		w.Close()
	}
	return r, nil
}

// Close ends the connection; the next request opens another one.
func (w *Conn) Close() {
	if w.nc != nil {
		w.nc.Close()
		w.nc = nil
	}
}

// more reads what there is after the first n bytes of in.
func (w *Conn) more() error {
	if len(w.in) == cap(w.in) {
		w.in = append(w.in, make([]byte, max(4096, len(w.in)))...)[:len(w.in)]
	}
	n, err := w.nc.Read(w.in[len(w.in):cap(w.in)])
	w.in = w.in[:len(w.in)+n]
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

var (
	blank            = []byte("\r\n\r\n")
	headLength       = []byte("content-length")
	headConnection   = []byte("connection")
	headReplayed     = []byte("idempotent-replayed")
	headTransfer     = []byte("transfer-encoding")
	errNotHTTP       = errors.New("the answer is not HTTP/1.1")
	errBodyUnbounded = errors.New("the answer has neither a Content-Length nor chunks")
)

// read takes one answer off the connection; keep tells whether it stays open.
func (w *Conn) read() (r Reply, keep bool, err error) {
	w.in = w.in[:0]
	end := -1
	for from := 0; end < 0; {
		if err := w.more(); err != nil {
			return r, false, err
		}
		if end = bytes.Index(w.in[from:], blank); end >= 0 {
			end += from
			break
		}
		from = max(0, len(w.in)-len(blank)+1)
	}
	head := w.in[:end]
	line, head, _ := bytes.Cut(head, blank[:2])
	if len(line) < len("HTTP/1.1 200") || string(line[:9]) != "HTTP/1.1 " {
		return r, false, errNotHTTP
	}
	if r.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return r, false, errNotHTTP
	}
	keep = true
	length, chunks := -1, false
	for len(head) > 0 {
		line, head, _ = bytes.Cut(head, blank[:2])
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, headLength):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return r, false, errNotHTTP
			}
		case bytes.EqualFold(name, headConnection):
			keep = !bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, headReplayed):
			r.Replayed = string(value) == "true"
		case bytes.EqualFold(name, headTransfer):
			chunks = bytes.EqualFold(value, []byte("chunked"))
		}
	}
	from := end + len(blank)
	switch {
	case chunks:
		r.Body, err = w.readChunks(from)
		return r, keep, err
	case length < 0:
		return r, false, errBodyUnbounded
	}
	for len(w.in) < from+length {
		if err := w.more(); err != nil {
			return r, false, err
		}
	}
	r.Body = w.in[from : from+length]
	return r, keep, nil
}

// readChunks puts the chunks of a body together where the first one begins.
func (w *Conn) readChunks(from int) ([]byte, error) {
	to, at := from, from // the body ends at to; the next chunk's head begins at at
	for {
		nl := bytes.Index(w.in[at:], blank[:2])
		if nl < 0 {
			if err := w.more(); err != nil {
				return nil, err
			}
			continue
		}
		size, err := strconv.ParseUint(string(w.in[at:at+nl]), 16, 31)
		if err != nil {
			return nil, errNotHTTP
		}
		at += nl + 2
		for len(w.in) < at+int(size)+2 {
			if err := w.more(); err != nil {
				return nil, err
			}
		}
		copy(w.in[to:], w.in[at:at+int(size)])
		to += int(size)
		at += int(size) + 2
		if size == 0 {
			return w.in[from:to], nil
		}
	}
}
