package wal

import (
	"errors"
	"fmt"
	"log/slog"
)

// Options say where a log lies and when it does what. The zero value of
// everything but Dir is a good one.
type Options struct {
	// Dir is the log's own folder; it is made when it is missing. ext4 or xfs:
	// a network file system does not sync what it says it synced.
	Dir string

	// FrameMax bounds the bytes of a frame's commands alone, 256 KiB. Larger
	// shares one sync among more commands, and leaves less for outcomes: together
	// they have at most FrameLimit, since Badger moves larger values to its value
	// log, whose sync errors it only logs.
	FrameMax int

	// EpochMax is how many bytes the live epoch holds before the next one
	// begins, 256 MiB. All of a live epoch is read at every start (about half a
	// second), and every table of it is asked by every look-up.
	EpochMax int64

	// SnapshotEvery is how many bytes of commands and outcomes may lie behind
	// the newest snapshot before another is written, 64 MiB. Where a snapshot is
	// larger than twice that, half its size counts instead: otherwise a log of
	// many members would write little but snapshots.
	SnapshotEvery int64

	// FreeSoft is the free disk space in bytes below which the log warns and
	// writes no snapshots and seals nothing, 1 GiB.
	FreeSoft int64

	// FreeFloor is the free disk space in bytes below which proposals are
	// refused and a start too, 256 MiB. Badger maps its files, and a write to
	// a mapped file on a full disk kills the process, again at every start.
	FreeFloor int64

	// Logger hears of starts, replays and damage. Default: slog.Default().
	Logger *slog.Logger

	// OnPoison is called once, when the log has failed and takes no more: what
	// the disk holds of the last frame is then not known, and the process should
	// end. It must not call the log.
	OnPoison func(error)
}

const (
	frameMaxDefault = 256 << 10
	epochMin        = 64 << 10
)

func (o Options) withDefaults() Options {
	if o.FrameMax == 0 {
		o.FrameMax = frameMaxDefault
	}
	if o.EpochMax == 0 {
		o.EpochMax = 256 << 20
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = 64 << 20
	}
	if o.FreeSoft == 0 {
		o.FreeSoft = 1 << 30
	}
	if o.FreeFloor == 0 {
		o.FreeFloor = 256 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnPoison == nil {
		o.OnPoison = func(error) {}
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.Dir == "":
		return errors.New("wal: no folder given")
	case o.FrameMax < 0 || o.FrameMax > FrameLimit:
		return fmt.Errorf("wal: frame-max %d is outside 1..%d", o.FrameMax, FrameLimit)
	case o.EpochMax < epochMin:
		return fmt.Errorf("wal: epoch-max %d is below %d", o.EpochMax, epochMin)
	case o.SnapshotEvery < 0:
		return fmt.Errorf("wal: snapshot-every %d is negative", o.SnapshotEvery)
	case o.FreeFloor < 0 || o.FreeSoft < o.FreeFloor:
		return fmt.Errorf("wal: free-soft %d is below free-floor %d", o.FreeSoft, o.FreeFloor)
	}
	return nil
}
