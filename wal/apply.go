package wal

import (
	"fmt"
)

// job is what the log's goroutine does next; one of the fields is set.
type job struct {
	slot    *slot
	fence   chan struct{}
	picture chan picture
}

// picture is the machine at one instant.
type picture struct {
	at   mark
	tail int64
	snap Snapshot // nil when the newest snapshot is of this very frame
	err  error
}

// run applies what is durable, in order, while the next frame syncs.
func (d *Disk) run() {
	defer close(d.applied)
	for j := range d.queue {
		switch {
		case j.slot != nil:
			d.machine.Apply(&j.slot.entry)
			tail := d.tail.Add(int64(len(j.slot.raw)))
			d.free <- j.slot
			if tail >= d.due.Load() {
				d.nudge()
			}
		case j.fence != nil:
			close(j.fence)
		case j.picture != nil:
			j.picture <- d.takePicture()
		}
	}
}

func (d *Disk) takePicture() (p picture) {
	p.at.Pos, p.at.Digest, p.at.Seq = d.machine.Applied()
	p.tail = d.tail.Load()
	if p.at == d.last.at {
		return p
	}
	if p.snap, p.err = d.machine.Snapshot(); p.err != nil {
		p.err = fmt.Errorf("take a picture at frame %d: %w", p.at.Pos.Index, p.err)
	}
	return p
}

// enqueue puts a job behind everything proposed so far.
func (d *Disk) enqueue(j job) error {
	d.life.RLock()
	defer d.life.RUnlock()
	if err := d.running(); err != nil {
		return err
	}
	d.queue <- j
	return nil
}

// Fence implements Log. On a poisoned log it fails after the wait: of the last
// frame proposed nobody knows.
func (d *Disk) Fence() error {
	done := make(chan struct{})
	if err := d.enqueue(job{fence: done}); err != nil {
		return err
	}
	<-done
	if p := d.poison.Load(); p != nil {
		return *p
	}
	return nil
}

// nudge wakes the keeper.
func (d *Disk) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
