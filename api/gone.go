package api

import (
	"errors"
	"net"
	"os"
	"time"
)

// company is the client of a work that takes minutes: when it hangs up, nobody
// waits for the answer. fasthttp reads nothing while a request is answered, so a
// byte is asked for at times: the end of the connection is told at once, and
// of a client that is waiting none comes.
type company struct {
	s      *Server
	conn   net.Conn
	close  func() // the connection behind the answer
	looked time.Time
	talks  bool // sends its next request already: nothing more can be asked
}

func (c *call) company() *company {
	return &company{s: c.s, conn: c.ctx.Conn(), close: c.ctx.SetConnectionClose}
}

var errGone = errors.New("the client has hung up")

// goneLook is the time between two looks at the connection, and goneWait how long
// one waits for the byte that does not come.
const (
	goneLook = time.Second
	goneWait = time.Millisecond
)

// waits fails when nobody waits for the work any longer, or the server stops.
func (w *company) waits() error {
	if w.s.stopped.Err() != nil {
		return errStopping
	}
	if w.talks || time.Since(w.looked) < goneLook {
		return nil
	}
	w.looked = time.Now()
	if w.conn.SetReadDeadline(w.looked.Add(goneWait)) != nil {
		return errGone
	}
	var one [1]byte
	switch n, err := w.conn.Read(one[:]); {
	case n > 0:
		w.talks = true
		w.close() // a byte of the next request is lost: it is to come again
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return errGone
	}
	return nil
}
