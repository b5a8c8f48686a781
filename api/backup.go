package api

import (
	"bufio"
	"io"
	"time"

	"github.com/kopilka/kopilka/backup"
)

const (
	backupPath = "/v1/backup"
	// backupTime bounds the time in which a backup leaves, in place of WriteTimeout: it
	// is as large as the log, and its reader writes it to a disk.
	backupTime = 24 * time.Hour
)

// backup sends the books at one position while tills go on: the log up to its newest
// frame, the newest snapshot, and the members' keys, or only some of these. Nothing is
// locked for longer than it takes to note where the log ends.
func (s *Server) backup(c *call) *problem {
	if p := c.onlyQuery("people_keys"); p != nil {
		return p
	}
	keys := backup.KeysWithin
	switch given := backup.Keys(c.query("people_keys")); given {
	case "":
	case backup.KeysWithin, backup.KeysApart, backup.KeysOnly:
		keys = given
	default:
		return malformed("", "people_keys must be within, apart or only")
	}
	if !s.backingUp.TryLock() {
		return problemOf(codeOverloaded, "another backup is being made")
	}
	from := backup.Source{Version: s.opts.Version, Keys: s.vault.CopyTo}
	if keys != backup.KeysOnly {
		var err error
		if from.Log, err = s.queue.LogCopy(); err != nil {
			s.backingUp.Unlock()
			return s.failed(err)
		}
	}
	id := c.requestID
	c.ctx.Response.Header.SetContentType("application/vnd.kopilka.backup")
	s.streamed(c, func(w *bufio.Writer) {
		defer s.backingUp.Unlock()
		if from.Log != nil {
			defer from.Log.Close()
		}
		start := time.Now()
		sent := counting{s: s, w: w}
		// Whoever reads a backup without its close knows that it was cut.
		if err := backup.Write(&sent, from, keys); err != nil {
			s.opts.Log.Error("api: a backup was cut", "err", err, "bytes", sent.n, "request_id", id)
			return
		}
		s.opts.Log.Info("api: a backup was sent", "people_keys", string(keys), "bytes", sent.n, "took", time.Since(start).Round(time.Millisecond))
	})
	return nil
}

// counting counts what is sent, and sends nothing once the server stops.
type counting struct {
	s *Server
	w io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	if c.s.stopped.Err() != nil {
		return 0, errStopping
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
