package commit

import "github.com/VictoriaMetrics/metrics"

var (
	metricSync          = metrics.NewHistogram("kopilka_commit_sync_seconds")
	metricFrameCommands = metrics.NewHistogram("kopilka_commit_frame_commands")
	metricFrameBytes    = metrics.NewHistogram("kopilka_commit_frame_bytes")
	metricShed          = metrics.NewCounter("kopilka_commit_shed_total")
)
