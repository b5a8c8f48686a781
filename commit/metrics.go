package commit

import (
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/kopilka/kopilka/engine"
)

var (
	metricSync          = metrics.NewHistogram("kopilka_commit_sync_seconds")
	metricFrameCommands = metrics.NewHistogram("kopilka_commit_frame_commands")
	metricFrameBytes    = metrics.NewHistogram("kopilka_commit_frame_bytes")
	metricShed          = metrics.NewCounter("kopilka_commit_shed_total")
)

// measured is the queue whose state the gauges tell: a process serves one, the
// one opened last.
var measured atomic.Pointer[Queue]

func init() {
	gauge := func(name string, f func(q *Queue) float64) {
		metrics.NewGauge(name, func() float64 {
			if q := measured.Load(); q != nil {
				return f(q)
			}
			return 0
		})
	}
	gauge("kopilka_log_position", func(q *Queue) float64 { return float64(q.Seq()) })
	gauge("kopilka_commit_waiting_commands", func(q *Queue) float64 {
		q.mu.Lock()
		defer q.mu.Unlock()
		return float64(q.depth)
	})
	gauge("kopilka_commit_unapplied_frames", func(q *Queue) float64 { return float64(len(q.machine.frames)) })
	gauge("kopilka_members", func(q *Queue) (n float64) {
		q.View(func(s *engine.State) { n = float64(s.Members()) })
		return n
	})
	gauge("kopilka_receipts", func(q *Queue) (n float64) {
		q.View(func(s *engine.State) { n = float64(s.Books().Receipts + s.Books().Anonymous) })
		return n
	})
}
