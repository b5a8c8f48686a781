package importer

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// meter shows how far a pass has come: a bar on a terminal, elsewhere a line in
// the log every ten seconds.
type meter struct {
	what   string
	bytes  int64 // of the file, packed
	bar    *progressbar.ProgressBar
	logger *slog.Logger
	next   time.Time // of the next line
}

const lineEvery = 10 * time.Second

func newMeter(what string, bytes int64, logger *slog.Logger) *meter {
	m := &meter{what: what, bytes: bytes, logger: logger, next: time.Now().Add(lineEvery)}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		m.bar = progressbar.NewOptions64(bytes,
			progressbar.OptionSetWriter(os.Stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return m
}

// at says how much of the file was read, and how many rows that were.
func (m *meter) at(bytes, rows int64) {
	if m.bar != nil {
		m.bar.Describe(fmt.Sprintf("%s, %d rows", m.what, rows))
		m.bar.Set64(bytes) // a bar that cannot be drawn is no reason to stop
		return
	}
	if now := time.Now(); now.After(m.next) {
		m.next = now.Add(lineEvery)
		m.logger.Info("import: "+m.what, "rows", rows, "percent", bytes*100/max(m.bytes, 1))
	}
}

func (m *meter) done() {
	if m.bar != nil {
		m.bar.Finish()
	}
}
